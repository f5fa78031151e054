"""NB151: syntax that a Python which the project allows cannot read."""

from __future__ import annotations

import ast
import sys
import warnings
from collections.abc import Iterator

from ..reading import magics
from . import CodeCell, Hit, Severity, Subject, at, dotted


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
                    continue
            for node, since, what in cell.once(_unseen):
                if since > oldest:
                    words = f"{what} only supported in Python {since[0]}.{since[1]} and greater"
                    yield at(cell, node, f"{words}, and the project allows {oldest[0]}.{oldest[1]}")


def _unseen(cell: CodeCell) -> list[tuple[ast.AST, tuple[int, int], str]]:
    """Return what Python's parser takes for any version, each with the first that does and what it is."""
    found: list[tuple[ast.AST, tuple[int, int], str]] = []
    functions: list[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]
    functions = [*cell.of(ast.FunctionDef), *cell.of(ast.AsyncFunctionDef), *cell.of(ast.ClassDef)]
    for function in functions:
        for one in function.decorator_list:
            if not dotted(one.func if isinstance(one, ast.Call) else one):
                found.append((one, (3, 9), "decorators of any expression are"))
    for node in cell.of(ast.Subscript):
        if _starred(node.slice):
            found.append((node.slice, (3, 11), "a star in an index is"))
    for arguments in cell.of(ast.arguments):
        if arguments.vararg is not None and isinstance(arguments.vararg.annotation, ast.Starred):
            found.append((arguments.vararg, (3, 11), "a star in an annotation is"))
    for loop in cell.of(ast.For):
        if _starred(loop.iter):
            found.append((loop.iter, (3, 9), "a star without parentheses in a loop is"))
    results: list[ast.Return | ast.Yield] = [*cell.of(ast.Return), *cell.of(ast.Yield)]
    for given in results:
        if given.value is not None and _starred(given.value):
            found.append((given.value, (3, 8), "a star without parentheses in a result is"))
    return found


def _starred(value: ast.expr) -> bool:
    """Return whether a tuple has a star, and no parentheses: it begins where its first element does."""
    if not (isinstance(value, ast.Tuple) and any(isinstance(one, ast.Starred) for one in value.elts)):
        return False
    first = value.elts[0]
    return (value.lineno, value.col_offset) == (first.lineno, first.col_offset)


RULE = NewerSyntax()
