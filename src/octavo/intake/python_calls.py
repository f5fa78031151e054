"""Find calls of papermill in Python: Airflow's operators and ``execute_notebook``, in loops and functions, too."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from .notebook_calls import Effort, NotebookCall, gathered
from .paths import last_name
from .shell_calls import shell

_TEMPLATE = re.compile(r"\{\{\s*([A-Za-z_]\w*)[^{}]*\}\}")
_MODULES = frozenset(("os", "environ", "path", "pm", "papermill", "pathlib", "datetime", "date", "pendulum"))
#: Ask for so many characters that no path has.
_WIDE = re.compile(r"%[^a-zA-Z%]*\d{4}|\{[^{}]*:[^{}]*\d{4}[^{}]*\}")
#: A loop over more than this is looked at no further.
_MOST = 1000


def python(tree: ast.Module, path: str) -> list[NotebookCall]:
    """Return the calls of a module: of papermill, of PapermillOperator, and of BashOperators that call papermill."""
    reader = _Python(path)
    reader.run(tree.body)
    reader.finish()
    return gathered(sorted(reader.calls.values(), key=lambda call: call.line))


class _Keys(tuple[str, ...]):
    """The tasks that a value stands for, by the keys of their calls."""


class _Python:
    """Follows the statements of a module in order, each loop once for every value that the text tells."""

    def __init__(self, path: str) -> None:
        self._effort = Effort(path)
        self.calls: dict[str, NotebookCall] = {}
        self._known: dict[str, object] = {}
        self._functions: dict[str, ast.FunctionDef] = {}
        self._called: set[str] = set()
        self._within: tuple[str, ...] = ()
        self._loop: dict[str, object] = {}
        self._unknown: dict[str, str] = {}

    def run(self, body: Sequence[ast.stmt]) -> object:
        """Follow statements; return what the last ``return`` gives."""
        given: object = None
        for node in body:
            self._effort.step()
            match node:
                case ast.FunctionDef():
                    self._functions[node.name] = node
                case ast.Return(value=ast.expr() as value):
                    given = self._value(value)
                case ast.Assign(targets=[target], value=value):
                    self._assign(target, self._value(value))
                case ast.AnnAssign(target=target, value=ast.expr() as value):
                    self._assign(target, self._value(value))
                case ast.AugAssign(target=ast.Name(id=name), op=ast.Add(), value=value):
                    self._known[name] = _sum(self._known.get(name), self._value(value))
                case ast.For():
                    self._each(node.target, node.iter, node.body)
                case ast.With(body=inner):
                    given = self.run(inner) or given
                case ast.If() | ast.Try() | ast.While():
                    for inner in (node.body, node.orelse, *_more(node)):
                        given = self.run(inner) or given
                case ast.Expr(value=value):
                    self._value(value)
        return given

    def finish(self) -> None:
        """Follow the functions that nothing has called: of tasks that a decorator makes, and ``main``."""
        while rest := [name for name in self._functions if name not in self._called]:
            for name in rest:
                self._call_function(self._functions[name], [], {})

    def _each(self, target: ast.expr, values: ast.expr, body: Sequence[ast.stmt]) -> None:
        around = self._loop
        found = self._items(self._value(values))
        for value in found[:_MOST] if found is not None else [None]:
            if found is None:
                self._assign(target, None, ast.unparse(target))
            else:
                self._assign(target, value)
                names = [node.id for node in ast.walk(target) if isinstance(node, ast.Name)]
                self._loop = {**around, **{name: self._known.get(name) for name in names}}
            self.run(body)
        self._loop = around

    def _items(self, value: object) -> list[object] | None:
        match value:
            case _Keys():
                return None
            case list() | tuple():
                return [*value]
            case dict():
                return [*value]
        return None

    def _assign(self, target: ast.expr, value: object, origin: str = "") -> None:
        match target:
            case ast.Name(id=name):
                self._known[name] = self._lost(name, origin) if origin else value
            case ast.Tuple(elts=names) | ast.List(elts=names):
                inner = value if isinstance(value, list | tuple) else [None] * len(names)
                for each, one in zip(names, inner, strict=False):
                    self._assign(each, one, ast.unparse(each) if origin else "")

    def _lost(self, name: str, origin: str) -> str:
        """Return a placeholder for what the text does not tell."""
        self._unknown[name] = origin
        return f"{{{{{name}}}}}"

    def _value(self, node: ast.expr) -> object:
        """Return the value of an expression; what the text does not tell is a placeholder of its own."""
        self._effort.step()
        found = self._evaluated(node)
        if isinstance(found, str):
            self._effort.text(found)
        return found

    def _evaluated(self, node: ast.expr) -> object:
        match node:
            case ast.Constant(value=str(text)):
                for name in _TEMPLATE.findall(text):
                    self._unknown[name] = f"Airflow's {{{{ {name} }}}}"
                return _TEMPLATE.sub(r"{{\1}}", text)
            case ast.Constant(value=value):
                return value
            case ast.Name(id=name) if name in self._known:
                return self._known[name]
            case ast.Dict(keys=keys, values=values):
                pairs = zip(keys, values, strict=True)
                return {self._value(key): self._value(value) for key, value in pairs if key is not None}
            case ast.List(elts=items) | ast.Tuple(elts=items):
                return self._listed(items)
            case ast.JoinedStr(values=pieces):
                inner = (p.value if isinstance(p, ast.FormattedValue) else p for p in pieces)
                return "".join(str(self._value(piece)) for piece in inner)
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
                return -number
            case ast.BinOp():
                return self._binary(node)
            case ast.Subscript(value=whole, slice=ast.Constant(value=key)):
                held = self._value(whole)
                if isinstance(held, dict) and key in held:
                    return held[key]
            case ast.ListComp(elt=element, generators=[ast.comprehension(target=target, iter=values)]):
                return self._comprehended(element, target, values)
            case ast.Call():
                found = self._call(node)
                if found is not NotImplemented:
                    return found
        name = re.sub(r"\W+", "_", ast.unparse(node)).strip("_")[:30] or "value"
        return self._lost(f"_{name}" if name[0].isdigit() else name, ast.unparse(node))

    def _listed(self, items: Sequence[ast.expr]) -> object:
        values = [self._value(item) for item in items]
        if values and all(isinstance(value, _Keys) for value in values):
            return _Keys(key for value in values if isinstance(value, _Keys) for key in value)
        return values

    def _comprehended(self, element: ast.expr, target: ast.expr, values: ast.expr) -> object:
        known = dict(self._known)
        found: list[object] = []
        wrapped = ast.Expr(element)
        around = self._loop
        for value in (self._items(self._value(values)) or [])[:_MOST]:
            self._assign(target, value)
            self._loop = {**around, **({target.id: value} if isinstance(target, ast.Name) else {})}
            found.append(self._value(wrapped.value))
        self._known, self._loop = known, around
        keys = [value for value in found if isinstance(value, _Keys)]
        return _Keys(key for value in keys for key in value) if keys else found

    def _binary(self, node: ast.BinOp) -> object:
        left, right = self._value(node.left), self._value(node.right)
        match node.op:
            case ast.RShift():
                self._order(left, right)
                return right
            case ast.LShift():
                self._order(right, left)
                return right
            case ast.Add():
                return _sum(left, right)
            case ast.Div() if isinstance(left, str):
                return posixpath.join(left, str(right))
            case ast.Mod() if isinstance(left, str) and not _WIDE.search(left):
                try:
                    return left % (tuple(right) if isinstance(right, list) else right)
                except (TypeError, ValueError, KeyError):
                    pass
        return self._lost(re.sub(r"\W+", "_", ast.unparse(node)).strip("_")[:30], ast.unparse(node))

    def _call(self, node: ast.Call) -> object:
        """Return what a call gives: tasks, a path, a text; NotImplemented for what the text does not tell."""
        name = last_name(node.func)
        method = isinstance(node.func, ast.Attribute) and last_name(node.func.value) not in _MODULES
        owner = self._value(node.func.value) if method and isinstance(node.func, ast.Attribute) else None
        arguments = [self._value(argument) for argument in node.args if not isinstance(argument, ast.Starred)]
        given: dict[str, object] = {}
        for word in node.keywords:
            value = self._value(word.value)
            given |= {word.arg: value} if word.arg else value if isinstance(value, dict) else {}
        if (found := self._found(name, node.lineno, arguments, given)) is not None:
            return self._noted(found)
        if name in self._functions and isinstance(node.func, ast.Name):
            return self._call_function(self._functions[name], arguments, given)
        if name in ("chain", "set_downstream", "set_upstream", "cross_downstream"):
            groups = [owner, *arguments] if method and name != "chain" else arguments
            for before, after in pairwise(groups[::-1] if name == "set_upstream" else groups):
                self._order(before, after)
            return None
        if name == "append" and isinstance(node.func, ast.Attribute) and arguments:
            self._append(node.func.value, arguments[0])
            return None
        return given if name == "dict" and not arguments else _known(name, owner, arguments, given)

    def _append(self, owner: ast.expr, value: object) -> None:
        if isinstance(owner, ast.Name):
            held = self._known.get(owner.id)
            more = value if isinstance(value, _Keys) else [value]
            self._known[owner.id] = _sum(held if held else type(more)(), more)

    def _call_function(
        self, node: ast.FunctionDef, given: Sequence[object], named: Mapping[str, object]
    ) -> object:
        if node.name in self._within:
            return NotImplemented
        self._called.add(node.name)
        names = [
            argument.arg for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
        ]
        positional = [*node.args.posonlyargs, *node.args.args]
        defaults = dict(zip([a.arg for a in positional[::-1]], node.args.defaults[::-1], strict=False))
        defaults |= {a.arg: d for a, d in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True) if d}
        bound = {name: self._value(value) for name, value in defaults.items()}
        bound |= {**dict(zip(names, given, strict=False)), **named}
        if node.args.kwarg:
            bound[node.args.kwarg.arg] = {name: bound[name] for name in named if name not in names}
        if node.args.vararg:
            bound[node.args.vararg.arg] = [*given[len(positional) :]]
        known, within = dict(self._known), self._within
        self._within = (*within, node.name)
        self._known |= bound | {name: self._lost(name, name) for name in names if name not in bound}
        found = self.run(node.body)
        self._known, self._within = known, within
        return found

    def _found(
        self, name: str, line: int, arguments: Sequence[object], given: Mapping[str, object]
    ) -> list[NotebookCall] | None:
        """Return the calls of papermill that a call in Python is; None where it is none."""
        if name == "execute_notebook":
            places = dict(zip(("input_path", "output_path", "parameters"), arguments, strict=False))
            return _papermill(line, {**places, **given}, "input_path", "output_path")
        if name == "PapermillOperator":
            return _papermill(line, given, "input_nb", "output_nb")
        if name == "BashOperator" and "bash_command" in given:
            found = shell(str(given["bash_command"]))
            task = str(given.get("task_id") or "") if len(found) == 1 else ""
            return [replace(call, line=line, name=task) for call in found] or None
        return None

    def _noted(self, found: Sequence[NotebookCall]) -> _Keys:
        """Take in calls of papermill, and return the tasks that they are."""
        keys = []
        for call in found:
            keys.append(f"call {len(self.calls) + 1}")
            said = str((call.source, call.output, dict(call.params), call.name))
            used = {name: origin for name, origin in self._unknown.items() if f"{{{{{name}}}}}" in said}
            self.calls[keys[-1]] = replace(
                call, key=keys[-1], loop={**self._loop, **call.loop}, unknown={**used, **call.unknown}
            )
        return _Keys(keys)

    def _order(self, before: object, after: object) -> None:
        for key in _keys(after):
            self.calls[key] = replace(self.calls[key], after=(*self.calls[key].after, *_keys(before)))


def _papermill(line: int, given: Mapping[str, object], source: str, output: str) -> list[NotebookCall] | None:
    if source not in given:
        return None
    params, kernel, cwd = given.get("parameters"), given.get("kernel_name"), given.get("cwd")
    return [
        NotebookCall(
            str(given[source]),
            str(given.get(output) or ""),
            line,
            {str(name): value for name, value in params.items()} if isinstance(params, dict) else {},
            kernel=str(kernel) if kernel is not None else None,
            cwd=str(cwd) if cwd is not None else None,
            name=str(given.get("task_id") or ""),
        )
    ]


def _keys(value: object) -> Iterator[str]:
    if isinstance(value, _Keys):
        yield from value
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _keys(one)


def _more(node: ast.stmt) -> Iterable[list[ast.stmt]]:
    return [*(handler.body for handler in node.handlers), node.finalbody] if isinstance(node, ast.Try) else []


def _sum(left: object, right: object) -> object:
    match left, right:
        case (_Keys(), _Keys()):
            return _Keys((*left, *right))
        case ([], _Keys()):
            return right
        case (list(), list()):
            return [*left, *right]
        case (int() | float(), int() | float()):
            return left + right
    return f"{left}{right}"


def _known(name: str, owner: object, given: Sequence[object], named: Mapping[str, object]) -> object:
    """Return what a function of Python's own gives; NotImplemented for any other."""
    match name, owner, given:
        case (
            "get" | "getenv",
            None,
            [str(), str() as value],
        ):  # of the environment, which is another elsewhere
            return value
        case ("join", None, [*parts]) if parts and all(isinstance(part, str) for part in parts):
            return posixpath.join(*map(str, parts))
        case ("join", str() as sign, [list() as parts]):
            return sign.join(map(str, parts))
        case ("joinpath", str() as path, [*parts]):
            return posixpath.join(path, *map(str, parts))
        case ("Path" | "PurePath" | "str" | "PosixPath", None, [*parts]) if parts:
            return posixpath.join(*map(str, parts))
        case ("format", str() as text, _) if not _WIDE.search(text):
            try:
                return text.replace("{{", "{{{{").replace("}}", "}}}}").format(*given, **named)
            except (LookupError, ValueError, AttributeError, TypeError):
                return NotImplemented
        case ("range", None, [*numbers]) if 0 < len(numbers) < 4 and all(type(n) is int for n in numbers):
            return [*range(*[int(str(number)) for number in numbers])[:_MOST]]
        case ("list" | "tuple" | "sorted", None, [list() | dict() as items]):
            return [*items]
        case ("enumerate", None, [list() as items]):
            return [[*pair] for pair in enumerate(items)]
        case ("zip", None, [*lists]) if lists and all(isinstance(one, list) for one in lists):
            return [[*row] for row in zip(*(one for one in lists if isinstance(one, list)), strict=False)]
        case ("items", dict() as table, []):
            return [[*pair] for pair in table.items()]
        case ("keys", dict() as table, []):
            return [*table]
        case ("values", dict() as table, []):
            return [*table.values()]
        case ("lower" | "upper" | "strip" as method, str() as text, []):
            return {"lower": text.lower, "upper": text.upper, "strip": text.strip}[method]()
    return NotImplemented
