"""Find tasks whose sources speak of products of others, which these had better make before."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from posixpath import normpath

from ..errors import Error
from ..kinds import row
from ..model import PROXIES, Task

#: What may be a path, quoted or not.
_WORD = re.compile(r"[^\s\"'`()\[\]{}<>,;=\\]+")


def pairs(tasks: Iterable[Task], root: str, text_of: Callable[[str], str]) -> Iterator[tuple[str, str]]:
    """Yield pairs of tasks, one before and one after: the product of the one stands in the source of the other.

    ``text_of`` reads a source. Where each stands in the other's, nobody can tell who comes first.
    """
    given = [task for task in tasks if task.source.path]
    maker_of = {
        product.path: task.name
        for task in given
        for product in task.products
        if not product.path.startswith(PROXIES) and ("/" in product.path or "." in product.path)
    }
    read: dict[tuple[str, str | None], set[str]] = {}
    found: dict[tuple[str, str], None] = {}
    for task in given:
        if row(task.kind).source == "data":
            continue
        key = (task.source.path, task.source.entry)
        if key not in read:
            words = (normpath(word) for word in _words(task, root, text_of))
            read[key] = {word for word in words if word in maker_of}
        for path in sorted(read[key]):
            if maker_of[path] != task.name:
                found[maker_of[path], task.name] = None
    return ((before, after) for before, after in found if (after, before) not in found)


def _words(task: Task, root: str, text_of: Callable[[str], str]) -> Iterator[str]:
    try:
        text = text_of(task.source.path)
    except (Error, OSError, UnicodeDecodeError):
        return
    if task.source.entry:
        text = _function(text, task.source.entry.rpartition(".")[2])
    for word in _WORD.findall(text):
        yield word.removeprefix(f"{root}/").strip(".:") if "/" in word or "." in word else ""


def _function(text: str, name: str) -> str:
    """Return the text of a function of a module."""
    try:
        found = [it for it in ast.parse(text).body if isinstance(it, ast.FunctionDef | ast.AsyncFunctionDef)]
    except (SyntaxError, ValueError):
        return ""
    lines = text.splitlines()
    return "\n".join("\n".join(lines[it.lineno - 1 : it.end_lineno]) for it in found if it.name == name)
