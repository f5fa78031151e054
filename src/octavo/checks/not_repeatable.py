"""NB111: a cell gives something else when it is run twice."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from . import CodeCell, Hit, Severity, Subject, at

#: Methods after which their object is another one each time. ``df = df.sort_values()`` may be repeated.
_CHANGING = frozenset(
    (
        "append",
        "drop",
        "join",
        "merge",
        "shift",
        "diff",
        "cumsum",
        "melt",
        "set_index",
        "reset_index",
        "assign",
    )
)
#: Methods that change their object in its place, and again each time.
_IN_PLACE = frozenset(("append", "extend", "insert", "pop", "remove"))


class NotRepeatable:
    """A cell changes what another cell defined, such that running it twice changes it twice, or fails.

        total += 1                        # total is of a cell above
        df = df.drop(columns="price")     # the second time there is no such column
        df["price"] = df["price"] / 100
        results.append(total)             # and a cell below reads results

    People run cells twice, and nobody sees it in the notebook. Give the result another name, or do it in the cell that
    defines the name. What may be repeated (`df = df.sort_values()`, `x = abs(x)`) is not reported.
    """

    code = "NB111"
    name = "not-repeatable"
    severity: Severity = "warning"

    def check(self, subject: Subject) -> Iterator[Hit]:
        known: dict[str, int] = {}
        for position, cell in enumerate(subject.cells):
            said: set[str] = set()
            for statement in cell.tree.body if cell.tree is not None else ():
                name = _changed(statement)
                if not name and (added := _in_place(statement))[0]:
                    # a list that nobody reads below is a list of this cell's own
                    later = subject.cells[position + 1 :]
                    name = added[0] if added[1] or any(added[0] in one.names.uses for one in later) else ""
                if known.get(name, cell.number) == cell.number or name in said:
                    continue
                if not _bound_before(cell, name, statement):
                    said.add(name)
                    yield at(
                        cell,
                        statement,
                        f'run twice, it changes "{name}" of cell {known[name]} twice',
                        "give the result another name, or do it where the name is defined",
                    )
            known |= dict.fromkeys(cell.names.defines - said, cell.number)


def _bound_before(cell: CodeCell, name: str, statement: ast.stmt) -> bool:
    """Return whether the cell itself gives the name a new value first."""
    assert cell.tree is not None
    for before in cell.tree.body:
        if before is statement:
            return False
        if isinstance(before, ast.Assign) and any(_gives(target, name) for target in before.targets):
            return not any(isinstance(n, ast.Name) and n.id == name for n in ast.walk(before.value))
        if isinstance(before, ast.For | ast.With | ast.Import | ast.ImportFrom):
            targets = before.target if isinstance(before, ast.For) else before
            if any(
                isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Store)
                for n in ast.walk(targets)
            ):
                return True
    return False


def _gives(target: ast.expr, name: str) -> bool:
    if isinstance(target, ast.Tuple | ast.List):
        return any(_gives(one, name) for one in target.elts)
    return isinstance(target, ast.Name) and target.id == name


def _changed(statement: ast.stmt) -> str:
    """Return the name that a statement makes of itself: ``x += 1``, ``df = df.drop(...)``; "" for any other."""
    if isinstance(statement, ast.AugAssign):
        return _root(statement.target)
    if not (isinstance(statement, ast.Assign) and len(statement.targets) == 1):
        return ""
    target, value = statement.targets[0], statement.value
    if isinstance(value, ast.BinOp) and not isinstance(value.op, ast.BitAnd | ast.BitOr | ast.Mod):
        if _same(target, value.left) or _same(target, value.right):
            return _root(target)
    elif isinstance(target, ast.Name) and isinstance(value, ast.Call):
        method = value.func
        if isinstance(method, ast.Attribute) and method.attr in _CHANGING and _same(target, method.value):
            return "" if _repeatable(value) else target.id
    return ""


def _repeatable(call: ast.Call) -> bool:
    """Return whether a call may be repeated: ``drop(…, errors="ignore")``, ``reset_index(drop=True)``."""
    method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    given = {one.arg: getattr(one.value, "value", None) for one in call.keywords}
    match method:
        case "drop":
            return given.get("errors") == "ignore"
        case "reset_index":
            return given.get("drop") is True
        case "set_index":
            return given.get("drop") is False
        case "assign":  # of columns that are made of themselves
            return not any(
                isinstance(n, ast.BinOp)
                and any(getattr(side, "attr", "") == one.arg for side in (n.left, n.right))
                for one in call.keywords
                for n in ast.walk(one.value)
            )
        case "join" | "append":  # "," .join, and lists have no such results
            return False
    return False


def _in_place(statement: ast.stmt) -> tuple[str, bool]:
    """Return the name that a statement, or a loop of them, changes in its place, and whether it is pandas that does."""
    if isinstance(statement, ast.For | ast.AsyncFor | ast.While | ast.With):
        found = [one for one in map(_in_place, statement.body) if one[0]]
        bound = found and {
            n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
        }
        return next((one for one in found if one[0] not in bound), ("", False))
    call = statement.value if isinstance(statement, ast.Expr) else None
    if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)):
        return "", False
    if not isinstance(call.func.value, ast.Name):
        return "", False
    in_place = any(
        one.arg == "inplace" and getattr(one.value, "value", None) is True for one in call.keywords
    )
    method, name = call.func.attr, call.func.value.id
    if in_place:
        return (name, True) if method in _CHANGING and not _repeatable(call) else ("", False)
    return (name, False) if method in _IN_PLACE else ("", False)


def _root(target: ast.expr) -> str:
    while isinstance(target, ast.Subscript | ast.Attribute):
        target = target.value
    return target.id if isinstance(target, ast.Name) else ""


def _same(one: ast.expr, other: ast.expr) -> bool:
    """Return whether two expressions are the same place: ``df["a"]`` and ``df["a"]``."""
    match one, other:
        case ast.Name(), ast.Name():
            return one.id == other.id
        case ast.Attribute(), ast.Attribute():
            return one.attr == other.attr and _same(one.value, other.value)
        case ast.Subscript(), ast.Subscript():
            return _same(one.value, other.value) and ast.dump(one.slice) == ast.dump(other.slice)
    return False


RULE = NotRepeatable()
