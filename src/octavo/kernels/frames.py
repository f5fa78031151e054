"""Read the tracebacks of IPython: the calls in cells and files that led to an exception."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from ..dataclass import dataclass
from ..tracebacks import plain

# the head of a call: in a cell, of IPython 8 and later and of IPython 7, in a file, and Python's own
_CELL = re.compile(
    r"^(?:Cell |Input )In ?\[(?P<number>\d+)\](?:, line (?P<line>\d+))?(?:, in (?P<name>[^(]+).*)?$"
)
_FILE = re.compile(r"^File (?P<path>.+?):(?P<line>\d+)(?:, in (?P<name>[^(]+).*)?$")
_PYTHON = re.compile(r'^\s*File "(?P<path>[^"]+)", line (?P<line>\d+)(?:, in (?P<name>.+))?$')
_ARROW = re.compile(r"^-+> ?(?P<line>\d+) ?(?P<code>.*)$")
_MODULE = ("<module>", "<cell line: ")
#: Code that no user writes: of installed packages, of Python's library, and what IPython makes up.
_FOREIGN = re.compile(
    r"site-packages|dist-packages|[/\\]lib[/\\]python3|^<|[/\\]octavo[/\\](?:worker|kernels)[/\\]"
)


@dataclass(frozen=True, slots=True)
class Frame:
    """One call: in the cell of an execution count (``number``) or in a file; ``code`` is the line that stands there."""

    number: int | None
    path: str
    line: int
    name: str = ""
    code: str = ""

    @property
    def place(self) -> str:
        return f"{self.path}:{self.line}" if self.number is None else f"cell {self.number}, line {self.line}"


def calls(traceback: Sequence[str]) -> list[Frame]:
    """Return the calls in a traceback, IPython's or Python's, outermost first.

    Where one exception led to another, only the calls of the last are returned.
    """
    found: list[Frame] = []
    lines = plain("\n".join(traceback)).splitlines()
    for line, after in pairwise([*lines, ""]):
        if "Traceback (most recent call last)" in line:
            found.clear()
        elif match := _CELL.match(line):
            found.append(Frame(int(match["number"]), "", int(match["line"] or 0), _named(match["name"])))
        elif match := _PYTHON.match(line) or _FILE.match(line):
            code = after.strip() if line.startswith("  File") and not _PYTHON.match(after) else ""
            found.append(Frame(None, match["path"], int(match["line"]), _named(match["name"]), code))
        elif (match := _ARROW.match(line)) and found and not found[-1].code:
            last = found[-1]
            number = last.line or int(match["line"])
            found[-1] = Frame(last.number, last.path, number, last.name, match["code"].strip())
    return found


def line_in(found: Sequence[Frame], number: int | None) -> int | None:
    """Return the line at which a cell was, by its execution count: an error elsewhere is not at this line there."""
    return next(
        (call.line for call in reversed(found) if call.number is not None and call.number == number), None
    )


def below(found: Sequence[Frame], number: int | None) -> list[Frame]:
    """Return the calls that a cell made, below the last line of its own."""
    own = [index for index, call in enumerate(found) if call.number is not None and call.number == number]
    return list(found[own[-1] + 1 :]) if own else list(found)


def raised(found: Sequence[Frame], number: int | None) -> str:
    """Return where in the user's code an error was raised, if not in the cell itself: in another one, or in a file."""
    users = [call for call in below(found, number) if not _FOREIGN.search(call.path)]
    return users[-1].place if users else ""


def _named(name: str | None) -> str:
    name = (name or "").strip()
    return "" if name.startswith(_MODULE) else name
