"""Reading, understanding and writing notebooks; never running them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .cells import Notebook, dump_ipynb

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Notebook", "dump_ipynb", "dumps", "is_notebook", "loads", "read", "write"]


def read(path: Path | str, *, name: str | None = None) -> Notebook:
    """Read a notebook of any format; ``name`` is its path as messages should show it."""
    raise NotImplementedError


def loads(data: bytes, path: str) -> Notebook:
    """Read a notebook from bytes; the format follows from the path's extension and the contents."""
    raise NotImplementedError


def dumps(notebook: Notebook) -> bytes:
    """Return a notebook as the bytes of a file in its own format."""
    raise NotImplementedError


def write(notebook: Notebook, path: Path) -> None:
    """Write a notebook beside ``path`` and rename it there."""
    raise NotImplementedError


def is_notebook(path: str) -> bool:
    """Tell by its extension whether a path can be a notebook."""
    raise NotImplementedError
