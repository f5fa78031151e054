"""Read a notebook into what rules look at."""

from __future__ import annotations

import ast
import warnings

from .. import notebook as documents
from ..model import Json
from ..notebook.cells import Notebook
from ..reading import magics
from ..reading.language import language_of
from ..reading.names import CellNames, names
from . import CodeCell, Subject


def read(path: str, data: bytes) -> Subject:
    """Return a notebook, parsed. Raises ``NotebookError`` for a file that is none."""
    notebook = documents.loads(data, path)
    return of(notebook)


def of(notebook: Notebook) -> Subject:
    """Return what rules look at of a notebook that has been read."""
    language, _ = language_of(notebook)
    cells: list[CodeCell] = []
    for index, cell in enumerate(notebook.cells):
        if cell.get("cell_type") == "code":
            cells.append(_cell(index, len(cells) + 1, cell, language))
    return Subject(notebook, language, tuple(cells))


def _cell(index: int, number: int, cell: Json, language: str) -> CodeCell:
    tree = _parsed(cell["source"]) if language == "python" else None
    return CodeCell(index, number, cell["source"], cell, tree, CellNames() if tree is None else names(tree))


def _parsed(source: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes in strings, say: not what is asked here
            return magics.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
