"""What the checks of tasks have found when they last ran, for status, history and logs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ..events import CheckFinished
from ..model import Json, Record, Task
from .around import read
from .result import flat, row_line


def results(root: str, task: Task, record: Record | None) -> list[Json]:
    """Return what the checks of a task found, if that is of its last run: of one from the cache nothing is known."""
    found = read(root, task)
    last = record is not None and (record.state == "failed" or record.run == found.get("run"))
    listed = found.get("results")
    return [one for one in listed if isinstance(one, dict)] if last and isinstance(listed, list) else []


def notes(root: str, tasks: Iterable[tuple[Task, Record | None]]) -> Iterator[str]:
    """Yield a line for each check that did not pass in the last run of its task."""
    for task, record in tasks:
        for one in results(root, task, record):
            if not one.get("good"):
                word = "warned" if one.get("severity") == "warn" else "failed"
                yield flat(f"{task.name}: check {one.get('check')} {word}: {one.get('found')}")


def of_runs(root: str, task: Task) -> Mapping[str, str]:
    """Return which checks did not pass, by the runs of a task."""
    found = read(root, task).get("runs")
    table = found if isinstance(found, dict) else {}
    return {
        run: flat(f"not passed: {words}") for run, words in table.items() if isinstance(words, str) and words
    }


def line(event: CheckFinished) -> str:
    """Return a check that was made as a line."""
    if event.good:
        return flat(f"{event.task}: {event.check} passed")
    return flat(f"{event.task}: {event.check} {word(event)}: {event.found}")


def word(event: CheckFinished) -> str:
    """Return how a check ended."""
    return "passed" if event.good else "warned" if event.severity == "warn" else "failed"


def text(event: CheckFinished) -> str:
    """Return what a check found, with the rows that are shown."""
    return "\n".join([flat(event.found), *(f"  {row_line(row)}" for row in event.rows)])
