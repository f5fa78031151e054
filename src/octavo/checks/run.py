"""Check notebooks by rules: find the files, look at each, and leave out what is excused where it stands."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeGuard, cast

from .. import notebook as documents
from ..errors import Error, NotebookError
from ..notebook.cells import Notebook
from ..reading.folders import walk
from . import Around, Finding, FolderRule, Hit, Named, NotebookFindings, Rule, Subject, sketch, subject
from .excuses import excuse
from .settings import Selection
from .unused_noqa import UnusedNoqa

#: What these find must not be seen in the logs of CI.
_HIDDEN = frozenset(("NB141", "NB143"))
#: So much of a line is shown at most.
_WIDE = 300
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
    path: str, rules: Iterable[Named], settings: Selection, around: Around | None = None
) -> NotebookFindings:
    """Return what rules find in a notebook."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise NotebookError(f"it cannot be read: {error.strerror}", path) from error
    return of(documents.loads(data, path), rules, settings, around)


def of(
    notebook: Notebook, rules: Iterable[Named], settings: Selection, around: Around | None = None
) -> NotebookFindings:
    """Do what ``check`` does, of a notebook that has been read."""
    looked = subject.of(notebook, around, settings.limits)
    found: list[tuple[Named, Hit]] = []
    used: set[tuple[int, int, str]] = set()
    broken: list[str] = []
    wanted = [rule for rule in rules if settings.wants(rule.code, notebook.path)]
    alone = [rule for rule in wanted if hasattr(rule, "check")]
    for rule in alone:
        _look(rule, looked, found, used, broken)
    for rule in wanted:
        if isinstance(rule, UnusedNoqa):
            codes = {one.code for one in alone}
            found += [(rule, hit) for hit in rule.unused(looked, used, codes) if _excuse(rule, hit) is None]
    found.sort(
        key=lambda one: (one[1].cell.number if one[1].cell else 0, one[1].line, one[1].column, one[0].code)
    )
    drawn = sketch.of(looked) if any(map(is_across, wanted)) else None
    return NotebookFindings([_finding(rule, hit, looked) for rule, hit in found], broken, drawn)


def is_across(rule: Named) -> TypeGuard[FolderRule]:
    """Return whether a rule is for many notebooks."""
    return hasattr(rule, "across")


def _look(
    rule: Named,
    looked: Subject,
    found: list[tuple[Named, Hit]],
    used: set[tuple[int, int, str]],
    broken: list[str],
) -> None:
    """Let one rule look. What another package brought may fail; that is told, and the other rules go on."""
    try:
        for hit in cast("Rule", rule).check(looked):
            excused = _excuse(rule, hit)
            if excused is None:
                found.append((rule, hit))
            else:
                used.add(excused)
    except Exception as error:
        path = looked.notebook.path
        broken.append(f"{path}: the rule {rule.code} failed: {type(error).__name__}: {error}")


def _excuse(rule: Named, hit: Hit) -> tuple[int, int, str] | None:
    return excuse(hit.cell, hit.line, rule.code)


def _finding(rule: Named, hit: Hit, looked: Subject) -> Finding:
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
        hit.edits,
        "" if rule.code in _HIDDEN else _line(hit),
    )


def _line(hit: Hit) -> str:
    """Return the line of code that is meant; "" where it is the whole cell or the file."""
    lines = hit.cell.source.splitlines() if hit.cell else []
    return lines[hit.line - 1][:_WIDE] if 0 < hit.line <= len(lines) else ""
