"""What became of a run, from the store alone: its tasks in order, their logs, and their products."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from ..cache.blobs import Missing
from ..cache.entry import Entry
from ..cache.local import Cache
from ..dataclass import dataclass
from ..errors import Error
from ..events import Event, decode
from ..hints import did_you_mean
from ..products.scratch import Scratch
from .depot import Depot, Gone
from .names import SLURM, engine_name
from .plan import Plan
from .runs import GOOD, Runs, TaskRun


@dataclass(frozen=True, slots=True)
class TaskState:
    """A task of a run: its state is that of its file, or waiting, or blocked by one that has failed."""

    task: str
    state: str
    run: TaskRun | None = None


def states(runs: Runs, run: str, plan: Plan, now: float) -> list[TaskState]:
    """Return the tasks of a run in order."""
    told = runs.tasks(run)
    cancelled = runs.cancelled(run)
    found: dict[str, TaskState] = {}
    for name, task in plan.tasks.items():
        one = told.get(name)
        if one is not None:
            found[name] = TaskState(name, one.seen(now), one)
            continue
        before = [found[up].state for up in task.upstream if up in found]
        bad = any(state in ("failed", "blocked", "cancelled") for state in before)
        found[name] = TaskState(name, "cancelled" if cancelled else "blocked" if bad else "waiting")
    return [*found.values()]


def over(found: Sequence[TaskState]) -> bool:
    """Return whether nothing of a run is still to come."""
    return all(one.state not in ("running", "waiting") for one in found)


def exit_code(found: Sequence[TaskState]) -> int:
    """Return 1 where a task has not ended well and will not, else 0."""
    return int(any(one.state not in (*GOOD, "running", "waiting") for one in found))


def events(runs: Runs, run: str, plan: Plan, task: str | None) -> Iterator[Event]:
    """Yield what happened in the tasks of a run, or in one of them, by their logs."""
    if task is not None and task not in plan.tasks:
        raise Error(f'the run {run} has no task "{task}"', hint=did_you_mean(task, plan.tasks))
    told = runs.tasks(run)
    for name in [task] if task else plan.tasks:
        one = told.get(name)
        if one is None or not one.log:
            continue
        with suppress(Gone):
            for line in runs.depot.get(one.log).splitlines():
                with suppress(ValueError, TypeError, LookupError, AttributeError):
                    yield decode(line)


def copy_to(runs: Runs, run: str, names: Sequence[str], folder: str) -> list[str]:
    """Write the products of tasks of a run into a folder, and executed notebooks of failures; return the tasks."""
    written, told, root = [], runs.tasks(run), os.path.abspath(folder)
    with Scratch() as scratch:
        there = Cache(Path(scratch.path), Path(root))
        for name in names:
            one = told.get(name)
            entry = one.entry() if one is not None else None
            if entry is not None:
                place(runs.depot, entry, there, [*entry.products])
                written.append(name)
            elif one is not None and one.notebook:
                os.makedirs(root, exist_ok=True)
                runs.depot.fetch(one.notebook, os.path.join(root, f"{engine_name(name, SLURM)}.failed.ipynb"))
                written.append(name)
    return written


def place(depot: Depot, entry: Entry, cache: Cache, paths: Iterable[str]) -> None:
    """Put the products of a result below the folder of a cache, if they are those at ``paths``. Raises Gone.

    What the store says is not to be trusted: nothing is written outside of the folder.
    """
    outside = any(os.path.isabs(path) or ".." in path.split("/") for path in entry.products)
    if outside or entry.products.keys() != {*paths}:
        raise Error(f'the store has products of "{entry.task}" that are not those of the pipeline')
    depot.bring_products(entry, cache.blobs)
    try:
        cache.place(entry, lambda path: None)
    except Missing as error:
        raise Gone(str(error)) from error
