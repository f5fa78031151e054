"""Digests of Python code that ignore comments, formatting and docstrings.

What counts is the syntax tree without positions, without ``pass`` and without strings that stand alone. That
leaves docstrings out, unless the code says that it reads them: rewording one must not re-run a pipeline. Code that
reads source counts as it stands.

The text that is hashed is written here rather than by ``ast.dump``, whose output differs between versions of
Python: empty fields are left out, so that a new version's new fields change nothing where they are not used.
f-strings are parsed differently since 3.12, so digests of code that holds them may differ all the same.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from . import magics

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_BLOCKS = frozenset(["body", "orelse", "finalbody"])
# ctx follows from the position, kind is the u of u"x", and type comments are comments.
_SILENT = frozenset(["ctx", "kind", "type_comment", "type_ignores"])
#: What code says that reads docstrings, and what it says that reads source or where that stands.
_DOCSTRINGS = re.compile(r"\b(__doc__|getdoc)\b")
_SOURCE = re.compile(
    r"\b(get(source|sourcelines|comments|block)|findsource|f_lineno|co_firstlineno|lineno)\b"
)


#: A docstring that is handed on, as decorators do.
_HANDED_ON = re.compile(r"^[ \t]*[\w.]+\.__doc__[ \t]*\+?=.*$", re.MULTILINE)


def digest(parts: Iterable[str]) -> str:
    """Hash texts, each with its border, into 32 hexadecimal digits."""
    hashed = blake2b(digest_size=16)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        hashed.update(b"%d:" % len(data))
        hashed.update(data)
    return hashed.hexdigest()


def module_digest(text: str) -> str:
    """Return the digest of a Python module's code; of its text where that has a syntax error."""
    try:
        tree = magics.tree(text)
    except SyntaxError:
        return digest(["text", text])
    return digest(form(tree.body, text))


def form(body: Sequence[ast.AST], text: str) -> list[str]:
    """Return what counts of the statements of a module with this text."""
    if _SOURCE.search(text):
        return ["text", text]
    docstrings = reads_docstrings(text)
    return [normal(effective(body, docstrings), docstrings)]


def reads_docstrings(text: str) -> bool:
    """Return whether code looks as if it reads docstrings."""
    return _DOCSTRINGS.search(text) is not None


def shows_code(text: str) -> bool:
    """Return whether code looks as if it reads docstrings, source or line numbers, maybe of other modules."""
    plain = _HANDED_ON.sub("", text)
    return reads_docstrings(plain) or _SOURCE.search(plain) is not None


def cell(tree: ast.Module, text: str, docstrings: bool = False) -> str:
    """Return the normal form of a cell: "" when running it does nothing. ``docstrings`` count if they are read.

    A cell shows the value of its last expression unless a semicolon follows it, so there a lone string
    counts, and so does the semicolon.
    """
    if not tree.body:
        return ""
    if _SOURCE.search(text):
        return "text " + text.strip()
    *before, last = tree.body
    if not isinstance(last, ast.Expr):
        return normal(effective(tree.body, docstrings), docstrings)
    form = normal([*effective(before, docstrings), last], docstrings)
    return form + "\n;" if _silenced(tree, text) else form


def normal(nodes: Sequence[ast.AST], docstrings: bool = False) -> str:
    """Write trees as text, one token per line; a loop and not a recursion, as deep code is legal code."""
    out: list[str] = []
    # open: nodes, and strings that are finished, told apart by their types, which is quicker than isinstance
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
                    if name in _BLOCKS and not (value := effective(value, docstrings)):
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


def effective(nodes: Sequence[ast.AST], docstrings: bool = False) -> list[ast.AST]:
    """Leave out statements that do nothing; ``docstrings`` do something where they are read."""
    return [
        node for node in nodes if not isinstance(node, ast.Pass) and (docstrings or not _bare_string(node))
    ]


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
