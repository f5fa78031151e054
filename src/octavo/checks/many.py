"""Check many notebooks, on all processors, and what only shows where they are looked at together."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from pathlib import Path
from typing import cast

from ..errors import Error, Errors
from ..lazy import lazy_imports
from . import Across, Bound, Finding, FolderRule, Named, NotebookFindings, PipelineRule, Sketch, members, run
from .around import ProjectAround, ProjectsAround
from .memory import Memory
from .settings import Selection

with lazy_imports():
    # 20 ms that only many notebooks are worth
    import multiprocessing
    from concurrent import futures

#: For fewer notebooks than this, processes cost more than they save.
_MANY = 30


def check(
    paths: Sequence[str],
    rules: Sequence[Named],
    settings: Selection,
    memory: Memory | None,
    arounds: ProjectsAround,
) -> Iterator[tuple[str, NotebookFindings | Error | Errors]]:
    """Yield each notebook with what was found in it, or with the error for which it cannot be read."""
    done: dict[str, NotebookFindings] = {}
    states: dict[str, str | None] = {}
    for path in paths if memory is not None else ():
        known = memory.recall(path, arounds.of(path)) if memory is not None else None
        if known is not None:
            done[path] = known
        elif memory is not None:
            states[path] = memory.state(path, arounds.of(path))
    left = [path for path in paths if path not in done]
    fresh = _parallel(left, settings) if len(left) >= _MANY and rules == members.rules() else None
    results = fresh if fresh is not None else (_one(path, rules, settings, arounds) for path in left)
    for path in paths:
        if path in done:
            yield path, done[path]
            continue
        found = next(results)
        if isinstance(found, NotebookFindings) and memory is not None:
            memory.keep(path, states.get(path), found)
        yield path, found
    if memory is not None:
        memory.write()


def _one(
    path: str, rules: Sequence[Named], settings: Selection, arounds: ProjectsAround
) -> NotebookFindings | Error | Errors:
    try:
        return run.check(path, rules, settings, arounds.of(path))
    except (Error, Errors) as error:
        return error


def _parallel(paths: Sequence[str], settings: Selection) -> Iterator[NotebookFindings | Error | Errors]:
    """Check notebooks in as many processes as there are processors, and yield what they find in order."""
    workers = min(os.cpu_count() or 1, 8)
    if workers < 2:
        rules, arounds = members.rules(), ProjectsAround()
        yield from (_one(path, rules, settings, arounds) for path in paths)
        return
    forks = "fork" in multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("fork" if forks else None)
    size = max(1, min(50, len(paths) // (4 * workers)))
    chunks = [paths[at : at + size] for at in range(0, len(paths), size)]
    with futures.ProcessPoolExecutor(workers, mp_context=context) as pool:
        for several in pool.map(_several, chunks, repeat(settings)):
            yield from several


def _several(paths: Sequence[str], settings: Selection) -> list[NotebookFindings | Error | Errors]:
    rules, arounds = members.rules(), ProjectsAround()
    return [_one(path, rules, settings, arounds) for path in paths]


def across(
    sketches: Iterable[Sketch],
    rules: Iterable[Named],
    settings: Selection,
    asked: Sequence[str],
    arounds: ProjectsAround,
) -> tuple[list[Finding], list[str]]:
    """Return what rules find in the notebooks of each project together, and what went wrong in rules themselves."""
    by_root: dict[Path, tuple[ProjectAround, list[Sketch]]] = {}
    for sketch in sketches:
        around = arounds.of(sketch.path)
        by_root.setdefault(around.root, (around, []))[1].append(sketch)
    found: list[Finding] = []
    broken: list[str] = []
    for root, (around, several) in by_root.items():
        whole = any(root.is_relative_to(Path(path).absolute()) for path in asked if os.path.isdir(path))
        for rule in rules:
            if not run.is_across(rule):
                continue
            try:
                for one in rule.across(several, around, whole):
                    path = one.sketch.path if one.sketch else one.path
                    if settings.wants(rule.code, path) and not _excused(rule, one):
                        found.append(_finding(rule, one, path))
            except Exception as error:  # of one rule, which another package may have brought
                broken.append(f"{root}: the rule {rule.code} failed: {type(error).__name__}: {error}")
    return found, broken


def bound(pipeline: Bound, rules: Iterable[Named], settings: Selection) -> tuple[list[Finding], list[str]]:
    """Return what rules find in the tasks of a pipeline, and what went wrong in rules themselves."""
    found: list[Finding] = []
    broken: list[str] = []
    for rule in rules:
        if not hasattr(rule, "bound"):
            continue
        try:
            for one in cast("PipelineRule", rule).bound(pipeline):
                if settings.wants(rule.code, one.path):
                    found.append(_finding(rule, one, one.path))
        except Exception as error:
            broken.append(f"{pipeline.path}: the rule {rule.code} failed: {type(error).__name__}: {error}")
    return found, broken


def _excused(rule: FolderRule, one: Across) -> bool:
    return one.sketch is not None and any(
        excuse.number == one.number
        and excuse.line in (0, one.line)
        and (not excuse.codes or rule.code in excuse.codes.replace(",", " ").split())
        for excuse in one.sketch.excuses
    )


def _finding(rule: Named, one: Across, path: str) -> Finding:
    return Finding(
        rule.code, rule.name, rule.severity, one.message, path, one.number, one.line, 1, one.row, one.hint
    )
