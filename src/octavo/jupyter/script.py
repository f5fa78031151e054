"""Save a notebook to the script that it was opened from: cells that were not edited keep their bytes."""

from __future__ import annotations

import json
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from .. import notebook as documents

if TYPE_CHECKING:
    from ..model import Json

#: Metadata that Jupyter's clients add to cells while they are open.
_ADDED = ("autoscroll", "collapsed", "scrolled", "trusted", "execution", "ExecuteTime")


def saved(content: Json, before: bytes, path: str, kernel: str | None) -> bytes:
    """Return the bytes of a script that was ``before``, with the cells of ``content``.

    ``kernel`` is the one that was shown where the script names none: it is not written into it.
    """
    old = documents.loads(before, path)
    # as a file would be read: joined lines, valid cells
    new = documents.loads(json.dumps(content).encode(), "x.ipynb").data
    cells = _aligned(new["cells"], old.cells)
    metadata = _metadata(new["metadata"], old.data["metadata"], kernel)
    data = {**old.data, "cells": cells, "metadata": metadata}
    return documents.dumps(documents.Notebook(data, old.format, path, old.origin))


def _metadata(new: Json, old: Json, kernel: str | None) -> Json:
    kept = dict(new)
    spec, before = new.get("kernelspec") or {}, old.get("kernelspec") or {}
    if spec.get("name") == (before.get("name") or kernel):
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
