"""Find the names that a cell binds, uses and imports.

The rules are those of Python's scopes: a cell, a class body and a comprehension are read in the order they
run; the body of a function runs later, so its free names are looked for in the whole cell first.
"""

from __future__ import annotations

import ast
import builtins
import re
from dataclasses import field
from itertools import pairwise
from typing import TYPE_CHECKING

from ..dataclass import dataclass
from . import magics
from .scopes import Cell, Class, Comprehension, Function, Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

#: Names that are there without being bound by a cell: Python's own, and those of an IPython session.
BUILTINS = (
    frozenset(dir(builtins))
    | frozenset(
        ["get_ipython", "display", "In", "Out", "exit", "quit", "_", "__", "___", "_ih", "_oh", "_dh"]
    )
    | frozenset(
        ["_i", "_ii", "_iii", "_exit_code", "__name__", "__doc__", "__file__", "__builtins__", "__class__"]
    )
)
_OUTPUT = re.compile(r"_i?\d+$")
_BRACES = re.compile(r"\{([^{}]+)\}")


@dataclass(slots=True)
class CellNames:
    """What one cell says. ``weak`` names may be meant: in shell lines, and builtins that a cell may rebind.

    ``defines`` holds "*" for ``from x import *``. ``late`` are those uses that only bodies of functions have, and
    ``promised`` what only functions define, by ``global``, when they are called.
    """

    defines: set[str] = field(default_factory=set)
    uses: set[str] = field(default_factory=set)
    weak: set[str] = field(default_factory=set)
    imports: set[str] = field(default_factory=set)
    late: set[str] = field(default_factory=set)
    promised: set[str] = field(default_factory=set)


def names(tree: ast.Module) -> CellNames:
    """Read the names of one cell. A tree too deep to walk gives none."""
    reader = _NameReader()
    try:
        reader.all(tree.body)
    except RecursionError:
        return CellNames()
    cell = reader.cell
    used = cell.uses | (cell.later - cell.ever)
    hidden = {name for name in used if name in BUILTINS or _OUTPUT.match(name)}
    weak = hidden | (reader.weak - cell.ever)
    late = used - hidden - cell.uses
    return CellNames(
        cell.bound | cell.declared,
        used - hidden,
        weak - (used - hidden),
        reader.imports,
        late,
        cell.declared - cell.bound,
    )


class _NameReader:
    """Walks a tree in the order in which it runs; one method per kind of node that binds or reads names."""

    def __init__(self) -> None:
        self.cell = Cell()
        self.scope: Scope = self.cell
        self.imports: set[str] = set()
        self.weak: set[str] = set()

    def one(self, node: ast.AST | None) -> None:
        if node is None:
            return
        method = _METHODS.get(type(node))
        if method is not None:
            method(self, node)
            return
        for name in node._fields:
            value = getattr(node, name, None)
            if isinstance(value, list):
                self.all(value)
            elif isinstance(value, ast.AST):
                self.one(value)

    def all(self, nodes: Iterable[object]) -> None:
        for node in nodes:
            if isinstance(node, ast.AST):
                self.one(node)

    def nothing(self, node: ast.AST) -> None:
        pass

    def name(self, node: ast.Name) -> None:
        match node.ctx:
            case ast.Load():
                self.scope.load(node.id)
            case ast.Store():
                self.scope.store(node.id)
            case _:
                self.scope.delete(node.id)

    def attribute(self, node: ast.Attribute) -> None:
        self.one(node.value)

    def call(self, node: ast.Call) -> None:
        self.one(node.func)
        self.all(node.args)
        self.all(node.keywords)
        match node.func:
            case ast.Attribute(value=ast.Call(func=ast.Name(id="get_ipython")), attr=method):
                texts = [
                    a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)
                ]
                if len(texts) == len(node.args):
                    self.magic(method, *texts)

    def assign(self, node: ast.Assign) -> None:
        self.one(node.value)
        self.all(node.targets)

    def augmented(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            self.scope.load(node.target.id)
        self.one(node.value)
        self.one(node.target)

    def annotated(self, node: ast.AnnAssign) -> None:
        self.one(node.value)
        self.one(node.annotation)
        # A bare "x: int" makes a name local to a function, and binds nothing anywhere else.
        if (
            node.value is not None
            or isinstance(self.scope, Function)
            or not isinstance(node.target, ast.Name)
        ):
            self.one(node.target)

    def walrus(self, node: ast.NamedExpr) -> None:
        self.one(node.value)
        scope = self.scope
        while isinstance(scope, Comprehension):
            scope = scope.outer
        scope.store(node.target.id)

    def loop(self, node: ast.For | ast.AsyncFor) -> None:
        self.one(node.iter)
        self.one(node.target)
        self.all(node.body)
        self.all(node.orelse)

    def branch(self, node: ast.If | ast.While) -> None:
        """Read both branches, or the one that runs: ``if False:`` switches code off, and binds nothing."""
        self.one(node.test)
        runs = node.test.value if isinstance(node.test, ast.Constant) else None
        if runs or runs is None:
            self.all(node.body)
        if not runs:
            self.all(node.orelse)

    def handler(self, node: ast.ExceptHandler) -> None:
        self.one(node.type)
        if node.name:
            self.scope.store(node.name)
        self.all(node.body)
        if node.name:
            self.scope.unbind(node.name)

    def imported(self, node: ast.Import) -> None:
        for alias in node.names:
            self.imports.add(alias.name)
            self.scope.store(alias.asname or alias.name.partition(".")[0])

    def imported_from(self, node: ast.ImportFrom) -> None:
        if node.module and not node.level and node.module != "__future__":
            self.imports.add(node.module)
        for alias in node.names:
            self.scope.store(alias.asname or alias.name)

    def captured(self, node: ast.MatchAs | ast.MatchStar) -> None:
        if isinstance(node, ast.MatchAs):
            self.one(node.pattern)
        if node.name:
            self.scope.store(node.name)

    def mapped(self, node: ast.MatchMapping) -> None:
        self.all(node.keys)
        self.all(node.patterns)
        if node.rest:
            self.scope.store(node.rest)

    def declared(self, node: ast.Global | ast.Nonlocal) -> None:
        if isinstance(self.scope, Function):
            kind = self.scope.globals if isinstance(node, ast.Global) else self.scope.nonlocals
            kind.update(node.names)

    def function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.all(node.decorator_list)
        generic = self.generic(node)
        self.signature(node.args)
        self.one(node.returns)
        self.body(node.args, node.body)
        self.ungeneric(generic)
        self.scope.store(node.name)

    def anonymous(self, node: ast.Lambda) -> None:
        self.signature(node.args)
        self.body(node.args, [node.body])

    def signature(self, args: ast.arguments) -> None:
        self.all(args.defaults)
        self.all(args.kw_defaults)
        for arg in _arguments(args):
            self.one(arg.annotation)

    def body(self, args: ast.arguments, body: Iterable[ast.AST]) -> None:
        outer, inner = self.scope, Function(self.scope, self.cell)
        inner.stores.update(arg.arg for arg in _arguments(args))
        self.scope = inner
        self.all(body)
        self.scope = outer
        inner.close()

    def generic(self, node: ast.AST) -> Function | None:
        """Open the scope of ``[T]`` (Python 3.12), which stands between a definition and its surroundings."""
        if not getattr(node, "type_params", None):
            return None
        scope = Function(self.scope, self.cell)
        self.scope = scope
        for parameter in node.type_params:  # type: ignore[attr-defined]  # since Python 3.12
            scope.store(parameter.name)
            self.one(getattr(parameter, "bound", None))
            self.one(getattr(parameter, "default_value", None))
        return scope

    def ungeneric(self, scope: Function | None) -> None:
        if scope is not None:
            self.scope = scope.outer
            scope.close()

    def class_(self, node: ast.ClassDef) -> None:
        self.all(node.decorator_list)
        generic = self.generic(node)
        self.all(node.bases)
        self.all(node.keywords)
        outer = self.scope
        self.scope = Class(outer)
        self.all(node.body)
        self.scope = outer
        self.ungeneric(generic)
        self.scope.store(node.name)

    def alias(self, node: ast.stmt) -> None:
        name, value = node.name, node.value  # type: ignore[attr-defined]  # an ast.TypeAlias, since Python 3.12
        self.scope.store(name.id)
        generic = self.generic(node)
        inner = Function(self.scope, self.cell)
        outer, self.scope = self.scope, inner
        self.one(value)
        self.scope = outer
        inner.close()
        self.ungeneric(generic)

    def comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> None:
        first = node.generators[0]
        self.one(first.iter)
        outer = self.scope
        self.scope = Comprehension(outer)
        for part in node.generators:
            if part is not first:
                self.one(part.iter)
            self.one(part.target)
            self.all(part.ifs)
        for result in ("key", "value", "elt"):
            self.one(getattr(node, result, None))
        self.scope = outer

    def magic(self, method: str, *texts: str) -> None:
        """Read what a magic binds and uses, as far as its text says."""
        match method, *texts:
            case ["system" | "getoutput", text]:
                self.shell(text)
            case ["run_line_magic", name, text] if name in magics.PYTHON_LINE or name in magics.PYTHON_APART:
                self.python(_without_options(text), apart=name in magics.PYTHON_APART)
            case ["run_cell_magic", name, text, body] if name in magics.PYTHON_APART:
                self.python(_without_options(text) + "\n" + body, apart=True)
            case ["run_line_magic" | "run_cell_magic", name, text, *_]:
                self.shell(text)
                for bound in _bound_by_magic(name, text):
                    self.scope.store(bound)

    def shell(self, text: str) -> None:
        """Collect ``{name}`` of a shell line, which IPython fills in if it can: uses if a cell binds them."""
        for inside in _BRACES.findall(text):
            try:
                tree = ast.parse(inside.strip(), mode="eval")
            except (SyntaxError, ValueError):
                continue
            self.weak.update(n.id for n in ast.walk(tree) if isinstance(n, ast.Name))

    def python(self, text: str, *, apart: bool) -> None:
        try:
            tree = magics.parse(text)
        except SyntaxError:
            return
        if apart:
            self.body(ast.arguments([], [], None, [], [], None, []), tree.body)
        else:
            self.all(tree.body)


def _arguments(args: ast.arguments) -> list[ast.arg]:
    found = [*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg]
    return [arg for arg in found if arg is not None]


def _without_options(text: str) -> str:
    """Drop the options of ``%timeit -n 10 -r3 f(x)``."""
    return re.sub(r"^(?:-[a-zA-Z](?:\s*[\w.]+(?=\s))?\s+)+", "", text.strip() + " ").strip()


def _bound_by_magic(name: str, text: str) -> list[str]:
    """Return the variables that well-known magics leave behind."""
    words = text.split()
    found: list[str] = []
    match name:
        case "capture" | "bigquery":
            found = [word for word in words if not word.startswith("-")][:1]
        case "sql":  # jupysql and ipython-sql: "%%sql result <<"
            found = [before for before, after in pairwise(words) if after == "<<"]
        case _:  # %%bash, %%ruby and all others that run scripts, and %%R
            flags = ("--out", "--err", "--proc", "-o", "--output")
            pairs = pairwise(words)
            found = [part for flag, value in pairs if flag in flags for part in value.split(",")]
    return [word for word in found if word.isidentifier()]


_METHODS: dict[type, Callable[..., None]] = {
    ast.Constant: _NameReader.nothing,
    ast.Name: _NameReader.name,
    ast.Attribute: _NameReader.attribute,
    ast.Call: _NameReader.call,
    ast.Assign: _NameReader.assign,
    ast.AugAssign: _NameReader.augmented,
    ast.AnnAssign: _NameReader.annotated,
    ast.NamedExpr: _NameReader.walrus,
    ast.For: _NameReader.loop,
    ast.AsyncFor: _NameReader.loop,
    ast.If: _NameReader.branch,
    ast.While: _NameReader.branch,
    ast.ExceptHandler: _NameReader.handler,
    ast.Import: _NameReader.imported,
    ast.ImportFrom: _NameReader.imported_from,
    ast.MatchAs: _NameReader.captured,
    ast.MatchStar: _NameReader.captured,
    ast.MatchMapping: _NameReader.mapped,
    ast.Global: _NameReader.declared,
    ast.Nonlocal: _NameReader.declared,
    ast.FunctionDef: _NameReader.function,
    ast.AsyncFunctionDef: _NameReader.function,
    ast.Lambda: _NameReader.anonymous,
    ast.ClassDef: _NameReader.class_,
    ast.ListComp: _NameReader.comprehension,
    ast.SetComp: _NameReader.comprehension,
    ast.DictComp: _NameReader.comprehension,
    ast.GeneratorExp: _NameReader.comprehension,
}
if hasattr(ast, "TypeAlias"):  # Python 3.12
    _METHODS[ast.TypeAlias] = _NameReader.alias
