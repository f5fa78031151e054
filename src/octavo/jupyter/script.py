"""Save a notebook to the script that it was opened from: cells that were not edited keep their bytes."""

from __future__ import annotations

import json
from dataclasses import replace
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from .. import notebook as documents
from ..errors import Error

if TYPE_CHECKING:
    from ..model import Json

#: Metadata that Jupyter's clients add to cells while they are open.
_ADDED = ("autoscroll", "collapsed", "scrolled", "trusted", "execution", "ExecuteTime")


def saved(content: Json, before: bytes, path: str, kernel: str | None) -> bytes:
    """Return the bytes of a script that was ``before``, with the cells of ``content``.

    ``kernel`` is the one that was shown: the script keeps the one that it names, if any.
    """
    old = documents.loads(before, path)
    # as a file would be read: joined lines, valid cells
    new = documents.loads(json.dumps(content).encode(), "x.ipynb").data
    cells = _aligned(new["cells"], old.cells)
    metadata = _metadata(new["metadata"], old.data["metadata"], kernel)
    data = {**old.data, "cells": cells, "metadata": metadata}
    done = documents.Notebook(data, old.format, path, old.origin)
    if data == old.data or old.format in ("py:percent", "py:hydrogen"):
        return documents.dumps(done)
    return _patched(old, done, before)


def _patched(old: documents.Notebook, new: documents.Notebook, before: bytes) -> bytes:
    """Return the bytes of a script in a format of jupytext's, of which only lines change that differ when it writes.

    Where that cannot be told of a line, all of it is as jupytext writes it.
    """
    whole, plain = map(_written, (new, old))
    text = before.decode("utf-8")
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = _lines(text.replace("\r\n", "\n"), plain.decode(), whole.decode())
    if lines is None:
        return whole
    found = newline.join(lines).encode()
    again = documents.loads(found, old.path).cells
    return found if [*map(_key, again)] == [*map(_key, documents.loads(whole, old.path).cells)] else whole


def _written(notebook: documents.Notebook) -> bytes:
    try:
        return documents.dumps(replace(notebook, origin=None))
    except Error:
        if notebook.format != "qmd":
            raise
        # without quarto, which jupytext calls; only lines that differ count, and those of cells are the same
        return documents.dumps(replace(notebook, origin=None, format="Rmd"))


def _lines(text: str, plain: str, whole: str) -> list[str] | None:
    """Return the lines of a text with the differences of two others; None if they are not at lines that it has."""
    kept, was, now = (one.split("\n") for one in (text, plain, whole))
    there = {
        block.a + i: block.b + i
        for block in SequenceMatcher(None, was, kept, autojunk=False).get_matching_blocks()
        for i in range(block.size)
    }
    result: list[str] = []
    at = 0
    for kind, start, end, first, last in SequenceMatcher(None, was, now, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        place = there.get(start) if start < end or start in there else there.get(start - 1, -2) + 1
        if place is None or place < at or any(there.get(i) != place + i - start for i in range(start, end)):
            return None
        result += kept[at:place] + now[first:last]
        at = place + end - start
    return result + kept[at:]


def _metadata(new: Json, old: Json, kernel: str | None) -> Json:
    kept = dict(new)
    spec, before = new.get("kernelspec") or {}, old.get("kernelspec") or {}
    if spec.get("name") in (None, before.get("name"), kernel):
        for key in ("kernelspec", "language_info"):
            kept.pop(key, None)
            if key in old:
                kept[key] = old[key]
    elif "language_info" not in old:
        kept.pop("language_info", None)
    return kept


def _aligned(new: list[Json], old: list[Json]) -> list[Json]:
    """Return cells with the ids of those that they were, by content and place, and without what clients added."""
    matcher = SequenceMatcher(
        None, [_key(cell) for cell in old], [_key(cell) for cell in new], autojunk=False
    )
    was: dict[int, Json] = {}
    for _, start, end, first, last in matcher.get_opcodes():
        if end - start == last - first:
            was |= {first + i: old[start + i] for i in range(end - start)}
        else:  # the file has other cells now: ids are those of the cells that were opened
            own = {cell["id"]: cell for cell in old[start:end]}
            was |= {i: own[new[i]["id"]] for i in range(first, last) if new[i].get("id") in own}
    taken = {cell["id"] for cell in old}
    result: list[Json] = []
    for index, cell in enumerate(new):
        before = was.get(index)
        kept = before["metadata"] if before else {}
        metadata = {key: value for key, value in cell["metadata"].items() if key in kept or key not in _ADDED}
        own = cell.get("id", f"new-{index}")
        found = before["id"] if before else f"{own}-{index}" if own in taken else own
        result.append({**cell, "id": found, "metadata": metadata})
    return result


def _key(cell: Json) -> tuple[str, str]:
    return cell["cell_type"], cell["source"]
