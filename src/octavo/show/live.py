"""Show a build live in a terminal: finished tasks scroll away, running ones are redrawn below."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.control import Control
from rich.live import Live as RichLive
from rich.segment import ControlType
from rich.text import Text

from ..events import CellStarted, Event, Importing, Note, RunStarted, TaskFinished, TaskStarted
from ..model import Outcome
from .lines import UNSAID, Heads, note_line, outcome_line, why
from .screen import columns, cut, flat, pad, seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import ConsoleOptions, ConsoleRenderable, RenderResult

    from .screen import Screen

_NARROW, _WIDE = 50, 110  # below: only names and seconds; from: reasons too


class RunningRow:
    """A task that runs: since when, why, what is imported before it can, and the cell it is at."""

    def __init__(self, name: str, reason: str, since: float) -> None:
        self.name, self.reason, self.since = name, reason, since
        self.number = self.total = 0
        self.head = self.importing = ""


class _Shrinking(RichLive):
    """A live picture in a terminal that may become narrower: it then breaks the lines that it shows in two.

    Rich goes up as many rows as it drew; the rows that were added have to be cleared as well.
    """

    drawn: Sequence[int] = ()

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        width = max(1, self.console.size.width)
        added = sum((columns - 1) // width for columns in self.drawn if columns)
        up = [(ControlType.ERASE_IN_LINE, 2), (ControlType.CURSOR_UP, 1)] * added
        return (
            [Control(*up), *super().process_renderables(renderables)]
            if up
            else super().process_renderables(renderables)
        )


class Live:
    """Shows a build in a terminal that can move its cursor.

    The picture is drawn by a thread of rich's, eight times a second; events only change the rows it is drawn
    from. It is never taller than the terminal nor wider, for what wraps or scrolls cannot be drawn over.
    """

    def __init__(self, to: Screen, clock: Callable[[], float] = time.monotonic) -> None:
        self.to, self.clock = to, clock
        self.rows: dict[str, RunningRow] = {}
        self.heads = Heads()
        self.counts: dict[Outcome, int] = {}
        self.total = self.began = 0.0
        self.console = Console(
            file=to.stream,
            force_terminal=True,
            color_system="standard" if to.colour else None,
            no_color=not to.colour,
            highlight=False,
            markup=False,
            emoji=False,
        )
        self.live = _Shrinking(
            self,
            console=self.console,
            transient=True,
            refresh_per_second=8,
            vertical_overflow="crop",
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __call__(self, event: Event) -> None:
        self.heads(event)
        match event:
            case RunStarted():
                self.total, self.began = len(event.tasks), self.clock()
                self.live.start()
            case TaskStarted():
                self.rows[event.task] = RunningRow(event.task, flat(why(event.reasons)), self.clock())
            case Importing() if event.task in self.rows:
                # the time of a task is its own: it has not begun before
                row = self.rows[event.task]
                row.since = self.clock()
                row.importing = "" if event.seconds is not None else importing(event.modules)
            case CellStarted() if event.task in self.rows:
                row = self.rows[event.task]
                row.head = self.heads.head(event)
                row.number, row.total = event.number, event.total
            case TaskFinished():
                self.rows.pop(event.task, None)
                self.counts[event.outcome] = self.counts.get(event.outcome, 0) + 1
                if event.outcome not in UNSAID:
                    self._print(outcome_line(event, self.to))
            case Note(now=True):
                self._print(note_line(event.message, event.task or "", self.to))
            case _:
                pass

    def _print(self, line: str) -> None:
        self.console.print(Text.from_ansi(line), soft_wrap=True)

    def close(self) -> None:
        """Take the picture away; the lines above it stay."""
        if self.live.is_started:
            self.live.stop()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width, height = options.max_width - 1, console.size.height
        now = self.clock()
        rows = list(self.rows.values())
        shown = rows[: max(1, height - 3)]
        lines = [self._line(row, now, width, shown) for row in shown]
        if len(rows) > len(shown):
            lines.append(cut(f"  and {len(rows) - len(shown)} more", width))
        lines.append(self._foot(now, width))
        texts = [Text.from_ansi(line, no_wrap=True, overflow="crop") for line in lines]
        self.live.drawn = [min(text.cell_len, options.max_width) for text in texts]
        yield from texts

    def _line(self, row: RunningRow, now: float, width: int, shown: list[RunningRow]) -> str:
        took = f"{seconds(now - row.since):>8}"
        names = min(max(columns(row.name) for row in shown), max(8, width // 3))
        if width < _NARROW:
            return self.to.paint(pad(row.name, max(0, width - 9)), "blue") + took[-max(0, width) :]
        cells = f"{row.number}/{row.total}" if row.total else ""
        lead = f"{self.to.word('waiting' if row.importing else 'running', 8)} {pad(flat(row.name), names)}"
        line = f"{lead} {self.to.paint(took, 'dim')}  {cells:>7}"
        left = width - 8 - 1 - names - 1 - 8 - 2 - 7 - 2
        if width < _WIDE or not row.head:
            words = row.importing or row.head or row.reason
            return f"{line}  {self.to.paint(cut(words, max(0, left)), 'dim')}"
        half = left * 3 // 5
        reason = self.to.paint(cut(row.reason, left - half - 2), "dim")
        return f"{line}  {pad(row.head, half)}  {reason}"

    def _foot(self, now: float, width: int) -> str:
        """Return the last line: how far the build is."""
        done = sum(self.counts.values())
        words = [f"{done} of {self.total} tasks"]
        words += [f"{count} {outcome.value}" for outcome in Outcome if (count := self.counts.get(outcome))]
        return cut(f"{' · '.join(words)} · {seconds(now - self.began)}", width)


def importing(modules: Sequence[str]) -> str:
    """Return in words what is being imported: the packages, each once."""
    return f"importing {', '.join(dict.fromkeys(name.partition('.')[0] for name in modules))} …"
