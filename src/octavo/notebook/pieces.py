"""Change pieces of a notebook's file, a line or the tags of a cell, and leave every other byte as it is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from ..dataclass import dataclass
from ..errors import NotebookError
from ..model import Json
from .cells import Notebook
from .splice import blank, cell_spans, elements

_DECODER = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class Edit:
    """Another text for a line of a cell (from 1; without its end), or other tags; None leaves it."""

    index: int
    line: tuple[int, str] | None = None
    tags: tuple[str, ...] | None = None


def changed(data: bytes, notebook: Notebook, pieces: Sequence[Edit]) -> bytes:
    """Return the bytes of an .ipynb file with some pieces changed; ``notebook`` is what was read of it."""
    text = data.decode("utf-8", "surrogatepass")
    places = _places(text)
    if len(places) != len(notebook.cells):
        hint = "open and save it in Jupyter: it is in an old version of the format"
        raise NotebookError("pieces of it cannot be changed", notebook.path, hint)
    edits: list[tuple[int, int, str]] = []
    for index in dict.fromkeys(piece.index for piece in pieces):
        edits += _edits(text, places[index], [piece for piece in pieces if piece.index == index])
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text.encode("utf-8", "surrogatepass")


def change(cell: Json, piece: Edit) -> None:
    """Change a piece of a cell in memory."""
    if piece.line is not None:
        cell["source"] = _with_lines(cell["source"], [piece])
    if piece.tags is not None:
        cell["metadata"] = _with_tags(cell.get("metadata") or {}, piece.tags)


def _with_tags(metadata: Json, tags: Sequence[str]) -> Json:
    rest = {key: value for key, value in metadata.items() if key != "tags"}
    return {**metadata, "tags": [*tags]} if tags else rest


def _with_lines(source: str, pieces: Sequence[Edit]) -> str:
    lines = source.splitlines(keepends=True)
    for piece in pieces:
        if piece.line is not None:
            number, text = piece.line
            lines[number - 1] = text + _end(lines[number - 1])
    return "".join(lines)


def _end(line: str) -> str:
    return line[len(line.rstrip("\r\n")) :]


def _edits(
    text: str, place: dict[str, tuple[int, int]], pieces: Sequence[Edit]
) -> Iterator[tuple[int, int, str]]:
    """Yield what to replace in the text: from, to, by what."""
    if any(piece.line for piece in pieces):
        start, end = place["source"]
        if text[start] == "[":
            yield from _of_lines(text, start, pieces)
        else:
            yield (
                start,
                end,
                _string(_with_lines(_DECODER.raw_decode(text, start)[0], pieces), text[start:end]),
            )
    for piece in pieces:
        if piece.tags is not None:
            start, end = place["metadata"]
            value = _with_tags(_DECODER.raw_decode(text, start)[0], piece.tags)
            yield start, end, _object(value, text, start, end)


def _of_lines(text: str, start: int, pieces: Sequence[Edit]) -> Iterator[tuple[int, int, str]]:
    """Yield the elements of a list of texts that change; an element may hold several lines, or a part of one."""
    wanted = {piece.line[0]: piece.line[1] for piece in pieces if piece.line}
    number, begun = 1, ""
    for first, last in elements(text, start + 1):
        value: str = _DECODER.raw_decode(text, first)[0]
        lines = value.splitlines(keepends=True)
        fresh = []
        for line in lines:
            if number in wanted and not begun:
                fresh.append(wanted.pop(number) + _end(line))
            else:
                fresh.append(line)
            begun = "" if _end(line) else begun + line
            number += bool(_end(line))
        if fresh != lines:
            yield first, last, _string("".join(fresh), text[first:last])


def _string(value: str, before: str) -> str:
    """Return a text as JSON, its letters written as they were before."""
    return json.dumps(value, ensure_ascii="\\u" in before and before.isascii())


def _object(value: Json, text: str, start: int, end: int) -> str:
    """Return an object as JSON, laid out like the one that it replaces."""
    before = text[start:end]
    line = text[text.rfind("\n", 0, start) + 1 : start]
    outer = line[: len(line) - len(line.lstrip())]
    step = _step(text)
    if not step or ("\n" not in before and before.strip("{} ")):
        return json.dumps(value, ensure_ascii=before.isascii() and "\\u" in before)
    if not value:
        return "{}"
    ordered = (
        {key: value[key] for key in sorted(value)} if list(value)[:-1] == sorted([*value][:-1]) else value
    )
    laid = json.dumps(ordered, ensure_ascii=False, indent=step)
    return laid.replace("\n", "\n" + outer)


def _step(text: str) -> str:
    """Return by how much the file indents; "" where all stands in one line."""
    found = re.match(r"\s*\{\r?\n([ \t]+)", text)
    return found[1] if found else ""


def _places(text: str) -> list[dict[str, tuple[int, int]]]:
    """Return where the values of each cell stand in the text of an .ipynb file."""
    found = cell_spans(text)
    return [{name: (a, b) for name, a, b in _members(text, start)} for start, _ in found[0]] if found else []


def _members(text: str, at: int) -> Iterator[tuple[str, int, int]]:
    """Yield the keys of an object, and where their values begin and end."""
    at += 1
    while text[at := blank(text, at)] != "}":
        key, end = _DECODER.raw_decode(text, at)
        start = blank(text, blank(text, end) + 1)
        end = _DECODER.raw_decode(text, start)[1]
        yield key, start, end
        at = blank(text, end)
        at += text[at] == ","
