"""Collect the facts of a Python function: upstream, parameters, and a digest of all code it can reach."""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import TYPE_CHECKING

from ..errors import Place
from ..hints import did_you_mean
from ..model import Facts, Parameter
from . import declared, digest, magics
from .names import names

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_Definition = _Function | ast.ClassDef
#: Arguments that octavo itself fills in.
_GIVEN = frozenset(["product", "upstream", "client"])


@lru_cache(maxsize=4)  # the tasks of one module stand together
def _module(text: str) -> tuple[ast.Module, tuple[str, ...]]:
    tree = magics.tree(text)
    return tree, tuple(sorted(names(tree).imports))


def function(text: str, path: str, name: str) -> Facts:
    """Return the facts of the function ``name`` in the module text at ``path``.

    ``upstream`` are the literal keys of its argument ``upstream`` (``upstream["x"]``, ``upstream.get("x")``);
    None means that it has no such argument, or uses it only in ways that cannot be read. ``parameters_cell``
    tells whether the parameters are all it takes: it is False where there are ``**kwargs``.

    ``digest`` covers the function, the module's other functions and classes that it can reach by name, and
    all that importing the module runs; not the rest of it, nor its ``if __name__ == "__main__"`` block.
    """
    try:
        tree, imports = _module(text)
    except SyntaxError as error:
        where = Place(path, error.lineno or 0, error.offset or 0)
        return Facts(digest.digest(["text", text]), mistakes=((f"syntax error: {error.msg}", where),))
    code = _digest(tree, name)
    node = next((node for node in _definitions(tree.body) if node.name == name), None)
    if isinstance(node, _Function):
        return _facts(node, text, code, imports)
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
        known = [node.name for node in _definitions(tree.body) if isinstance(node, _Function)]
        near = did_you_mean(name, known)
        hint = near or ("it defines: " + ", ".join(known) if known else "it defines no functions")
        message, place = f'there is no function "{name}" in {path} — {hint}', Place(path)
    return Facts(code, imports=imports, mistakes=((message, place),))


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
        parameters_cell=args.kwarg is None,
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


def _digest(tree: ast.Module, name: str) -> str:
    """Hash what calling a function of a module runs, in the order of the text."""
    definitions: dict[str, list[_Definition]] = {}
    for node in tree.body:
        if isinstance(node, _Definition):
            definitions.setdefault(node.name, []).append(node)
    statements = [node for node in tree.body if not isinstance(node, _Definition) and not _is_main(node)]
    reached: set[str] = set()
    waiting = [name, *(word for node in statements for word in _words(node))]
    while waiting:
        word = waiting.pop()
        if word in definitions and word not in reached:
            reached.add(word)
            waiting.extend(word for node in definitions[word] for word in _words(node))
    counted = [
        node
        for node in tree.body
        if (node.name in reached if isinstance(node, _Definition) else not _is_main(node))
    ]
    return digest.digest([name, digest.normal(digest.effective(counted))])


def _words(node: ast.AST) -> Iterator[str]:
    return (part.id for part in ast.walk(node) if isinstance(part, ast.Name))


def _is_main(node: ast.AST) -> bool:
    match node:
        case ast.If(test=ast.Compare(left=ast.Name(id="__name__"), ops=[ast.Eq()]), orelse=[]):
            return True
    return False


def definition(text: str, name: str) -> str | None:
    """Return the lines of a function with its decorators, the last one where there are several of that name."""
    try:
        found = [node for node in _definitions(_module(text)[0].body) if node.name == name]
    except SyntaxError:
        return None
    if not found:
        return None
    first = min(node.lineno for node in (found[0], *found[0].decorator_list))
    return "".join(text.splitlines(keepends=True)[first - 1 : found[0].end_lineno])


def _definitions(body: Sequence[ast.AST]) -> Iterator[_Definition]:
    """Yield the functions and classes of a module, within ``if`` and ``try`` too; the last one first."""
    for node in reversed(body):
        if isinstance(node, _Definition):
            yield node
        elif isinstance(node, ast.If | ast.Try | ast.With | ast.ExceptHandler):
            for block in ("finalbody", "orelse", "handlers", "body"):
                yield from _definitions(getattr(node, block, ()))


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
