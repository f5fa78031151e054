"""Show progress while a build runs: the listener that all commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ..events import Event, Note, Output, RunStarted, TaskFinished, TaskStarted
from ..lazy import lazy_imports
from ..model import Outcome
from ..report import Report
from .lines import JsonLines, Lines

with lazy_imports():
    from . import live

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from .screen import Screen

_TAIL = 4_000  # characters kept of what a task says


class View(Protocol):
    """Shows a build as it goes: told every event, closed when it ends, however it ends."""

    def __call__(self, event: Event) -> None: ...
    def close(self) -> None: ...


class Progress:
    """Follows a build: folds its report, keeps the end of what each task says, and shows the rest in a view.

    ``logs``: what the cells print is printed too. ``lines`` makes a view that stands instead of the usual ones.
    The view is chosen when the build has something to do, so that one without work costs nothing. While ``quiet``
    there is none.
    """

    def __init__(
        self,
        to: Screen,
        *,
        quiet: bool = False,
        as_json: bool = False,
        logs: bool = False,
        lines: Callable[[Screen], View] | None = None,
    ) -> None:
        self.to = to
        self._lines = lines
        self.report = Report()
        self.running: dict[str, None] = {}
        self.tails: dict[str, str] = {}
        #: Whether what is said at once was seen, and is not said at the end.
        self.told = False
        self.stale: tuple[str, ...] = ()
        self.tasks: tuple[str, ...] = ()
        self._quiet = quiet
        self._logs = logs
        self._view: View | None = JsonLines(to) if as_json else None

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._view is not None:
            self._view.close()

    def __call__(self, event: Event) -> None:
        self.report(event)
        match event:
            case RunStarted():
                self.tasks, self.stale = event.tasks, event.stale
                if self._view is None and event.stale and not self._quiet:
                    self._view = self._choose()
            case Note(now=True) if self._view is None and not self._quiet:
                self._view = self._choose()
            case TaskStarted():
                self.running[event.task] = None
            case Output(kind="stream"):
                output = self.tails.get(event.task, "") + str(event.content.get("text", ""))
                self.tails[event.task] = output[-_TAIL:]
            case TaskFinished():
                self.running.pop(event.task, None)
                if event.outcome is not Outcome.FAILED:
                    self.tails.pop(event.task, None)
            case _:
                pass
        if self._view is not None:
            self._view(event)

    def _choose(self) -> View:
        if self._lines is not None:
            return self._lines(self.to)
        self.told = True
        if self.to.live and self.to.size and not self._logs:
            return live.Live(self.to)
        return Lines(self.to, self._logs)
