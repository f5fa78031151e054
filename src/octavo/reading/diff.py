"""Compare two versions of a source: cells of a notebook, definitions of a module."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher, unified_diff
from functools import lru_cache

from ..dataclass import dataclass


@dataclass(frozen=True, slots=True)
class CellChange:
    """One cell that was changed, added or removed. ``number`` counts code cells from 1: the new ones, or the old
    ones where it was removed."""

    kind: str
    number: int
    old: str = ""
    new: str = ""


def cells(old: Sequence[str], new: Sequence[str]) -> list[CellChange]:
    """Return the changes that lead from the sources of some cells to those of others.

    Cells that are the same to the letter stay; between two of these, cells are paired in order.
    """
    changes: list[CellChange] = []
    matcher = SequenceMatcher(None, list(old), list(new), autojunk=False)
    for what, i, i_end, j, j_end in matcher.get_opcodes():
        if what == "equal":
            continue
        paired = min(i_end - i, j_end - j)
        changes += [CellChange("changed", j + k + 1, old[i + k], new[j + k]) for k in range(paired)]
        changes += [CellChange("added", k + 1, "", new[k]) for k in range(j + paired, j_end)]
        changes += [CellChange("removed", k + 1, old[k], "") for k in range(i + paired, i_end)]
    return changes


def in_words(changes: Sequence[CellChange]) -> str:
    """Return changes in a few words: "cells 3, 5", "cell 4 added"."""
    parts = []
    for kind in ("changed", "added", "removed"):
        numbers = [str(change.number) for change in changes if change.kind == kind]
        if numbers:
            listed = ", ".join(numbers[:4]) + (f" and {len(numbers) - 4} more" if len(numbers) > 4 else "")
            parts.append(
                f"cell{'s' * (len(numbers) > 1)} {listed}" + (f" {kind}" if kind != "changed" else "")
            )
    return ", ".join(parts)


def definitions(old: str, new: str) -> list[str]:
    """Return the names of a module's functions, classes and variables that differ, in the order of the new text.

    Comments, docstrings and formatting do not count. A text that Python cannot read has no names.
    """
    was, now = _definitions(old), _definitions(new)
    return [name for name in [*now, *(set(was) - set(now))] if was.get(name) != now.get(name)]


def unified(old: str, new: str) -> Iterator[str]:
    """Yield the lines of a unified diff without its head."""
    lines = unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=2)
    for number, line in enumerate(lines):
        if number > 1 and not line.startswith("@@"):
            yield line


_DOCUMENTED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Module)


@lru_cache(maxsize=32)  # a module is asked about by all that import it
def _definitions(text: str) -> dict[str, str]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return {}
    found: dict[str, str] = {}
    for inner in ast.walk(tree):
        if isinstance(inner, _DOCUMENTED) and ast.get_docstring(inner, clean=False) is not None:
            inner.body[0] = ast.Pass()
    for node in tree.body:
        form = ast.dump(node)
        for name in _names(node):
            found[name] = found.get(name, "") + form
    return found


def _names(node: ast.stmt) -> list[str]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return [node.name]
        case ast.Assign(targets=targets):
            return [name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)) | ast.AugAssign(target=ast.Name(id=name)):
            return [name]
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            return [f"import {alias.asname or alias.name}" for alias in names]
    return []
