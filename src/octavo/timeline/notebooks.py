"""Answer what octavo history is asked of a notebook: its versions, its cells, and one of them as it was."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .. import notebook as documents
from ..dataclass import dataclass
from ..errors import Error
from ..lazy import lazy_imports
from ..model import Json
from ..review import git
from ..show import timeline as words
from ..spec.entry import around
from . import Snapshot

with lazy_imports():
    from .. import plan
    from .. import project as projects
    from ..executed import editions
    from . import fold, revisions, snapshots

if TYPE_CHECKING:
    from ..model import Task
    from ..project import Project
    from ..show.screen import Screen

_CELL = re.compile(r"(.+)#(\d+)")
_PREFIX = re.compile(r"[0-9a-f]{4,40}")


@dataclass(frozen=True, slots=True)
class AskedNotebook:
    """A notebook that a person asks for, and the number of a code cell, if one is asked for."""

    path: str
    cell: int | None = None


def asked(word: str) -> AskedNotebook | None:
    """Return the notebook that a word names, also one that is gone and that git knows; None for any other word."""
    found = None if os.path.isfile(word) else _CELL.fullmatch(word)
    path = found[1] if found else word
    if not documents.is_notebook(path):
        return None
    if os.path.isfile(path) or revisions.revisions(path):
        return AskedNotebook(path, int(found[2]) if found else None)
    if found or os.sep in path or path.endswith(".ipynb"):
        raise Error("there is no such notebook, and git knows none", path)
    return None


def answer(
    what: AskedNotebook, at: str | None, json: bool, pipeline: str | None, out: Screen
) -> Iterator[str]:
    """Yield the lines that answer what is asked."""
    versioned, found = _snapshots(what.path, pipeline)
    if not found:
        raise Error("no version of it can be read as a notebook", what.path)
    index = None if what.cell is None else _index(found[-1], what.cell, what.path)
    if at is not None:
        place = _chosen(at, found, what.path)
        cells = found[place].cells if index is None else [fold.as_it_was(found, index)[place]]
        if None in cells:
            raise Error(f"cell {what.cell} was not there", f"{what.path} at {at}")
        yield from words.as_it_was(found[place], [cell for cell in cells if cell is not None], json, out)
    elif index is not None:
        yield from words.of_cell(found, fold.as_it_was(found, index), what.path, json, out)
    else:
        yield from words.of_notebook(found, fold.histories(found), what.path, versioned, json, out)


def version(word: str, pipeline: str | None = None) -> tuple[str, Json] | None:
    """Return a notebook as ``NB@VERSION`` names it: published, run or committed; None for a word that is no such name.

    The first is what to call it. Raises ``Error`` where there is no such version.
    """
    path, sign, at = word.rpartition("@")
    if not (sign and path and at) or os.path.exists(word) or not documents.is_notebook(path):
        return None
    if not (os.path.isfile(path) or revisions.revisions(path)):
        raise Error("there is no such notebook, and git knows none", path)
    _, found = _snapshots(path, pipeline)
    one = found[_chosen(at, found, path)]
    cells = [{key: cell[key] for key in cell if one.outputs or key != "id"} for cell in one.cells]
    name = f"{one.name[:10]}:{path}" if one.origin == "commit" else f"{path}@{one.name}"
    return name, {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def _snapshots(path: str, pipeline: str | None) -> tuple[bool, list[Snapshot]]:
    """Return whether a notebook is in a repository, and it as it was, the oldest first."""
    commits = snapshots.of_git(path)
    found = [*(commits or ())]
    roots = {os.path.dirname(os.path.abspath(path))}
    here = Path.cwd()
    if pipeline is not None or any(around(here, Path(here.anchor))):
        with projects.load(pipeline) as project:
            roots.add(os.path.realpath(project.root))
            found += _runs(project, path)
    for root in sorted(roots):
        found += snapshots.of_shelf(path, root)
    if (now := snapshots.now(path)) is not None:
        found.append(now)
    return commits is not None, snapshots.merged(found)


def _runs(project: Project, path: str) -> Iterator[Snapshot]:
    """Yield the executed notebooks that runs left: of the task whose source, or whose product, a notebook is."""
    full = os.path.realpath(path)
    root = os.path.realpath(project.root)
    cache = project.cache()
    for task in project.graph:
        place = editions.home(task)
        if place and full in (os.path.join(root, task.source.path), os.path.join(root, place)):
            yield from _of_task(project, task, place)
    cache.close()


def _of_task(project: Project, task: Task, place: str) -> Iterator[Snapshot]:
    known = project.store.results(plan.key_of(task))
    digests = {record.run: record.products.get(place, "") for record in known}
    runs = project.store.history(task.name)
    left = {run.run: run for run in reversed(runs) if digests.get(run.run)}  # the oldest first
    yield from snapshots.of_runs(place, [*left.values()], digests, project.cache())


def _index(snapshot: Snapshot, number: int, path: str) -> int:
    code = [index for index, cell in enumerate(snapshot.cells) if cell["cell_type"] == "code"]
    if not 1 <= number <= len(code):
        raise Error(f"it has no code cell {number}", path, f"it has {len(code)} code cells, from 1")
    return code[number - 1]


def _chosen(name: str, found: Sequence[Snapshot], path: str) -> int:
    """Return the place of the snapshot that a person names: a version, a run, a commit, or anything git resolves."""
    for place, one in reversed([*enumerate(found)]):
        if one.origin == "published" and one.name == name:
            return place
        if one.origin == "run" and one.name.startswith(name) and len(name) > 3:
            return place
        if one.origin == "commit" and _PREFIX.fullmatch(name) and one.name.startswith(name):
            return place
    folder = revisions.existing(path)
    commit = revisions.resolve(folder, name)
    if commit is None:
        known = [words.named(one) for one in found[::-1] if one.name]
        raise Error(f'"{name}" is no version of it', path, ", ".join(known[:6]) or None)
    for place, one in reversed([*enumerate(found)]):
        before = ("merge-base", "--is-ancestor", one.name, commit)
        if one.origin == "commit" and git.run(*before, cwd=folder) is not None:
            return place
    raise Error(f"it was not there at {name}", path)
