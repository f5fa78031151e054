"""Rules that a notebook can break, found without running it. A rule is a file, and a row in ``members``."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Literal, Protocol

from ..dataclass import dataclass
from ..model import Json
from ..notebook.cells import Notebook
from ..reading.names import CellNames

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class CodeCell:
    """A code cell: ``index`` counts all cells from 0, ``number`` the code cells from 1.

    ``tree`` is None where the cell is not Python, or cannot be read; ``names`` is empty then.
    """

    index: int
    number: int
    source: str
    data: Json
    tree: ast.Module | None
    names: CellNames

    @property
    def outputs(self) -> list[Json]:
        outputs: list[Json] = self.data.get("outputs") or []
        return outputs

    @property
    def count(self) -> int | None:
        """The execution count that is stored with its outputs."""
        count: int | None = self.data.get("execution_count")
        return count


@dataclass(frozen=True, slots=True)
class Subject:
    """A notebook as rules look at it: ``cells`` are its code cells, ``stored`` whether its file keeps outputs."""

    notebook: Notebook
    language: str
    cells: tuple[CodeCell, ...]

    @property
    def stored(self) -> bool:
        return self.notebook.format == "ipynb"


@dataclass(frozen=True, slots=True)
class Hit:
    """A place where a rule is broken: line and column in the cell, from 1. Without a cell it is the whole file."""

    message: str
    cell: CodeCell | None = None
    line: int = 1
    column: int = 1
    hint: str | None = None


class Rule(Protocol):
    """One rule. ``code`` is what users select and ignore it by, as in ``NB101``; ``name`` says it in two words."""

    @property
    def code(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def severity(self) -> Severity: ...
    def check(self, subject: Subject, /) -> Iterator[Hit]:
        """Yield the places where a notebook breaks it."""
        ...


@dataclass(frozen=True, slots=True)
class Finding:
    """One place where a notebook breaks a rule: ``cell`` is the number of the code cell, ``line`` counts in it.

    In a text notebook ``row`` is the line in the file; it is 0 in an .ipynb.
    """

    code: str
    name: str
    severity: Severity
    message: str
    path: str
    cell: int | None = None
    line: int = 1
    column: int = 1
    row: int = 0
    hint: str | None = None

    @property
    def place(self) -> str:
        """Where it is: ``clean.py:12:1``, ``clean.ipynb:cell 4:2:1``, or the path alone."""
        if self.row:
            return f"{self.path}:{self.row}:{self.column}"
        return self.path if self.cell is None else f"{self.path}:cell {self.cell}:{self.line}:{self.column}"


def at(cell: CodeCell, node: ast.AST, message: str, hint: str | None = None) -> Hit:
    """Return a hit at a piece of a cell's code."""
    return Hit(message, cell, getattr(node, "lineno", 1), getattr(node, "col_offset", 0) + 1, hint)


def walk(subject: Subject) -> Iterator[tuple[CodeCell, ast.AST]]:
    """Yield every node of the code cells, in order."""
    for cell in subject.cells:
        for node in ast.walk(cell.tree) if cell.tree is not None else ():
            yield cell, node


def dotted(node: ast.AST) -> str:
    """Return ``a.b.c`` for such a name, and "" for anything else."""
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return node.id if isinstance(node, ast.Name) else ""
