"""Run a plan, as a generator of events: judge, start, wait, commit, announce.

Why it is right: a task is started only when everything before it in the selection has ended well, so what its manifest
says of its inputs is final; the record is committed only after its products were found and digested, and before "done"
is said; between the start and that commit the record is marked incomplete, so whatever happens in the meantime (a
crash, an interrupt, ``kill -9``) leaves the task stale.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping
from dataclasses import replace
from graphlib import TopologicalSorter
from heapq import heappop, heappush
from typing import Protocol

from . import parts
from .asked import made_in
from .between.coproducts import Coproducts
from .between.unnamed import Unnamed, stale_upstream
from .errors import Error, ProductError
from .events import Event, Findings, Note, RunFinished, RunStarted, TaskFinished, TaskStarted, person
from .executed.editions import failed
from .executors import Executor
from .executors.running import NotebookKeeper, Running
from .explain import remember
from .fingerprint import made_with, manifest, reports_read
from .graph import Graph
from .kinds import row
from .lazy import lazy_imports
from .model import Failure, Outcome, Reason, Record, Step, Task
from .plan import Makers, judged, key_of, missing
from .products import is_database, make_room, not_made, unwritable
from .products.aside import Aside, clear, spare
from .state import frozen
from .state.order import Order
from .state.ownership import Ownership, prune
from .state.store import TOUCHED, Store

with lazy_imports():
    from .executed import renewed
    from .quality import again, settled


class ResultCache(Protocol):
    """Takes the results of tasks from where they were kept, instead of a run; keeps those of runs."""

    def restore(self, task: Task, reasons: tuple[Reason, ...], run: str) -> Record | None: ...
    def save(self, task: Task, record: Record) -> None: ...
    def finish(self) -> list[str]: ...
    def abandon(self) -> None: ...


class Run:
    """One build of some steps: what is running, what has ended. It needs an executor if any of them is stale."""

    def __init__(
        self,
        graph: Graph,
        steps: Mapping[str, Step],
        store: Store,
        executor: Executor | None,
        *,
        name: str,
        clock: Callable[[], float],
        filled: Callable[[Task], Task],
        keeper: Callable[[Task], NotebookKeeper | None],
        pause: Mapping[str, object] | None = None,
        modules: Callable[[], tuple[tuple[str, ...], ...]] = tuple,
        refresh: Callable[[Task], str | None] = lambda task: None,
        call_on_failure: Callable[[Task, Failure], Iterable[str]] = lambda task, failure: (),
        fail_fast: bool = False,
        strict: bool = False,
        cache: ResultCache | None = None,
    ) -> None:
        self.graph = graph
        self.steps = steps
        self.store = store
        self.name = name
        self.clock = clock
        self.filled = filled
        self.keeper = keeper
        self.refresh = refresh
        self.call_on_failure = call_on_failure
        self.fail_fast = fail_fast
        self.strict = strict
        self.cache = cache
        self.ended: dict[str, Outcome] = {}
        self.running = Running(executor, self._checked, self._again, pause=pause, modules=modules)
        self.begun: dict[str, tuple[Task, dict[str, str]]] = {}
        self.rechecked: dict[str, Record] = {}
        self.aside: dict[str, Aside] = {}
        self.said: dict[str, list[Findings]] = {}
        self._set_aside = str(store.folder / "aside")
        self.makers = Makers(store)
        self.owners = Ownership(store, name)
        self._tables = any(product.relation is not None for task in graph for product in task.products)
        self.maker_of = {product.path: task.name for task in graph for product in task.products}
        order = Order(store)
        self.coproducts = Coproducts(graph, store, self.maker_of, order)
        self.unnamed = Unnamed(graph.tasks, self.maker_of, order, self.coproducts.changed)
        self._ways = made_in(self.maker_of)  # folders in which there are products
        self._now = parts.Now(store, graph)

    def events(self) -> Iterator[Event]:
        """Run the steps and yield what happens. Closing the generator ends what is still running."""
        began = self.clock()
        stale = tuple(name for name, step in self.steps.items() if not step.fresh)
        yield RunStarted(self.name, tuple(self.steps), stale, began, person(os.environ))
        yield from stale_upstream({name: step.waits for name, step in self.steps.items()})
        order = TopologicalSorter(
            {name: [up for up in self.graph.after(name) if up in self.steps] for name in self.steps}
        )
        order.prepare()
        place = {name: number for number, name in enumerate(self.steps)}
        ready: list[tuple[int, str]] = []  # of those that may start the first of the file does
        try:
            while order.is_active():
                for name in order.get_ready():
                    heappush(ready, (place[name], name))
                while ready and self.running.free:
                    for event in self._start(heappop(ready)[1]):
                        yield self._tell(event, order)
                    for name in order.get_ready() if order.is_active() else ():
                        heappush(ready, (place[name], name))
                if self.running:
                    for happened in self.running.next():
                        for event in self._received(happened):
                            yield self._tell(event, order)
        except BaseException as error:
            if self.cache:
                self.cache.abandon()
            if isinstance(error, KeyboardInterrupt) and self.running:
                yield Note("interrupted: what runs may clean up a while; Ctrl-C again kills it", now=True)
            raise
        finally:
            self._abandon()
        for message in self.cache.finish() if self.cache else ():
            yield Note(message)
        late = (yield from self._unnamed_notes()) if stale else ()
        good = not late and not any(outcome.bad for outcome in self.ended.values())
        yield RunFinished(self.name, good, self.clock() - began, self.clock(), late)

    def _unnamed_notes(self) -> Generator[Event, None, tuple[str, ...]]:
        """Learn what tasks used of each other without naming it, for the order of the next builds; say so.

        Return those that ended well, and that another has made stale since.
        """
        stale: dict[str, None] = {}
        records = {name: self.store.record(key_of(step.task)) for name, step in self.steps.items()}
        self.unnamed.learn(records, self.coproducts.writers())
        self.coproducts.learnt()
        makers, now = Makers(self.store), parts.Now(self.store, self.graph)

        def is_stale(name: str) -> bool:
            return bool(judged(self.graph[name], self.graph.tasks, self.store, makers, now)[0])

        for note, late in self.unnamed.notes(records, self.coproducts.writers(), is_stale):
            yield note
            stale |= {note.task: None} if late and note.task and self.ended[note.task].good else {}
        anew = dict(self.coproducts.twice(self.ended))
        yield from (Note(message, maker) for maker, message in anew.items())
        return (*stale, *(maker for maker in anew if maker in self.ended))

    def _tell(self, event: Event, order: TopologicalSorter[str]) -> Event:
        if isinstance(event, TaskFinished):
            self.ended[event.task] = event.outcome
            order.done(event.task)
        return event

    def _start(self, name: str) -> Iterator[Event]:
        """Judge a task whose turn has come, now that its inputs are real; hand it to the executor if it is stale."""
        step = self.steps[name]
        if step.fresh:
            yield from self._refresh(step.task) if step.refresh else ()
            yield TaskFinished(name, Outcome.FRESH)
            return
        before = {up: self.ended[up] for up in step.task.upstream if up in self.ended}
        if bad := [up for up, outcome in before.items() if not outcome.good]:
            stopped = Outcome.CANCELLED if before[bad[0]] is Outcome.CANCELLED else Outcome.BLOCKED
            reason = parts.WAITS.reason("", None, f"{bad[0]} {before[bad[0]].value}")
            yield TaskFinished(name, stopped, reasons=(reason,))
            return
        if self.fail_fast and Outcome.FAILED in self.ended.values():
            yield TaskFinished(name, Outcome.CANCELLED)
            return
        if absent := missing(step.task, self.graph.tasks, self.store):
            yield TaskFinished(name, Outcome.BLOCKED, reasons=absent)
            return
        try:
            task = self.filled(step.task)
            reasons, _, _ = judged(task, self.graph.tasks, self.store, self.makers, self._now.again(name))
        except Error as error:  # deleted, broken or locked away since the pipeline was loaded
            yield TaskFinished(name, Outcome.FAILED, failure=Failure.of(error))
            return
        standing = tuple(reason for reason in step.reasons if parts.split(reason.part)[0].stands)
        forced = parts.FORCED.word in {reason.part for reason in standing}
        if not (reasons or standing):
            yield from self._refresh(task) if step.refresh else ()
            yield TaskFinished(name, Outcome.FRESH)
            return
        if not forced and (edited := tuple(reason for reason in reasons if reason.edited)):
            # somebody's work is not overwritten unasked; the same bytes are
            same = all(parts.split(reason.part)[0] is parts.STRANGER for reason in edited)
            restored = self._restore(task, reasons) if same else ()
            yield from restored or (TaskFinished(name, Outcome.BLOCKED, reasons=edited),)
            return
        checks = not standing and all(parts.split(reason.part)[0] is parts.CHECK for reason in reasons)
        if checks and (record := self.store.record(key_of(task))):
            yield from self._check_again(task, record, reasons)
            return
        for path in parts.about(parts.SAVED, [reason.part for reason in reasons]):
            # another takes its place: it is for people, and stops no build
            try:
                kept = spare(str(self.store.root), path)
            except OSError as error:
                yield TaskFinished(name, Outcome.FAILED, failure=unwritable(f"a copy of {path}", error))
                return
            yield Note(f"{path} was saved by hand: that is now {kept}", name)
        try:
            claim = self.owners.claim(task, self.makers.of(task), failed(task))
        except OSError as error:
            yield TaskFinished(name, Outcome.FAILED, failure=unwritable(error.filename, error))
            return
        for path, place in claim.kept.items():
            yield Note(f"{path} is not as a run has left it, and was in the way: it is now {place}", name)
        if restored := self._restore(task, (*standing, *reasons)):
            yield from restored
            return
        if no_room := make_room(str(self.store.root), task.products):
            yield TaskFinished(name, Outcome.FAILED, failure=no_room)
            return
        self.store.begin(name, [product.path for product in task.products])
        self.aside[name] = Aside(str(self.store.root), self._set_aside, claim.paths)
        # what an earlier run discovered is no part of this one's manifest: it will say itself what it uses
        table = manifest(task, None, self.graph.tasks, self._now.again(name).digest, lambda part, path: None)
        self.coproducts.begin(task)
        self.begun[name] = (task, table)
        yield TaskStarted(name, reasons or standing, self.clock())
        yield from self.running.started(task, self.keeper(task))

    def _restore(self, task: Task, reasons: tuple[Reason, ...]) -> tuple[Event, ...]:
        """Take a task's result from the cache, if it is there; its record is then as a run would have left it."""
        began = self.clock()
        if self.cache is None or (record := self.cache.restore(task, reasons, self.name)) is None:
            return ()
        remember(self.store, task, record.manifest, record.discovered)
        self.coproducts.made(task)
        took = self.clock() - began
        ended = (task.name, self.name, self.clock(), Outcome.RESTORED.value, took)
        self.store.add_to_history(*ended, dict(record.manifest))
        notes = self._refresh(task) if record.raw != task.source.facts.raw else ()
        if (keeper := self.keeper(task)) is not None:
            keeper.keep(Outcome.RESTORED)  # what a failure had left is out of date
        return (*notes, TaskFinished(task.name, Outcome.RESTORED, took))

    def _refresh(self, task: Task) -> tuple[Event, ...]:
        """Give an executed notebook the new comments and markdown of its source; return a note where that fails."""
        return renewed.renew(self.store, task, self.filled, self.refresh)

    def _check_again(self, task: Task, record: Record, reasons: tuple[Reason, ...]) -> Iterator[Event]:
        """Have the checks of a task made of its products, which are as they were, without running it."""
        now, name = self._now.again(task.name), task.name
        table = manifest(task, None, self.graph.tasks, now.digest, lambda part, path: None)
        if "checks" not in task.own:
            yield from again.ended(self.store, self.name, self.clock(), task, record, table)
            return
        self.rechecked[name], self.begun[name] = record, (task, table)
        yield TaskStarted(name, reasons, self.clock())
        yield from self.running.started(again.alone(task), None)

    def _received(self, event: Event) -> Iterator[Event]:
        """Yield an event of a task; its end only after its products are settled."""
        if not isinstance(event, TaskFinished):
            if isinstance(event, Findings):
                self.said.setdefault(event.task, []).append(event)
            yield event
            return
        task, table = self.begun.pop(event.task)
        if record := self.rechecked.pop(event.task, None):
            seen = self._seen(task, event.discovered, record.products)
            made = (event, seen, self.said.pop(task.name, []))
            yield from again.ended(self.store, self.name, self.clock(), task, record, table, *made)
            if event.outcome is Outcome.FAILED and self.fail_fast:
                yield from self._stop()
            return
        if event.outcome is Outcome.DONE:
            for message in self.unnamed.overreach(task, event, self.strict):
                yield Note(message, task.name)
            event = self._settle(task, table, event)
        if event.outcome is not Outcome.DONE:
            self.coproducts.end(task, event, self.ended, good=False)
        said = self.said.pop(task.name, [])
        if said or (event.failure and event.failure.kind == "ChecksFailed"):
            where = (str(self.store.root), self.name, self.clock())
            event = settled.settled(*where, task, table, event, said, self.aside[task.name])
        self.aside.pop(task.name).end(event.outcome is Outcome.DONE)
        if event.outcome is Outcome.FAILED:
            self.store.fail(task.name, [product.path for product in task.products])
            self.owners.left(task, failed(task))
            if event.failure and task.run.on_failure and not event.on_failure_called:
                # its worker could not: it died, say
                for message in self.call_on_failure(task, event.failure):
                    yield Note(message, task.name)
        self.store.add_to_history(
            task.name, self.name, self.clock(), event.outcome.value, event.seconds, table
        )
        yield event
        if event.outcome is Outcome.FAILED and self.fail_fast:
            yield from self._stop()

    def _again(self, task: Task) -> None:
        """Let another attempt find nothing of the last one, or what it left be made anew by the next build."""
        self.said.pop(task.name, None)
        self.coproducts.again(task, self.ended)
        self.aside[task.name].again()

    def _checked(self, task: Task, event: TaskFinished) -> TaskFinished:
        """Return how an attempt at a task ended, now that its promises can be looked at."""
        self.unnamed.add(event)
        self.coproducts.attempted(event)
        event = self.unnamed.explained(event)
        if event.outcome is Outcome.DONE and (broken := self._broken_promise(task, event)):
            return replace(event, outcome=Outcome.FAILED, failure=broken)
        return event

    def _broken_promise(self, task: Task, event: TaskFinished) -> Failure | None:
        """Return why a task that ended well has failed all the same: its notebook must not replace a good one."""
        files = (product.path for product in task.products if not product.executed)
        if absent := [path for path in files if not os.path.exists(os.path.join(self.store.root, path))]:
            return not_made(absent)
        if self.strict and (overreach := self.unnamed.overreach(task, event, True)):
            return Failure("Undeclared", "; ".join(overreach), hint="name it there, or remove strict: true")
        return None

    def _settle(self, task: Task, table: dict[str, str], event: TaskFinished) -> TaskFinished:
        """Digest the products of a task that ended well, and record it; where they are missing it has failed."""
        try:
            found = {product.path: self.store.digest(product.path) for product in task.products}
        except ProductError as error:
            return replace(event, outcome=Outcome.FAILED, failure=Failure.of(error))
        digests = {path: digest for path, digest in found.items() if digest is not None}
        if absent := [path for path in found if path not in digests]:
            return replace(event, outcome=Outcome.FAILED, failure=not_made(absent))
        into = self.coproducts.end(task, event, self.ended, good=True)
        seen = into | self._seen(task, event.discovered, {*digests, *(path for path, _ in into.values())})
        table |= {part: digest for part, (_, digest) in seen.items()} | reports_read(
            task, self.graph.tasks, seen
        )
        discovered = {part: path for part, (path, _) in seen.items()}
        for part, (name, version) in made_with(self.store, task, discovered).items():
            table[part], discovered[part] = version, name
        raw = task.source.facts.raw
        record = Record(task.name, table, digests, discovered, self.name, event.seconds, raw=raw)
        self.store.commit(record)
        self.store.keep(TOUCHED, [(key_of(task), self.name, frozen.touched(event.touched))])
        self.coproducts.made(task)
        remember(self.store, task, table, discovered)
        self.owners.done(task)
        self.store.flush()
        if self.cache:
            self.cache.save(task, record)
        return event

    def _seen(
        self, task: Task, discovered: Mapping[str, tuple[str, str]], own: Collection[str]
    ) -> dict[str, tuple[str, str]]:
        """Return what a run discovered that is an input, with its digests: not its own products, nor ways to others.

        A file in which tasks keep their tables counts by these tables: every task that writes one changes it.
        """
        seen = {}
        inside = self._tables and row(task.kind).connects
        for part, (path, digest) in discovered.items():
            kept, what = parts.split(part)
            if path in own or (kept is parts.EXISTS and path in self._ways):
                continue
            if inside and is_database(os.path.join(self.store.root, path)):
                continue
            seen[part] = path, kept.conclude(self._now, what, path, digest) if kept.conclude else digest
        return seen

    def _stop(self) -> Iterator[Event]:
        """End what is running, after a failure with fail_fast."""
        for task in self.running.stop():
            self.aside.pop(task.name).end(False)
            self.owners.left(task, failed(task))
            yield TaskFinished(task.name, Outcome.CANCELLED)

    def _abandon(self) -> None:
        self.running.stop()
        for aside in self.aside.values():
            aside.end(False)
        self.aside.clear()
        for task, _ in self.begun.values():
            self.owners.left(task, failed(task))
        clear(self._set_aside)
        prune(os.path.join(self.store.folder, "kept"))
        self.store.flush()
