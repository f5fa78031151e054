"""Summarise a build in a few lines: blocked tasks, notes and counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import parts
from ..events import TaskFinished
from ..lazy import lazy_imports
from ..model import Outcome
from ..parts import STRANGER, WAITS
from .lines import note_line
from .screen import COLOURS, flat, many, seconds, several
from .steps import hints

with lazy_imports():
    from . import failures

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ..events import Note
    from ..report import Report
    from .progress import Progress
    from .screen import Screen

#: What many tasks of a project that comes from elsewhere have in common.
_THERE = "the products were there before the first run"
_EACH = 3  # as many blocked tasks of one cause get a line each


def summary(progress: Progress, took: float, root: str, notes: Iterable[str] = ()) -> Iterator[str]:
    """Yield the lines that end a build: failures, blocked tasks, notes, and the counts.

    ``root`` is the folder that the paths of the events are relative to.
    """
    report, to = progress.report, progress.to
    for hook in report.hooks.values():
        if hook.said and not hook.failure:
            yield to.paint(f"{hook.hook} says:", "cyan")
            yield from (f"  {to.paint('|', 'dim')} {flat(line)}" for line in hook.said.splitlines())
    broken = {hook.hook: hook for hook in report.hooks.values() if hook.failure}
    if report.failures or broken:
        failed = failures.failed
        for event in report.failures.values():
            yield ""
            yield from failed(event, progress.tails.get(event.task, ""), to, root)
        for hook in broken.values():
            yield ""
            ended = TaskFinished(f"{hook.hook} of the pipeline", Outcome.FAILED, hook.seconds, hook.failure)
            yield from failed(ended, hook.said, to, root)
        yield ""
    yield from blocked(report, to)
    yield from note_lines([note for note in report.notes if not (note.now and progress.told)], notes, to)
    yield counted(progress, took)


def counted(progress: Progress, took: float) -> str:
    """Return the last line: how many tasks ended how, and how long it took."""
    report, to = progress.report, progress.to
    counts = {outcome: n for outcome, n in report.counts.items() if n}
    time = seconds(took)
    if not report.finished:
        ended = [f"{n} {outcome.value}" for outcome, n in counts.items()]
        ended += [f"{len(progress.running)} stopped"] if progress.running else []
        left = len(progress.tasks) - len(report.ended) - len(progress.running)
        ended += [f"{left} not started"] if left else []
        return (
            f"{to.paint('interrupted', 'yellow')} after {time}: {', '.join(ended) or 'nothing had started'}"
        )
    if list(counts) == [Outcome.FRESH]:
        return f"{many(counts[Outcome.FRESH], 'task')} {to.word('fresh')} in {time}"
    words = [to.paint(f"{n:,} {outcome.value}", COLOURS[outcome.value]) for outcome, n in counts.items()]
    return f"{', '.join(words) or 'no tasks'} in {time}"


def blocked(report: Report, to: Screen) -> Iterator[str]:
    """Yield the blocked tasks, grouped by cause."""
    stopped = {name: event for name, event in report.ended.items() if event.outcome is Outcome.BLOCKED}
    causes: dict[str, list[str]] = {}
    for name in stopped:
        causes.setdefault(_cause(name, stopped), []).append(name)
    for cause, names in causes.items():
        if cause == _THERE:
            own = {
                str(r) for name in names for r in stopped[name].reasons if parts.split(r.part)[0] is STRANGER
            }
            cause = next(iter(own)) if len(own) == 1 else _THERE
        if len(names) <= _EACH:
            yield from (f"{to.word('blocked')} {name}: {cause}" for name in names)
        else:
            yield f"{to.word('blocked')} {many(len(names), 'task')}: {cause} ({several(names, _EACH)})"
    yield from hints(reason for event in stopped.values() for reason in event.reasons)


def note_lines(notes: Iterable[Note], more: Iterable[str], to: Screen) -> Iterator[str]:
    """Yield each note once, with the tasks that it is about."""
    about: dict[str, list[str]] = {message: [] for message in more}
    for note in notes:
        tasks = about.setdefault(note.message, [])
        if note.task and note.task not in tasks:
            tasks.append(note.task)
    for message, tasks in about.items():
        yield note_line(message, several(tasks, _EACH) if tasks else "", to)


def _cause(name: str, stopped: Mapping[str, TaskFinished]) -> str:
    """Return what kept a task from running: not a neighbour that was blocked too, but what blocked that."""
    reasons = stopped[name].reasons
    if not reasons:
        return "its upstream is missing"
    before = str(reasons[0]).rpartition(" ")[0]
    if reasons[0].part == WAITS.word and before in stopped and before != name:
        return _cause(before, stopped)
    return _THERE if parts.split(reasons[0].part)[0] is STRANGER else flat(str(reasons[0]))
