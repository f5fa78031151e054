"""Tell notebooks from modules and pages: what is taken for one is run."""

from __future__ import annotations

import re
from pathlib import Path

from ..notebook import is_notebook

_SCRIPT = re.compile(rb"^# ?%%|^#\s+jupytext:|^#\s+jupyter:", re.MULTILINE)
#: Markdown that is a notebook says so: MyST's cells, or jupytext's header. A README with examples is none.
_PAGE = re.compile(rb"^```+\{code-cell\}|^(?:jupytext|jupyter|kernelspec):", re.MULTILINE)
_CHUNKS = re.compile(rb"^```+\s*\{", re.MULTILINE)
_MARKS = {".py": _SCRIPT, ".R": _SCRIPT, ".jl": _SCRIPT, ".md": _PAGE, ".Rmd": _CHUNKS, ".qmd": _CHUNKS}
_FOLDERS = frozenset([".ipynb_checkpoints", "_build"])


def is_tested(path: Path, *, named: bool = False) -> bool:
    """Return whether a file is a notebook to be tested. ``named``: a person has named it."""
    if not is_notebook(path.name) or _FOLDERS.intersection(path.parts):
        return False
    if path.suffix == ".ipynb":
        return True
    marks = _MARKS.get(path.suffix)
    if marks is None:
        return named
    if path.suffix == ".py" and not named and (path.parent / "__init__.py").is_file():
        return False  # a module of a package
    try:
        with path.open("rb") as file:
            return bool(marks.search(file.read(100_000)))
    except OSError:
        return named  # reading it says why
