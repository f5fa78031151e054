"""Tell whether an assignment makes a name of itself, such that it is another value each time it runs."""

from __future__ import annotations

import ast

from . import dotted

#: Methods after which their object is another one each time. ``df = df.sort_values()`` may be repeated.
_CHANGING_WORDS = """
append drop join merge shift diff cumsum cumprod pct_change melt set_index reset_index assign add_prefix add_suffix
tz_localize rolling ewm expanding transpose pivot stack unstack swapaxes insert
"""
_CHANGING = frozenset(_CHANGING_WORDS.split())
#: Of a column alone: arithmetic as methods.
_OF_COLUMN = frozenset(
    ("shift", "diff", "cumsum", "cumprod", "pct_change", "rolling", "ewm", "expanding")
) | frozenset(("mul", "div", "truediv", "add", "sub", "pow", "multiply", "divide", "subtract"))
#: Functions of NumPy, pandas and math of which a second time gives another result than one.
_FUNCTIONS_WORDS = """
log log2 log10 log1p exp expm1 sqrt square cbrt diff cumsum cumprod flip flipud fliplr roll append concatenate vstack
hstack stack insert delete transpose rot90 concat sin cos tan deg2rad rad2deg radians degrees negative reciprocal
"""
_FUNCTIONS = frozenset(_FUNCTIONS_WORDS.split())
_MODULES = frozenset(("np", "numpy", "pd", "pandas", "math", "jnp", "torch", "tf", "pl", "scipy.ndimage"))
_IDEMPOTENT = ast.BitAnd | ast.BitOr | ast.Mod


def changed(statement: ast.stmt) -> str:
    """Return the name that a statement makes of itself: ``x += 1``, ``df = df.drop(...)``; "" for any other."""
    if isinstance(statement, ast.AugAssign):
        return "" if isinstance(statement.op, _IDEMPOTENT) else root(statement.target)
    if not (isinstance(statement, ast.Assign) and len(statement.targets) == 1):
        return ""
    target, value = statement.targets[0], statement.value
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        return _swapped(target, value)
    if isinstance(target, ast.Name | ast.Attribute | ast.Subscript) and _of_itself(target, value):
        return root(target)
    return ""


def root(target: ast.expr) -> str:
    """Return the name that a place is in: "df" of ``df.loc[0, "a"]``."""
    while isinstance(target, ast.Subscript | ast.Attribute):
        target = target.value
    return target.id if isinstance(target, ast.Name) else ""


def repeatable(call: ast.Call) -> bool:
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
        case "rolling":
            return False
        case "assign":  # of columns that are made of themselves
            return not any(
                isinstance(n, ast.BinOp)
                and any(getattr(side, "attr", "") == one.arg for side in (n.left, n.right))
                for one in call.keywords
                for n in ast.walk(one.value)
            )
    return False


def _swapped(target: ast.Tuple, value: ast.Tuple) -> str:
    """Return the first name of ``a, b = b, a`` and ``a, b = b, a + b``."""
    names = [one.id if isinstance(one, ast.Name) else "" for one in target.elts]
    if len(names) != len(value.elts):
        return ""
    for place, name in enumerate(names):
        others = {*names[:place], *names[place + 1 :]} - {""}
        read = {one.id for one in ast.walk(value.elts[place]) if isinstance(one, ast.Name)}
        if name and read & others and any(name in ast.dump(one) for one in value.elts):
            return name
    return ""


def _of_itself(target: ast.expr, value: ast.expr) -> bool:
    match value:
        case ast.BinOp(left=left, op=op, right=right):
            return not isinstance(op, _IDEMPOTENT) and (_same(target, left) or _same(target, right))
        case ast.UnaryOp(op=ast.USub() | ast.Not() | ast.Invert(), operand=operand):
            return _same(target, operand)
        case ast.Attribute(value=inner, attr="T"):
            return _same(target, inner)
        case ast.Subscript(value=inner, slice=taken):
            if isinstance(inner, ast.Attribute) and inner.attr == "iloc":
                inner = inner.value
            return _shortens(taken) and _same(target, inner)
        case ast.ListComp(elt=ast.BinOp(left=left, op=op, right=right), generators=[one]):
            made = any(isinstance(side, ast.Name) for side in (left, right))
            return made and not one.ifs and not isinstance(op, _IDEMPOTENT) and _same(target, one.iter)
        case ast.Call():
            return _called(target, value)
    return False


def _shortens(taken: ast.expr) -> bool:
    """Return whether a slice takes something away each time: ``x[1:]``, ``x[:-1]``, or turns it: ``x[::-1]``."""
    if isinstance(taken, ast.Tuple):
        return any(map(_shortens, taken.elts))
    if not isinstance(taken, ast.Slice):
        return False
    lower = isinstance(taken.lower, ast.Constant) and bool(taken.lower.value)
    back = any(
        isinstance(one, ast.UnaryOp) and isinstance(one.op, ast.USub) for one in (taken.upper, taken.step)
    )
    return lower or back or (isinstance(taken.step, ast.Constant) and taken.step.value not in (None, 1))


def _called(target: ast.expr, value: ast.Call) -> bool:
    name = dotted(value.func)
    module, _, function = name.rpartition(".")
    if module in _MODULES and function in _FUNCTIONS:
        given = [
            part
            for one in value.args[:2]
            for part in (one.elts if isinstance(one, ast.List | ast.Tuple) else [one])
        ]
        return any(_same(target, one) for one in given)
    if name in ("pd.get_dummies", "pandas.get_dummies"):
        return (
            bool(value.args)
            and _same(target, value.args[0])
            and any(k.arg == "columns" for k in value.keywords)
        )
    return _chained(target, value)


def _chained(target: ast.expr, value: ast.expr) -> bool:
    """Return whether a chain of methods begins at a place, and one of them cannot be repeated."""
    changing = grouped = settled = False
    column = not isinstance(target, ast.Name)
    while isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
        method = value.func.attr
        if method in (_OF_COLUMN if column else _CHANGING) and not repeatable(value):
            changing = True
        changing = changing or (column and method in ("map", "apply", "transform") and _maps(value))
        grouped = grouped or (method == "groupby" and not any(k.arg == "as_index" for k in value.keywords))
        settled = settled or method in (
            "reset_index",
            "transform",
            "apply",
            "head",
            "tail",
            "filter",
            "sample",
            "to_frame",
        )
        value = value.func.value
        if isinstance(value, ast.Attribute) and value.attr in ("str", "dt", "values"):
            value = value.value
        if isinstance(value, ast.Subscript) and grouped:
            value = value.value
    if not _same(target, value):
        return False
    return (changing and not (grouped and settled)) or (grouped and not settled and not column)


def _maps(call: ast.Call) -> bool:
    """Return whether values are replaced by others: ``map({"m": 0})``, ``apply(lambda v: v / 9)``."""
    match call.args:
        case [ast.Dict(keys=keys, values=values)]:
            return not {ast.dump(one) for one in keys if one} & {ast.dump(one) for one in values}
        case [ast.Lambda(body=ast.BinOp(left=left, op=op, right=right), args=ast.arguments(args=[only]))]:
            sides = [one.id for one in (left, right) if isinstance(one, ast.Name)]
            return only.arg in sides and not isinstance(op, _IDEMPOTENT)
    return False


def _same(one: ast.expr, other: ast.expr) -> bool:
    """Return whether two expressions are the same place: ``df["a"]`` and ``df["a"]``."""
    match one, other:
        case ast.Name(), ast.Name():
            return one.id == other.id
        case ast.Attribute(), ast.Attribute():
            return one.attr == other.attr and _same(one.value, other.value)
        case ast.Subscript(), ast.Subscript():
            return _same(one.value, other.value) and ast.dump(one.slice) == ast.dump(other.slice)
        case ast.Subscript(slice=ast.Constant(value=str(column))), ast.Attribute():
            return column == other.attr and _same(one.value, other.value)
        case ast.Attribute(), ast.Subscript():
            return _same(other, one)
    return False
