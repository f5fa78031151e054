"""What tasks print as lines that say whose they are: ``fit | epoch 3``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..events import CheckFinished, Event, Output, TaskFinished
from ..tracebacks import plain
from .lines import Lines, check_line
from .screen import flat, visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .screen import Screen

_COLOURS = ("cyan", "magenta", "blue", "yellow", "green")
_RESET = "\x1b[0m"


class Prefixed:
    """Joins what tasks print into whole lines, for several tasks print at a time.

    A line that a task has not ended waits for its end, or for that of the task. Of a progress bar, which returns to the
    start of its line, the last state is said. ``coloured``: colours stay, and what else commands a
    terminal is spelt out.
    """

    def __init__(self, to: Screen, coloured: bool = False) -> None:
        self.to = to
        self._coloured = coloured
        self._open: dict[str, str] = {}
        self._colours: dict[str, str] = {}

    def __call__(self, event: Event) -> None:
        for line in self.lines(event):
            self.to.say(line)

    def lines(self, event: Event) -> Iterator[str]:
        """Yield the lines that an event completes."""
        match event:
            case Output(kind="stream"):
                *whole, rest = (self._open.get(event.task, "") + str(event.content.get("text", ""))).split(
                    "\n"
                )
                self._open[event.task] = rest
                yield from (self._line(event.task, line) for line in whole)
            case Output(kind="execute_result" | "display_data"):
                text = event.content.get("data", {}).get("text/plain", "")
                yield from self._rest(event.task)
                yield from (self._line(event.task, line) for line in str(text).split("\n"))
            case TaskFinished():
                yield from self._rest(event.task)
            case _:
                pass

    def _rest(self, task: str) -> Iterator[str]:
        if rest := self._open.pop(task, ""):
            yield self._line(task, rest)

    def _line(self, task: str, text: str) -> str:
        colour = self._colours.setdefault(task, _COLOURS[len(self._colours) % len(_COLOURS)])
        if self._coloured:
            line = visible(text.rstrip("\r\n").rpartition("\r")[2])
            line += _RESET if "\x1b[" in line and not line.endswith(_RESET) else ""
        else:
            line = flat(plain(text).rstrip("\r\n").rpartition("\r")[2].expandtabs())
        return f"{self.to.paint(flat(task), colour)} {self.to.paint('|', 'dim')} {line}".rstrip()


class Verbose(Lines):
    """Plain lines, and between them what the tasks print, each line with its task."""

    def __init__(self, to: Screen, coloured: bool = False) -> None:
        super().__init__(to)
        self._printed = Prefixed(to, coloured)

    def __call__(self, event: Event) -> None:
        self._printed(event)
        super().__call__(event)
        if isinstance(event, CheckFinished):
            self.to.say(check_line(event, self.to))
