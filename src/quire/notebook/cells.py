"""Notebook documents in memory, and .ipynb read and written with the standard library's json."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(slots=True)
class Notebook:
    """A notebook: nbformat-4 JSON, and the format that its file is in.

    In memory every multi-line text ("source", stream text, text outputs) is one str. ``format`` is "ipynb",
    "py:percent", or jupytext's own name ("Rmd", "md", "R:percent", "py:light" ...).
    """

    data: dict[str, Any]
    format: str = "ipynb"
    path: str = ""

    @property
    def cells(self) -> list[dict[str, Any]]:
        cells: list[dict[str, Any]] = self.data["cells"]
        return cells

    def line(self, cell: int) -> int:
        """Return the line (from 1) of a cell's first source line in the text file; 0 for .ipynb."""
        return 0


def dump_ipynb(data: dict[str, Any]) -> Iterator[str]:
    """Yield the text of an .ipynb file in pieces."""
    raise NotImplementedError
