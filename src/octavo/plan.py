"""Plan a build: a step for each task in order, with its reasons."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from . import parts, products
from .explain import detailed
from .fingerprint import judge, manifest
from .graph import Graph
from .kinds import row
from .model import Outcome, Reason, Record, Step, Task
from .parts import Now
from .state.ownership import InGit, by_ploomber, stranger, takes_whole
from .state.store import Store, key
from .state.written import reached

#: The run of a record that a person has accepted: what it made stays as long as nothing else changes.
ACCEPTED = "accepted"
#: The run of a record that octavo.lock tells of.
LOCKED = "octavo.lock"
FORCED = parts.FORCED.reason("", None, "forced")


def plan(
    graph: Graph,
    store: Store,
    names: Collection[str],
    force: bool = False,
    recall: bool = False,
    records: dict[str, Record] | None = None,
) -> dict[str, Step]:
    """Return the steps of the named tasks, in order, judged as the disk is now.

    A task whose own table is unchanged but that comes after a stale one *waits*: it is judged again when that one has
    run, for the rebuilt input may turn out the same. So does one that comes after a stale task which is not named.
    ``recall``: where an earlier result is there again, its record is the task's from now on. No build may run then.
    ``records`` are those of the store, if they were read already.
    """
    records = store.records() if records is None else records
    at, makers = Now(store, graph), Makers(store)
    anew: dict[str, Reason] = {}
    while True:
        steps = _steps(graph, store, names, force, recall, records, at, makers, anew)
        more = {maker: reason for maker, reason in _rewritten(steps, records, at) if maker not in anew}
        if not more:
            return steps
        anew |= more


def _steps(
    graph: Graph,
    store: Store,
    names: Collection[str],
    force: bool,
    recall: bool,
    records: dict[str, Record],
    at: Now,
    makers: Makers,
    anew: Mapping[str, Reason],
) -> dict[str, Step]:
    """Return the steps of a plan; ``anew`` are reasons that others are to some tasks."""
    steps: dict[str, Step] = {}
    pending: set[str] = set()
    looked_at = graph.with_ancestors(names)
    for task in graph:
        if task.name not in looked_at:
            continue
        selected = task.name in names
        record = records.get(key_of(task))
        forced = force and selected
        reasons = (FORCED,) if forced else why(task, graph.tasks, store, record, at)[0]
        if reasons and not forced and (known := recalled(task, graph.tasks, store, record, at)):
            record, reasons = known, ()
            records[key_of(task)] = known
            if recall:
                store.commit(known)
        if not reasons and task.name in anew:
            reasons = (anew[task.name],)
        if selected and reasons and not force:
            reasons = makers.attribute(task, record, reasons)
        if selected and reasons and record is not None:
            reasons = detailed(store, task, record, reasons)
        waits = tuple(
            name
            for name in graph.before(task.name)
            if name in pending or (name in steps and steps[name].refresh and _reads(record, graph[name]))
        )
        if reasons or waits:
            pending.add(task.name)
        if selected:
            steps[task.name] = Step(task, reasons, waits, not reasons and _reworded(task, record))
    return steps


def _rewritten(
    steps: Mapping[str, Step], records: Mapping[str, Record], at: Now
) -> Iterator[tuple[str, Reason]]:
    """Yield the tasks that must make a product anew before another writes into it again, and what is the reason.

    Else there would be twice what that one appends, and what it has written by code that it has no longer.
    """
    if not at.written:
        return
    makers = {
        product.path: name
        for name, step in steps.items()
        for product in step.task.products
        if (record := records.get(key_of(step.task))) is None or record.run != ACCEPTED
    }
    for path in at.written:
        if path in makers and at.spoilt(path):
            yield makers[path], parts.REWRITE.reason(path, None, f"{path} must be written into again")
    for name, step in steps.items():
        record = records.get(key_of(step.task))
        if step.fresh or record is None:
            continue
        for path in parts.about(parts.COPRODUCT, record.discovered):
            if path in makers and path in at.written:
                yield makers[path], parts.REWRITE.reason(path, None, f"{name} is to write into {path} again")


def _reads(record: Record | None, upstream: Task) -> bool:
    """Return whether a task was seen to read the executed notebook of another, which is about to get new comments."""
    reports = {product.path for product in upstream.products if product.executed}
    return record is not None and not reports.isdisjoint(record.discovered.values())


def _reworded(task: Task, record: Record | None) -> bool:
    return record is not None and record.raw != task.source.facts.raw and row(task.kind).executed


def why(
    task: Task, graph: Mapping[str, Task], store: Store, record: Record | None, at: Now | None = None
) -> tuple[tuple[Reason, ...], dict[str, str]]:
    """Return the reasons why a task must run, and the manifest of now that they come from."""
    at = at or Now(store, graph.values())
    at.asking = task.name
    now = manifest(task, record, graph, at.digest, at)
    reasons = judge(now, record, {product.path: at.made(product.path) for product in task.products})
    if record is None and (words := store.unproven(key_of(task))):
        reasons = (parts.RECORD.reason("", None, words),)
    return (_of_link(reasons) if row(task.kind).borrowed else reasons), now


def recalled(
    task: Task, graph: Mapping[str, Task], store: Store, record: Record | None, at: Now
) -> Record | None:
    """Return the earlier result of a task that is there again, with all that it was made from; None for none.

    So it is after ``git checkout`` of another branch, where git has products, too.
    """
    if record is None or record.state != "done":
        return None
    there = {product.path: at.made(product.path) for product in task.products}
    for known in store.results(key_of(task)):
        if not known.discovered.keys() >= at.fed(task.name):
            continue  # it was not known then that others use a file which is none of its products
        if known.products == there and manifest(task, known, graph, at.digest, at) == known.manifest:
            return known
    return None


def _of_link(reasons: tuple[Reason, ...]) -> tuple[Reason, ...]:
    """Return the reasons of a link, whose product nobody makes: that it changed is no more than that of any file."""
    return tuple(
        parts.FILE.reason(parts.split(reason.part)[1], reason.was, reason.now) if reason.edited else reason
        for reason in reasons
    )


def judged(
    task: Task,
    graph: Mapping[str, Task],
    store: Store,
    makers: Makers | None = None,
    at: Now | None = None,
) -> tuple[tuple[Reason, ...], dict[str, str], Record | None]:
    """Return ``why`` for a task whose record is still to be looked up, and the record.

    An earlier result that is there again is its record from then on.
    """
    record = store.record(key_of(task))
    at = at or Now(store, graph.values())
    reasons, now = why(task, graph, store, record, at)
    if reasons and (known := recalled(task, graph, store, record, at)):
        store.commit(known)
        return (), dict(known.manifest), known
    reasons = (makers or Makers(store)).attribute(task, record, reasons)
    return (detailed(store, task, record, reasons) if record else reasons), now, record


def key_of(task: Task) -> str:
    """Return what a task's record is kept under."""
    return key(task.name, [product.path for product in task.products])


def missing(task: Task, graph: Mapping[str, Task], store: Store) -> tuple[Reason, ...]:
    """Return the inputs from upstream tasks that are not there, as reasons not to run."""
    return tuple(
        parts.MISSING.reason(product.path, None, f"{product.path} is missing: {name} did not write it")
        for name in task.upstream
        for product in graph[name].products
        if store.digest(product.path) is None
    )


def drift(store: Store, records: Iterable[Record]) -> list[str]:
    """Return notes on what results were made with, where it is another now without being a reason to run."""
    now = Now(store)
    found: dict[str, tuple[str, list[str]]] = {}
    for record in records:
        for part in parts.noted(record.discovered):
            path = record.discovered[part]
            was, current = record.manifest.get(part, ""), now(part, path) or "none"
            if was == current:
                continue
            kept, what = parts.split(part)
            if kept is parts.KERNELSPEC:
                then, current = f"the kernel {what} as it was", "its kernel.json is another"
            else:
                then = f"{path} {was}"
            found.setdefault(then, (current, []))[1].append(record.task)
    return [
        f"{', '.join(sorted(tasks)[:3])}{' and more' if len(tasks) > 3 else ''} ran with {then}, now {current}"
        for then, (current, tasks) in found.items()
    ]


def estimate(store: Store, steps: Mapping[str, Step], jobs: int) -> float | None:
    """Return the seconds that the stale steps will take by the times of their last runs; None without any history.

    A task that never ran counts as the average of those that did. Waiting tasks are counted, though they may turn out
    fresh. No build is faster than its longest chain, nor than its work shared among all jobs.
    """
    stale = [step.task for step in steps.values() if not step.fresh]
    records = {task.name: store.record(key_of(task)) for task in stale}
    known = [record.seconds for record in records.values() if record and record.seconds]
    if not known:
        return None
    average = sum(known) / len(known)
    ends: dict[str, float] = {}
    total = 0.0
    for task in stale:
        record = records[task.name]
        seconds = record.seconds if record and record.seconds else average
        total += seconds
        ends[task.name] = seconds + max((ends.get(name, 0.0) for name in task.upstream), default=0.0)
    return max(*ends.values(), total / jobs) if len(ends) > 1 else total


def seconds_saved(store: Store, graph: Graph, outcomes: Mapping[str, Outcome]) -> float:
    """Return the seconds that the tasks which were fresh or restored took when they last ran."""
    took = store.durations()
    spared = [name for name, outcome in outcomes.items() if outcome in (Outcome.FRESH, Outcome.RESTORED)]
    return sum(took.get(key_of(graph[name]), 0.0) for name in spared)


class Makers:
    """Knows which tasks, of this pipeline or of what it was before, made what stands at the paths of products.

    A task that was renamed, or that another branch calls by another name, is no person: what it left may be replaced.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._makers: dict[str, list[Record]] | None = None
        self._in_git = InGit(os.fspath(store.root))

    def attribute(self, task: Task, record: Record | None, reasons: tuple[Reason, ...]) -> tuple[Reason, ...]:
        """Return reasons in which only a person's work is told as edited, also where the task itself has never run."""
        if row(task.kind).borrowed:
            return reasons
        if record is not None:
            return tuple(self._weigh(reason, task, record) if reason.edited else reason for reason in reasons)
        found = []
        for product in task.products:
            digests = [other.products.get(product.path) for other in self._of(product.path)]
            if not digests:
                if stranger(self._store, product.path, self._in_git, takes_whole(task)):
                    detail = "made by Ploomber" if by_ploomber(self._store.root, product.path) else ""
                    found.append(parts.STRANGER.reason(product.path, "", "there", detail))
            elif (now := self._store.digest(product.path)) is not None:
                reason = self._weigh(parts.PRODUCT.reason(product.path, digests[-1] or "", now))
                found += [reason] if reason.edited else []
        return (*reasons, *found)

    def of(self, task: Task) -> list[Record]:
        """Return the records of the tasks that have made what is where a task writes."""
        return [record for product in task.products for record in self._of(product.path)]

    def _weigh(self, reason: Reason, task: Task | None = None, record: Record | None = None) -> Reason:
        product, path = parts.split(reason.part)
        if record is not None and record.run == LOCKED and path in self._in_git:
            return parts.COMMITTED.reason(path, reason.was, reason.now)  # to replace it loses nothing
        if record is not None and task is not None and self._shows_input(path, task, record):
            return product.reason(path, None, reason.now, "it is a link to an input")
        for other in self._of(path):
            if other.state != "done" or other.products.get(path) == reason.now:
                return product.reason(path, None, reason.now, f"{other.task} left it there")
        if record is not None and task is not None:
            if any(known.products.get(path) == reason.now for known in self._store.results(key_of(task))):
                return parts.EARLIER.reason(path, reason.was, reason.now)
            if any(one.path == path and one.executed for one in task.products):
                return parts.SAVED.reason(path, reason.was, reason.now)
            if self._in_git.brought(path):
                return parts.BROUGHT.reason(path, reason.was, reason.now)  # to replace it loses nothing
        return self._within(reason, path)

    def _within(self, reason: Reason, path: str) -> Reason:
        """Return the reason that a folder is another with the names of what is another in it.

        Where some is only gone, that is made again, as a product is that is gone as a whole.
        """
        found = self._store.listings(path, reason.was or "", reason.now or "")
        if found is None:
            return reason
        gone, new, changed = products.listed_changes(*found)
        if (self._store.others(path) or set()).issuperset((*gone, *new, *changed)):
            return replace(reason, text=f"what else is in {path} changed", edited=False)
        if gone and not changed and all(name.endswith("/") for name in new):  # folders that are empty now
            return replace(reason, text=_gone(path, gone), edited=False)
        words = [*changed, *(f"{name} is new" for name in new), *(f"{name} is gone" for name in gone)]
        more = f" and {len(words) - 3} more" if len(words) > 3 else ""
        return replace(reason, detail=", ".join(words[:3]) + more)

    def _shows_input(self, path: str, task: Task, record: Record) -> bool:
        """Return whether a product is a link, hard or symbolic, to what its task reads: it changes with that."""
        read = parts.about(parts.FILE, record.manifest)
        used = {*read, *parts.about(parts.UPDATED, record.manifest), *_paths(task.inputs)} - {path}
        shown = products.places(os.path.join(self._store.root, path))
        return bool(shown) and shown <= {
            place
            for file in used
            for place in products.places(os.path.join(self._store.root, file), whole=True)
        }

    def _of(self, path: str) -> list[Record]:
        if self._makers is None:
            self._makers = {}
            records = self._store.records()
            within = reached(self._store) if any(it.state == "begun" for it in records.values()) else {}
            for name, record in records.items():
                for product in name.split("\n")[1:]:
                    self._makers.setdefault(product, []).append(record)
                if record.state != "done":  # what it writes into others' products is in doubt, too
                    others = {*parts.about(parts.COPRODUCT, record.discovered)}
                    others |= {*within.get(name, ())} if record.state == "begun" else set()
                    for other in sorted(others):
                        self._makers.setdefault(other, []).append(record)
        return self._makers.get(path, [])


def _gone(path: str, names: list[str]) -> str:
    """Return the words for things that are gone from a folder."""
    if len(names) == 1:
        return f"product {path}/{names[0]} is gone"
    return (
        f"product {path} has lost {len(names)} files: {', '.join(names[:3])}{', …' if len(names) > 3 else ''}"
    )


def _paths(inputs: object) -> Iterator[str]:
    """Yield the paths of what a task is given from upstream."""
    if isinstance(inputs, Mapping):
        for inner in inputs.values():
            yield from _paths(inner)
    elif isinstance(inputs, str):
        yield inputs
