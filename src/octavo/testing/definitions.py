"""Find in a notebook what defines a name, without running the rest: imports, functions, classes and constants."""

from __future__ import annotations
import __future__

import ast
from collections.abc import Container, Iterator
from functools import reduce
from operator import or_

from ..dataclass import dataclass
from ..notebook.cells import Notebook
from ..reading import magics
from ..reading.names import names

# fmt: off
#: Calls that only make a value, so that what they make is a constant; and those of modules and texts.
_PURE = frozenset({
    "Path", "PurePath", "Decimal", "Fraction", "date", "datetime", "timedelta", "namedtuple", "frozenset", "set",
    "dict", "list", "tuple", "int", "float", "str", "bytes", "bool", "len", "range", "sorted", "min", "max", "sum",
    "round", "abs", "zip", "enumerate", "reversed", "TypeVar", "NewType", "partial", "OrderedDict", "Counter",
    "defaultdict",
})
_PURE_METHODS = frozenset({
    "compile", "join", "split", "format", "Path", "PurePath", "date", "datetime", "timedelta", "Decimal", "Fraction",
    "getLogger", "namedtuple", "partial", "lower", "upper", "strip", "replace", "keys", "values", "items",
})
# fmt: on


@dataclass(frozen=True, slots=True)
class Definition:
    """A statement at the top of a cell: what it binds, what it needs at once, and what its functions need when called.

    ``plain``: it only defines, and may run without the rest of the notebook.
    """

    cell: int
    at: int
    node: ast.stmt
    binds: frozenset[str]
    needs: frozenset[str]
    later: frozenset[str]
    plain: bool


@dataclass(frozen=True, slots=True)
class Unmade:
    """A name that only running the notebook gives, and the statement that does."""

    name: str
    by: Definition
    wanted: str


def definitions(notebook: Notebook) -> list[Definition]:
    """Return the statements at the top of a notebook's cells that bind names, in their order."""
    found: list[Definition] = []
    for index, cell in enumerate(notebook.cells):
        if cell["cell_type"] != "code":
            continue
        try:
            body = magics.parse(cell.get("source") or "").body
        except (SyntaxError, ValueError):
            continue
        for node in body:
            said = names(ast.Module([node], []))
            if said.defines:
                late = frozenset(said.late) | _changed(node)
                needs = frozenset(said.uses) - late
                binds = frozenset(said.defines)
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                    binds = frozenset([node.name])  # what it says is global it sets when it is called
                found.append(Definition(index, len(found), node, binds, needs, late, _plain(node)))
    return found


def wanted(
    all_: list[Definition], name: str, there: Container[str]
) -> tuple[list[Definition], Unmade | None]:
    """Return the statements that define a name, with all that they need, in their order.

    Or what is missing: a name that is neither in ``there`` nor defined by a plain statement.
    """
    taken: dict[int, Definition] = {}
    missing: list[Unmade] = []

    def take(one: str, by: str, before: int | None) -> None:
        makers = [each for each in all_ if one in each.binds and (before is None or each.at < before)]
        if one in there or not makers:
            return  # injected, Python's own, or of nobody: then calling it says so
        last = makers[-1]
        if not last.plain:
            missing.append(Unmade(one, last, by))
        elif last.at not in taken:
            taken[last.at] = last
            for need in sorted(last.needs):
                take(need, one, last.at)
            for need in sorted(last.later):
                take(need, one, None)

    take(name, name, None)
    return [taken[at] for at in sorted(taken)], next(iter(missing), None)


def _changed(node: ast.stmt) -> frozenset[str]:
    """Return the names of the module that functions read and set: those they say are global."""
    said = {name for inner in ast.walk(node) if isinstance(inner, ast.Global) for name in inner.names}
    read = {
        inner.id
        for inner in ast.walk(node)
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Load)
    }
    added = {
        inner.target.id
        for inner in ast.walk(node)
        if isinstance(inner, ast.AugAssign) and isinstance(inner.target, ast.Name)
    }
    return frozenset(said & (read | added))


def futures(all_: list[Definition], of: Definition) -> int:
    """Return the flags of the compiler that cells up to a statement ask for: IPython keeps those of earlier cells."""
    asked = {
        alias.name
        for one in all_
        if one.at <= of.at and isinstance(one.node, ast.ImportFrom) and one.node.module == "__future__"
        for alias in one.node.names
    }
    known = (getattr(__future__, name) for name in asked if name in __future__.all_feature_names)
    return reduce(or_, (feature.compiler_flag for feature in known), 0)


def _plain(node: ast.stmt) -> bool:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() | ast.Import() | ast.ImportFrom():
            return True
        case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            return all(isinstance(one, ast.Name | ast.Tuple) for one in targets) and _constant(value)
        case ast.If(test=test):
            return _constant(test) and all(_plain(one) or isinstance(one, ast.Pass) for one in _inner(node))
        case ast.Try():
            return all(_plain(one) or isinstance(one, ast.Pass) for one in _inner(node))
    return False


def _inner(node: ast.If | ast.Try) -> Iterator[ast.stmt]:
    yield from node.body
    yield from node.orelse
    if isinstance(node, ast.Try):
        yield from node.finalbody
        for handler in node.handlers:
            yield from handler.body


def _constant(node: ast.expr) -> bool:
    """Return whether a value is made of constants, by Python alone: without I/O, time or chance."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Call):
            match inner.func:
                case ast.Name(id=name) if name in _PURE:
                    continue
                case ast.Attribute(attr=name) if name in _PURE_METHODS:
                    continue
                case _:
                    return False
        if isinstance(inner, ast.Await | ast.Yield | ast.YieldFrom):
            return False
    return True
