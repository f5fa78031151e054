"""Check values against type annotations given as text; what is not understood passes."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from datetime import date, time
from pathlib import PurePath


def _many(value: object) -> bool:
    return isinstance(value, list | tuple | AbstractSet)


# YAML, JSON and command lines have lists only, so a list stands for a tuple and a set as well;
# in the same way a path and a date arrive as texts.
_TYPES: dict[str, Callable[[object], bool]] = {
    "int": lambda value: _number(value) and not isinstance(value, float),
    "float": lambda value: _number(value),
    "complex": lambda value: _number(value) or isinstance(value, complex),
    "bool": lambda value: isinstance(value, bool),
    "str": lambda value: isinstance(value, str | PurePath | date | time),
    "bytes": lambda value: isinstance(value, bytes),
    "None": lambda value: value is None,
    "NoneType": lambda value: value is None,
    "dict": lambda value: isinstance(value, Mapping),
    **dict.fromkeys(("Path", "PurePath"), lambda value: isinstance(value, str | PurePath)),
    **dict.fromkeys(("date", "datetime", "time"), lambda value: isinstance(value, str | date | time)),
    **dict.fromkeys(("list", "tuple", "set", "frozenset"), _many),
    **dict.fromkeys(
        ("Sequence", "Iterable", "Collection"), lambda value: _many(value) or isinstance(value, str)
    ),
}
_SAME = {
    "List": "list",
    "Tuple": "tuple",
    "Set": "set",
    "FrozenSet": "frozenset",
    "Dict": "dict",
    "Mapping": "dict",
    "MutableMapping": "dict",
}


def fits(value: object, annotation: str) -> bool:
    """Return whether a value can be what an annotation says; True where that cannot be told."""
    try:
        return _fits(value, ast.parse(annotation.strip(), mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return True


def _fits(value: object, kind: ast.expr) -> bool:
    match kind:
        case ast.Constant(value=None):
            return value is None
        case ast.Constant(value=str(text)):
            return fits(value, text)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _fits(value, left) or _fits(value, right)
        case ast.Name() | ast.Attribute():
            name = _name(kind)
            test = _TYPES.get(_SAME.get(name, name))
            return test is None or test(value)
        case ast.Subscript(value=outer, slice=inner):
            return _fits_generic(value, outer, inner)
    return True


def _fits_generic(value: object, outer: ast.expr, inner: ast.expr) -> bool:
    inners = inner.elts if isinstance(inner, ast.Tuple) else [inner]
    name = _SAME.get(_name(outer), _name(outer))
    match name:
        case "Optional":
            return value is None or _fits(value, inner)
        case "Union":
            return any(_fits(value, one) for one in inners)
        case "Annotated" | "Final":
            return _fits(value, inners[0])
        case "Literal":
            known = [one.value for one in inners if isinstance(one, ast.Constant)]
            return len(known) < len(inners) or any(type(one) is type(value) and one == value for one in known)
    if not _fits(value, outer):
        return False
    if isinstance(value, Mapping):
        return len(inners) != 2 or all(_fits(k, inners[0]) and _fits(v, inners[1]) for k, v in value.items())
    if not isinstance(value, list | tuple | AbstractSet):
        return True
    if name == "tuple" and not (len(inners) == 2 and _ellipsis(inners[1])):
        return len(value) == len(inners) and all(map(_fits, value, inners))
    return all(_fits(item, inners[0]) for item in value)


def _ellipsis(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is ...


def _name(node: ast.expr) -> str:
    """Return the last part of a dotted name: ``t.List`` is ``List``."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _number(value: object) -> bool:
    """Return whether a value is a number (also numpy's); bool, a subclass of int, is not."""
    if isinstance(value, bool):
        return False
    return isinstance(value, int | float) or type(value).__module__ == "numpy"
