"""NB112: a name means one thing in one cell, and something else in another."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator

from . import CodeCell, Hit, Severity, Subject, at, calls

_FUNCTIONS = frozenset(name for name in dir(builtins) if name.islower() and callable(getattr(builtins, name)))
_WORDS = {"import": "imported", "def": "a function", "class": "a class", "value": "a value"}


class TwoMeanings:
    """A name is a module, a function or a class in one cell, and something else in another.

        import datetime                    # cell 1
        from datetime import datetime      # cell 7: what is datetime.datetime now?

    Cells that were right in the order in which they stand fail when one of them is run again. The same holds for a
    builtin: `list = [1, 2]` in one cell, and `list(x)` in another. Give one of the two another name. A variable that
    gets a new value, a function that is defined again, and `f = jit(f)` are not reported.
    """

    code = "NB112"
    name = "two-meanings"
    severity: Severity = "warning"

    def check(self, subject: Subject) -> Iterator[Hit]:
        first: dict[str, tuple[str, str, int]] = {}
        values: dict[str, int] = {}
        said: set[str] = set()
        for cell in subject.cells:
            bindings = cell.once(_bindings)
            here = {name for name, *_ in bindings}
            for name, call in cell.once(_called):
                if name in values and name not in here | said:
                    said.add(name)
                    words = f'cell {values[name]} gives "{name}" a value, and here it is called as Python\'s function'
                    yield at(cell, call, words, "give the value another name")
            for name, kind, target, node in bindings:
                if kind == "value" and name in _FUNCTIONS:
                    values.setdefault(name, cell.number)
                before = first.setdefault(name, (kind, target, cell.number))
                if name in said or before[2] == cell.number or not _differs(before, kind, target):
                    continue
                said.add(name)
                what = f"{_WORDS[before[0]]} in cell {before[2]} and {_WORDS[kind]} here"
                if kind == before[0]:
                    what = f"{before[1]} in cell {before[2]} and {target} here"
                yield at(cell, node, f'"{name}" is {what}', "give one of the two another name")


def _differs(before: tuple[str, str, int], kind: str, target: str) -> bool:
    """Return whether two bindings mean something else. What a call returns may be a function, or of a class."""
    kinds = {before[0], kind}
    if kinds == {"import"}:
        one, other = sorted((before[1], target), key=len)
        return other.startswith(one + ".")
    if "value" not in kinds or len(kinds) == 1:
        return False
    return "call" not in (before[1], target) or "import" in kinds


def _bindings(cell: CodeCell) -> tuple[tuple[str, str, str, ast.stmt], ...]:
    """Return the names that a cell binds at its top level: name, kind, what is imported, and where."""
    return tuple(_bound(cell))


def _bound(cell: CodeCell) -> Iterator[tuple[str, str, str, ast.stmt]]:
    read = {node.id for node in cell.of(ast.Name) if isinstance(node.ctx, ast.Load)}
    for node in cell.tree.body if cell.tree is not None else ():
        match node:
            case ast.Import():
                for one in node.names:
                    target = one.name if one.asname else one.name.partition(".")[0]
                    yield one.asname or target, "import", target, node
            case ast.ImportFrom(module=str(module)):
                for one in node.names:
                    yield one.asname or one.name, "import", f"{module}.{one.name}", node
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield node.name, "def", "", node
            case ast.ClassDef():
                yield node.name, "class", "", node
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                if name not in read or not _reads(value, name):
                    target = "call" if isinstance(value, ast.Call) else ""
                    yield name, "def" if isinstance(value, ast.Lambda) else "value", target, node


def _reads(value: ast.expr, name: str) -> bool:
    return any(isinstance(one, ast.Name) and one.id == name for one in ast.walk(value))


def _called(cell: CodeCell) -> tuple[tuple[str, ast.Call], ...]:
    """Return the builtins that a cell calls."""
    return tuple((one.name, one.node) for one in cell.once(calls) if one.name in _FUNCTIONS)


RULE = TwoMeanings()
