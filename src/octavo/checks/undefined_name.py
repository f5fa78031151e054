"""NB101: a name is read before any cell defines it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ..hints import did_you_mean
from . import CodeCell, Hit, Severity, Subject, at

#: What octavo injects into notebooks of a pipeline.
_INJECTED = frozenset(("upstream", "product"))
#: Calls and magics that define names which no reader of the code can tell.
_OPAQUE = frozenset(("exec", "eval", "globals", "locals", "vars", "run_cell"))
_MAGICS = frozenset(
    ("run", "load", "loadpy", "pylab", "store", "rerun", "recall", "macro", "load_ext", "R", "sql")
)


class UndefinedName:
    code = "NB101"
    name = "undefined-name"
    severity: Severity = "error"

    def check(self, subject: Subject) -> Iterator[Hit]:
        known = set(_INJECTED)
        everywhere = _INJECTED.union(*(cell.names.defines for cell in subject.cells))
        for cell in subject.cells:
            if cell.tree is None or "*" in cell.names.defines or _opaque(cell.tree):
                return  # from here on anything may be defined
            for name in sorted(cell.names.uses - known):
                later = next((one.number for one in subject.cells if name in one.names.defines), None)
                if later is None or not _in_function(cell, name):
                    yield _hit(cell, name, later, everywhere)
            known |= cell.names.defines


def _hit(cell: CodeCell, name: str, later: int | None, everywhere: frozenset[str]) -> Hit:
    assert cell.tree is not None
    node = next(
        (one for one in ast.walk(cell.tree) if isinstance(one, ast.Name) and one.id == name), cell.tree
    )
    if later is not None and later > cell.number:
        return at(cell, node, f'"{name}" is read before cell {later} defines it', "move that cell up")
    message = f'"{name}" is read, and no cell defines it'
    return at(
        cell,
        node,
        message,
        did_you_mean(name, everywhere - {name}) or "was the cell that defined it removed?",
    )


def _in_function(cell: CodeCell, name: str) -> bool:
    """Return whether a name is read in bodies of functions alone, which run when they are called."""
    assert cell.tree is not None
    inside = set()
    for node in ast.walk(cell.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            body = node.body if isinstance(node.body, list) else [node.body]
            inside |= {id(inner) for statement in body for inner in ast.walk(statement)}
    reads = [one for one in ast.walk(cell.tree) if isinstance(one, ast.Name) and one.id == name]
    return bool(reads) and all(id(one) in inside for one in reads)


def _opaque(tree: ast.Module) -> bool:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in _OPAQUE:
                return True
            if called in ("run_line_magic", "run_cell_magic") and node.args:
                magic = node.args[0]
                if isinstance(magic, ast.Constant) and magic.value in _MAGICS:
                    return True
    return False


RULE = UndefinedName()
