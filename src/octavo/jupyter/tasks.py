"""Find the tasks of which a file is the source, in all pipelines around it, and the one whose values are shown."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from ..dataclass import dataclass
from ..errors import Error, Errors, each
from ..kinds import row
from ..products import writing
from ..project import Project
from ..spec.entry import around

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping, Sequence

    from ..model import Task
    from ..spec.entry import EntryPoint

#: Where a project keeps, for sources of several tasks, which of them a person has chosen: {source: [pipeline, task]}.
_CHOSEN = "chosen.json"


@dataclass(frozen=True, slots=True)
class Of:
    """A task that has a file as its source, and its pipeline."""

    task: Task
    root: Path
    pipeline: Path

    @property
    def said(self) -> tuple[str, str]:
        """Return what names it among all that have the same source: its pipeline's file, and its name."""
        return self.pipeline.name, self.task.name


@dataclass(frozen=True, slots=True)
class TasksOfFile:
    """What the pipelines around a file say of it: its tasks, the chosen one first; else what is wrong with them."""

    tasks: Sequence[Of] = ()
    mistakes: Sequence[str] = ()

    @property
    def others(self) -> Iterator[str]:
        """Yield the names of all tasks but the first; those of another pipeline with the option that names it."""
        for one in self.tasks[1:]:
            here = one.pipeline == self.tasks[0].pipeline
            yield one.task.name if here else f"{one.task.name} --file {one.pipeline.name}"


class Pipelines:
    """Finds tasks by their source. A pipeline that was read is kept until something of it changes."""

    def __init__(self, top: Path) -> None:
        self._top = top
        self._known: dict[Path, tuple[Project, Mapping[str, Sequence[Of]]]] = {}

    def of(self, file: Path) -> TasksOfFile:
        """Return the tasks of a file (a real path) in the pipelines of its folder and of those around it."""
        tasks: list[Of] = []
        wrong: list[str] = []
        for one in around(file.parent, self._top):
            try:
                tasks += self._read(one).get(str(file), ())
            except (Error, Errors) as error:
                if one.path.is_file() and file.name in one.path.read_text("utf-8", "replace"):
                    wrong += map(str, each(error))
        return of_file(tasks, file) if tasks else TasksOfFile(mistakes=wrong)

    def knew(self, file: Path) -> bool:
        """Return whether a file was a task's when pipelines were last read."""
        return any(str(file) in sources for _, sources in [*self._known.values()])

    def _read(self, one: EntryPoint) -> Mapping[str, Sequence[Of]]:
        """Return the tasks of a pipeline by the real paths of their sources."""
        known = self._known.get(one.path)
        if known is None or not known[0].unchanged():
            with Project(one, {}) as project:
                known = self._known[one.path] = project, _by_source(project)
        return known[1]


def of_file(tasks: Sequence[Of], file: Path, named: Container[str] = ()) -> TasksOfFile:
    """Return the tasks of a file, the first among them one that is ``named``, or else the one that was chosen."""
    picked = chosen(tasks[0].root, file) if len(tasks) > 1 else None
    return TasksOfFile(sorted(tasks, key=lambda one: (one.task.name not in named, one.said != picked)))


def _by_source(project: Project) -> Mapping[str, Sequence[Of]]:
    found: dict[str, list[Of]] = {}
    for task in project.graph:
        if row(task.kind).source == "notebook":
            path = os.path.realpath(project.root / task.source.path)
            found.setdefault(path, []).append(Of(task, project.root, project.path))
    return found


def chosen(root: Path, file: Path) -> tuple[str, str] | None:
    """Return which of its tasks a person has chosen for a source: the pipeline's file and the task's name."""
    said = _choices(root).get(_within(file, root))
    if isinstance(said, list) and len(said) == 2 and all(isinstance(word, str) for word in said):
        return said[0], said[1]
    return None


def choose(of: Of, file: Path) -> None:
    """Remember the task that a person has chosen for its source."""
    choices = {**_choices(of.root), _within(file, of.root): list(of.said)}
    folder = of.root / ".octavo"
    folder.mkdir(exist_ok=True)
    writing.write(folder / _CHOSEN, [json.dumps(choices, indent=1).encode()])


def _choices(root: Path) -> dict[str, object]:
    try:
        found = json.loads((root / ".octavo" / _CHOSEN).read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _within(file: Path, root: Path) -> str:
    return os.path.relpath(file, os.path.realpath(root))
