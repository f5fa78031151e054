"""Render, build and show pipelines made in Python, with octavo's project and engine."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from traceback import format_exception
from typing import Any

from ..calls import fitting
from ..errors import Error, Errors
from ..failing import collecting
from ..lazy import lazy_imports
from ..model import Outcome, Step
from ..plan import FORCED
from ..products import writing
from ..project import Project
from ..report import Report
from ..spec.entry import EntryPoint
from ..views import ENDED, Status
from . import unimportable
from .exceptions import DAGBuildEarlyStop, DAGBuildError, DAGRenderError
from .executors import Serial
from .forking import Forking
from .pipeline import Pipeline
from .report import BuildReport, Table
from .task import Task
from .to_spec import SpecWriter

with lazy_imports():
    from ..show import draw, failures, graph_page, summary, svg
    from ..show import progress as showing
    from ..show import screen as screens


class Forcing(Project):
    """A project in which some tasks run whether they are up to date or not."""

    forced: Sequence[str] = ()

    def _plan(self, targets: Sequence[str], force: bool = False, recall: bool = False) -> dict[str, Step]:
        """Return the steps of the selected tasks, some of them forced."""
        steps = super()._plan(targets, force, recall)
        why = (FORCED,)
        return {
            name: replace(step, reasons=why) if name in self.forced else step for name, step in steps.items()
        }


@contextlib.contextmanager
def opened(dag: Pipeline) -> Iterator[Forcing]:
    """Open the project that a DAG is; a mistake in it becomes a ``DAGRenderError``."""
    with contextlib.ExitStack() as stack:
        # sources that this process alone has are found in its own folder, while they are read
        folder = os.path.join(dag.root, unimportable.FOLDER)
        sys.path.append(folder)
        stack.callback(sys.path.remove, folder)
        try:
            project = _project(dag)
            stack.callback(project.close)
        except (Error, Errors) as error:
            for task in dag._tasks.values():
                task._status = Status.ErroredRender
            raise DAGRenderError(_message(error)) from error
        yield project


def _project(dag: Pipeline) -> Forcing:
    if (origin := dag.as_read()) is not None:
        return Forcing(origin.entry, origin.params)
    root = Path(dag.root)
    name = root / dag.name.replace(os.sep, "_")
    return Forcing(EntryPoint(name, root, SpecWriter(dag, dag.root, alive=True).spec()), {})


def render(dag: Pipeline, force: bool = False) -> dict[str, Step]:
    """Let each task of a DAG know whether it is up to date; return the steps."""
    for task in dag.values():
        task._status = dag._forced_status.get(task.name, Status.WaitingExecution)
    with opened(dag) as project:
        steps = project.status(force=force)
    _set_status(dag, steps)
    for task in dag.values():
        str(task.source)  # a template with a placeholder that has no value is a mistake now
    return steps


def _set_status(dag: Pipeline, steps: Mapping[str, Step]) -> None:
    for name, step in steps.items():
        if name not in dag._tasks or name in dag._forced_status:
            continue
        outdated = any(not steps[up].fresh for up in step.task.upstream if up in steps)
        waits = Status.WaitingUpstream if outdated else Status.WaitingExecution
        dag[name]._status = Status.Skipped if step.fresh else waits


def build(
    dag: Pipeline,
    targets: Sequence[str],
    force: bool,
    progress: bool,
    close: bool,
    forced: Sequence[str] = (),
) -> BuildReport:
    """Build a DAG, or some of its tasks, and return the report; raise ``DAGBuildError`` when a task failed."""
    for task in dag.values():
        task._status = dag._forced_status.get(task.name, Status.WaitingExecution)
    executor = dag.executor
    inline = isinstance(executor, Serial) and not executor.build_in_subprocess
    raised: list[BaseException] = []
    with _logging(dag), opened(dag) as project:
        project.forced = forced
        try:
            _call(dag.on_render, dag)
        except Exception as error:
            raise DAGRenderError(f'on_render of the DAG "{dag.name}" failed: {error!r}') from error
        screen = screens.screen(sys.stdout, os.environ)
        make = showing.Progress
        began = time.perf_counter()
        with make(screen, quiet=not progress, logs=inline) as watch, collecting(raised):
            try:
                report = project.build(
                    targets,
                    force=force,
                    jobs=executor.jobs,
                    fail_fast=isinstance(executor, Serial) and not executor.catch_exceptions,
                    executor=functools.partial(Forking, inline=inline),
                    listeners=(watch,),
                )
            except (Error, Errors) as error:  # a source that cannot run: nothing was begun
                raise DAGBuildError(_message(error)) from error
        for name, event in report.ended.items():
            if name in dag._tasks and name not in dag._forced_status:
                dag[name]._status = ENDED[event.outcome]
        root = str(project.root)
        if progress:
            for line in summary.counted(watch, time.perf_counter() - began).splitlines():
                screen.say(line)
    if close:
        dag.close_clients()
    return _finish(dag, report, raised, watch.tails, root)


def _finish(
    dag: Pipeline, report: Report, raised: list[BaseException], tails: Mapping[str, str], root: str
) -> BuildReport:
    """Call the DAG's own hooks, and raise what there is to raise."""
    table = BuildReport(report)
    bad = [name for name, event in report.ended.items() if event.outcome in (Outcome.FAILED, Outcome.BLOCKED)]
    if report.finished and not bad:
        _call_on_finish(dag, table)
        return table
    message = _failure_message(dag, report, tails, root)
    _call(dag.on_failure, dag, traceback={"build": message, "on_finish": None})
    executor = dag.executor
    if isinstance(executor, Serial) and not executor.catch_exceptions and raised:
        raise raised[0]
    raise DAGBuildError(message)


def _call_on_finish(dag: Pipeline, report: BuildReport) -> None:
    try:
        _call(dag.on_finish, dag, report=report)
    except DAGBuildEarlyStop:
        pass  # there is nothing left to stop
    except Exception as error:
        text = "".join(format_exception(error))
        _call(dag.on_failure, dag, traceback={"build": None, "on_finish": text})
        raise DAGBuildError(f'on_finish of the DAG "{dag.name}" failed: {error!r}') from error


def _failure_message(dag: Pipeline, report: Report, tails: Mapping[str, str], root: str) -> str:
    """Return the message about tasks that failed, as the command line prints it, and the tasks that could not run."""
    say, screen = failures.failed, screens.Screen
    lines = [f'the build of "{dag.name}" failed']
    for name, event in report.failures.items():
        lines += ["", *say(event, tails.get(name, ""), screen(sys.stderr), root)]
        trace = event.failure.traceback if event.failure else ()
        lines += ["", "".join(trace).rstrip()] if trace else []
    blocked = [name for name, event in report.ended.items() if event.outcome is Outcome.BLOCKED]
    return "\n".join([*lines, *([f"not run: {', '.join(blocked)}"] if blocked else [])])


def _call(hook: Callable[..., Any] | None, dag: Pipeline, **more: Any) -> None:
    if hook is not None:
        hook(**fitting(hook, getattr(hook, "__name__", "hook"), {}, {"dag": dag, **more}))


@contextlib.contextmanager
def _logging(dag: Pipeline) -> Iterator[None]:
    """Log where the DAG's ``logging_factory`` says, during a build."""
    if dag._params.logging_factory is None:
        yield
        return
    logging_to = dag._params.logging_factory(dag.name)
    handler, logger = (
        logging_to if isinstance(logging_to, tuple) else (logging_to, logging.getLogger("ploomber"))
    )
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        handler.close()


# ── shown


def status(dag: Pipeline) -> Table:
    """Return a table of the tasks of a DAG."""
    steps = render(dag)
    columns = ("name", "Last run", "Outdated?", "Product", "Doc (short)", "Location")
    with opened(dag) as project:
        last = {name: project.history(name) for name in steps}
    rows = [
        dict(zip(columns, _row(dag[name], step, last[name]), strict=True))
        for name, step in steps.items()
        if name in dag._tasks
    ]
    return Table(rows, columns)


def _row(task: Task, step: Step, runs: Sequence[Any]) -> tuple[str, ...]:
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(runs[0].at)) if runs else "Has not been run"
    why = "; ".join(str(reason) for reason in step.reasons) or ("Upstream" if step.waits else "False")
    doc = task.source.doc or step.task.source.facts.title
    where = task.source.loc or step.task.source.path
    folder = os.getcwd() + os.sep
    where = where.removeprefix(folder)
    return task.name, when, why, str(task.product), doc.partition("\n")[0], where


class Drawing:
    """A pipeline drawn; notebooks show it."""

    def __init__(self, svg: str) -> None:
        self.data = svg

    def _repr_svg_(self) -> str:
        return self.data

    def __repr__(self) -> str:
        return "a drawing: notebooks show it, and plot(output=path) writes it"


_FORMS: dict[str, Callable[[Mapping[str, Step], str], str]] = {
    ".svg": lambda steps, title: svg.svg(steps, title),
    ".html": lambda steps, title: graph_page.html(steps, title),
    ".dot": lambda steps, title: draw.dot(steps, title),
    ".mmd": lambda steps, title: draw.mermaid(steps, title),
}


def plot(dag: Pipeline, output: str) -> Any:
    """Draw a DAG: return the drawing, or write it and return its path."""
    steps = render(dag)
    if output == "embed":
        return Drawing(svg.svg(steps, dag.name))
    form = _FORMS.get(Path(output).suffix.lower())
    if form is None:
        raise ValueError(f"a drawing ends in {', '.join(_FORMS)}, not as {output}")
    writing.write(output, [form(steps, dag.name).encode()], named=True)
    return output


def _message(error: Error | Errors) -> str:
    return "\n".join(map(str, error.exceptions)) if isinstance(error, Errors) else str(error)
