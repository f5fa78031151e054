"""NB106: a cell that Python cannot read."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from ..notebook.inject import tags
from ..reading.magics import TRANSFORMS
from . import Hit, Severity, Subject


class SyntaxErrors:
    """A cell that Python cannot read, so it fails in any run, and other rules see nothing of it.

    Magics, shell lines and `await` are understood. Nothing is said of cells that are skipped or meant to fail (tags
    `skip-execution`, `raises-exception`), of notebooks for Python 2 or for a Python newer than the one that octavo runs
    with, and after an extension was loaded that may give the cells another syntax.
    """

    code = "NB106"
    name = "syntax-error"
    severity: Severity = "error"

    def check(self, subject: Subject) -> Iterator[Hit]:
        if subject.python_2:
            return
        if subject.around.oldest is not None and subject.around.oldest > sys.version_info[:2]:
            return  # the project's Python may read what this one cannot
        for cell in subject.cells:
            if cell.wrong is not None and not {"skip-execution", "raises-exception"} & set(tags(cell.data)):
                line, column, message = cell.wrong
                yield Hit(f"Python cannot read it: {message}", cell, line, column)
            if TRANSFORMS.search(cell.source):
                return


RULE = SyntaxErrors()
