"""Find what tasks of a build used of each other without naming it, from what each was seen to read and write."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import pairwise

from ..events import Note, TaskFinished
from ..fingerprint import undeclared
from ..model import Outcome, Record, Task
from ..state.order import Order


class Unnamed:
    """Collects reads and writes of the tasks of one build. ``maker_of`` has the makers of declared products."""

    def __init__(
        self,
        graph: Mapping[str, Task],
        maker_of: Mapping[str, str],
        order: Order,
        changed: Callable[[str], bool] = lambda path: True,
    ) -> None:
        """``order`` keeps what is seen.

        ``changed`` tells whether a product is another than its maker, and who else writes there, left it.
        """
        self._graph = graph
        self._maker_of = maker_of
        self._changed = changed
        self._order = order
        self._reads: dict[str, set[str]] = {}
        self._writes: dict[str, set[str]] = {}
        self._whole: set[str] = set()
        #: Products that a task could not open, because another had them open.
        self._locked: set[str] = set()
        #: What tasks wait for, however far away, of those that were asked about.
        self._ancestors: dict[str, set[str]] = {}
        self._writers = order.writers

    def add(self, event: TaskFinished) -> None:
        """Take what a task that has ended was seen to do."""
        self._reads[event.task] = {what for _, verb, what in event.touched if verb == "read"}
        self._reads[event.task] |= {path for path, _ in event.discovered.values()}
        self._writes[event.task] = {what for _, verb, what in event.touched if verb == "wrote"}
        if event.outcome is Outcome.DONE:
            self._whole.add(event.task)
            for path in [path for path, writer in self._writers.items() if writer == event.task]:
                del self._writers[path]
        for what in self._writes[event.task]:
            if what not in self._maker_of:
                # of what several write nobody can tell whose it is
                several = any(what in self._writes[name] for name in self._writes if name != event.task)
                self._writers[what] = "" if several else event.task

    def overreach(self, task: Task, event: TaskFinished, strict: bool) -> list[str]:
        """Return what a task used without naming it: files, or others' products in no sure order."""
        messages = {
            f"it reads {path}, a product of {maker}{self._advice(task.name, maker)}": None
            for path, _ in event.discovered.values()
            if (maker := self._maker_of.get(path)) and maker != task.name and maker not in task.upstream
        }
        messages |= {
            f"it writes {what}, a product of {maker}{self._advice(task.name, maker)}": None
            for _, verb, what in event.touched
            if verb == "wrote"
            and (maker := self._maker_of.get(what))
            and maker != task.name
            and self._changed(what)
        }
        if strict or task.declared.inputs is not None:
            messages |= {
                f'it reads {path}, which is not in its "inputs": add it there': None
                for path in undeclared(task, event.discovered, self._maker_of)
            }
        return list(messages)

    def _advice(self, name: str, maker: str) -> str:
        return f', without naming it: add "{maker}" to its upstream' if self._unordered(name, maker) else ""

    def explained(self, event: TaskFinished) -> TaskFinished:
        """Return a failure with a hint, where the task looked in vain for what another makes."""
        failure = event.failure
        if failure is not None and (path := self._held(event.task, failure.message)):
            self._locked.add(path)
            return replace(event, failure=replace(failure, hint=failure.hint or _TURNS.format(path)))
        if failure is None or failure.kind != "FileNotFoundError" or failure.hint:
            return event
        for path in sorted(self._reads[event.task]):
            maker = self._maker_of.get(path) or self._writers.get(path)
            # what the message says was missing: other reads went well
            if maker and self._unordered(event.task, maker) and path in failure.message:
                return replace(event, failure=replace(failure, hint=_hint(path, maker)))
        return event

    def _held(self, name: str, message: str) -> str:
        """Return the product from upstream that a failure says to be locked; "" if it says no such thing."""
        if "lock" not in message:
            return ""
        given = [product.path for up in self._graph[name].upstream for product in self._graph[up].products]
        return next((path for path in given if f'{path}"' in message or f"{path}'" in message), "")

    def notes(
        self,
        records: Mapping[str, Record | None],
        shared: Mapping[str, Collection[str]],
        stale: Callable[[str], bool],
    ) -> Iterator[tuple[Note, bool]]:
        """Yield, at the end of a build, who should be named as upstream of whom, and whether it is stale now.

        ``records`` are those of the build's tasks: a task that was fresh has read what its record says. ``shared`` has
        products with who else than their makers writes there: who read one before is told of only if it is stale.
        """
        mine = {path: [writer] for path, writer in self._writers.items() if writer}
        for name, record in records.items() if mine or shared else ():
            given = {path for path in shared if self._maker_of.get(path) in self._graph[name].upstream}
            for path in sorted(given | (self._read(name, record) & (mine.keys() | shared.keys()))):
                late = False
                for writer in sorted(mine.get(path) or set(shared[path]) & self._writes.keys()):
                    if not {name, writer} & self._reads.keys() or not self._unordered(name, writer):
                        continue
                    late = late or stale(name)
                    if path in mine or (late and path not in self._writes.get(name, ())):
                        words = f"it reads {path}, which {writer} writes{self._advice(name, writer)}"
                        yield Note(words + _LATE * late, name), late

    def _read(self, name: str, record: Record | None) -> set[str]:
        return self._reads.get(name) or (set(record.discovered.values()) if record else set())

    def learn(self, records: Mapping[str, Record | None], shared: Mapping[str, Collection[str]]) -> None:
        """Keep what each task used of others, so that it comes after these from now on.

        Those that use a product into which several write come one after the other, for nobody could tell otherwise
        what each of them read and wrote: ``shared`` has these products with their writers.
        """
        uses: dict[str, dict[str, set[str]]] = {name: {} for name in records if name in self._whole}
        turns: dict[str, set[str]] = {name: set() for name in records if name in self._whole}
        for name, record in records.items():
            for path in self._read(name, record) | self._writes.get(name, set()):
                maker = self._maker_of.get(path) or self._writers.get(path)
                if maker and maker in self._graph and self._unordered(name, maker):
                    uses.setdefault(name, {}).setdefault(path, set()).add(maker)
        for name in self._whole & records.keys():
            given = set(self._graph[name].upstream)
            turns[name] |= {  # who once was in the way of another will be so again
                it
                for it in self._order.turns.get(name, ())
                if it in records and given & {*self._graph[it].upstream}
            }
        for path, writers in {**dict.fromkeys(self._locked, ()), **shared}.items():
            users = [
                name
                for name, record in records.items()
                if path in self._read(name, record)
                or path in self._writes.get(name, ())
                or self._maker_of.get(path) in self._graph[name].upstream
            ]
            for before, name in pairwise(users):
                if self._unordered(name, before):
                    turns.setdefault(name, set()).add(before)
            for number, name in enumerate(users):
                for before in users[:number]:
                    if before in writers and self._unordered(name, before):
                        uses.setdefault(name, {}).setdefault(path, set()).add(before)
        self._order.learn(uses, turns, self._whole)

    def _unordered(self, name: str, before: str) -> bool:
        """Return whether a task does not wait for another, however far away."""
        if name == before or before in self._graph[name].upstream:
            return False
        if name not in self._ancestors:  # of many tasks that share a product each pair is asked about
            waiting, seen = [name], set[str]()
            while waiting:
                new = set(self._graph[waiting.pop()].upstream) - seen
                seen |= new
                waiting += new
            self._ancestors[name] = seen
        return before not in self._ancestors[name]


_LATE = "; it is stale now, and the next build runs it: octavo build"
_TURNS = "another task had {} open: from the next build on they come one after the other"


def _hint(path: str, maker: str) -> str:
    return f'{maker} makes {path}: name "{maker}" as upstream, then it runs first'


def stale_upstream(steps: Mapping[str, Iterable[str]]) -> Iterator[Note]:
    """Yield a note for each task that waits for others which are not selected; ``steps`` has what each waits for."""
    for name, waits in steps.items():
        if outside := [up for up in waits if up not in steps]:
            are = "is" if len(outside) == 1 else "are"
            listed = ", ".join(outside)
            yield Note(f"{listed}, which it needs, {are} stale and not selected: octavo build +{name}", name)
