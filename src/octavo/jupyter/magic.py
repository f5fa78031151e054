"""``%load_ext octavo``: in a running kernel the values of the notebook's task, the pipeline, and names in doubt."""

from __future__ import annotations

import os
import shlex
import sys
import time
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from .. import notebook as documents
from .. import project as projects
from ..dataclass import dataclass
from ..errors import Error
from ..hints import did_you_mean
from ..kinds import notebook as notebooks
from ..metadata import here
from ..notebook.inject import PARAMETERS, parameters_cell, tags
from ..plugins import load
from ..process.variables import NOTEBOOK
from ..show.mistakes import shown
from ..show.screen import screen
from ..show.steps import table
from ..spec.entry import around, find
from . import building as processes
from . import cell as cells
from .building import Course
from .hidden import Saved, Watch
from .tasks import Of, Pipelines, TasksOfFile, choose

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from ..events import Event
    from ..model import Json
    from ..project import Project
    from ..spec.entry import EntryPoint

_USAGE = """\
%octavo status [TARGET …]          what is stale, and why
%octavo build [TARGET …] [--force] run it; the kernel stays as it is
%octavo values                     set upstream, product and parameters of this notebook's task
%octavo task NAME [--file FILE]    use the values of this task, of several with one source
%octavo tasks                      the names of all tasks"""

#: Notebooks larger than this are not read again after each save, to see where cells stand.
_LARGE = 5_000_000


#: How VS Code's names of cells begin: files know them by others.
_VSCODE = "vscode-notebook-cell:"

#: The tag of cells whose error is meant to be shown, and ends no run of all cells.
_RAISES = "raises-exception"

#: The shell's own attribute for it; %reset empties the names of users.
_KEPT = "_octavo_session"


class _Events(Protocol):
    def register(self, event: str, function: Callable[..., None], /) -> None: ...
    def unregister(self, event: str, function: Callable[..., None], /) -> None: ...


class Interactive(here.Shell, Protocol):
    """What is used of IPython's shell."""

    events: _Events

    def push(self, variables: dict[str, object], /) -> None: ...
    def register_magic_function(self, function: Callable[..., object], kind: str, name: str, /) -> None: ...
    def set_hook(self, name: str, hook: Callable[..., object], *, str_key: str) -> None: ...


class _Cell(Protocol):
    raw_cell: str
    cell_id: str | None


class _Result(Protocol):
    execution_count: int | None
    success: bool


def load_ipython_extension(shell: Interactive) -> None:
    """Register all of it with a shell; what a build runs has its values already, and needs none of it."""
    session = Session(shell)
    for event, function in session.callbacks.items():
        shell.events.register(event, function)
    shell.register_magic_function(session.magic, "line", "octavo")
    shell.set_hook("complete_command", session.complete, str_key="%octavo")
    setattr(shell, _KEPT, session)


def unload_ipython_extension(shell: Interactive) -> None:
    """Take the callbacks away again."""
    session = getattr(shell, _KEPT, None)
    if isinstance(session, Session):
        for event, function in session.callbacks.items():
            shell.events.unregister(event, function)


@dataclass(frozen=True, slots=True)
class _Seen:
    """A file as it was read: its state on disk, and its cells."""

    path: Path
    state: tuple[int, int]
    saved: Saved


class Session:
    """What octavo does in one kernel. Callbacks never raise: what goes wrong is said under the cell."""

    def __init__(self, shell: Interactive) -> None:
        self.shell = shell
        self.callbacks: dict[str, Callable[..., None]] = {
            "pre_run_cell": self.before,
            "post_run_cell": self.after,
        }
        self._watch = Watch(shell.user_ns)
        self._pipelines = Pipelines(Path(Path.cwd().anchor))
        self._notebook: Path | None = None
        self._asked = False  # nobody is asked before each cell again who does not know
        self._seen: _Seen | None = None
        self._running: tuple[str, Json] | None = None
        self._doubts: list[str] = []

    # ── around each cell

    def before(self, info: _Cell) -> None:
        """Look at a cell that is about to run."""
        try:
            self._doubts = []
            said = _metadata(self.shell)
            self._running = info.raw_cell, said
            identity = getattr(info, "cell_id", None) or _identity(said)
            if isinstance(identity, str) and not info.raw_cell.lstrip().startswith("%load_ext"):
                deleted = said.get("deletedCells")
                gone = [one for one in deleted if isinstance(one, str)] if isinstance(deleted, list) else []
                saved = self._saved(known=not identity.startswith(_VSCODE))
                self._doubts = self._watch.begin(identity, info.raw_cell, self.shell.user_ns, saved, gone)
        except Exception as error:
            self._wrong(error)

    def after(self, result: _Result) -> None:
        """Look at a cell that has run: set values below the parameters, and say which names were in doubt."""
        try:
            running, self._running = self._running, None
            meant = running is not None and _RAISES in (running[1].get("tags") or ())
            self._watch.end(
                result.execution_count or 0, time.time(), self.shell.user_ns, result.success, meant
            )
            for words in self._doubts:
                print(f"octavo: {words}", file=sys.stderr)
            if running and result.success and self._declares(*running):
                self._set(self._tasks(), told=False)
        except Exception as error:
            self._wrong(error)

    def _wrong(self, error: Exception) -> None:
        print(f"octavo: {type(error).__name__}: {error}", file=sys.stderr)

    def _saved(self, known: bool) -> Saved:
        """Return the cells of the notebook as they are on disk; none where it is not known or large.

        ``known``: the front end names cells as their file does.
        """
        if self._notebook is None or not self._notebook.exists():
            self._notebook = None if self._asked else _notebook(self.shell)
            self._asked = True
        path = self._notebook
        if path is None:
            return Saved()
        found = path.stat()
        state = found.st_mtime_ns, found.st_size
        if self._seen is None or (self._seen.path, self._seen.state) != (path, state):
            self._seen = _Seen(
                path, state, _cells(path, found.st_mtime, known) if found.st_size < _LARGE else Saved()
            )
        return self._seen.saved

    # ── values

    def _declares(self, source: str, said: Json) -> bool:
        """Return whether a cell is the one with the parameters: by its tags, or where nobody tells, by what it says."""
        named = said.get("tags")
        if isinstance(named, list):
            return PARAMETERS in named
        plain: Json = {"cell_type": "code", "source": source, "metadata": {}}
        if parameters_cell([plain]) is not None:
            return True
        path = self._notebook
        if path is None or not documents.is_notebook(str(path)):
            return False
        found = documents.read(path).cells
        at = parameters_cell(found)
        return at is not None and found[at]["source"].strip() == source.strip()

    def _tasks(self) -> TasksOfFile | None:
        self._notebook = _notebook(self.shell)
        return self._pipelines.of(self._notebook) if self._notebook else None

    def _set(self, found: TasksOfFile | None, told: bool = True) -> None:
        """Set the values of the first of some tasks; where there is none, say why, if that was asked."""
        if found is not None and found.tasks:
            of = found.tasks[0]
            task = cells.placed(of, os.getcwd())
            values = deepcopy(notebooks.values_of(task))
            self.shell.push(values)
            self._watch.given(values)
            others = ", ".join(found.others)
            more = f"; it is also the source of {others}: %octavo task {next(found.others)}" if others else ""
            print(f"octavo: {', '.join(values)} of task {task.name}, from {of.pipeline.name}{more}")
        elif found is not None and found.mistakes:
            raise Error("the values of this notebook cannot be told:\n" + "\n".join(found.mistakes))
        elif told and found is None:
            hint = "%octavo task NAME sets the values of a task, and octavo inject writes them into the file"
            raise Error("this front end does not say which notebook this is", hint=hint)
        elif told:
            raise Error(
                f"{self._notebook} is the source of no task", hint="%octavo status shows the pipeline"
            )

    # ── the magic

    def magic(self, line: str) -> None:
        """Run ``%octavo``."""
        with shown(screen(sys.stderr, os.environ)):
            word, *words = shlex.split(line) or [""]
            verbs: dict[str, Callable[[list[str]], None]] = {
                "status": self._status,
                "build": self._build,
                "values": lambda words: self._set(self._tasks()),
                "task": self._task,
                "tasks": lambda words: print(*self._names(), sep="\n"),
            }
            if word in ("", "help", "--help", "-h"):
                print(_USAGE)
            elif word not in verbs:
                hint = did_you_mean(word, verbs) or _USAGE
                raise Error(f"there is no %octavo {word}", hint=hint)
            else:
                verbs[word](words)

    def entry(self) -> EntryPoint:
        """Return the pipeline of the notebook, or else of the folder where the kernel is."""
        path = self._notebook or _notebook(self.shell)
        near = next(around(path.parent, Path(path.anchor)), None) if path else None
        return near or find()

    def opened(self) -> Project:
        """Open the pipeline."""
        return projects.Project(self.entry(), {})

    def _names(self) -> list[str]:
        with self.opened() as project:
            return list(project.graph.tasks)

    def _status(self, words: Sequence[str]) -> None:
        with self.opened() as project:
            for line in table(project.status(words), screen(sys.stdout, os.environ), verbose=True):
                print(line)
            for note in project.notes:
                print(f"note: {note}")

    def _task(self, words: list[str]) -> None:
        name, *rest = words or [""]
        file = rest[1] if len(rest) == 2 and rest[0] in ("--file", "-F") else None
        found = self._tasks()
        tasks = found.tasks if found else ()
        if self._notebook is None and name and not rest:
            self._set(self._named(name))
            return
        of = next((one for one in tasks if one.task.name == name and file in (None, one.pipeline.name)), None)
        if of is None or (rest and file is None):
            known = ", ".join(_said(tasks)) or "none"
            raise Error(
                f'this notebook is not the source of a task "{" ".join(words)}"', hint=f"tasks: {known}"
            )
        assert self._notebook is not None
        choose(of, self._notebook)
        self._set(self._tasks())

    def _named(self, name: str) -> TasksOfFile:
        """Return the task of a name, in a front end that does not say which notebook this is."""
        with self.opened() as project:
            project.graph.select([name])
            return TasksOfFile([Of(project.graph[name], project.root, project.path)])

    def _build(self, words: list[str]) -> None:
        force = "--force" in words
        targets = [word for word in words if word != "--force"]
        if strange := [word for word in targets if word.startswith("-")]:
            raise Error(f"%octavo build has no option {strange[0]}", hint="run octavo build in a terminal")
        entry = self.entry()
        with self.opened() as project:
            project.graph.select(targets)  # a misspelt name is told before anything starts
        building = processes.build(entry.path, entry.root, targets, force)
        course = Course()
        display = load("IPython.display:display")
        # consoles and scripts, which name no cells, keep an output as it first was, or show all of them
        live = bool(self._running and _identity(self._running[1]))
        show = display(course, display_id=True).update if live else lambda course: None
        try:
            _follow(building.events(), course, show)
        except KeyboardInterrupt:
            building.cancel()
            _follow(building.events(), course, show)
        show(course) if live else display(course)
        if building.said and building.code not in (0, 1, 130):
            raise Error("the build did not start:\n" + "\n".join(building.said))

    def complete(self, shell: object, event: object) -> list[str]:
        """Return what may stand next in a line that begins with %octavo."""
        line = str(getattr(event, "line", ""))
        before = line.split()[1:] if line.endswith(" ") else line.split()[1:-1]
        try:
            if not before:
                return ["status", "build", "values", "task", "tasks"]
            return self._names() if before[0] in ("status", "build", "task") else []
        except (Error, ExceptionGroup):
            return []


def _notebook(shell: Interactive) -> Path | None:
    """Return the real path of the notebook; None where nobody tells, and in runs of octavo, which have their values."""
    found = None if NOTEBOOK in os.environ else here.path(shell)
    return Path(found).resolve() if found else None


def _metadata(shell: Interactive) -> Json:
    """Return the metadata of the request that the kernel works on: what its client says of the cell."""
    asked: Callable[[], object] = getattr(shell, "get_parent", dict)
    parent = asked()
    found = parent.get("metadata") if isinstance(parent, dict) else None
    return found if isinstance(found, dict) else {}


def _identity(said: Json) -> object:
    """Return what a client calls the cell that it runs: JupyterLab and VS Code in one way, Colab in another."""
    colab = said.get("colab")
    return said.get("cellId") or (colab.get("cell_id") if isinstance(colab, dict) else None)


def _follow(events: Iterator[Event], course: Course, show: Callable[[Course], None]) -> None:
    """Show a build as it goes, ten times a second at most."""
    last = 0.0
    for event in events:
        if course.take(event) and time.monotonic() - last > 0.1:
            show(course)
            last = time.monotonic()


def _said(tasks: Iterable[Of]) -> Iterator[str]:
    for one in tasks:
        yield f"{one.task.name} --file {one.pipeline.name}"


def _cells(path: Path, at: float, known: bool) -> Saved:
    try:
        document = documents.read(path)
    except (Error, ExceptionGroup, OSError):
        return Saved()
    ids = known and document.format == "ipynb"
    return Saved(
        [
            (cell.get("id") if ids else None, cell["source"])
            for cell in document.cells
            if cell["cell_type"] == "code" and "injected-parameters" not in tags(cell)
        ],
        at,
    )
