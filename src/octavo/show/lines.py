"""Say how a build goes, a line for each task that starts or ends; or each event as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..events import (
    CellStarted,
    CheckFinished,
    Event,
    Note,
    NotebookOpened,
    Output,
    Paused,
    TaskFinished,
    TaskStarted,
    to_json,
)
from ..lazy import lazy_imports
from ..model import Outcome
from .screen import cut, flat, seconds, several, visible

with lazy_imports():
    from ..quality import shown as quality

if TYPE_CHECKING:
    from ..model import Reason
    from .screen import Screen


class Lines:
    """Plain lines, one when a task starts and one when it ends; for pipes, logs and dumb terminals."""

    def __init__(self, to: Screen, logs: bool = False) -> None:
        self.to = to
        self.logs = logs

    def __call__(self, event: Event) -> None:
        match event:
            case TaskStarted():
                self.to.say(f"{self.to.word('start', _WORD)} {event.task}: {flat(why(event.reasons))}")
            case Paused(connection=str(path)):
                failure = event.failure
                self.to.say(
                    f"{self.to.word('failed', _WORD)} {event.task}: {flat(headline(failure.kind, failure.message))}"
                )
                self.to.say(f"  paused: jupyter console --existing {path}")
                self.to.say("  to continue, type exit there or press Ctrl-C here")
            case TaskFinished() if event.outcome not in UNSAID:
                self.to.say(outcome_line(event, self.to))
            case CheckFinished() if self.logs:
                self.to.say(check_line(event, self.to))
            case Note(now=True):
                self.to.say(note_line(event.message, event.task or "", self.to))
            case Output(kind="stream") if self.logs:
                self.to.stream.write(visible(str(event.content.get("text", ""))))
                self.to.stream.flush()
            case _:
                pass

    def close(self) -> None:
        """Do nothing: there is nothing to close."""


class JsonLines:
    """Every event as one line of JSON, and nothing else."""

    def __init__(self, to: Screen) -> None:
        self.to = to
        self.encode = json.JSONEncoder(separators=(",", ":"), default=str).encode

    def __call__(self, event: Event) -> None:
        self.to.say(self.encode(to_json(event)))

    def close(self) -> None:
        """Do nothing: there is nothing to close."""


class Heads:
    """The first line of each cell's source, of the notebooks that run."""

    def __init__(self) -> None:
        self._lines: dict[str, dict[int, str]] = {}

    def __call__(self, event: Event) -> None:
        match event:
            case NotebookOpened():
                cells = enumerate(event.notebook.get("cells", ()))
                self._lines[event.task] = {n: _head(cell.get("source", "")) for n, cell in cells}
            case TaskFinished():
                self._lines.pop(event.task, None)
            case _:
                pass

    def head(self, event: CellStarted) -> str:
        """Return the first line of a cell that says something."""
        return self._lines.get(event.task, {}).get(event.cell, "")


_WORD = 8  # "restored"
_LONGEST = 200  # columns of an error in a line

#: How a task may end without a line of its own: these are counted, or said together, at the end.
UNSAID = (Outcome.FRESH, Outcome.BLOCKED, Outcome.CANCELLED)


def why(reasons: tuple[Reason, ...], most: int = 3) -> str:
    """Return reasons as a person would say them, all beyond the first few as their number."""
    return several([str(reason) for reason in reasons], most)


def outcome_line(event: TaskFinished, to: Screen) -> str:
    """Return the line of a task that ended."""
    time = f" {seconds(event.seconds)}" if event.seconds else ""
    line = f"{to.word(event.outcome.value, _WORD)} {event.task}{to.paint(time, 'dim')}"
    if event.failure is None:
        return line
    cell = f"cell {event.failure.number}: " if event.failure.number is not None else ""
    return f"{line}: {cell}{flat(headline(event.failure.kind, event.failure.message))}"


def check_line(event: CheckFinished, to: Screen) -> str:
    """Return the line of a check of a task's data."""
    return f"{to.word('check', _WORD)} {quality.line(event)}"


def note_line(message: str, about: str, to: Screen) -> str:
    """Return the line of a note, and of what it is about."""
    return f"{to.paint('note:', 'cyan')} {f'{about}: ' if about else ''}{visible(message)}"


def headline(kind: str, message: str) -> str:
    """Return the first line of an error."""
    first = message.strip().split("\n", 1)[0]
    return cut(f"{kind}: {first}" if first else kind, _LONGEST)


def _head(source: str | list[str]) -> str:
    text = source if isinstance(source, str) else "".join(source)
    lines = (line.strip() for line in text.splitlines())
    return flat(next((line for line in lines if line and not line.startswith("#")), ""))
