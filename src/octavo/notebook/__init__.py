"""Notebooks as documents: read, changed and written, never run."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path, PurePath

from ..errors import Errors, NotebookError
from ..lazy import lazy_imports
from ..model import Json, Source
from ..products import writing
from .cells import Notebook, dump_ipynb, load_ipynb

with lazy_imports():
    # jupytext takes up to 2 s, and the patterns of percent 5 ms that a warm build never needs
    from . import formats, percent

__all__ = [
    "EXTENSIONS",
    "Notebook",
    "dump_ipynb",
    "dumps",
    "foreign",
    "is_notebook",
    "loads",
    "of_source",
    "read",
    "write",
]

#: Extensions of files that can be notebooks: ours and jupytext's.
# fmt: off
EXTENSIONS = frozenset({
    ".ipynb", ".py", ".md", ".markdown", ".Rmd", ".qmd", ".myst", ".mystnb", ".mnb", ".R", ".r",
    ".jl", ".coco", ".cpp", ".ss", ".clj", ".scm", ".sh", ".ps1", ".q", ".m", ".wolfram", ".pro",
    ".js", ".ts", ".scala", ".rs", ".robot", ".resource", ".cs", ".fsx", ".fs", ".sos", ".java",
    ".groovy", ".sage", ".ml", ".hs", ".tcl", ".mac", ".gp", ".do", ".sas", ".jenner", ".xsh",
    ".lgt", ".logtalk", ".lua", ".go",
})
# fmt: on


def read(path: Path | str, *, name: str | None = None) -> Notebook:
    """Read a notebook of any format; ``name`` is its path as messages should show it.

    A file that cannot be opened is an OSError; one that is no notebook a NotebookError, or several as Errors.
    """
    return loads(Path(path).read_bytes(), str(path) if name is None else name)


def loads(data: bytes, path: str) -> Notebook:
    """Read a notebook from bytes; the format follows from the path's extension and the contents."""
    suffix = PurePath(path).suffix
    if suffix == ".ipynb":
        return load_ipynb(data, path)
    if not is_notebook(path):
        hint = (
            "a notebook is an .ipynb, .py, .md, .Rmd, .qmd, .R or .jl file, or another script jupytext knows"
        )
        raise NotebookError(f'no notebook format has the extension "{suffix}"', path, hint)
    if suffix == ".py" and (notebook := percent.load_percent(data, path)) is not None:
        return notebook
    return formats.loads(data, path)


def of_source(source: Source) -> Notebook:
    """Return the notebook that a source with its text is."""
    if source.notebook is not None:
        return Notebook(deepcopy(source.notebook), "", source.path)
    assert source.text is not None
    return loads(source.text.encode("utf-8", "surrogateescape"), source.path)


def foreign(data: bytes, path: str) -> Json | None:
    """Return the data of a notebook that only jupytext can read; None for what is read here, or by nobody."""
    suffix = PurePath(path).suffix
    if suffix == ".ipynb" or not is_notebook(path) or (suffix == ".py" and percent.is_percent(data, path)):
        return None
    try:
        return formats.loads(data, path).data
    except (NotebookError, Errors):
        return None


def dumps(notebook: Notebook) -> bytes:
    """Return a notebook as the bytes of a file in its own format.

    An .ipynb comes out as nbformat writes it; a percent script that was read and not changed as it was.
    """
    if notebook.format == "ipynb":
        return b"".join(dump_ipynb(notebook.data))
    if notebook.format in ("py:percent", "py:hydrogen") and percent.is_ours(notebook):
        return percent.dump_percent(notebook)
    return formats.dumps(notebook)


def write(notebook: Notebook, path: Path) -> None:
    """Write a notebook beside ``path`` and rename it there, so that nobody ever sees half of it."""
    writing.write(path, dump_ipynb(notebook.data) if notebook.format == "ipynb" else [dumps(notebook)])


def is_notebook(path: str) -> bool:
    """Return whether, by its extension, a path can be a notebook."""
    return PurePath(path).suffix in EXTENSIONS
