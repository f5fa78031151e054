"""Read a notebook into what rules look at."""

from __future__ import annotations

import ast
import os
import warnings
from collections.abc import Mapping
from pathlib import Path

from ..model import Json
from ..notebook.cells import Notebook
from ..reading import magics
from ..reading.language import language_of
from ..reading.names import CellNames, names
from . import Around, CodeCell, Subject
from .around import ProjectAround


def of(
    notebook: Notebook, around: Around | None = None, limits: Mapping[str, float] | None = None
) -> Subject:
    """Return what rules look at of a notebook that has been read."""
    language, _ = language_of(notebook)
    cells: list[CodeCell] = []
    for index, cell in enumerate(notebook.cells):
        if cell.get("cell_type") == "code":
            cells.append(_cell(index, len(cells) + 1, cell, language))
    folder = Path(os.path.abspath(notebook.path)).parent
    return Subject(notebook, language, tuple(cells), around or ProjectAround(folder), limits or {})


def _cell(index: int, number: int, cell: Json, language: str) -> CodeCell:
    source: str = cell["source"]
    if language != "python":
        return CodeCell(index, number, source, cell, None, CellNames())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes in strings, say: not what is asked here
            tree = magics.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        place = (getattr(error, "lineno", None) or 1, getattr(error, "offset", None) or 1)
        words = str(getattr(error, "msg", "") or error)
        return CodeCell(index, number, source, cell, None, CellNames(), (*place, words))
    return CodeCell(index, number, source, cell, tree, names(tree), nodes=tuple(ast.walk(tree)))
