"""What functions define, and read, only when a cell calls them."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from . import CodeCell, calls

_Function = ast.FunctionDef | ast.AsyncFunctionDef


def promised(cell: CodeCell) -> dict[str, frozenset[str]]:
    """Return what the functions of a cell define by ``global``; "" for what may be defined without a call."""
    left = cell.names.promised
    found: dict[str, frozenset[str]] = {}
    if not left:
        return found
    seen: set[str] = set()
    for function in _functions(cell):
        stated = {
            name for node in ast.walk(function) if isinstance(node, ast.Global) for name in node.names
        } & left
        if stated:
            hidden = function.decorator_list or function.name.startswith("__")
            name = "" if hidden else function.name
            found[name] = found.get(name, frozenset()) | stated
            seen |= stated
    found[""] = found.get("", frozenset()) | (left - seen)
    return found


def kept(cell: CodeCell, promises: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """Return the promised names that are there after a cell: it says the name of a function that defines them."""
    if not promises:
        return frozenset()
    said = {"", *cell.once(_said)}
    return frozenset().union(*(given for function, given in promises.items() if function in said))


def _said(cell: CodeCell) -> frozenset[str]:
    names = {node.id for node in cell.of(ast.Name) if isinstance(node.ctx, ast.Load)}
    return frozenset(
        names | {node.attr for node in cell.of(ast.Attribute)} | cell.names.uses | cell.names.weak
    )


def functions_reading(cell: CodeCell, name: str) -> Iterator[str]:
    """Yield the functions at the top level of a cell in whose bodies a name is read."""
    for function in cell.tree.body if cell.tree is not None else ():
        if isinstance(function, _Function) and name in _read(function):
            yield function.name


def too_early(
    cell: CodeCell, waiting: dict[str, dict[str, int]], known: frozenset[str]
) -> list[tuple[str, str, ast.AST]]:
    """Return the calls in a cell of functions that read what no cell has defined yet: function, name, and where.

    ``waiting`` has these functions with the names that they wait for; the functions that call them are added.
    """
    for function in cell.tree.body if cell.tree is not None else ():
        if isinstance(function, _Function):
            for inner in _read(function) & waiting.keys() - {function.name}:
                waiting.setdefault(function.name, {}).update(waiting[inner])
    found: list[tuple[str, str, ast.AST]] = []
    there = known | cell.names.defines
    guarded = cell.once(_guarded)
    for call in cell.once(calls):
        for name in waiting.get(call.name, ()):
            if name not in there and id(call.node) not in guarded:
                found.append((call.name, name, call.node))
                there |= {name}
    return found


def _read(function: _Function) -> set[str]:
    return {
        node.id
        for node in ast.walk(function)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }


def _functions(cell: CodeCell) -> list[_Function]:
    return [*cell.of(ast.FunctionDef), *cell.of(ast.AsyncFunctionDef)]


def _guarded(cell: CodeCell) -> frozenset[int]:
    """Return the calls that run later, under a condition, or where an error is caught."""
    outer = [
        *_functions(cell),
        *cell.of(ast.Lambda),
        *cell.of(ast.Try),
        *cell.of(ast.If),
        *cell.of(ast.While),
    ]
    return frozenset(id(node) for one in outer for node in ast.walk(one) if isinstance(node, ast.Call))
