"""The tasks of a pipeline as tests of pytest: each is built, with what it needs."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from .. import project as projects
from ..errors import Error, each
from ..events import CellFinished, Event, Output, TaskFinished
from ..executed.editions import home
from ..kinds import row
from ..model import Outcome
from . import measured_tasks, shown
from .cells import SharedByTests, shown_as


class PipelineFile(pytest.File):
    """A pipeline.yaml, or the source of some of its tasks: a test for each task, in the order in which they run."""

    octavo: SharedByTests
    pipeline: Path

    def collect(self) -> Iterable[pytest.Item]:
        """Return a test for each task."""
        try:
            project = self.octavo.project(self.pipeline)
        except (Error, ExceptionGroup) as error:
            raise self.CollectError("\n".join(map(str, each(error)))) from None
        for task in project.graph:
            source = (project.root / task.source.path).resolve()
            if self.path.resolve() in (source, self.pipeline.resolve()):
                item: TaskItem = TaskItem.from_parent(self, name=task.name)
                yield item


class TaskItem(pytest.Item):
    """A task as a test. One that is fresh has passed before, and nothing has changed since."""

    parent: PipelineFile

    def runtest(self) -> None:
        """Build the task, and what it needs."""
        octavo = self.parent.octavo
        project = octavo.project(self.parent.pipeline)
        heard: list[Event] = []
        outcomes: dict[str, Outcome] = {}
        with measured_tasks.measuring(project, outcomes, self.name, octavo.measured), octavo.talking():
            report = project.build([f"+{self.name}"], listeners=[heard.append], stay=octavo.pause)
            outcomes |= report.outcomes
        self._note(heard)
        root = str(project.root)
        if (ended := report.failures.get(self.name)) and ended.failure:
            raise shown.NotebookTestFailed(ended.failure, root=root)
        outcome = report.outcomes.get(self.name)
        if outcome is None or outcome.good:
            return
        if outcome is not Outcome.BLOCKED:
            pytest.fail(f"{self.name}: {outcome.value}", pytrace=False)
        for name, ended in report.failures.items():
            if any(item.name == name and item.parent is self.parent for item in self.session.items):
                pytest.skip(f"it needs {name}, which failed")
            if ended.failure:
                raise shown.NotebookTestFailed(ended.failure, root=root)
        pytest.fail(f"{self.name} could not be run", pytrace=False)

    def _note(self, heard: Iterable[Event]) -> None:
        printed = ""
        number = 0
        for event in heard:
            match event:
                case Output(task=self.name, kind="stream", content=content):
                    printed += content["text"]
                case CellFinished(task=self.name, seconds=seconds):
                    number += 1
                    self.user_properties.append((f"cell {number}", round(seconds, 6)))
                case TaskFinished(task=self.name, outcome=outcome):
                    self.user_properties.append(("outcome", outcome.value))
                case _:
                    pass
        if printed:
            self.add_report_section("call", "stdout", printed)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> object:  # type: ignore[override]
        """Return what pytest shows of a failure."""
        return shown_as(self, excinfo) or super().repr_failure(excinfo)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return where it is."""
        return self.path, 0, f"{os.path.relpath(self.path, self.config.rootpath)}: {self.name}"


def notebooks(project: projects.Project) -> set[Path]:
    """Return the files that run as tasks of a pipeline, and those that tasks make of them."""
    found: set[Path] = set()
    for task in project.graph:
        if row(task.kind).executed:
            places = (task.source.path, home(task))
            found |= {(project.root / place).resolve() for place in places if place is not None}
    return found
