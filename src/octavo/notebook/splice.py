"""Put a cell into the text of a notebook's file, and take it out again: every other byte stays as it is."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from ..digests import digest
from ..errors import NotebookError
from . import formats, percent
from .cells import load_ipynb, wants_ids
from .encoding import encode
from .inject import INJECTED, parameters_cell, tags
from .percent import Script

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..model import Json

#: Where in the source of a cell the record is to stand, by which the cell is known again.
RECORD = "octavo:?"

_ID = "octavo-injected"
_DIGEST = 16
#: The record: the digest of what was put in, and for a script where in it the record stands, and its length in bytes.
_RECORD = re.compile(r"octavo:([0-9a-f]{16})(?:\.(\d{6})\.(\d{6}))?")


def put(data: bytes, path: str, source: str) -> bytes:
    """Return a file with one more cell below its parameters, else on top; ``source`` has RECORD in a comment.

    Raises NotebookError for a file that has an injected cell already, and for a format that cannot be changed so.
    """
    if path.endswith(".ipynb"):
        return _put_into_json(data, path, source)
    return _put_into_script(data, path, source)


def taken(data: bytes, path: str, force: bool = False) -> bytes:
    """Return a file without the cells that ``put`` has put in.

    Raises NotebookError for one that was edited since; with ``force`` it goes all the same.
    """
    if path.endswith(".ipynb"):
        return _taken_from_json(data, path, force)
    return _taken_from_script(data, path, force)


def fits(data: bytes, path: str) -> bool:
    """Return whether a file is in a format that ``put`` can change."""
    return path.endswith(".ipynb") or (path.endswith(".py") and percent.load_percent(data, path) is not None)


def has(data: bytes) -> bool:
    """Return whether a cell was put into a file, as far as its bytes tell."""
    return _RECORD.search(data.decode("latin-1")) is not None


def _foreign(cells: Sequence[Json], path: str) -> None:
    for number, cell in enumerate(cells, start=1):
        if INJECTED in tags(cell):
            known = _RECORD.search(cell["source"])
            what = "has the cell of octavo inject already" if known else f'has a tag "{INJECTED}"'
            hint = "octavo uninject removes it" if known else "remove that cell, or its tag"
            raise NotebookError(f"cell {number} {what}", path, hint)


# ── scripts


def _script(data: bytes, path: str) -> Script:
    """Return the pieces of a percent script."""
    found = percent.load_percent(data, path) if path.endswith(".py") else None
    if found is None or not isinstance(found.origin, Script):
        name = formats.loads(data, path).format
        hint = "it is possible for .ipynb and for Python scripts with # %% cells"
        raise NotebookError(f"a cell cannot be put into a file in the format {name}", path, hint)
    _foreign(found.cells, path)
    return found.origin


def _put_into_script(data: bytes, path: str, source: str) -> bytes:
    script = _script(data, path)
    pieces = list(script.pieces.values())
    rows = pieces[1:] if script.yaml else pieces
    at = parameters_cell([piece.cell for piece in rows])
    before = script.head + "".join(piece.text for piece in rows[: 0 if at is None else at + 1])
    after = "".join(piece.text for piece in rows[0 if at is None else at + 1 :])
    newline = script.newline
    text = f'# %% tags=["{INJECTED}"]\n{source}\n'
    if not after:
        ended = before.endswith(("\n", "\r"))
        text = "\n" * (2 - ended - before.endswith(newline * 2) if before else 0) + text
    else:
        # what begins without a marker would go on with our cell
        text += "\n" if _is_marked(rows, at) else "\n# %%\n"
    start, end = (encode(half, script.encoding, path) for half in (before, after))
    if script.encoding == "utf-8-sig":
        end = encode(after, "utf-8", path)
    block = encode(text.replace("\n", newline), script.encoding.removesuffix("-sig"), path)
    return start + _recorded(block) + end


def _is_marked(rows: Sequence[percent.CellText], at: int | None) -> bool:
    """Return whether the cell after one begins with a marker; all but the first of a script do."""
    return at is not None or not rows or bool(rows[0].marker)


def _recorded(block: bytes) -> bytes:
    zeroed = "0" * _DIGEST
    first, last = block.split(RECORD.encode(), 1)
    head = f"octavo:{zeroed}.{len(first):06}."
    block = first + f"{head}{len(first) + len(head) + 6 + len(last):06}".encode() + last
    return block.replace(zeroed.encode(), digest(block)[:_DIGEST].encode(), 1)


def _taken_from_script(data: bytes, path: str, force: bool) -> bytes:
    # every byte is one character
    text = data.decode("latin-1")
    while (found := _RECORD.search(text)) and found[3]:
        start = found.start() - int(found[2])
        block = text[max(start, 0) : start + int(found[3])]
        zeroed = block.replace(found[1], "0" * _DIGEST, 1)
        if start < 0 or digest(zeroed.encode("latin-1"))[:_DIGEST] != found[1]:
            if not force:
                raise _edited(path)
            return _without_piece(text.encode("latin-1"), path)
        text = text[:start] + text[start + len(block) :]
    return text.encode("latin-1")


def _without_piece(data: bytes, path: str) -> bytes:
    """Return a script without its injected cells, whatever they have become."""
    found = percent.load_percent(data, path)
    if found is None or not isinstance(found.origin, Script):
        raise _edited(path)
    script = found.origin
    kept = [
        piece.text
        for piece in script.pieces.values()
        if not (INJECTED in tags(piece.cell) and _RECORD.search(piece.cell["source"]))
    ]
    text = script.head + "".join(kept)
    if (again := encode(text, script.encoding, path)) == data:
        raise _edited(path)
    return again


def _edited(path: str) -> NotebookError:
    hint = "--force removes it as it is; what it said is lost"
    return NotebookError("the cell of octavo inject was edited", path, hint)


# ── .ipynb


def _put_into_json(data: bytes, path: str, source: str) -> bytes:
    document = load_ipynb(data, path)
    _foreign(document.cells, path)
    text = data.decode("utf-8", "surrogatepass")
    spans = cell_spans(text)
    if spans is None:
        raise NotebookError("it is in an old version of the format", path, "save it in Jupyter first")
    zeroed = source.replace(RECORD, f"octavo:{'0' * _DIGEST}")
    source = source.replace(RECORD, f"octavo:{digest(zeroed.encode())[:_DIGEST]}")
    cell: Json = {"cell_type": "code", "execution_count": None}
    if wants_ids(document.data):
        cell["id"] = _ID
    cell |= {"metadata": {"tags": [INJECTED]}, "outputs": [], "source": source.splitlines(keepends=True)}
    cells, inner = spans
    at = parameters_cell(document.cells)
    place = 0 if at is None else at + 1
    if not cells:
        return _with(text, inner, inner, json.dumps(cell, ensure_ascii=False))
    if place < len(cells):
        start = cells[place][0]
        space = _space(text[cells[place - 1][1] if place else inner : start])
        return _with(text, start, start, f"{_indented(cell, space)},{space}")
    space = _space(text[cells[-2][1] if len(cells) > 1 else inner : cells[-1][0]])
    return _with(text, cells[-1][1], cells[-1][1], f",{space}{_indented(cell, space)}")


def _space(between: str) -> str:
    """Return the blanks at the end of what stands between two cells."""
    return between[len(between.rstrip()) :]


def _indented(cell: Json, space: str) -> str:
    """Return a cell as JSON that looks as the others, which stand after ``space``."""
    if "\n" not in space:
        return json.dumps(cell, ensure_ascii=False)
    return json.dumps(cell, ensure_ascii=False, indent=1).replace("\n", "\n" + space.rpartition("\n")[2])


def _taken_from_json(data: bytes, path: str, force: bool) -> bytes:
    while True:
        document = load_ipynb(data, path)
        index = next((i for i, cell in enumerate(document.cells) if _is_put(cell)), None)
        text = data.decode("utf-8", "surrogatepass")
        spans = cell_spans(text)
        if index is None or spans is None:
            return data
        source = document.cells[index]["source"]
        known = _RECORD.search(source)
        assert known
        zeroed = source.replace(known[1], "0" * _DIGEST, 1)
        if digest(zeroed.encode())[:_DIGEST] != known[1] and not force:
            raise _edited(path)
        cells, inner = spans
        start, end = cells[index]
        if index + 1 < len(cells):
            end = cells[index + 1][0]
        elif index:
            start = cells[index - 1][1]
        elif start > inner:  # it was saved by Jupyter since
            start, end = inner, blank(text, end)
        data = _with(text, start, end, "")


def _is_put(cell: Json) -> bool:
    return INJECTED in tags(cell) and _RECORD.search(cell["source"]) is not None


def _with(text: str, start: int, end: int, new: str) -> bytes:
    return (text[:start] + new + text[end:]).encode("utf-8", "surrogatepass")


def cell_spans(text: str) -> tuple[list[tuple[int, int]], int] | None:
    """Return where the cells stand in the text of an .ipynb, and where their list begins; None without such a list."""
    read = json.JSONDecoder().raw_decode
    at = blank(text, int(text.startswith("\ufeff"))) + 1
    found: tuple[list[tuple[int, int]], int] | None = None
    while text[at := blank(text, at)] != "}":
        key, at = read(text, at)
        at = blank(text, blank(text, at) + 1)
        if key == "cells" and text[at] == "[":
            spans = list(elements(text, at + 1))
            found = spans, at + 1
            at = text.index("]", spans[-1][1] if spans else at) + 1
        else:
            _, at = read(text, at)
        at = blank(text, at)
        at += text[at] == ","
    return found


def elements(text: str, at: int) -> Iterator[tuple[int, int]]:
    """Yield where the elements of a list begin and end; ``at`` is behind its bracket."""
    read = json.JSONDecoder().raw_decode
    while text[at := blank(text, at)] != "]":
        _, end = read(text, at)
        yield at, end
        at = blank(text, end)
        at += text[at] == ","


def blank(text: str, at: int) -> int:
    """Return the first place from ``at`` that is no white space."""
    while text[at] in " \t\r\n":
        at += 1
    return at
