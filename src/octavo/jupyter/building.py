"""Build, or run a notebook, in a process of its own, and follow how it goes: a kernel or a server stays as it is."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from html import escape
from typing import TYPE_CHECKING

from ..dataclass import dataclass
from ..events import CellStarted, Event, Note, RunStarted, TaskFinished, TaskStarted, from_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ..model import Failure

#: What says which notebook a kernel is of; that of a build is another's.
_OWN = ("JPY_SESSION_NAME", "JPY_PARENT_PID")

_SIGNS = {
    "done": "✓",
    "restored": "✓",
    "fresh": "·",
    "failed": "✗",
    "cancelled": "✗",
    "blocked": "–",
    "running": "▸",
}


def build(pipeline: Path, root: Path, targets: Sequence[str] = (), force: bool = False) -> Building:
    """Start a build of some tasks."""
    words = ["--file", os.path.relpath(pipeline, root), *(["--force"] if force else []), *targets]
    return Building(["build", "--json", *words], root)


def run(notebook: Path) -> Building:
    """Start a run of one notebook without a pipeline, in a worker; its executed copy is at ``executed(notebook)``."""
    # a name that begins with a dash is no option
    return Building(
        ["run", "--json", "--", f"./{notebook.name}", f"./{executed(notebook).name}"], notebook.parent
    )


def executed(notebook: Path) -> Path:
    """Return the place of the executed copy of a notebook that is run without a pipeline."""
    return notebook.with_name(f"{notebook.stem}.executed.ipynb")


class Building:
    """A command that runs. What it says that is no event, such as the mistakes of a pipeline, is in ``said``."""

    def __init__(self, words: Sequence[str], folder: Path) -> None:
        environ = {name: value for name, value in os.environ.items() if name not in _OWN}
        self.said: list[str] = []
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "octavo", *words],
            cwd=folder,
            env={**environ, "NO_COLOR": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # Ctrl-C in a terminal is for the server or kernel alone, which passes it on
            start_new_session=True,
        )

    def events(self) -> Iterator[Event]:
        """Yield its events as they come, until it has ended."""
        stream = self._process.stdout
        assert stream is not None
        # not as an iterator: after an interrupt the rest is read by a second call
        while line := stream.readline():
            try:
                event = json.loads(line)
            except ValueError:
                event = None
            if isinstance(event, dict) and "event" in event:
                yield from_json(event)
            else:
                self.said.append(line.decode("utf-8", "replace").rstrip("\n"))
        stream.close()
        self._process.wait()

    @property
    def code(self) -> int | None:
        """Return its exit code; None while it runs."""
        return self._process.poll()

    def cancel(self) -> None:
        """End it as Ctrl-C does: what has run is kept."""
        if self.code is None:
            self._process.send_signal(signal.SIGINT)


@dataclass(frozen=True, slots=True)
class TaskLine:
    """How a task of a build stands: its state, the code cell that runs and of how many, its time, and why it failed."""

    state: str
    cell: int = 0
    cells: int = 0
    seconds: float = 0.0
    why: str = ""

    @property
    def words(self) -> str:
        cells = f"cell {self.cell} of {self.cells}" if self.state == "running" and self.cells else ""
        seconds = f"{self.seconds:.1f} s" if self.seconds else ""
        return "  ".join(filter(None, (cells, seconds, self.why)))


class Course:
    """The course of a build as it is shown under a cell: a line for each task that has something to do."""

    def __init__(self) -> None:
        self.lines: dict[str, TaskLine] = {}
        self.notes: list[str] = []
        self._begun = False

    def take(self, event: Event) -> bool:
        """Take an event in; return whether it changes what is shown."""
        match event:
            case RunStarted(stale=stale):
                self._begun = True
                self.lines = {name: TaskLine("waits") for name in stale}
            case TaskStarted(task=task):
                self.lines[task] = TaskLine("running")
            case CellStarted(task=task, number=number, total=total):
                self.lines[task] = TaskLine("running", number, total)
            case TaskFinished(task=task, outcome=outcome, failure=failure, reasons=reasons, seconds=seconds):
                why = _failed(failure) if failure else ", ".join(map(str, reasons))
                self.lines[task] = TaskLine(outcome.value, seconds=seconds, why=why)
            case Note(message=message):
                self.notes.append(message)
            case _:
                return False
        return True

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return {"text/plain": str(self), "text/html": self.html()}

    def __str__(self) -> str:
        width = max(map(len, self.lines), default=0)
        rows = [
            f"{_sign(line)} {name:<{width}}  {line.state}  {line.words}" for name, line in self.lines.items()
        ]
        return "\n".join([*(row.rstrip() for row in rows), *self.notes]) or self._nothing

    @property
    def _nothing(self) -> str:
        return "nothing to do" if self._begun else "the build begins"

    def html(self) -> str:
        """Return it as a table; what runs has a bar."""
        rows = "".join(
            f"<tr><td>{_sign(line)}</td><td><b>{escape(name)}</b></td><td>{escape(line.state)}</td>"
            f"<td style='text-align:left'>{_bar(name, line)}{escape(line.words)}</td></tr>"
            for name, line in self.lines.items()
        )
        notes = "".join(f"<div>{escape(note)}</div>" for note in self.notes)
        return f"<table>{rows}</table>{notes}" if rows else f"{self._nothing}{notes}"


def _sign(line: TaskLine) -> str:
    return _SIGNS.get(line.state, "·")


def _bar(name: str, line: TaskLine) -> str:
    if line.state != "running" or not line.cells:
        return ""
    label = escape(name, quote=True)
    return f'<progress aria-label="{label}" value="{line.cell - 1}" max="{line.cells}"></progress> '


def _failed(failure: Failure) -> str:
    """Return what failed, where, as one line."""
    cell = f"cell [{failure.number}]" if failure.number is not None else ""
    line = f"line {failure.line}" if failure.line is not None else ""
    place = ", ".join(filter(None, (failure.path, cell, line)))
    first = failure.message.strip().partition("\n")[0]
    return f"{failure.kind}: {first}" + (f" ({place})" if place else "")
