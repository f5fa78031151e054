"""One notebook without a pipeline: papermill's job."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from . import plugins
from .engine import let_go, unwritable
from .errors import NotebookError, ProductError, StateError, did_you_mean, raise_all
from .events import Event, RunFinished, RunStarted, TaskFinished, TaskStarted
from .model import Outcome, Reason, Source, Task
from .notebook.inject import check
from .notebook.writer import Keeper
from .report import Report
from .sources import Reader


def run(
    source: str | Path,
    output: str | Path | None,
    parameters: Mapping[str, Any],
    kernel: str | None,
    cwd: str | Path | None,
    allow_errors: bool,
    strict: bool,
    listeners: Sequence[Callable[[Event], None]],
) -> Report:
    """Execute a notebook; see ``quire.run``."""
    task = _task(Path(source), parameters, kernel, cwd, allow_errors)
    if not allow_errors:  # else a cell that Python cannot read fails like any other
        raise_all(NotebookError(message, where) for message, where in task.source.facts.mistakes)
    if strict:
        raise_all(check(task.source.facts, parameters, where=task.source.path))
    if output is not None:
        _check(Path(output), Path(source))
    keeper = Keeper(Path.cwd(), str(output), failed=str(output)) if output is not None else None
    report = Report()
    told: list[Callable[[Event], None]] = [report, *listeners]
    for event in _events(task, keeper, str(output)):
        for tell in told:
            tell(event)
    return report


def _task(
    path: Path, parameters: Mapping[str, Any], kernel: str | None, cwd: str | Path | None, allow_errors: bool
) -> Task:
    if path.is_dir():
        raise NotebookError("this is a folder, not a notebook", str(path))
    if not path.is_file():
        near = [str(it) for it in path.parent.iterdir()] if path.parent.is_dir() else []
        raise NotebookError("there is no such notebook", str(path), did_you_mean(str(path), near))
    if cwd and not Path(cwd).is_dir():
        raise StateError("there is no such folder to run in", str(cwd))
    here = str(Path.cwd())
    source = Reader(here).read("notebook", Source(str(path)), text=True)
    options = {"allow_errors": allow_errors, "cwd": str(Path(cwd).absolute()) if cwd else here}
    if kernel:
        options["kernel"] = kernel
    return Task(path.stem, "notebook", source, params=dict(parameters), options=options)


def _check(target: Path, source: Path) -> None:
    """Refuse an output that cannot be written, or that is the source."""
    if target.is_dir():
        raise ProductError(
            f"{target} is a folder", hint="the executed notebook is a file, for example out.ipynb"
        )
    if not target.parent.is_dir():
        raise ProductError(f"there is no folder {target.parent} for the executed notebook")
    if target.exists() and target.samefile(source):
        hint = "a notebook is never changed by running it: choose another name for the executed one"
        raise ProductError(f"{target} is the notebook itself", hint=hint)


def _events(task: Task, keeper: Keeper | None, output: str) -> Iterator[Event]:
    began = time.time()
    name = time.strftime("%Y%m%d-%H%M%S")
    # one worker needs no server to fork it
    executor = plugins.get("executors", "local")(str(Path.cwd()), 1, fork=False)
    ended: TaskFinished | None = None
    yield RunStarted(name, (task.name,), (task.name,), began)
    yield TaskStarted(task.name, (Reason("forced", None, "asked for"),), began)
    try:
        executor.submit(task)
        while ended is None:
            event = executor.next()
            if isinstance(event, TaskFinished):
                event = ended = _kept(keeper, event, output) if keeper else event
            elif keeper:
                keeper(event)
            yield event
    finally:
        executor.close()
        if ended is None and keeper:
            let_go(keeper)
    yield RunFinished(name, ended.outcome.good, time.time() - began, time.time())


def _kept(keeper: Keeper, event: TaskFinished, output: str) -> TaskFinished:
    try:
        return replace(event, notebook=keeper.keep(event.outcome))
    except OSError as error:
        failure = event.failure or unwritable(output, error)
        return replace(event, outcome=Outcome.FAILED, failure=failure)
