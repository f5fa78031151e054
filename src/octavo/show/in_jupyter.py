"""A progress bar in Jupyter, for builds and runs that a notebook starts."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from html import escape
from typing import Protocol

from ..events import (
    CellFinished,
    Event,
    Importing,
    NotebookOpened,
    RunFinished,
    RunStarted,
    TaskFinished,
    TaskStarted,
)
from ..model import Outcome
from .lines import headline
from .screen import COLOURS, seconds, several

#: So often is the bar drawn again while cells end, in seconds.
_PACE = 0.2
#: So many of the tasks that run are named.
_NAMED = 3


class Publisher(Protocol):
    """What IPython shows things with: its ``DisplayPublisher``."""

    def publish(
        self,
        data: Mapping[str, object],
        metadata: None = None,
        *,
        transient: Mapping[str, str],
        update: bool = False,
    ) -> None: ...


def bars() -> list[Callable[[Event], None]]:
    """Return the listener that shows a bar, where this is the kernel of a notebook; elsewhere none."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None or getattr(shell, "kernel", None) is None:
        return []
    return [Bar(shell.display_pub)]


class Bar:
    """A listener that shows how far a build is, what runs, and what failed, in one output of a cell."""

    def __init__(self, publisher: Publisher, clock: Callable[[], float] = time.monotonic) -> None:
        self._publisher = publisher
        self._clock = clock
        self._id = {"display_id": f"octavo-{id(self):x}-{clock():.0f}"}
        self._shown = False
        self._drawn = self._began = clock()
        self._all = 0
        self._ended: dict[str, TaskFinished] = {}
        self._running: dict[str, str] = {}
        self._cells: dict[str, tuple[int, int]] = {}

    def __call__(self, event: Event) -> None:
        match event:
            case RunStarted():
                self._all = len(event.stale)
            case TaskStarted():
                self._running[event.task] = ""
            case Importing():
                self._running[event.task] = (
                    f"importing {several([*event.modules], _NAMED)}" if event.seconds is None else ""
                )
            case NotebookOpened():
                count = sum(cell.get("cell_type") == "code" for cell in event.notebook.get("cells", ()))
                self._cells[event.task] = 0, count
            case CellFinished() if event.task in self._cells:
                done, count = self._cells[event.task]
                self._cells[event.task] = done + 1, count
                if self._clock() - self._drawn < _PACE:
                    return
            case TaskFinished():
                self._running.pop(event.task, None)
                self._cells.pop(event.task, None)
                self._ended[event.task] = event
            case RunFinished():
                self._running.clear()
            case _:
                return
        if self._all or self._running or self._failed():
            self._draw()

    def _failed(self) -> list[TaskFinished]:
        return [event for event in self._ended.values() if event.failure is not None]

    def _draw(self) -> None:
        ran = sum(event.outcome is not Outcome.FRESH for event in self._ended.values())
        whole = max(self._all, ran + len(self._running))
        parts = sum(
            done / count for name, (done, count) in self._cells.items() if count and name in self._running
        )
        counts = [
            (sum(event.outcome is outcome for event in self._ended.values()), outcome.value)
            for outcome in Outcome
        ]
        words = [f"{count} {word}" for count, word in counts if count]
        running = [self._named(name) for name in self._running]
        words += [f"running {several(running, _NAMED)}"] if running else []
        words += [seconds(self._clock() - self._began)]
        failures = [
            (event.task, headline(event.failure.kind, event.failure.message))
            for event in self._failed()
            if event.failure is not None
        ]
        text = f"{ran} of {whole}: {', '.join(words)}"
        rows = "".join(
            f'<div style="color: {COLOURS["failed"]}">failed {escape(name)}: {escape(said)}</div>'
            for name, said in failures
        )
        bar = f'<progress value="{min(ran + parts, whole):.2f}" max="{whole}" style="width: 16em"></progress>'
        data = {
            "text/html": f"<div>{bar} {escape(text)}</div>{rows}",
            "text/plain": "\n".join([text, *(f"failed {name}: {said}" for name, said in failures)]),
        }
        self._publisher.publish(data, transient=self._id, update=self._shown)
        self._shown, self._drawn = True, self._clock()

    def _named(self, name: str) -> str:
        done, count = self._cells.get(name, (0, 0))
        said = self._running[name] or (f"cell {min(done + 1, count)} of {count}" if count else "")
        return f"{name} ({said})" if said else name
