"""Run one notebook without a pipeline."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from . import remote
from .dataclass import dataclass
from .errors import NotebookError, ParameterError, ProductError, StateError, raise_all
from .events import Event, Note, NotebookOpened, RunFinished, RunStarted, TaskFinished, TaskStarted, word
from .executed import targets
from .executed.keeper import Keeper
from .executed.provenance import Provenance, builtins, prepared
from .executed.writer import ExecutedNotebook
from .executors import Executor
from .executors.local import Local
from .executors.running import alone, with_notebook
from .hints import did_you_mean, of_windows
from .lazy import lazy_imports
from .model import Outcome, Resources, RunOptions, Source, Task
from .notebook import is_notebook
from .notebook.inject import check
from .parts import FORCED
from .products import special, writing
from .reading.overridden import overridden
from .report import Report
from .secrets import hiding
from .spec.sources import Reader

with lazy_imports():
    from urllib import parse as urls  # 15 ms that only a URL should cost

    from .kinds import notebook as notebook_kind
    from .show import in_jupyter
    from .venvs import making
    from .venvs import wanted as apart_of

#: No environment but that of octavo.
OURS = "none"
#: Standard input as a notebook, standard output as the place for one.
STDIO = "-"


@dataclass(frozen=True, slots=True)
class NotebookOptions:
    """How a notebook is run. Times are seconds, ``memory`` bytes; None is no limit.

    ``save_every``: the notebook is saved while it runs, this often at most; 0 is only at its end. ``paths``: which of
    papermill's PAPERMILL_INPUT_PATH and PAPERMILL_OUTPUT_PATH it gets as parameters, declared or not. ``pause``: how it
    waits for a person when it has failed (see ``Project.build``). ``early``: what Python cannot read is told before
    anything runs; else its cell fails like any other. ``cells``: of the notebook's own cells only these run, by their
    places from 0. ``environment`` says what the notebook needs, as in pipeline.yaml; None is a block of its own (PEP
    723), if it has one, and ``OURS`` the environment of octavo.
    """

    kernel: str | None = None
    cwd: str | Path | None = None
    allow_errors: bool = False
    strict: bool = True
    report_mode: bool = False
    safe: bool = False
    prepare_only: bool = False
    timeout: float | None = None
    cell_timeout: float | None = None
    output_limit: int | None = None
    start_timeout: float | None = None
    memory: int | None = None
    retries: int = 0
    save_every: float = 2.0
    paths: tuple[str, ...] = ()
    pause: Mapping[str, object] | None = None
    early: bool = True
    cells: tuple[int, ...] | None = None
    environment: str | None = None


def run(
    given: str | Path,
    output: str | Path | None,
    parameters: Mapping[str, object],
    options: NotebookOptions,
    listeners: Sequence[Callable[[Event], None]],
    executor: Executor | None = None,
) -> Report:
    """Execute a notebook; see ``octavo.run``. ``executor`` is one that other runs use too (default: one of its own)."""
    report = Report()
    steps = events(given, output, parameters, options, executor)
    receivers: list[Callable[[Event], None]] = [report, *(listeners or in_jupyter.bars())]
    for event in steps:
        for tell in receivers:
            tell(event)
    return report


def events(
    given: str | Path,
    output: str | Path | None,
    parameters: Mapping[str, object],
    options: NotebookOptions,
    executor: Executor | None = None,
) -> Iterator[Event]:
    """Check all that can be checked before, and return what happens while a notebook runs: it goes on as it is read."""
    source = read(filled(str(given), parameters))
    defaults = {parameter.name: parameter.value for parameter in source.facts.params if parameter.known}
    target = filled(str(output), {**defaults, **parameters}) if output is not None else None
    if options.early and options.cells is None and not options.allow_errors:
        raise_all(notebook_kind.unreadable(source, options.kernel))
    if options.strict:
        raise_all([*check(source.facts, parameters, where=source.path), *_lost(source, parameters)])
    target = local(target) if target is not None else None
    if target is not None and remote.is_url(target):
        remote.check(target)
    elif target is not None and target != STDIO:
        _check(Path(target), Path(source.path))
    wanted = None
    if target is not None:
        wanted = targets.of_output(
            target, source.path, options.save_every, hide_code=options.report_mode, safe=options.safe
        )
    paths = {"PAPERMILL_INPUT_PATH": source.path, "PAPERMILL_OUTPUT_PATH": target and remote.shown(target)}
    apart = _apart(source, options)
    task = _task(source, {**{name: paths[name] for name in options.paths}, **parameters}, options, apart)
    if not options.prepare_only:
        raise_all(notebook_kind.KIND.missing(task))
    if isinstance(wanted, targets.Paged):
        wanted.page.check(notebook_kind.prepare(task)[0])
    return _events(task, wanted, source.path, options, executor, apart)


# ── the source


def _lost(source: Source, parameters: Mapping[str, object]) -> Iterator[ParameterError]:
    """Yield an error for each cell that assigns parameters which were set, so that these would not count."""
    if source.text is None or source.facts.mistakes:
        return
    data = source.text.encode("utf-8", "surrogateescape")
    for found in overridden(source.facts, data, source.path, parameters.keys()):
        hint = f"{found.hint}; --no-strict runs it as it is"
        yield ParameterError(f"{found.message}, so -p has no effect", found.where, hint)


def read(given: str) -> Source:
    """Return a notebook with its text and what it says: of a file, a URL, or standard input."""
    if given in (STDIO, "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"):
        return _source("stdin", sys.stdin.buffer.read())
    path = local(given)
    if remote.is_url(path):
        return _source(remote.shown(path), remote.read(path))
    if Path(path).is_dir():
        raise NotebookError("this is a folder, not a notebook", path)
    if found := special(path):
        raise NotebookError(f"this is {found}, not a notebook", path, 'standard input is called "-"')
    if not Path(path).is_file():
        folder = Path(path).parent
        near = [str(entry) for entry in folder.iterdir()] if folder.is_dir() else []
        raise NotebookError("there is no such notebook", path, of_windows(path) or did_you_mean(path, near))
    return Reader(str(Path.cwd())).read("notebook", Source(path), text=True)


def beside(given: str) -> str:
    """Return where the executed notebook goes when nobody says: beside its source, or here, or to standard output."""
    if given == STDIO:
        return STDIO
    path = local(given)
    name = PurePosixPath(remote.shown(path)).name if remote.is_url(path) else path
    return str(Path(name).with_suffix(".executed.ipynb"))


def filled(path: str, values: Mapping[str, object]) -> str:
    """Return a path with the parameters that it names in braces, as papermill has it: ``out-{city}.ipynb``."""
    if "{" not in path or Path(path).exists():
        return path
    # papermill's own: {pm[run_uuid]}, {pm[current_datetime_utc]:%Y-%m-%d}
    own = builtins(time.time(), os.urandom(16))
    try:
        return path.format(**{"pm": own, **values})
    except KeyError as error:
        name = str(error.args[0])
        listed = f"there are: {', '.join(values)}" if values else "no parameters are set"
        hint = did_you_mean(name, values) or listed
        raise ParameterError(f'the path uses an unknown parameter "{name}"', path, hint) from None
    except (IndexError, ValueError, AttributeError, TypeError) as error:
        hint = "write names of parameters in braces: out-{city}.ipynb; {{ is a literal brace"
        raise ParameterError(f"the path cannot be filled in: {error}", path, hint) from None


def local(path: str) -> str:
    """Return the path of a file:// URL, and "-" for standard output; anything else as it is."""
    if path in ("/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"):
        return STDIO  # written to twice, by this name and by its own, it would be a mixture
    if not path.startswith("file://"):
        return path
    return urls.unquote(urls.urlsplit(path).path)


def _source(name: str, data: bytes) -> Source:
    """Return a notebook that is no file. Without an extension that says it, what begins with a brace is .ipynb."""
    path = name
    if not is_notebook(name):
        path += ".ipynb" if data.lstrip()[:1] in (b"{", b"") else ".py"
    facts = notebook_kind.KIND.facts(Source(path), data)
    return Source(path, text=data.decode("utf-8", "surrogateescape"), facts=facts)


def _apart(source: Source, options: NotebookOptions) -> apart_of.Needs | None:
    """Return the environment that a notebook is to run in, where that is not octavo's own."""
    asked, data = options.environment, (source.text or "").encode("utf-8", "surrogateescape")
    mine = asked is None and source.facts.language == "python" and apart_of.MARK in data
    if mine and apart_of.block(data, source.path) is not None:
        found: apart_of.Needs = apart_of.wanted(os.getcwd(), source.path, data)
        return found
    if asked in (None, OURS):
        return None
    if options.kernel not in (None, "python3", "python") or source.facts.language != "python":
        hint = "remove one of the two: in an environment its own kernel runs"
        raise ParameterError("the environment is one of Python, and the kernel another's", hint=hint)
    named: apart_of.Needs = apart_of.wanted(os.getcwd(), os.path.expanduser(asked))
    return named if named.digest else None


def _task(
    source: Source,
    parameters: Mapping[str, object],
    options: NotebookOptions,
    apart: apart_of.Needs | None,
) -> Task:
    if options.cwd and not Path(options.cwd).is_dir():
        raise StateError("the folder to run in does not exist", str(options.cwd))
    task = Task(
        PurePosixPath(source.path).stem,
        "notebook",
        source,
        params=dict(parameters),
        own={
            "allow_errors": options.allow_errors,
            "report_mode": options.report_mode,
            **({"cells": options.cells} if options.cells is not None else {}),
            **({"environment": {"from": apart.name, "digest": apart.digest}} if apart else {}),
        },
        run=RunOptions(
            options.timeout,
            options.cell_timeout,
            options.start_timeout,
            options.retries,
            output_limit=options.output_limit,
        ),
        resources=Resources(options.memory),
        kernel=options.kernel or ("python3" if apart else None),
        cwd=str(Path(options.cwd or Path.cwd()).absolute()),
    )
    return replace(task, hidden=hiding.of_task(task, (), None))


# ── the executed notebook


def _check(target: Path, source: Path) -> None:
    """Refuse an output that cannot be written, or that is the source."""
    if why := writing.refusal(target, named=True):
        raise ProductError(f"the output {target} cannot be written: {why}")
    if hint := of_windows(str(target)):
        raise ProductError(f"the output {target} has a backslash, as paths of Windows do", hint=hint)
    if target.is_dir():
        raise ProductError(
            f"{target} is a folder", hint="the executed notebook is a file, for example out.ipynb"
        )
    if not target.parent.is_dir():
        folder = f"there is no folder {target.parent} for the executed notebook"
        raise ProductError(folder, hint=f"mkdir -p {shlex.quote(str(target.parent))}")
    if target.exists() and source.exists() and target.samefile(source):
        hint = "choose another name for the executed notebook"
        raise ProductError(f"the output {target} is the notebook itself", hint=hint)
    try:
        writing.check(target, named=True)
    except OSError as error:
        raise ProductError(f"the output {target} cannot be written: {error.strerror}") from None


# ── running


def _events(
    task: Task,
    target: targets.Destination | None,
    source: str,
    options: NotebookOptions,
    executor: Executor | None,
    apart: apart_of.Needs | None,
) -> Iterator[Event]:
    if apart is not None and not options.prepare_only and making.made(apart.digest) is None:
        yield word(f"making the environment {apart.name}")
        making.make(apart, lambda text: None)
    began = time.time()
    name = time.strftime("%Y%m%d-%H%M%S")
    yield RunStarted(name, (task.name,), (task.name,), began)
    yield TaskStarted(task.name, (FORCED.reason("", None, "requested"),), began)
    good = True
    running = (
        _prepared(task, target, source) if options.prepare_only else _running(task, target, options, executor)
    )
    for event in running:
        yield event
        good = not isinstance(event, TaskFinished) or event.outcome.good
    yield RunFinished(name, good, time.time() - began, time.time())


def _prepared(task: Task, target: targets.Destination | None, source: str) -> Iterator[Event]:
    data, values = notebook_kind.prepare(hiding.veiled(task))
    opened, event = NotebookOpened(task.name, data, values), TaskFinished(task.name, Outcome.DONE)
    if target is not None:
        prepared(data, values, source, target.where)
        keeper = Keeper(ExecutedNotebook(), target)
        keeper(opened)
        event = with_notebook(event, keeper)
    yield opened
    yield Note("its parameters are injected; it was not run", task.name)
    if task.hidden.params:
        yield Note(
            f"secrets are not written: set {', '.join(task.hidden.params)} before you run it", task.name
        )
    yield event


def _running(
    task: Task, target: targets.Destination | None, options: NotebookOptions, executor: Executor | None
) -> Iterator[Event]:
    keeper = None
    if target is not None:
        provenance = Provenance(task.source.path, target.where, time.time)
        keeper = Keeper(ExecutedNotebook(provenance, task.run.output_limit), target)
    return alone(task, keeper, executor or Local(str(Path.cwd()), 1), options.pause)
