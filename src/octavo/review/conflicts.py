"""What a merge has left to decide in a notebook: find it, and take a side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from ..dataclass import dataclass
from ..model import Json, joined
from ..notebook.cells import Notebook
from . import merge_text
from .merge import KEY

Side = Literal["ours", "theirs", "both"]


@dataclass(frozen=True, slots=True)
class Conflict:
    """A place to decide: cells ``first`` to ``last`` with marks around them, or one with marks in its source.

    ``ours`` and ``theirs`` are what the sides say, as text.
    """

    first: int
    last: int
    kind: Literal["cells", "source"]
    ours: str
    theirs: str


def _place(cell: Json) -> str:
    metadata = cell.get("metadata")
    note = metadata.get(KEY) if isinstance(metadata, dict) else None
    said = note.get("conflict") if isinstance(note, dict) else None
    return said if isinstance(said, str) else ""


def find(notebook: Notebook) -> Iterator[Conflict]:
    """Yield what is left to decide, in order."""
    cells = notebook.cells
    start = middle = None
    for at, cell in enumerate(cells):
        place = _place(cell)
        if place == "ours":
            start, middle = at, None
        elif place == "middle" and start is not None:
            middle = at
        elif place == "theirs" and start is not None and middle is not None:
            sides = (cells[start + 1 : middle], cells[middle + 1 : at])
            yield Conflict(start, at, "cells", *(_text(side) for side in sides))
            start = middle = None
        elif blocks(joined(cell.get("source", ""))):
            text = joined(cell.get("source", ""))
            yield Conflict(at, at, "source", chosen(text, "ours"), chosen(text, "theirs"))


def _text(cells: Sequence[Json]) -> str:
    return "\n\n".join(joined(cell.get("source", "")) for cell in cells)


def blocks(text: str) -> list[tuple[int, int, int]]:
    """Return the lines of markers in a source: before, between and after the sides."""
    lines = text.split("\n")
    found = []
    start = middle = None
    for at, line in enumerate(lines):
        if line.startswith(f"{merge_text.OURS} "):
            start, middle = at, None
        elif line == merge_text.MIDDLE and start is not None and middle is None:
            middle = at
        elif line.startswith(f"{merge_text.THEIRS} ") and start is not None and middle is not None:
            found.append((start, middle, at))
            start = middle = None
    return found


def chosen(text: str, side: Side) -> str:
    """Return a source with one side, or both, in place of all that stands between markers."""
    lines = text.split("\n")
    result: list[str] = []
    done = 0
    for start, middle, end in blocks(text):
        result += lines[done:start]
        result += lines[start + 1 : middle] if side in ("ours", "both") else []
        result += lines[middle + 1 : end] if side in ("theirs", "both") else []
        done = end + 1
    return "\n".join([*result, *lines[done:]])


def decide(notebook: Notebook, conflict: Conflict, side: Side) -> None:
    """Take a side, or both one after the other."""
    cells = notebook.cells
    if conflict.kind == "source":
        cell = cells[conflict.first]
        cell["source"] = chosen(joined(cell.get("source", "")), side)
        note = cell["metadata"].get(KEY)
        if isinstance(note, dict):
            note.pop("conflict", None)
            if not note:
                del cell["metadata"][KEY]
        return
    middle = next(at for at in range(conflict.first, conflict.last) if _place(cells[at]) == "middle")
    ours, theirs = cells[conflict.first + 1 : middle], cells[middle + 1 : conflict.last]
    kept = [*(ours if side in ("ours", "both") else []), *(theirs if side in ("theirs", "both") else [])]
    cells[conflict.first : conflict.last + 1] = kept
