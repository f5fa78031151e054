"""See which tasks of a build write into products of others, so that these count as their writers left them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from .. import parts
from ..errors import ProductError
from ..events import TaskFinished
from ..graph import Graph
from ..model import ABSENT, Outcome, Task
from ..parts import Now
from ..plan import ACCEPTED, key_of
from ..state.order import Order
from ..state.store import Store
from ..state.written import Written, reach


class Coproducts:
    """Watches the products of one build. ``maker_of`` has the tasks that make them, by path."""

    def __init__(self, graph: Graph, store: Store, maker_of: Mapping[str, str], order: Order) -> None:
        self._graph = graph
        self._store = store
        self._maker_of = maker_of
        self._written = Written(store)
        self._order = order
        self._now = Now(store, graph)
        self._ran: set[str] = set()
        self._attempts: dict[str, TaskFinished] = {}
        self._reports = {it.path for task in graph for it in task.products if it.executed}
        #: Products into which tasks that run had written before; and what products were, that were as known.
        self._before: dict[str, set[str]] = {}
        self._known: dict[str, dict[str, str | None]] = {}
        #: Products into which a task has written what may be there twice, with that task.
        self._twice: dict[str, str] = {}

    def writers(self) -> dict[str, set[str]]:
        """Return who writes into products, of those into which others than their makers do."""
        return {path: self._written.writers(path) for path in self._written}

    def begin(self, task: Task) -> None:
        """Look at products before a task runs that may write into them."""
        before = self._graph.after(task.name)
        given = {product.path for name in before for product in self._graph[name].products}
        paths = {*given, *self._written}
        known = {path: self._digest(path) for path in paths if not self.changed(path)}
        self._known[task.name] = known
        reach(self._store, key_of(task), known.keys() - self._reports)
        self._before[task.name] = {
            path for path in self._written if self._written.of(path, self._digest(path), task.name)
        }

    def changed(self, path: str) -> bool:
        """Return whether a product is another than its maker, and who else writes there, left it."""
        last = self._last(path)
        return last is None or self._written.made(path, self._digest(path)) != last

    def attempted(self, event: TaskFinished) -> None:
        """Keep how an attempt at a task ended: there may be another."""
        self._attempts[event.task] = event

    def again(self, task: Task, ended: Mapping[str, Outcome]) -> None:
        """Note what an attempt wrote before it failed: the next may write that a second time."""
        self.end(task, self._attempts.pop(task.name), ended, good=False)
        self.begin(task)

    def end(
        self, task: Task, event: TaskFinished, ended: Mapping[str, Outcome], *, good: bool
    ) -> dict[str, tuple[str, str]]:
        """Note what a task that has ended wrote into products of others; return the parts of its manifest for that.

        What was there before must be known: else somebody's work would be taken for the task's.
        """
        before, known = self._before.pop(task.name, set()), self._known.pop(task.name, {})
        found: dict[str, tuple[str, str]] = {}
        self._ran.add(task.name)
        for path in self._order.fed().get(task.name, ()) if good else ():
            found |= self._left(path)
        for path in sorted({what for _, verb, what in event.touched if verb == "wrote"}):
            maker = self._maker_of.get(path, task.name)
            if maker == task.name or path in self._reports:
                continue
            made, digest = self._last(path), self._digest(path)
            # others may have written there at the same time, too: each of them is one that did
            if not (path in before or (digest != known[path] if path in known else self.changed(path))):
                continue
            was_good = maker in ended and ended[maker].good
            if made is None or digest is None or not (was_good or path in known):
                continue
            anew = path not in before or self._accepted(maker)
            self._written.add(path, (maker, made), task.name, digest, good and anew)
            if not (good and anew):
                self._twice[path] = task.name
            if good:
                found[parts.COPRODUCT.of(path)] = path, digest
                if maker not in task.upstream:
                    now = self._now.again(task.name).digest(path)
                    found[parts.FILE.of(path)] = path, now or ""
        return found

    def _left(self, path: str) -> dict[str, tuple[str, str]]:
        return {parts.LEFT.of(path): (path, self._digest(path) or ABSENT)}

    def learnt(self) -> None:
        """Add to the records of tasks that ran what they left for others, now that it is known that these use it."""
        for name, paths in self._order.fed().items():
            if name not in self._ran or name not in self._graph:
                continue
            record = self._store.record(key_of(self._graph[name]))
            new = {part: it for path in sorted(paths) for part, it in self._left(path).items()}
            if record is None or record.state != "done" or record.discovered.keys() >= new.keys():
                continue
            table = {**record.manifest, **{part: digest for part, (_, digest) in new.items()}}
            found = {**record.discovered, **{part: path for part, (path, _) in new.items()}}
            self._store.commit(replace(record, manifest=table, discovered=found))

    def made(self, task: Task) -> None:
        """Note that a task has made its products anew."""
        for product in task.products:
            self._written.forget(product.path)
            self._twice.pop(product.path, None)

    def twice(self, ended: Mapping[str, Outcome]) -> Iterator[tuple[str, str]]:
        """Yield, at the end of a build, who must make a product anew though who wrote there ended well, and why."""
        for path, writer in self._twice.items():
            if ended[writer].good:
                why = f"{writer} wrote into {path} more than once"
                yield (
                    self._maker_of[path],
                    f"{why}; it is stale now, and the next build makes it anew: octavo build",
                )

    def _accepted(self, maker: str) -> bool:
        record = self._store.record(key_of(self._graph[maker]))
        return record is not None and record.run == ACCEPTED

    def _last(self, path: str) -> str | None:
        """Return the digest that a product had when its maker had made it; None where that is not known."""
        maker = self._maker_of.get(path)
        record = self._store.record(key_of(self._graph[maker])) if maker else None
        return record.products.get(path) if record is not None and record.state == "done" else None

    def _digest(self, path: str) -> str | None:
        try:
            return self._store.digest(path)
        except ProductError:
            return None
