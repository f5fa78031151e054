"""octavo interact: IPython with the pipeline."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import chdir
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from .. import __version__, views
from ..errors import Error
from ..lazy import lazy_imports
from ..model import Json
from ..plugins import load
from ..show.mistakes import show
from ..show.progress import Progress
from ..show.screen import many, screen
from ..show.steps import state, table
from . import options

with lazy_imports():
    from ..process import child
    from ..reading import functions
    from ..show import lanes, summary
    from ..spec import sources

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

    from ..model import Step, Task
    from ..project import Project
    from ..report import Report
    from .options import Parser

T = TypeVar("T")

_STATUS = {
    "fresh": views.Status.Skipped,
    "stale": views.Status.WaitingExecution,
    "waits": views.Status.WaitingUpstream,
    "blocked": views.Status.Aborted,
}


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo interact``."""
    options.file(parser)
    options.values(parser, "set a parameter")
    parser.examples("""\
The pipeline is available as dag. It is reloaded when its files change.

  dag                        the tasks, in order
  dag.status()               what is stale, and why; dag.status("+fit") of a selection
  dag.build()                run stale tasks; dag.build("fit+", force=True)
  dag.plot()                 draw the graph
  dag["fit"].build()         run this task, if it is stale
  dag["fit"].load("data")    a product as a DataFrame: .csv, .parquet, or a table
  dag["fit"].source          its code; also .product .params .upstream .client .status()

examples:
  octavo interact
  octavo interact --file pipeline.serve.yaml

The project's modules can be imported. Ctrl-D leaves.""")


def main(args: Namespace) -> int:
    """Open IPython in the project's folder."""
    out = screen(sys.stdout, os.environ)
    start = load("IPython:start_ipython")
    with options.project(args) as project:
        root, names = project.root, list(project.graph.tasks)
    here = os.getcwd()

    def opened() -> Project:
        with chdir(here):  # to which --file and env.yaml are relative
            return options.project(args)

    dag = Dag(root.name, opened)
    if str(root) != os.getcwd():
        out.say(f"you are in {root}, to which the paths of products are relative")
        os.chdir(root)
    child.become(str(root), sys.argv[0], standard_first=True)
    out.say(f"octavo {__version__}: {many(len(names), 'task')} in dag")
    if names:
        out.say(
            f'dag.status()  dag.build()  dag["{names[-1]}"].build()  .load()  .source  .product  .params  .upstream'
        )
    config = load("traitlets.config:Config")()
    config.TerminalInteractiveShell.banner1 = ""
    config.TerminalInteractiveShell.confirm_exit = False
    if hasattr(load("IPython.terminal.interactiveshell:TerminalInteractiveShell"), "enable_tip"):
        config.TerminalInteractiveShell.enable_tip = False
    start(argv=[], user_ns={"dag": dag}, config=config)
    return 0


def _own(task: Task) -> Task:
    """Return a task whose text is that of its function alone, where it is one."""
    if not task.source.entry or task.source.text is None:
        return task
    name = task.source.entry.rpartition(".")[2]
    own = functions.definition(task.source.text, name)
    return replace(task, source=replace(task.source, text=own or task.source.text))


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
        try:
            return work()
        except Error as error:
            show(error, screen(sys.stderr, os.environ))
        except ExceptionGroup as several:
            mine, other = several.split(Error)
            if mine is None or other is not None:
                raise
            show(mine, screen(sys.stderr, os.environ))
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
