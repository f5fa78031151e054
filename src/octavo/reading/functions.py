"""Collect the facts of a Python function: upstream, parameters, and a digest of all code it can reach."""

from __future__ import annotations

import ast
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from ..errors import Place
from ..hints import did_you_mean
from ..model import Facts, Parameter
from . import declared, digest, magics
from .alone import alone
from .names import names
from .reach import Definition, definitions, reached

if TYPE_CHECKING:
    pass

_Function = ast.FunctionDef | ast.AsyncFunctionDef
#: Arguments that octavo itself fills in.
_GIVEN = frozenset(["product", "upstream", "client"])


@lru_cache(maxsize=4)  # the tasks of one module stand together
def _module(text: str) -> tuple[ast.Module, tuple[str, ...], str]:
    tree = magics.tree(text)
    return tree, tuple(sorted(names(tree).imports)), alone([tree])


def function(text: str, path: str, name: str) -> Facts:
    """Return the facts of the function ``name`` in the module text at ``path``.

    ``upstream`` are the literal keys of its argument ``upstream`` (``upstream["x"]``, ``upstream.get("x")``);
    None means that it has no such argument, or uses it only in ways that cannot be read. ``parameters_cell``
    tells whether the parameters are all it takes: it is False where there are ``**kwargs``, or decorators.

    ``digest`` covers the function, what of its module ``reach`` finds that it runs, and all that importing the
    module runs; not its ``if __name__ == "__main__"`` block.
    """
    try:
        tree, imports, bare = _module(text)
    except SyntaxError as error:
        where = Place(path, error.lineno or 0, error.offset or 0)
        return Facts(digest.digest(["text", text]), mistakes=((f"syntax error: {error.msg}", where),))
    counted = reached(tree, name, stem(path))
    code = digest.digest([name, *digest.form(counted, text)])
    node = next((node for node in definitions(tree.body) if node.name == name), None)
    if isinstance(node, _Function):
        return replace(_facts(node, text, code, imports), bare=bare)
    if node is None and (bound := _bound(tree, name)) is not None:
        # "get = partial(...)", "get = lambda product: ...": callable perhaps, and closed to reading.
        if isinstance(bound, ast.Assign | ast.AnnAssign):
            return Facts(code, imports=imports)
        message = f'"{name}" is not defined in {path}, only imported — name the module that defines it'
        if isinstance(bound, ast.ImportFrom):
            message += f': it comes from "{"." * bound.level}{bound.module or ""}"'
        place = Place(path, bound.lineno, bound.col_offset + 1)
        return Facts(code, imports=imports, mistakes=((message, place),))
    if node is not None:
        message, place = f'"{name}" is a class, not a function', Place(path, node.lineno, node.col_offset + 1)
    else:
        known = [node.name for node in definitions(tree.body) if isinstance(node, _Function)]
        near = did_you_mean(name, known)
        hint = near or ("it defines: " + ", ".join(known) if known else "it defines no functions")
        message, place = f'there is no function "{name}" in {path} — {hint}', Place(path)
    return Facts(code, imports=imports, mistakes=((message, place),))


def unreached(text: str, path: str, name: str) -> set[str]:
    """Return the names of a module's functions and classes that do not count for one of its functions."""
    try:
        tree = _module(text)[0]
    except SyntaxError:
        return set()
    counted = {id(node) for node in reached(tree, name, stem(path))}
    return {node.name for node in tree.body if isinstance(node, Definition) and id(node) not in counted}


def stem(path: str) -> str:
    """Return the last part of the name of a module at a path."""
    folder, _, name = path.rpartition("/")
    return folder.rpartition("/")[2] if name == "__init__.py" else name.partition(".")[0]


def _facts(node: _Function, text: str, code: str, imports: tuple[str, ...]) -> Facts:
    args = node.args
    plain = [*args.posonlyargs, *args.args]
    missing: list[ast.expr | None] = [None] * (len(plain) - len(args.defaults))
    defaults = dict(zip([arg.arg for arg in plain], [*missing, *args.defaults], strict=True))
    defaults |= dict(zip([arg.arg for arg in args.kwonlyargs], args.kw_defaults, strict=True))
    params: list[Parameter] = [
        declared.parameter(arg, defaults[arg.arg], text)
        for arg in [*plain, *args.kwonlyargs]
        if arg.arg not in _GIVEN
    ]
    return Facts(
        code,
        title=(ast.get_docstring(node) or "").partition("\n")[0].strip(),
        upstream=_upstream(node) if "upstream" in defaults else None,
        params=tuple(params),
        parameters_cell=args.kwarg is None and not node.decorator_list,
        imports=imports,
    )


def _upstream(node: _Function) -> tuple[str, ...] | None:
    """Return the literal keys of ``upstream`` in order; None when it is only used in other ways."""
    found: list[tuple[int, int, str]] = []
    mentions = 0
    for part in ast.walk(node):
        match part:
            case ast.Name(id="upstream"):
                mentions += 1
                continue
            case ast.Subscript(value=ast.Name(id="upstream"), slice=ast.Constant(value=str(key))):
                pass
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="upstream"), attr="get"),
                args=[ast.Constant(value=str(key)), *_],
            ):
                pass
            case _:
                continue
        found.append((part.lineno, part.col_offset, key))
    if mentions and not found:
        return None
    return tuple(dict.fromkeys(key for _, _, key in sorted(found)))


def definition(text: str, name: str) -> str | None:
    """Return the lines of a function with its decorators, the last one where there are several of that name."""
    try:
        found = [node for node in definitions(_module(text)[0].body) if node.name == name]
    except SyntaxError:
        return None
    if not found:
        return None
    first = min(node.lineno for node in (found[0], *found[0].decorator_list))
    return "".join(text.splitlines(keepends=True)[first - 1 : found[0].end_lineno])


def _bound(tree: ast.Module, name: str) -> ast.Assign | ast.AnnAssign | ast.Import | ast.ImportFrom | None:
    """Return the top-level statement that binds a name without defining a function or class."""
    for node in reversed(tree.body):
        match node:
            case ast.Assign(targets=targets) if any(
                isinstance(t, ast.Name) and t.id == name for t in targets
            ):
                return node
            case ast.AnnAssign(target=ast.Name(id=bound)) if bound == name:
                return node
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                if any((alias.asname or alias.name.partition(".")[0]) == name for alias in aliases):
                    return node
    return None
