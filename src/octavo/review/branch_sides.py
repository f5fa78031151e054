"""Two sides of a branch, and what it changes in a pipeline, as values."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Mapping, Sequence

from .. import fingerprint, parts, project
from ..dataclass import dataclass
from ..digests import digest
from ..model import Manifest, Record, Step, Task
from .changes import Comparison
from .modules import Modules


@dataclass(frozen=True, slots=True)
class Side:
    """A project as one side has it. ``blobs`` tells files of git by their paths in the project.

    ``commit`` is None for the working folder.
    """

    name: str
    commit: str | None
    opened: project.Project
    blobs: Mapping[str, str]
    paths: Sequence[str]
    now: parts.Now
    modules: Modules

    @property
    def short(self) -> str:
        """What the side is called; a commit by the beginning of its name."""
        return self.name[:10] if len(self.name) == 40 else self.name

    def file(self, path: str) -> str | None:
        """Return what git calls the content of a file or folder; None for what it does not know."""
        path = os.path.normpath(path)
        if found := self.blobs.get(path):
            return found
        start = bisect_left(self.paths, f"{path}/")
        inner = []
        for one in self.paths[start:]:
            if not one.startswith(f"{path}/"):
                break
            inner.append(f"{one} {self.blobs[one]}")
        return digest("\n".join(inner)) if inner else None

    def seen(self, part: str, path: str) -> str | None:
        """Return the digest of what a run discovered: of code as octavo reads it, of other files as git has them."""
        row = parts.split(part)[0]
        if row.python or row in (parts.IMPORTS, parts.FOLDER, parts.SIZES):
            return self.now(part, path)
        return self.file(path)

    def table(self, task: Task, record: Record | None, imports: bool = True) -> Manifest:
        """Return what a task depends on, as far as this side tells.

        What it imports is known from its last run; of a task that has none it is read in its code, with ``imports``.
        """
        self.now.asking = task.name
        table = fingerprint.manifest(task, record, self.opened.graph.tasks, self.file, self.seen)
        if record is None and imports:
            table |= {part: self.now(part, path) or "" for part, path in self.modules.of(task).items()}
        return table


@dataclass(frozen=True, slots=True)
class Value:
    """A value of a result on both sides; None where it is not known, or not there."""

    task: str
    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Review:
    """What a branch does to a pipeline. ``steps`` are the tasks of the second side, in order.

    A step has reasons where the branch changes the task itself, and waits where it must run because of others.
    ``code`` are changed files that are no notebooks; ``unknown`` tasks of which a side's results are not known;
    ``secrets`` what must not be shown of all this.
    """

    before: str
    after: str
    steps: Mapping[str, Step]
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    values: tuple[Value, ...] = ()
    results: tuple[Comparison, ...] = ()
    code: tuple[Comparison, ...] = ()
    unknown: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    secrets: frozenset[str] = frozenset()

    @property
    def changed(self) -> list[str]:
        """Names of tasks of both sides that the branch changes themselves."""
        return [name for name, step in self.steps.items() if step.reasons and name not in self.added]

    @property
    def waiting(self) -> list[str]:
        """Names of tasks that must run because of others."""
        return [name for name, step in self.steps.items() if step.waits and not step.reasons]

    @property
    def differs(self) -> bool:
        return bool(self.removed or self.code or any(not step.fresh for step in self.steps.values()))
