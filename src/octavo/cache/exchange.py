"""Push results to a remote cache and pull them from it, without running tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field

from ..dataclass import dataclass
from ..errors import Error
from ..model import Reason, Record, Step, Task
from .entry import Entry
from .reuse import Reuse


@dataclass(slots=True)
class Exchanged:
    """What came of a push or pull: names of tasks."""

    moved: list[str] = field(default_factory=list)
    fresh: list[str] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)


def push(reuse: Reuse, steps: Mapping[str, Step], records: Mapping[str, Record | None]) -> Exchanged:
    """Send the results of tasks that are fresh. Raises Error when the remote is in trouble."""
    done = Exchanged()
    for name, step in steps.items():
        known = records[name]
        if step.reasons or not steps.keys().isdisjoint(step.waits) or known is None:
            done.left[name] = "stale" if step.reasons else "waits"
        elif entry := _kept(reuse, step.task, known):
            assert reuse.cache.elsewhere is not None
            reuse.cache.elsewhere.send(entry)
            done.moved.append(name)
        else:
            done.left[name] = "not kept"
    _end(reuse)
    return done


def _kept(reuse: Reuse, task: Task, record: Record) -> Entry | None:
    """Return the entry of a result, kept now if it was not before."""
    cache, there = reuse.cache, reuse.cache.elsewhere
    cache.elsewhere = None  # it is asked of nothing here
    try:
        declared = reuse.declared(task)
        for entry in cache.hits(task, declared, reuse.same(task)):
            digests = {path: piece.digest for path, piece in entry.products.items()}
            if digests == record.products and cache.has(entry):
                return entry
        if task.run.cache is False:
            return None
        kept = cache.save(task, declared, record, always=task.run.cache is True)
        return kept if isinstance(kept, Entry) else None
    finally:
        cache.elsewhere = there


def pull(
    reuse: Reuse,
    tasks: Iterable[Task],
    run: str,
    judge: Callable[[Task], tuple[Reason, ...]],
) -> Exchanged:
    """Restore what is stale and known here or at the remote, in order. Raises Error when the remote is in trouble."""
    done = Exchanged()
    for task in tasks:
        if any(name in done.left for name in task.upstream):
            done.left[task.name] = "waits"
        elif not (reasons := judge(task)):
            done.fresh.append(task.name)
        elif reuse.restore(task, reasons, run):
            done.moved.append(task.name)
        else:
            edited = any(reason.edited for reason in reasons)
            done.left[task.name] = "changed by hand" if edited else "not there"
    _end(reuse)
    return done


def _end(reuse: Reuse) -> None:
    notes = reuse.finish()
    if notes:
        raise Error(notes[0].replace("the remote cache was not used", "the remote cache cannot be used"))
