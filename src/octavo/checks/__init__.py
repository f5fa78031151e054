"""Rules that a notebook can break, found without running it. A rule is a file, and a row in ``members``."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import PurePath
from typing import Literal, Protocol, TypeVar, cast

from ..dataclass import dataclass
from ..graph import Graph
from ..model import Json
from ..notebook.cells import Notebook
from ..notebook.pieces import Edit
from ..reading.names import CellNames

Severity = Literal["error", "warning"]
Node = TypeVar("Node", bound=ast.AST)
Fact = TypeVar("Fact")

#: What rules call too much, unless the settings say otherwise.
LIMITS = {"max-output-mb": 2.0, "max-cells": 100.0, "max-lines": 1500.0, "max-functions": 15.0}


@dataclass(frozen=True, slots=True)
class CodeCell:
    """A code cell: ``index`` counts all cells from 0, ``number`` the code cells from 1.

    ``tree`` is None where the cell is not Python, or cannot be read; ``names`` is empty then. Why it cannot be read
    is ``wrong``: line, column and words. ``nodes`` are the nodes of the tree, each after the one that it is in, without
    operators and contexts; ``kinds`` has them by their class. All of these, and ``facts``, belong to the code: cells
    with the same code share them.
    """

    index: int
    number: int
    source: str
    data: Json
    tree: ast.Module | None
    names: CellNames
    wrong: tuple[int, int, str] | None = None
    nodes: Sequence[ast.AST] = ()
    kinds: Mapping[type, Sequence[ast.AST]] = field(default_factory=dict)
    facts: dict[object, object] = field(default_factory=dict, compare=False)

    def once(self, ask: Callable[[CodeCell], Fact]) -> Fact:
        """Return what a function says of the code, asked once for all cells that have it.

        It must look at the code alone, and what it returns is shared: it may not hold the cell, nor be used up.
        """
        try:
            return self.facts[ask]  # type: ignore[return-value]
        except KeyError:
            found = self.facts[ask] = ask(self)
            return found

    def of(self, kind: type[Node]) -> Sequence[Node]:
        """Return the nodes of one class, in order."""
        return cast("Sequence[Node]", self.kinds.get(kind, ()))

    @property
    def outputs(self) -> list[Json]:
        outputs: list[Json] = self.data.get("outputs") or []
        return outputs

    @property
    def count(self) -> int | None:
        """The execution count that is stored with its outputs; Colab's 0 is none."""
        count = self.data.get("execution_count")
        return count if isinstance(count, int) and count else None


class Around(Protocol):
    """What stands around a notebook in its project."""

    @property
    def root(self) -> PurePath:
        """The folder of the project."""
        ...

    @property
    def oldest(self) -> tuple[int, int] | None:
        """The oldest Python that the project allows, if it says so."""
        ...

    def names(self, word: str, /) -> bool:
        """Return whether a file that says what the project needs names a word."""
        ...


@dataclass(frozen=True, slots=True)
class Subject:
    """A notebook as rules look at it: ``cells`` are its code cells, ``stored`` whether its file keeps outputs."""

    notebook: Notebook
    language: str
    cells: tuple[CodeCell, ...]
    around: Around
    limits: Mapping[str, float] = field(default_factory=dict)
    facts: dict[object, object] = field(default_factory=dict, compare=False)

    def once(self, ask: Callable[[Subject], Fact]) -> Fact:
        """Return what a function says of the notebook, asked once for all rules."""
        if ask not in self.facts:
            self.facts[ask] = ask(self)
        return cast("Fact", self.facts[ask])

    def limit(self, key: str) -> float:
        """Return a limit that the settings may change."""
        return self.limits.get(key, LIMITS[key])

    @property
    def stored(self) -> bool:
        return self.notebook.format == "ipynb"

    @property
    def kernel(self) -> str:
        """The name of the kernel that the notebook asks for, "" if it does not say."""
        kernelspec = self.notebook.data.get("metadata", {}).get("kernelspec") or {}
        return str(kernelspec.get("name") or "") if isinstance(kernelspec, dict) else ""

    @property
    def python_2(self) -> bool:
        """Whether it was written for Python 2."""
        info = self.notebook.data.get("metadata", {}).get("language_info") or {}
        version = str(info.get("version") or "") if isinstance(info, dict) else ""
        return version.startswith("2.") or self.kernel.startswith(("python2", "Python 2"))


@dataclass(frozen=True, slots=True)
class Hit:
    """A place where a rule is broken: line and column in the cell, from 1. Without a cell it is the whole file.

    ``edits`` mend it, and may never change what the code does.
    """

    message: str
    cell: CodeCell | None = None
    line: int = 1
    column: int = 1
    hint: str | None = None
    edits: tuple[Edit, ...] = ()


class Named(Protocol):
    """What all rules have: ``code`` is what users select them by, as in ``NB101``; ``name`` says it in two words.

    The docstring of its class is what ``octavo check --explain NB101`` prints.
    """

    @property
    def code(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def severity(self) -> Severity: ...


class Rule(Named, Protocol):
    """A rule for one notebook."""

    def check(self, subject: Subject, /) -> Iterator[Hit]:
        """Yield the places where a notebook breaks it."""
        ...


@dataclass(frozen=True, slots=True)
class ImportAt:
    """An import in a notebook: the number of the cell, the line in it, and that in a text notebook."""

    module: str
    number: int
    line: int
    row: int


@dataclass(frozen=True, slots=True)
class Block:
    """A function, a class (by its name) or a whole cell of some length; equal code has an equal digest."""

    digest: str
    name: str
    lines: int
    number: int
    line: int
    row: int


@dataclass(frozen=True, slots=True)
class Excuse:
    """What is excused in a cell: in a line, or by a tag (0), from some codes, or from all ("")."""

    number: int
    line: int
    codes: str


@dataclass(frozen=True, slots=True)
class Sketch:
    """What rules for many notebooks need of one.

    ``imports`` are those that it cannot do without, ``uses`` all words that may stand for a package, also in magics and
    shell lines, ``writes`` the modules that it writes itself.
    """

    path: str
    imports: tuple[ImportAt, ...] = ()
    blocks: tuple[Block, ...] = ()
    installs: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    excuses: tuple[Excuse, ...] = ()


@dataclass(frozen=True, slots=True)
class Across:
    """A place where a rule for many notebooks is broken; without a sketch it is in the file ``path``."""

    sketch: Sketch | None
    message: str
    number: int | None = None
    line: int = 1
    row: int = 0
    hint: str | None = None
    path: str = ""


class FolderRule(Named, Protocol):
    """A rule for all notebooks of a project that were looked at."""

    def across(self, sketches: Sequence[Sketch], around: Around, whole: bool, /) -> Iterator[Across]:
        """Yield the places where they break it; ``whole`` tells whether all of the project was looked at."""
        ...


class Bound(Protocol):
    """The pipeline that binds notebooks together; ``path`` is its file."""

    @property
    def path(self) -> str: ...
    @property
    def graph(self) -> Graph: ...
    def text(self, path: str, /) -> str:
        """Return the text of a source, "" if it cannot be read."""
        ...

    def named(self, path: str, /) -> str:
        """Return a path of the pipeline as messages show it."""
        ...


class PipelineRule(Named, Protocol):
    """A rule for the tasks of a pipeline."""

    def bound(self, pipeline: Bound, /) -> Iterator[Across]:
        """Yield the places where they break it."""
        ...


@dataclass(frozen=True, slots=True)
class Finding:
    """One place where a notebook breaks a rule: ``cell`` is the number of the code cell, ``line`` counts in it.

    In a text notebook ``row`` is the line in the file; it is 0 in an .ipynb. ``code_line`` is the text of the line.
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
    edits: tuple[Edit, ...] = ()
    code_line: str = ""

    @property
    def place(self) -> str:
        """Where it is: ``clean.py:12:1``, ``clean.ipynb:cell 4:2:1``, or the path alone."""
        if self.row:
            return f"{self.path}:{self.row}:{self.column}"
        return self.path if self.cell is None else f"{self.path}:cell {self.cell}:{self.line}:{self.column}"


def at(cell: CodeCell, node: ast.AST, message: str, hint: str | None = None) -> Hit:
    """Return a hit at a piece of a cell's code."""
    line, offset = getattr(node, "lineno", 1), getattr(node, "col_offset", 0)
    lines = cell.source.split("\n") if offset and not cell.source.isascii() else []
    if 0 < line <= len(lines):  # Python counts bytes
        offset = len(lines[line - 1].encode("utf-8", "replace")[:offset].decode("utf-8", "ignore"))
    return Hit(message, cell, line, offset + 1, hint)


def walk(subject: Subject, kind: type[Node]) -> Iterator[tuple[CodeCell, Node]]:
    """Yield the nodes of one class in the code cells, in order."""
    for cell in subject.cells:
        for node in cell.of(kind):
            yield cell, node


@dataclass(frozen=True, slots=True)
class Called:
    """A call in a cell: its node, the dotted name that is called ("" for none), and the magic that it is."""

    node: ast.Call
    name: str
    magic: tuple[str, str] | None


def calls(cell: CodeCell) -> tuple[Called, ...]:
    """Return the calls in a cell, in order; ask by ``cell.once``."""
    return tuple(Called(node, dotted(node.func), magic_of(node)) for node in cell.of(ast.Call))


def dotted(node: ast.AST) -> str:
    """Return ``a.b.c`` for such a name, and "" for anything else."""
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return node.id if isinstance(node, ast.Name) else ""


def magic_of(node: ast.AST) -> tuple[str, str] | None:
    """Return the name and the argument of a magic, ``%name argument``; None for any other code."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return None
    if node.func.attr not in ("run_line_magic", "run_cell_magic") or not node.args:
        return None
    texts = [str(one.value) if isinstance(one, ast.Constant) else "" for one in node.args]
    return texts[0], texts[1] if len(texts) > 1 else ""


@dataclass(frozen=True, slots=True)
class NotebookFindings:
    """What rules found in a notebook, in the order of its cells, and what went wrong in rules themselves."""

    findings: list[Finding]
    broken: list[str]
    sketch: Sketch | None = None
