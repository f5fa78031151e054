"""What a stream supports (colour, width, redrawing), and how seconds and numbers are written."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, TextIO
from unicodedata import combining, east_asian_width

if TYPE_CHECKING:
    from collections.abc import Mapping

_CODES = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
}

#: The colour of each state and outcome, wherever it is shown.
COLOURS = {
    "fresh": "green",
    "stale": "yellow",
    "waits": "cyan",
    "start": "blue",
    "running": "blue",
    "done": "green",
    "restored": "green",
    "failed": "red",
    "blocked": "magenta",
    "cancelled": "yellow",
}


class Screen:
    """A stream with what it can show. ``live``: a terminal whose cursor can be moved."""

    __slots__ = ("colour", "live", "stream")

    def __init__(self, stream: TextIO, colour: bool = False, live: bool = False) -> None:
        self.stream, self.colour, self.live = stream, colour, live

    @property
    def size(self) -> tuple[int, int] | None:
        """Columns and rows now, or None where nothing limits a line."""
        if not self.stream.isatty():
            return None
        try:
            columns, rows = os.get_terminal_size(self.stream.fileno())
        except (OSError, ValueError):
            return None
        return (columns, rows) if columns and rows else None

    @property
    def width(self) -> int | None:
        size = self.size
        return size[0] if size else None

    @property
    def wide(self) -> bool:
        """Whether box-drawing characters and arrows can be shown."""
        return "utf" in (self.stream.encoding or "").lower().replace("-", "")

    def paint(self, text: str, style: str) -> str:
        """Return the text in a colour (or "bold", "dim"), where colours are shown."""
        return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if self.colour and text and style else text

    def word(self, state: str, width: int = 0) -> str:
        """Return a state or outcome in its colour, padded."""
        return self.paint(state, COLOURS.get(state, "bold")) + " " * (width - len(state))

    def say(self, text: str = "") -> None:
        """Print a line at once: a reader at the other end of a pipe follows a build as it goes."""
        self.stream.write(text + "\n")
        self.stream.flush()


def screen(stream: TextIO, environ: Mapping[str, str]) -> Screen:
    """Find out what a stream can show.

    NO_COLOR (https://no-color.org) wins over FORCE_COLOR (https://force-color.org); else a terminal that is
    not "dumb" has colour.
    """
    able = stream.isatty() and environ.get("TERM", "") not in ("", "dumb")
    forced = environ.get("FORCE_COLOR", "0") not in ("", "0")
    return Screen(stream, (able or forced) and not environ.get("NO_COLOR"), able)


def seconds(value: float) -> str:
    """Return a duration as a person would say it."""
    if value < 0.995:
        return f"{value:.2f} s"
    if value < 59.95:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def many(count: int, noun: str) -> str:
    """Return a number with its noun: "1 task", "3 tasks"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def several(words: list[str], most: int) -> str:
    """Return words joined by commas, all beyond the first few as their number."""
    if len(words) <= most:
        return ", ".join(words)
    return f"{', '.join(words[:most])} and {len(words) - most} more"


#: Colours, which stay; control characters otherwise, those of 8 bits and what turns the direction of text among them.
_CONTROL = re.compile("(\x1b\\[[0-9;:]*m)|[\x00-\x07\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_PICTURES = {chr(code): chr(0x2400 + code) for code in range(32)} | {"\x7f": "␡"}


def flat(text: str) -> str:
    """Return text as one line without control characters: what user code says must not move our cursor."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else " " for c in text).strip()


def visible(text: str) -> str:
    """Return what user code printed with its control characters as pictures: ␛ can set a title or clear the screen.

    Colours stay, and what moves within a line: tabs, carriage returns and backspaces of progress bars.
    """
    if text.isprintable():
        return text
    return _CONTROL.sub(lambda match: match[1] or _PICTURES.get(match[0], "�"), text)


def columns(text: str) -> int:
    """Return how many columns a printable text takes in a terminal."""
    if text.isascii():
        return len(text)
    return sum(_columns(c) for c in text)


def cut(text: str, width: int | None) -> str:
    """Return the text, shortened to so many columns."""
    if width is None or columns(text) <= width:
        return text
    used = 0
    for place, char in enumerate(text):
        used += _columns(char)
        if used > width - 1:
            return text[:place] + "…" if width > 0 else ""
    return text


def pad(text: str, width: int) -> str:
    """Return the text cut or filled to exactly so many columns."""
    text = cut(text, width)
    return text + " " * (width - columns(text))


def _columns(char: str) -> int:
    if combining(char) or char in "\u200b\u200c\u200d\ufe0e\ufe0f":
        return 0
    return 2 if east_asian_width(char) in "WF" else 1
