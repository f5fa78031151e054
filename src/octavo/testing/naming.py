"""What the cells of a notebook are called in tests: by tag, title or number, or as nbval calls them."""

from __future__ import annotations

from collections.abc import Iterator

from ..model import Json
from ..notebook.cells import Notebook

#: Tags that say how a cell is run or tested, and not what it is.
_WORDS = ("nbval-", "verify-", "pytest-", "raises-exception", "skip-execution", "hide", "remove", "injected-")


def named(notebook: Notebook, *, nbval: bool = False) -> Iterator[tuple[int, int, str]]:
    """Yield the code cells of a notebook: index, number among the code cells, and name.

    The name is the first tag that says what a cell is, or its title, or its number; each is there once. With
    ``nbval`` it is that of nbval, which counts from 0.
    """
    taken: set[str] = set()
    number = 0
    for index, cell in enumerate(notebook.cells):
        if cell["cell_type"] != "code":
            continue
        number += 1
        if nbval:
            yield index, number, f"Cell {number - 1}"
        elif (cell.get("source") or "").strip():
            name = _name(cell) or f"cell {number}"
            if name in taken:
                name = f"{name} (cell {number})"
            taken.add(name)
            yield index, number, name


def _name(cell: Json) -> str:
    metadata = cell.get("metadata") or {}
    words = metadata.get("tags")
    found = [word for word in words if isinstance(word, str)] if isinstance(words, list) else []
    name = next((word for word in found if not word.lower().startswith(_WORDS)), "")
    return " ".join((name or str(metadata.get("title") or metadata.get("name") or "")).split()).replace(
        "::", ":"
    )
