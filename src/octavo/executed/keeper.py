"""Keep the executed notebook of a running task: save it while it grows, and write it as it ended."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from ..events import Event
from ..model import Json, Outcome, Task
from ..products import writing
from .editions import beside
from .provenance import Provenance
from .writer import ExecutedNotebook, write_whole


class Target(Protocol):
    """Where an executed notebook goes. What cannot be written raises ``OSError`` or ``errors.Error``."""

    @property
    def where(self) -> str:
        """How the place is called."""
        ...

    @property
    def every(self) -> float:
        """How many seconds are between two saves of a notebook that grows; 0: it is saved only at its end."""
        ...

    @property
    def spare(self) -> str | None:
        """Where the notebook was kept when it could not be written to its place."""
        ...

    def save(self, data: Json) -> None:
        """Write a notebook that still grows."""
        ...

    def keep(self, data: Json | None, outcome: Outcome) -> str | None:
        """Write a notebook as it ended and return where it is; None when it was never opened."""
        ...


class Keeper:
    """Folds the events of one task into its executed notebook, and hands that to its target."""

    def __init__(
        self, notebook: ExecutedNotebook, target: Target, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.where = target.where
        self._notebook = notebook
        self._target = target
        self._clock = clock
        self._changed = False
        self._next = clock() + target.every
        self._warned = False

    def __call__(self, event: Event) -> None:
        self._notebook(event)
        self._changed = self._target.every > 0

    @property
    def due(self) -> float | None:
        """The seconds until what is new should be saved; None when nothing is."""
        return max(0.0, self._next - self._clock()) if self._changed else None

    @property
    def spare(self) -> str | None:
        """Where the notebook is when it could not be written to its place."""
        return self._target.spare

    def notes(self) -> list[str]:
        """Return what is to be said of the notebook, once."""
        notes, self._notebook.notes = self._notebook.notes, []
        return notes

    def save(self) -> str | None:
        """Save what there is; return what should be said when that fails for the first time.

        It is tried again later. A tenth of the time at most is spent on it, however large the notebook.
        """
        began, words = self._clock(), None
        try:
            if (data := self._notebook.finished()) is not None:
                self._target.save(data)
            self._changed = False
        except OSError as error:
            if not self._warned:
                why = error.strerror or error
                words = (
                    f"{self.where} cannot be saved now: {why}; this is tried again while the notebook runs"
                )
            self._warned = True
        now = self._clock()
        self._next = now + max(self._target.every, 10 * (now - began))
        return words

    def keep(self, outcome: Outcome) -> str | None:
        """Write the notebook as it ended and return where it is; None when it was never opened."""
        return self._target.keep(self._notebook.end(outcome), outcome)


class ProductTarget:
    """The executed notebook of a task in a pipeline: at ``path``, or beside it as ``*.failed.ipynb``.

    So a failure never replaces the last good one, and what failed can be opened next to it. Where ``path`` is that of
    an export, ``kept`` is the place of the notebook itself, from which the export can be made anew.
    """

    every = 0.0
    spare = None

    def __init__(self, root: Path, path: str, kept: str | None = None) -> None:
        self.where = path
        self._root = root
        self._kept = kept if kept != path else None
        self._failed = beside(path)
        for name in (kept or path, self._failed):
            writing.sweep(root / name)

    def save(self, data: Json) -> None:
        """Write nothing: the last good one stays until there is a new one."""

    def keep(self, data: Json | None, outcome: Outcome) -> str | None:
        """Write the notebook and return its path relative to the root; None when it was never opened."""
        path = self.where if outcome.good else self._failed
        if outcome.good and self._kept:
            self._keep_aside(data, self._root / self._kept)
        elif data is not None:
            write_whole(data, self._root / path)
        if outcome.good:
            (self._root / self._failed).unlink(missing_ok=True)
        return path if data is not None else None

    def _keep_aside(self, data: Json | None, path: Path) -> None:
        """Keep the notebook behind an export, if there is room; without one, what is there is of another run."""
        try:
            path.unlink(missing_ok=True)
            if data is not None:
                path.parent.mkdir(exist_ok=True)
                write_whole(data, path)
        except OSError:
            pass


def of_product(root: Path, path: str, task: Task, kept: str | None = None) -> Keeper:
    """Return what keeps the executed notebook of a task in a pipeline."""
    provenance = Provenance(task.source.path, path, time.time)
    return Keeper(ExecutedNotebook(provenance, task.run.output_limit), ProductTarget(root, path, kept))
