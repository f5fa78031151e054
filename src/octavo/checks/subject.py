"""Read a notebook into what rules look at."""

from __future__ import annotations

import ast
import os
import warnings
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from ..model import Json
from ..notebook.cells import Notebook
from ..reading import magics
from ..reading.language import language_of
from ..reading.names import CellNames, names
from . import Around, CodeCell, Subject
from .around import ProjectAround

_BARE = (ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop)
#: Fields that hold no nodes, or those only.
_PLAIN = frozenset(
    ("ctx", "op", "ops", "attr", "arg", "asname", "kind", "level", "module", "type_comment", "simple")
)

#: The fields of each class of nodes in which other nodes may be.
_INNER: dict[type, list[str]] = {
    kind: [] if kind in (ast.Name, ast.Constant) else [one for one in kind._fields if one not in _PLAIN]
    for kind in vars(ast).values()
    if isinstance(kind, type) and issubclass(kind, ast.AST)
}


def of(
    notebook: Notebook, around: Around | None = None, limits: Mapping[str, float] | None = None
) -> Subject:
    """Return what rules look at of a notebook that has been read."""
    language, _ = language_of(notebook)
    cells: list[CodeCell] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of escapes in strings, say: not what is asked here
        for index, cell in enumerate(notebook.cells):
            if cell.get("cell_type") == "code":
                cells.append(_cell(index, len(cells) + 1, cell, language))
    if around is None:
        around = ProjectAround(Path(os.path.abspath(notebook.path)).parent)
    return Subject(notebook, language, tuple(cells), around, limits or {})


def _cell(index: int, number: int, cell: Json, language: str) -> CodeCell:
    source: str = cell["source"]
    if language != "python":
        return CodeCell(index, number, source, cell, None, CellNames())
    return CodeCell(index, number, source, cell, *_read(source))


_Read = tuple[
    ast.Module | None,
    CellNames,
    tuple[int, int, str] | None,
    list[ast.AST],
    dict[type, list[ast.AST]],
    dict[object, object],
]


@lru_cache(
    maxsize=512
)  # cells that import and set up are the same in many notebooks, and copies in all their cells
def _read(source: str) -> _Read:
    """Return what a cell's code says, from its tree on: the fields of a ``CodeCell``."""
    try:
        tree = magics.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        place = (getattr(error, "lineno", None) or 1, getattr(error, "offset", None) or 1)
        words = str(getattr(error, "msg", "") or error)
        return None, CellNames(), (*place, words), [], {}, {}
    nodes, kinds = _nodes(tree)
    return tree, names(tree), None, nodes, kinds, {}


_BRANCHES = frozenset((ast.If, ast.IfExp, ast.While))


def _living(node: ast.AST) -> Sequence[str]:
    """Return the fields of a condition whose code may run: of ``if False:`` what follows is switched off."""
    test = getattr(node, "test", None)
    if not isinstance(test, ast.Constant):
        return _INNER[type(node)]
    return ("test", "body") if test.value else ("test", "orelse")


def _nodes(tree: ast.Module) -> tuple[list[ast.AST], dict[type, list[ast.AST]]]:
    """Return the nodes of a tree, as ``ast.walk`` has them but for operators and contexts, and the same by class.

    Four times as fast: it is most of what a check costs after the parser.
    """
    nodes: list[ast.AST] = [tree]
    kinds: dict[type, list[ast.AST]] = {}
    for node in nodes:  # which grows
        kind = type(node)
        of_kind = kinds.get(kind)
        if of_kind is None:
            of_kind = kinds[kind] = []
        of_kind.append(node)
        for name in _INNER[kind] if kind not in _BRANCHES else _living(node):
            value = getattr(node, name, None)
            if value.__class__ is list:
                nodes += [one for one in value if isinstance(one, ast.AST) and not isinstance(one, _BARE)]
            elif isinstance(value, ast.AST) and not isinstance(value, _BARE):
                nodes.append(value)
    return nodes, kinds
