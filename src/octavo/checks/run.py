"""Check notebooks by rules: find the files, look at each, and leave out what is excused where it stands."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from .. import notebook as documents
from ..errors import Error, NotebookError
from ..notebook.inject import tags
from ..reading.folders import walk
from . import Around, Finding, Hit, Rule, Subject, subject
from .settings import Selection

_NOQA = re.compile(r"#\s*noqa(?::\s*(?P<codes>[A-Z]+[0-9]+(?:[,\s]+[A-Z]+[0-9]+)*))?", re.IGNORECASE)
_HEADER = re.compile(rb"^# %%|^#\s*---\s*$|jupytext", re.MULTILINE)


def files(paths: Sequence[str]) -> Iterator[str]:
    """Yield the notebooks that paths name: a file itself, and of a folder all notebooks below it.

    A folder's .py files are notebooks where they have cells. Raises ``Error`` for a path where nothing is.
    """
    for path in paths:
        if os.path.isfile(path):
            yield path
        elif not os.path.isdir(path):
            raise Error("there is no such file or folder", path)
        for full in map(os.path.relpath, walk(path)):
            if full.endswith(".ipynb") or (full.endswith((".py", ".md", ".Rmd", ".qmd")) and _cells(full)):
                yield full


def _cells(path: str) -> bool:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - one of many
            beginning = file.read(20_000)
    except OSError:
        return False
    return bool(_HEADER.search(beginning)) and (not path.endswith(".md") or b"jupytext" in beginning)


def check(
    path: str, rules: Iterable[Rule], settings: Selection, around: Around | None = None
) -> tuple[list[Finding], list[str]]:
    """Return what rules find in a notebook, in the order of its cells, and what went wrong in rules themselves."""
    wanted = [rule for rule in rules if settings.wants(rule.code, path)]
    try:
        looked = subject.of(documents.loads(Path(path).read_bytes(), path), around, settings.limits)
    except OSError as error:
        raise NotebookError(f"it cannot be read: {error.strerror}", path) from error
    found: list[tuple[Rule, Hit]] = []
    broken: list[str] = []
    for rule in wanted:
        try:
            found += [(rule, hit) for hit in rule.check(looked) if not _excused(rule, hit)]
        except Exception as error:  # of one rule, which another package may have brought
            broken.append(f"{path}: the rule {rule.code} failed: {type(error).__name__}: {error}")
    found.sort(
        key=lambda one: (one[1].cell.number if one[1].cell else 0, one[1].line, one[1].column, one[0].code)
    )
    return [_finding(rule, hit, looked) for rule, hit in found], broken


def _excused(rule: Rule, hit: Hit) -> bool:
    """Return whether a line says ``# noqa: CODE``, or the cell has the tag ``noqa`` or ``noqa-CODE``."""
    if hit.cell is None:
        return False
    if {"noqa", f"noqa-{rule.code}"} & set(tags(hit.cell.data)):
        return True
    lines = hit.cell.source.splitlines()
    said = _NOQA.search(lines[hit.line - 1]) if 0 < hit.line <= len(lines) else None
    return said is not None and (said["codes"] is None or rule.code in said["codes"].upper())


def _finding(rule: Rule, hit: Hit, looked: Subject) -> Finding:
    first = looked.notebook.line(hit.cell.index) if hit.cell else 0
    return Finding(
        rule.code,
        rule.name,
        rule.severity,
        hit.message,
        looked.notebook.path,
        hit.cell.number if hit.cell else None,
        hit.line,
        hit.column,
        first + hit.line - 1 if first else 0,
        hit.hint,
    )
