"""NB111: a cell gives something else when it is run twice."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from . import CodeCell, Hit, Severity, Subject, at

#: Methods after which their object is another one each time. ``df = df.sort_values()`` may be repeated.
_CHANGING = frozenset(
    ("append", "drop", "join", "merge", "shift", "diff", "cumsum", "rename", "explode", "melt", "pop")
)


class NotRepeatable:
    code = "NB111"
    name = "not-repeatable"
    severity: Severity = "warning"

    def check(self, subject: Subject) -> Iterator[Hit]:
        known: dict[str, int] = {}
        for cell in subject.cells:
            for statement in cell.tree.body if cell.tree is not None else ():
                name = _changed(statement)
                if name in known and known[name] != cell.number and not _bound_before(cell, name, statement):
                    yield at(
                        cell,
                        statement,
                        f'run twice, it changes "{name}" of cell {known[name]} twice',
                        "give the result another name, or do it where the name is defined",
                    )
            for name in cell.names.defines:
                known.setdefault(name, cell.number)


def _bound_before(cell: CodeCell, name: str, statement: ast.stmt) -> bool:
    """Return whether the cell itself gives the name a new value first."""
    assert cell.tree is not None
    for before in cell.tree.body:
        if before is statement:
            return False
        if isinstance(before, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == name for target in before.targets
        ):
            return True
    return False


def _changed(statement: ast.stmt) -> str:
    """Return the name that a statement makes of itself: ``x += 1``, ``df = df.drop(...)``; "" for any other."""
    if isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
        return statement.target.id
    if not (isinstance(statement, ast.Assign) and len(statement.targets) == 1):
        return ""
    target, value = statement.targets[0], statement.value
    if isinstance(target, ast.Name) and isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
        inner = value.func.value
        if value.func.attr in _CHANGING and isinstance(inner, ast.Name) and inner.id == target.id:
            return target.id
    return ""


RULE = NotRepeatable()
