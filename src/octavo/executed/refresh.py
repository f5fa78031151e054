"""Update the comments and markdown of an executed notebook from its source, without running it."""

from __future__ import annotations

from ..model import Json
from ..reading import ran

_FROM_RUN = ("execution", "octavo", "papermill")


def refreshed(executed: Json, source: Json) -> Json | None:
    """Return ``source`` with the outputs of ``executed``; None when their code cells do not correspond.

    To be called only where the code is the same but for comments and formatting: cells are then paired in order.
    """
    executed_cells = [cell for cell in executed.get("cells", ()) if _has_code(cell)]
    cells = []
    waiting = iter(executed_cells)
    count = 0
    for cell in source["cells"]:
        if _has_code(cell):
            count += 1
            old = next(waiting, None)
            if old is None:
                return None
            kept = {key: old["metadata"][key] for key in _FROM_RUN if key in old.get("metadata", {})}
            if ran.matches(old) and isinstance(
                kept.get(ran.BLOCK), dict
            ):  # its code is the same but for comments
                kept[ran.BLOCK] = {**kept[ran.BLOCK], ran.KEY: ran.code(cell["source"])}
            cell = {
                **cell,
                "outputs": old.get("outputs", []),
                "execution_count": old.get("execution_count"),
                "metadata": {**cell.get("metadata", {}), **kept},
            }
        cells.append(cell)
    if count != len(executed_cells):
        return None
    return {
        **source,
        "cells": cells,
        "metadata": {**source.get("metadata", {}), **executed.get("metadata", {})},
    }


def _has_code(cell: Json) -> bool:
    return cell["cell_type"] == "code" and bool("".join(cell["source"]).strip())
