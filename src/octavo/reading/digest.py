"""Digests of Python code that ignore comments, formatting and docstrings.

What counts is the syntax tree without positions, without ``pass`` and without strings that stand alone. That
leaves docstrings out although a program could read them: rewording one must not re-run a pipeline.

The text that is hashed is written here rather than by ``ast.dump``, whose output differs between versions of
Python: empty fields are left out, so that a new version's new fields change nothing where they are not used.
f-strings are parsed differently since 3.12, so digests of code that holds them may differ all the same.
"""

from __future__ import annotations

import ast
from functools import cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from . import magics

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_BLOCKS = frozenset(["body", "orelse", "finalbody"])
# ctx follows from the position, kind is the u of u"x", and type comments are comments.
_SILENT = frozenset(["ctx", "kind", "type_comment", "type_ignores"])


def digest(parts: Iterable[str]) -> str:
    """Hash texts, each with its border, into 32 hexadecimal digits."""
    hashed = blake2b(digest_size=16)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        hashed.update(b"%d:" % len(data))
        hashed.update(data)
    return hashed.hexdigest()


def module_digest(text: str | bytes) -> str:
    """Return the digest of a Python module's code; of its bytes where it has a syntax error."""
    try:
        return digest([normal(effective(magics.tree(text).body))])
    except SyntaxError:
        return digest(["text", text if isinstance(text, str) else text.decode("latin-1")])


def module_digest_of_file(path: str) -> str | None:
    """Return the digest of a module's file, in whatever encoding it declares; None when it is not there."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - pathlib is slower to import and to open
            data = file.read()
    except OSError:
        return None
    return module_digest(data)


def cell(tree: ast.Module, text: str) -> str:
    """Return the normal form of a cell: "" when running it does nothing.

    A cell shows the value of its last expression unless a semicolon follows it, so there a lone string
    counts, and so does the semicolon.
    """
    if not tree.body:
        return ""
    *before, last = tree.body
    if not isinstance(last, ast.Expr):
        return normal(effective(tree.body))
    form = normal([*effective(before), last])
    return form + "\n;" if _silenced(tree, text) else form


def normal(nodes: Sequence[ast.AST]) -> str:
    """Write trees as text, one token per line; a loop and not a recursion, as deep code is legal code."""
    out: list[str] = []
    stack: list[Any] = list(reversed(nodes))
    while stack:
        node = stack.pop()
        kind: Any = type(node)
        if kind is str:
            out.append(node)
        elif kind is ast.Name:
            out.append("$" + node.id)
        elif kind is ast.Constant:
            # Not repr: what it escapes depends on the version of Unicode, and it refuses long ints.
            out.append(hex(node.value) if type(node.value) is int else ascii(node.value))
        else:
            opening, fields = _fields(kind)
            out.append(opening)
            stack.append(")")
            for name, one, many in fields:
                value = getattr(node, name, None)
                if value is None or value == []:
                    continue
                if isinstance(value, list):
                    if name in _BLOCKS and not (value := effective(value)):
                        continue
                    stack.append("]")
                    # The key of {**x} is no key: None, and not the constant None.
                    stack.extend(["-" if item is None else item for item in reversed(value)])
                    stack.append(many)
                else:
                    stack.append(value if isinstance(value, ast.AST) else ascii(value))
                    stack.append(one)
    return "\n".join(out)


@cache
def _fields(kind: type) -> tuple[str, list[tuple[str, str, str]]]:
    """Return a kind of node's opening, and its fields that count, last first, as the stack wants them."""
    fields: tuple[str, ...] = kind._fields  # type: ignore[attr-defined]
    counted = [(name, name + "=", name + "=[") for name in reversed(fields) if name not in _SILENT]
    return kind.__name__ + "(", counted


def effective(nodes: Sequence[ast.AST]) -> list[ast.AST]:
    """Leave out statements that do nothing."""
    return [node for node in nodes if not isinstance(node, ast.Pass) and not _bare_string(node)]


def _bare_string(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _silenced(tree: ast.Module, text: str) -> bool:
    """Return whether a semicolon follows the last statement; only comments can stand there beside it."""
    last = tree.body[-1]
    line, *rest = text.split("\n")[(last.end_lineno or 1) - 1 :] or [""]
    after = line.encode("utf-8", "surrogatepass")[last.end_col_offset :].decode("utf-8", "replace")
    return any(";" in part.partition("#")[0] for part in [after, *rest])
