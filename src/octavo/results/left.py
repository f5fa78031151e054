"""Find what a task left in a run: its record, and its products as they are, or as the cache keeps them."""

from __future__ import annotations

import os
from ast import literal_eval
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from .. import parts, plan
from ..cache.blobs import Missing
from ..metrics.kept import RunMetrics
from ..model import Manifest, Record, Task
from ..products import writing

if TYPE_CHECKING:
    from ..project import Project
    from ..state.store import PastRun

_WELL = ("done", "restored")


class Kept:
    """What a project still knows of its runs. ``scratch`` is a folder for files that only the cache has."""

    def __init__(self, project: Project, scratch: str) -> None:
        self.tasks = {task.name: task for task in project.graph}
        self._project, self._scratch = project, scratch
        self._store, self._cache = project.store, project.cache()
        self._past: dict[str, list[PastRun]] = {}

    def close(self) -> None:
        """Close the cache."""
        self._cache.close()

    def runs(self) -> list[str]:
        """Return the names of the runs in which any task ended, the newest first."""
        return sorted({past.run for name in self.tasks for past in self._history(name)}, reverse=True)

    def _history(self, task: str) -> list[PastRun]:
        if task not in self._past:
            found = self._store.history(task)
            self._past[task] = sorted(found, key=lambda past: past.run, reverse=True)
        return self._past[task]

    def _stood(self, task: str, run: str) -> PastRun | None:
        """Return the run of a task whose result stood there after a run: that one, or the last before it."""
        return next((past for past in self._history(task) if past.run <= run), None)

    def rows(self, runs: Sequence[str], known: Sequence[RunMetrics]) -> list[RunMetrics]:
        """Return what is known of each task in each run, or reported in an earlier one whose result stood."""
        reported = {(row.run, row.task): row for row in known}
        found: list[RunMetrics] = []
        for run in runs:
            found += [row for row in known if row.run == run]
            for name in self.tasks:
                if (run, name) not in reported and (past := self._stood(name, run)):
                    row = reported.get((past.run, name)) or _of_past(name, past)
                    fresh = past.run != run and past.outcome in _WELL
                    found.append(replace(row, run=run, outcome="fresh" if fresh else past.outcome))
        return found

    def record(self, task: Task, run: str) -> Record | None:
        """Return the record of the result that stood after a run; None where it is not known, or none did."""
        results = [it for it in self._store.results(plan.key_of(task)) if it.run and it.state == "done"]
        past = self._stood(task.name, run)
        if exact := next((it for it in results if it.run == (past.run if past else run)), None):
            return exact
        if past is None or past.outcome not in _WELL:
            return None
        # a later run that made the very same took its place; where several were made from the same, it may be any
        same = [it for it in results if it.manifest == past.manifest and it.run > past.run]
        return same[0] if len(same) == 1 else None

    def file(self, name: str, digest: str, run: str) -> str | None:
        """Return a file that holds what a product was; None where nothing has it any more, or where it is no file."""
        full = os.path.join(self._project.root, name)
        if os.path.isfile(full) and self._store.digest(name) == digest:
            return full
        if not digest.isalnum() or digest not in self._cache.blobs or os.path.isdir(full):
            return None
        place = Path(self._scratch, run, name.replace("..", "__").lstrip("/"))
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            writing.write(place, [self._cache.blobs.read(digest)])
        except Missing:
            return None
        return str(place)


def _of_past(task: str, past: PastRun) -> RunMetrics:
    table = past.manifest
    data = {it: value for it, value in table.items() if parts.split(it)[0] in (parts.UPSTREAM, parts.FILE)}
    return RunMetrics(
        past.run,
        task,
        past.at,
        past.outcome,
        past.seconds,
        {},
        dict(_params(table)),
        table.get("source", ""),
        data,
    )


def _params(table: Manifest) -> Iterator[tuple[str, object]]:
    for part, value in table.items():
        row, name = parts.split(part)
        if row is parts.PARAM:
            try:
                yield name, literal_eval(value)
            except (ValueError, SyntaxError, RecursionError, MemoryError):
                yield name, value
