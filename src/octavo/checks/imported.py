"""Under which names a notebook has modules, and what is in them: ``np.random.rand`` is ``numpy.random.rand``."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Mapping, Sequence

from ..dataclass import dataclass
from . import Called, CodeCell, Subject, calls

#: Short names that mean these modules also where the import is not to be seen, after ``from setup import *``, say.
_USUAL = {
    "np": "numpy",
    "pd": "pandas",
    "pl": "polars",
    "tf": "tensorflow",
    "plt": "matplotlib.pyplot",
    "sns": "seaborn",
    "xr": "xarray",
    "gpd": "geopandas",
    "dt": "datetime",
}


_BUILTINS = frozenset(dir(builtins))
#: A call, and whether it stands in the body of a function.
Placed = tuple[Called, bool]


@dataclass(frozen=True, slots=True)
class FullCall:
    """A call by the full name of what is called; ``inside`` tells whether it runs only when a function is called."""

    cell: CodeCell
    node: ast.Call
    name: str
    magic: tuple[str, str] | None
    inside: bool

    @property
    def last(self) -> str:
        """The last part of the name: of a method whatever it is called on."""
        func = self.node.func
        return func.attr if isinstance(func, ast.Attribute) else self.name.rpartition(".")[2]

    @property
    def said(self) -> str:
        """What is called, as the code says it."""
        return ast.unparse(self.node.func) if len(ast.dump(self.node.func)) < 500 else f"….{self.last}"


def aliases(subject: Subject) -> dict[str, str]:
    """Return what names of the notebook stand for: ``np`` for ``numpy``, ``urlopen`` for ``urllib.request.urlopen``."""
    found = dict(_USUAL)
    for cell in subject.cells:
        if cell.names.imports:
            found |= cell.once(_imported)
    return found


def imported(subject: Subject) -> frozenset[str]:
    """Return the names that the notebook itself gives modules and what is in them."""
    return frozenset(name for cell in subject.cells if cell.names.imports for name in cell.once(_imported))


def full(name: str, known: Mapping[str, str]) -> str:
    """Return a dotted name with its first part as it was imported."""
    head, dot, rest = name.partition(".")
    return f"{known.get(head, head)}{dot}{rest}"


def full_calls(subject: Subject, likely: Callable[[CodeCell], Sequence[Placed]]) -> list[FullCall]:
    """Return those calls of a notebook that may matter, in order; ``likely`` chooses them in a cell by ``choose``."""
    known = subject.once(aliases)
    return [
        FullCall(cell, one.node, full(one.name, known) if one.name else "", one.magic, inside)
        for cell in subject.cells
        for one, inside in cell.once(likely)
    ]


def choose(cell: CodeCell, wanted: Callable[[str], bool], *, magics: bool) -> list[Placed]:
    """Return the calls in a cell of which the last part of the name is wanted, and those by a name of its own.

    An import may have given such a name to anything.
    """
    found: list[Placed] = []
    for one, inside in cell.once(_placed):
        if one.magic is not None:
            chosen = magics
        elif isinstance(one.node.func, ast.Attribute):
            chosen = wanted(one.node.func.attr)
        else:
            chosen = bool(one.name) and (one.name not in _BUILTINS or wanted(one.name))
        if chosen:
            found.append((one, inside))
    return found


def _imported(cell: CodeCell) -> dict[str, str]:
    found = {
        one.asname or one.name.partition(".")[0]: one.name if one.asname else one.name.partition(".")[0]
        for node in cell.of(ast.Import)
        for one in node.names
    }
    for node in cell.of(ast.ImportFrom):
        if node.module and not node.level:
            found |= {one.asname or one.name: f"{node.module}.{one.name}" for one in node.names}
    return found


def _placed(cell: CodeCell) -> tuple[Placed, ...]:
    """Return the calls of a cell, each with whether it stands in the body of a function."""
    functions: list[ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda] = [
        *cell.of(ast.FunctionDef),
        *cell.of(ast.AsyncFunctionDef),
        *cell.of(ast.Lambda),
    ]
    inner: set[int] = set()
    for function in functions:
        for part in function.body if isinstance(function.body, list) else [function.body]:
            inner |= {id(node) for node in ast.walk(part) if isinstance(node, ast.Call)}
    return tuple((one, id(one.node) in inner) for one in cell.once(calls))


def argument(call: ast.Call, name: str, at: int | None = None) -> ast.expr | None:
    """Return what a call gives for a parameter, by its name or at a position."""
    if at is not None and at < len(call.args):
        return call.args[at]
    return next((one.value for one in call.keywords if one.arg == name), None)


def may_give(call: ast.Call, *names: str) -> bool:
    """Return whether a call gives one of some parameters something else than None, or may: by ``**options``."""
    return any(isinstance(one, ast.Starred) for one in call.args) or any(
        one.arg is None or (one.arg in names and getattr(one.value, "value", 0) is not None)
        for one in call.keywords
    )
