"""Upgrade notebooks of nbformat 1 to 3 to 4.5."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..model import Json

if TYPE_CHECKING:
    from collections.abc import Callable

    from .broken import Problem

#: Names that version 3 had for MIME types.
_MIMES = {
    "text": "text/plain",
    "html": "text/html",
    "svg": "image/svg+xml",
    "png": "image/png",
    "jpeg": "image/jpeg",
    "latex": "text/latex",
    "json": "application/json",
    "javascript": "application/javascript",
}
_MULTILINE = ("text", "html", "svg", "latex", "javascript", "json")


def version(nb: object, problems: list[Problem]) -> int:
    """Return the major version of a notebook, and note when there is none that can be read."""
    if not isinstance(nb, dict):
        problems.append(((), "this is not a notebook: a notebook is a JSON object", None))
        return 4
    found = nb.get("nbformat", 1)
    if isinstance(found, bool) or found not in (1, 2, 3, 4):
        hint = "save it in a format up to 4.5 with the program that made it"
        newer = isinstance(found, int | float) and found > 4
        what = f"nbformat {found} is newer than 4" if newer else f"unknown nbformat: {found!r}"
        problems.append((("nbformat",), what, hint if newer else "nbformat is a number from 1 to 4"))
        return 4
    minor = nb.get("nbformat_minor", 0)
    if isinstance(minor, bool) or not isinstance(minor, int):
        problems.append((("nbformat_minor",), f"nbformat_minor must be a whole number, not {minor!r}", None))
    cells = nb.get("cells")
    if "nbformat" not in nb and not (isinstance(cells, list) and all(map(_of_version_1, cells))):
        missing, advice = "cells", ""
        if "cells" in nb:
            missing, advice = "nbformat", 'add "nbformat": 4, "nbformat_minor": 5 at its top level'
        problems.append(((), f'this is not a notebook: it has no "{missing}"', advice or None))
    return int(found)


def _of_version_1(cell: object) -> bool:
    """Return whether a cell is one of version 1, which had no version number to go by."""
    return isinstance(cell, dict) and cell.get("cell_type") in ("code", "text") and "source" not in cell


def upgrade(nb: Json, problems: list[Problem]) -> Json:
    """Return a notebook of version 1, 2 or 3 in the shape of version 4.5, its texts joined."""
    old = version(nb, [])
    if old == 1:
        cells = [_from_version_1(cell) for cell in nb["cells"]]
        return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}
    metadata = nb.setdefault("metadata", {})
    if isinstance(metadata, dict):
        metadata.pop("name", None)
    sheets = nb.pop("worksheets", None)
    if not isinstance(sheets, list):
        what = 'its "worksheets" must be a list' if sheets is not None else 'it has no "worksheets"'
        problems.append(
            (("worksheets",) if sheets is not None else (), f"this is not a notebook: {what}", None)
        )
        sheets = []
    for key in ("orig_nbformat", "orig_nbformat_minor"):
        nb.pop(key, None)
    join = _join_2 if old == 2 else _join_3
    cells = []
    for i, sheet in enumerate(sheets):
        found = sheet.get("cells") if isinstance(sheet, dict) else None
        if not isinstance(found, list):
            problems.append((("worksheets", i), f"worksheet {i + 1} has no cells", None))
            continue
        for j, cell in enumerate(found):
            where = ("worksheets", i, "cells", j)
            try:
                cells.append(_cell(cell, join))
            except (TypeError, AttributeError, KeyError):
                problems.append((where, f"cell {j + 1} is not a cell of notebook format {old}", None))
    nb |= {"nbformat": 4, "nbformat_minor": 5, "cells": cells}
    return nb


def _join_2(lines: list[str]) -> str:
    return "\n".join(lines)


def _join_3(lines: list[str]) -> str:
    # some writers of version 3 left the line ends out
    if lines and lines[0].endswith(("\n", "\r")):
        return "".join(lines)
    return "\n".join(lines)


def _from_version_1(cell: Json) -> Json:
    if cell["cell_type"] == "text":
        return {"cell_type": "markdown", "metadata": {}, "source": cell.get("text") or ""}
    return {
        "cell_type": "code",
        "metadata": {"collapsed": False},
        "source": cell.get("code") or "",
        "execution_count": cell.get("prompt_number"),
        "outputs": [],
    }


def _cell(cell: Json, join: Callable[[list[str]], str]) -> Json:
    kind = cell["cell_type"]
    cell.setdefault("metadata", {}).pop("trusted", None)
    cell.pop("trusted", None)
    if kind == "code":
        cell.pop("language", None)
        if "collapsed" in cell:
            cell["metadata"]["collapsed"] = cell.pop("collapsed")
        source = cell.pop("input", "")
        cell["source"] = join(source) if isinstance(source, list) else source
        cell["execution_count"] = cell.pop("prompt_number", None)
        cell["outputs"] = [_output(output, join) for output in cell.get("outputs", [])]
        return cell
    for key in ("source", "rendered"):
        if isinstance(cell.get(key), list):
            cell[key] = join(cell[key])
    if kind == "heading":
        hashes = "#" * cell.pop("level", 1)
        cell["source"] = f"{hashes} {' '.join(cell.get('source', '').splitlines())}"
    if kind in ("heading", "html"):
        cell["cell_type"] = "markdown"
    return cell


def _output(output: Json, join: Callable[[list[str]], str]) -> Json:
    for key in _MULTILINE:
        if isinstance(output.get(key), list):
            output[key] = join(output[key])
    kind = output["output_type"]
    if kind in ("pyout", "display_data"):
        metadata = output.pop("metadata", {})
        new = {"output_type": kind, "metadata": _mimes(metadata)}
        if kind == "pyout":
            new |= {"output_type": "execute_result", "execution_count": output.pop("prompt_number", None)}
        elif "execution_count" in output:
            new["execution_count"] = output["execution_count"]
        data = _mimes({k: v for k, v in output.items() if k not in ("output_type", "execution_count")})
        if isinstance(data.get("application/json"), str):
            try:
                data["application/json"] = json.loads(data["application/json"])
            except ValueError:  # kept as the text that it is
                pass
        return new | {"data": data}
    if kind == "pyerr":
        output["output_type"] = "error"
    elif kind == "stream":
        output["name"] = output.pop("stream", "stdout")
    return output


def _mimes(bundle: Json) -> Json:
    return {_MIMES.get(key, key): value for key, value in bundle.items()}
