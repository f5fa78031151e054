"""NB151: syntax that a Python which the project allows cannot read."""

from __future__ import annotations

import ast
import sys
import warnings
from collections.abc import Iterator

from ..reading import magics
from . import Hit, Severity, Subject


class NewerSyntax:
    """A cell uses syntax that is newer than the oldest Python of `requires-python` in `pyproject.toml`.

    Such as `match` in a project for Python ≥ 3.9, or `except*` before 3.11. Whoever has that Python cannot run the
    notebook. Say it in an older way, or raise `requires-python`.
    """

    code = "NB151"
    name = "newer-syntax"
    severity: Severity = "error"

    def check(self, subject: Subject) -> Iterator[Hit]:
        oldest = subject.around.oldest
        if oldest is None or oldest >= sys.version_info[:2]:
            return
        for cell in subject.cells:
            if cell.tree is None:
                continue
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    ast.parse(magics.python(cell.source), feature_version=oldest)
            except SyntaxError as error:
                if "only supported in Python" in str(error.msg):  # another is that of a magic without "%"
                    words = f"{error.msg}, and the project allows {oldest[0]}.{oldest[1]}"
                    yield Hit(words[:1].lower() + words[1:], cell, error.lineno or 1, error.offset or 1)


RULE = NewerSyntax()
