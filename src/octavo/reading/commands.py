"""The shell commands that a call runs: those of ``!x``, ``%%bash``, ``os.system`` and ``subprocess``."""

from __future__ import annotations

import ast
import re

#: What may stand between two commands in a line; quotes are not looked at, as none of them begins a command.
_BETWEEN = re.compile(r"[;&|\n(`]+|\$\(|\b(?:then|do|else)\s")
_BEFORE = re.compile(r"^(?:(?:sudo|time|nohup|exec|env|if|while|!|-\w+|\w+=\S*|cd\s+\S+)\s+)*")
_MAGICS = frozenset(("sh", "bash", "script", "system", "sx", "!"))


def commands(node: ast.Call, name: str, magic: tuple[str, str] | None) -> list[str]:
    """Return the commands, each from its own name on; ``name`` is the full name of what is called."""
    if magic is not None:
        if magic[0] not in _MAGICS:
            return []
        return split("\n".join(_constant(one) for one in node.args[1:]))
    first = node.args[0] if node.args else None
    func = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    if func in ("system", "getoutput") or name.startswith(
        ("subprocess.", "os.popen", "asyncio.create_subprocess")
    ):
        if isinstance(first, ast.List | ast.Tuple):
            return split(" ".join(map(_constant, first.elts)))
        return split(_constant(first))
    return []


def split(text: str) -> list[str]:
    """Return the commands of a shell's text, without what may stand before them: ``sudo``, ``X=1``."""
    joined = text.replace("\\\n", " ")
    return [_BEFORE.sub("", part.strip()) for part in _BETWEEN.split(joined) if part.strip()]


def _constant(node: ast.AST | None) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(map(_constant, parts))
        case ast.FormattedValue():
            return "x"
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _constant(left) + _constant(right)
    return ""
