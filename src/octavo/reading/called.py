"""Look up what pipeline.yaml names by dotted path, with its arguments, by reading the project's code."""

from __future__ import annotations

import ast
import importlib.util
import os
import pkgutil
import sys
from inspect import Parameter, Signature

from ..calls import fitted
from ..errors import Error, Place, SpecError
from ..hints import did_you_mean
from ..model import Call
from . import magics
from .folders import contents, edited, find_module, find_package, folders
from .names import names
from .reach import definitions

_Function = ast.FunctionDef | ast.AsyncFunctionDef
#: Modules that are here whatever is installed: octavo serves Ploomber's, too.
_OURS = ("octavo", "ploomber")
_GIVEN = object()
#: What to do about a function that does nothing when it is called.
PLAIN = "make it a plain function"


def missing(call: Call, root: str, offered: tuple[str, ...] = (), positional: int = 0) -> Error | None:
    """Return why a call cannot be made: no such module or function, or its arguments are not those that it gets.

    ``offered`` are arguments that it may name, ``positional`` counts those that it gets in any case. What is of an
    installed package, or made when its module runs, is taken to be there. Nothing is imported.
    """
    parts = call.path.split(".")
    if parts[0] in _OURS or len(parts) < 2:
        return None
    for last in range(len(parts) - 1, 0, -1):
        module = ".".join(parts[:last])
        file = find_module(module, root)
        if file is not None:
            return _in_module(call, file, module, parts[last:], root, offered, positional)
    if find_package(parts[0], root) is None and not _importable(parts[0]):
        here = {found.name for found in pkgutil.iter_modules(folders(root))}
        hint = did_you_mean(parts[0], here) or "modules are searched for in the project's folder first"
        return SpecError(f'there is no module "{parts[0]}" for {call.path}', hint=hint)
    return None


def _importable(name: str) -> bool:
    """Return whether Python finds a module at the top, by whatever means: nothing is imported for that."""
    try:
        return name in sys.modules or importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return True


def _in_module(
    call: Call,
    file: str,
    module: str,
    inner: list[str],
    root: str,
    offered: tuple[str, ...],
    positional: int,
) -> Error | None:
    if not edited(file) or os.sep + ".octavo" + os.sep in file:
        return None
    try:
        tree = magics.tree(contents(file))
    except SyntaxError as error:
        where = Place(os.path.relpath(file, root), error.lineno or 0, error.offset or 0)
        return SpecError(f"{call.path} cannot be imported: {where}: {error.msg}")
    except (ValueError, OSError):
        return None  # said when it is imported
    found = [node for node in definitions(tree.body) if node.name == inner[0]]
    if not found:
        return _unbound(tree, inner[0], module)
    node = found[0]
    if len(inner) > 1 or len(found) > 1 or not isinstance(node, _Function) or node.decorator_list:
        return None
    parameters = _signature(node)
    if positional:
        try:
            parameters.bind(*[_GIVEN] * positional, **call.arguments)
        except TypeError as error:
            told = "a value and a product" if positional > 1 else "a product"
            return SpecError(f"{call.path} cannot be called with {told}: {error}")
        return None
    try:
        fitted(parameters.parameters, call.path, call.arguments, dict.fromkeys(offered))
    except SpecError as error:
        return error
    return _later(node, call.path) if offered else None


def _unbound(tree: ast.Module, name: str, module: str) -> Error | None:
    """Return the error for a name that a module does not have; None where only running it could tell."""
    bound = names(tree)
    dynamic = {"globals", "exec", "setattr", "sys"} & (bound.uses | bound.weak)
    if {name, "*", "__getattr__"} & bound.defines or dynamic:
        return None
    known = [node.name for node in definitions(tree.body) if not node.name.startswith("_")]
    hint = did_you_mean(name, known) or (f"there are: {', '.join(known[:8])}" if known else None)
    return SpecError(f'there is no "{name}" in {module}', hint=hint)


def _signature(node: _Function) -> Signature:
    args = node.args
    plain = [*args.posonlyargs, *args.args]
    first, only = len(plain) - len(args.defaults), len(args.posonlyargs)
    found = [
        Parameter(
            arg.arg,
            Parameter.POSITIONAL_ONLY if index < only else Parameter.POSITIONAL_OR_KEYWORD,
            default=Parameter.empty if index < first else _GIVEN,
        )
        for index, arg in enumerate(plain)
    ]
    if args.vararg:
        found.append(Parameter(args.vararg.arg, Parameter.VAR_POSITIONAL))
    for arg, default in zip(args.kwonlyargs, args.kw_defaults, strict=True):
        given = Parameter.empty if default is None else _GIVEN
        found.append(Parameter(arg.arg, Parameter.KEYWORD_ONLY, default=given))
    if args.kwarg:
        found.append(Parameter(args.kwarg.arg, Parameter.VAR_KEYWORD))
    return Signature(found)


def _later(node: _Function, path: str) -> Error | None:
    """Return the error for a function that only begins when somebody waits for it, or asks for its values."""
    if what := _kind(node):
        return SpecError(f"{path} would not run: it is {what}", hint=PLAIN)
    return None


def idle(path: str, root: str) -> str:
    """Return what a function of the project is that does nothing when it is called: a generator; else nothing."""
    node = _function(path, root)
    return _kind(node) if node is not None and not node.decorator_list else ""


def mentions(path: str, word: str, root: str) -> bool:
    """Return whether a function of the project calls something by a name, as far as its own lines tell."""
    node = _function(path, root)
    calls = (
        (inner.func for inner in ast.walk(node) if isinstance(inner, ast.Call)) if node is not None else ()
    )
    return any(word in (getattr(func, "id", ""), getattr(func, "attr", "")) for func in calls)


def _function(path: str, root: str) -> _Function | None:
    """Return the function of the project that a dotted path names; None where there is none, or several."""
    module, _, name = path.rpartition(".")
    file = find_module(module, root)
    if file is None or not edited(file):
        return None
    try:
        found = [node for node in definitions(magics.tree(contents(file)).body) if node.name == name]
    except (SyntaxError, ValueError, OSError):
        return None
    return found[0] if len(found) == 1 and isinstance(found[0], _Function) else None


def _kind(node: ast.AST) -> str:
    if _yields(node):
        return "an async generator" if isinstance(node, ast.AsyncFunctionDef) else "a generator"
    return "an async function" if isinstance(node, ast.AsyncFunctionDef) else ""


def _yields(node: ast.AST) -> bool:
    inner = (
        child
        for child in ast.iter_child_nodes(node)
        if not isinstance(child, _Function | ast.Lambda | ast.ClassDef | ast.GeneratorExp)
    )
    return any(isinstance(child, ast.Yield | ast.YieldFrom) or _yields(child) for child in inner)
