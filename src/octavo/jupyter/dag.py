"""A pipeline as Python reads it where one tries things out: tasks by name, what is stale, builds, and products."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import chdir
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from .. import project as projects
from .. import views
from ..lazy import lazy_imports
from ..model import Json
from ..show.mistakes import shown
from ..show.progress import Progress
from ..show.screen import screen
from ..show.steps import state, table

with lazy_imports():
    from ..reading import functions
    from ..show import lanes, summary
    from ..spec import sources

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ..model import Step, Task
    from ..project import Project
    from ..report import Report

T = TypeVar("T")

_STATUS = {
    "fresh": views.Status.Skipped,
    "stale": views.Status.WaitingExecution,
    "waits": views.Status.WaitingUpstream,
    "blocked": views.Status.Aborted,
}


def _own(task: Task) -> Task:
    """Return a task whose text is that of its function alone, where it is one."""
    if not task.source.entry or task.source.text is None:
        return task
    name = task.source.entry.rpartition(".")[2]
    own = functions.definition(task.source.text, name)
    return replace(task, source=replace(task.source, text=own or task.source.text))


def dag(file: str | Path | None = None) -> Dag:
    """Return the pipeline of a file, of a folder, or of the nearest folder upwards from here, to try things out."""
    here = os.getcwd()

    def opened() -> Project:
        with chdir(here):
            return projects.load(file)

    with opened() as project:
        return Dag(project.root.name, opened)


class Shown(Json):
    """The steps of tasks by name, shown as ``octavo status`` shows them."""

    def __repr__(self) -> str:
        return "\n".join(table(self, screen(sys.stdout, os.environ), verbose=True))


class Tried(views.TaskView):
    """A task that can be built and inspected."""

    def __init__(self, task: Task, status: views.Status, dag: Dag) -> None:
        super().__init__(task, status, dag)
        self._pipeline = dag

    def build(self, force: bool = False) -> Report | None:
        """Run this task if it is stale, and nothing before it."""
        return self._pipeline.build(self.name, force=force)

    def status(self) -> Shown:
        """Return whether it is fresh, and why not."""
        return Shown({self.name: self._pipeline.steps()[self.name]})


class Dag(Mapping[str, Tried]):
    """The pipeline as its files are now: it is loaded anew whenever it is asked for something, which takes no time.

    ``opened`` opens the project. Mistakes are shown as on the command line, and leave the last pipeline in place.
    """

    def __init__(self, name: str, opened: Callable[[], Project]) -> None:
        self.name = name
        self._opened = opened
        self._last: dict[str, Tried] = {}

    def steps(self, *targets: str) -> dict[str, Step]:
        """Return the steps of the selected tasks, as they are now."""
        with self._opened() as project:
            return project.status(targets)

    def status(self, *targets: str) -> Shown | None:
        """Return what is stale, and why."""
        return self._attempt(lambda: Shown(self.steps(*targets)))

    def build(self, *targets: str, force: bool = False) -> Report | None:
        """Run what is stale among the selected tasks."""
        return self._attempt(lambda: self._built(targets, force))

    def build_partially(self, target: str, force: bool = False) -> Report | None:
        """Run a task and all it needs, as far as they are stale; ``build("+" + target)`` is the same."""
        return self.build(f"+{target}", force=force)

    def plot(self, *targets: str) -> None:
        """Draw the graph here."""
        to = screen(sys.stdout, os.environ)
        self._attempt(lambda: to.say(lanes.text(self.steps(*targets), to)))

    def _built(self, targets: tuple[str, ...], force: bool) -> Report:
        to = screen(sys.stdout, os.environ)
        with self._opened() as project, Progress(to) as progress:
            try:
                report = project.build(targets, force=force, listeners=(progress,))
            except KeyboardInterrupt:
                report = progress.report
            for line in summary.summary(progress, report.seconds, str(project.root), project.notes):
                to.say(line)
        return report

    def _attempt(self, work: Callable[[], T]) -> T | None:
        with shown(screen(sys.stderr, os.environ)):
            return work()
        return None

    def _tasks(self) -> dict[str, Tried]:
        return self._attempt(self._read) or self._last

    def _read(self) -> dict[str, Tried]:
        with self._opened() as project:
            filled = sources.Reader(str(project.root), project.store).filled
            steps = project.status()
            self._last = {
                name: Tried(_own(filled(step.task)), _STATUS[state(step)], self)
                for name, step in steps.items()
            }
        return self._last

    def __getitem__(self, name: str) -> Tried:
        tasks = self._tasks()
        if name in tasks:
            return tasks[name]
        raise KeyError(f'there is no task "{name}"; there are: {", ".join(tasks)}')

    def __iter__(self) -> Iterator[str]:
        return iter(self._tasks())

    def __len__(self) -> int:
        return len(self._tasks())

    def _ipython_key_completions_(self) -> list[str]:
        return list(self)

    def __repr__(self) -> str:
        return f"<pipeline {self.name}: {', '.join(self)}>"
