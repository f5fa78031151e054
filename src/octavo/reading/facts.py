"""Collect the facts of a notebook by reading its code.

The digest of a notebook is that of its code cells as ``digest`` normalises them, one part per cell that does
anything; cells in other languages and code that cannot be parsed count by their stripped text. Tags that
change how a cell runs count, and the language; markdown, outputs, ids and the injected cell do not.
"""

from __future__ import annotations

import ast
import warnings
from dataclasses import field
from typing import TYPE_CHECKING

from ..dataclass import dataclass
from ..errors import Place
from ..model import SYNTAX, CellFacts, Facts, Json
from ..notebook.inject import INJECTED, parameters_cell, tags
from . import declared, digest, magics, tokens
from .alone import alone
from .functions import function
from .language import language_of
from .names import CellNames, names
from .title import title

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..notebook.cells import Notebook

__all__ = ["facts", "function"]

_TAGS = frozenset(["parameters", "raises-exception", "skip-execution"])
_TOP_LEVEL_AWAIT = 0x2000  # ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


@dataclass(slots=True)
class _Reading:
    """What has been read so far."""

    parts: list[str] = field(default_factory=list)
    cells: list[tuple[int, CellNames]] = field(default_factory=list)
    declared: declared.Declarations = field(default_factory=declared.Declarations)
    mistakes: list[tuple[str, Place]] = field(default_factory=list)
    docstrings: bool = False
    transformed: bool = False
    trees: list[ast.Module] = field(default_factory=list)


def facts(notebook: Notebook) -> Facts:
    """Read a notebook. Mistakes in it are facts too: see ``Facts.mistakes``."""
    language, kernel = language_of(notebook)
    parameters = parameters_cell(notebook.cells)
    read = _Reading(["language", language])
    read.docstrings = any(
        digest.reads_docstrings(cell["source"]) for cell in notebook.cells if cell.get("cell_type") == "code"
    )
    with warnings.catch_warnings():
        # "\d" in a plain string and the like: the code's business when it runs.
        warnings.simplefilter("ignore")
        for index, cell in enumerate(notebook.cells):
            if cell.get("cell_type") == "code" and INJECTED not in tags(cell):
                _read(notebook, index, cell, language, parameters == index, read)
    defined = {name for _, found in read.cells for name in found.defines}
    return Facts(
        digest.digest(read.parts),
        language=language,
        kernel=kernel,
        title=title(notebook.cells),
        upstream=read.declared.upstream,
        product=read.declared.product,
        params=tuple(read.declared.params),
        parameters_cell=parameters is not None,
        imports=tuple(sorted({name for _, found in read.cells for name in found.imports})),
        cells=tuple(
            CellFacts(
                index,
                notebook.line(index),
                tuple(sorted(found.defines)),
                tuple(sorted(found.uses | (found.weak & defined))),
            )
            for index, found in read.cells
        ),
        mistakes=tuple(read.mistakes),
        bare=alone(read.trees),
    )


def _read(
    notebook: Notebook, index: int, cell: Json, language: str, parameters: bool, read: _Reading
) -> None:
    """Read one code cell."""
    text: str = cell["source"]
    marks = tags(cell) & _TAGS
    found, form = CellNames(), ""
    transforms = language == "python" and magics.TRANSFORMS.search(text) is not None
    assignments: Iterable[declared.Assignment] = ()
    if language == "python":
        try:
            tree = magics.parse(text)
            read.trees.append(tree)
            form = digest.cell(tree, text, read.docstrings)
            if "skip-execution" not in marks:
                _compile(tree, magic=text.lstrip().startswith("%%"))
                found = names(tree)
            if parameters:
                assignments = declared.python(tree, text)
        except SyntaxError as error:
            form = form or "text " + text.strip()
            # A cell that is not run may hold anything; one that is meant to raise may be meant to raise this.
            if not (marks & {"skip-execution", "raises-exception"} or read.transformed):
                message = f"{SYNTAX}{error.msg}"
                read.mistakes.append(_mistake(notebook, index, message, error.lineno or 1, error.offset or 0))
    else:
        form = "\n".join(line.rstrip() for line in text.strip().splitlines())
        if parameters:
            assignments = tokens.assignments(text, language)
    read.transformed = read.transformed or transforms
    if form:
        read.parts.append(" ".join(["cell", *sorted(marks | ({"parameters"} if parameters else set()))]))
        read.parts.append(form)
    read.cells.append((index, found))
    if parameters:
        read.declared = declared.declared(assignments)
        read.mistakes += [_mistake(notebook, index, *mistake) for mistake in read.declared.mistakes]


def _compile(tree: ast.Module, magic: bool) -> None:
    """Raise the syntax errors that Python finds after parsing: a return outside a function, say."""
    if magic:
        # the body of %%time or %%capture is compiled for itself: a __future__ import may be its first line
        tree = ast.Module(tree.body[1:], tree.type_ignores)
    try:
        compile(tree, "<cell>", "exec", flags=_TOP_LEVEL_AWAIT, dont_inherit=True)
    except (ValueError, RecursionError, MemoryError, OverflowError):
        # Not a mistake that has a place: the kernel will say what it thinks of it.
        return


def _mistake(notebook: Notebook, index: int, message: str, line: int, column: int) -> tuple[str, Place]:
    first = notebook.line(index)
    if first:
        return message, Place(notebook.path, first + line - 1, column)
    return f"cell {index + 1}, line {line}: {message}", Place(notebook.path)
