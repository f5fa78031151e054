"""Take a run of all cells in Jupyter as a task's result: a build whose executor is the kernel of the notebook."""

from __future__ import annotations

import os
import pickle
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING

from ..dataclass import dataclass
from ..errors import Error, Errors, StateError, each
from ..events import CellFinished, CellStarted, Event, Note, TaskFinished, decode
from ..kernels import specs
from ..kinds import row
from ..model import PROXIES, Outcome
from ..notebook.inject import INJECTED
from ..project import Project
from ..show.screen import several
from . import watched

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..model import Task
    from ..spec.entry import EntryPoint

#: Seconds after which a kernel in which nothing happens, between cells, is given up: the page was closed.
_PATIENCE = 60.0
#: How often it is looked what the kernel has told.
_GLANCE = 0.05
#: The module that watches, without a name for it in the kernel.
_WATCHED = f"__import__('importlib').import_module({watched.__name__!r})"


class Taking:
    """A build of one task by the kernel of its open notebook. Why a run is not taken is in ``said``."""

    def __init__(self, entry: EntryPoint, task: str) -> None:
        self.said: list[str] = []
        self.code: int | None = None
        #: Where the kernel finds the task.
        self.folder = Path(tempfile.mkdtemp(prefix="octavo-"))
        self._entry, self._task = entry, task
        self._cancelled = threading.Event()
        self._queue: SimpleQueue[Event | None] = SimpleQueue()

    @property
    def code_before(self) -> str:
        """Return what the kernel has to run, silently, before all cells; it raises where the kernel is not fit."""
        return f"{_WATCHED}.begin(get_ipython(), {str(self.folder)!r})"

    @property
    def code_after(self) -> str:
        """Return what the kernel has to run, silently, after all cells."""
        return f"{_WATCHED}.end(get_ipython())"

    def discard(self) -> None:
        """Remove what was laid ready for a build that does not begin."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def events(self) -> Iterator[Event]:
        """Run the build, and yield its events as they come, until it has ended."""
        threading.Thread(target=self._build, daemon=True).start()
        while (event := self._queue.get()) is not None:
            yield event

    def cancel(self) -> None:
        """Give up: what was there before is there again."""
        self._cancelled.set()

    def _build(self) -> None:
        code = 70
        try:
            with Project(self._entry, {}) as project:
                step = project.status([self._task])[self._task]
                if step.waits:
                    hint = f"octavo build +{self._task} makes it what it needs"
                    raise Error(
                        f'"{self._task}" has no real inputs yet: {several([*step.waits], 3)} is stale',
                        hint=hint,
                    )
                report = project.build(
                    [self._task],
                    executor=Handing(self.folder, self._cancelled),
                    listeners=[self._heard],
                    wait=False,
                    cache=False,
                )
            code = 130 if report.outcomes[self._task] is Outcome.CANCELLED else report.exit_code
            code = 2 if code == 130 and self.said else code
        except (Error, Errors) as error:
            self.said += map(str, each(error))
            code = 2
        finally:
            self.discard()
            self.code = code
            self._queue.put(None)

    def _heard(self, event: Event) -> None:
        if isinstance(event, Note) and event.message.startswith(watched.REFUSED):
            self.said.append(event.message)
        self._queue.put(event)


@dataclass(frozen=True, slots=True)
class Handing:
    """Makes the executor. ``place`` is what the name of the run ends with: the record says where it was made."""

    folder: Path
    cancelled: threading.Event
    place: str = "-jupyter"

    def __call__(self, root: str, jobs: int | None = None, *, log: str | None = None) -> OpenKernel:
        return OpenKernel(root, self.folder, self.cancelled)


class OpenKernel:
    """The executor that hands its one task to a kernel of Jupyter's, and reads what happens there."""

    slots = 1

    def __init__(self, root: str, folder: Path, cancelled: threading.Event) -> None:
        self._root, self._folder, self._cancelled = root, folder, cancelled
        self._task: Task | None = None
        self._read = 0
        self._rest = b""
        self._events: list[Event] = []
        self._busy = False
        self._heard = time.monotonic()

    def refuses(self, task: Task) -> Error | None:
        """Refuse what such a kernel does not do as a worker does."""
        why = next(_differs(task, self._root), None)
        if why is None:
            return None
        return StateError(
            f'a run in Jupyter cannot be the result of "{task.name}": {why}', task.where, "octavo build"
        )

    def prepare(self, modules: tuple[str, ...], cells: tuple[str, ...] = ()) -> None:
        """Import nothing ahead: the kernel is there."""

    def submit(self, task: Task) -> None:
        """Lay the task where the kernel finds it."""
        self._task, self._heard = task, time.monotonic()
        part = self._folder / f"{watched.TASK}.part"
        part.write_bytes(pickle.dumps((self._root, task, sys.prefix)))
        part.rename(self._folder / watched.TASK)

    def next(self, timeout: float | None = None) -> Event | None:
        """Wait for what the kernel tells next; a kernel that is gone, or waits for nobody, is given up."""
        end = None if timeout is None else time.monotonic() + timeout
        while self._task is not None:
            self._look()
            if self._events:
                event = self._events.pop(0)
                self._busy = isinstance(event, CellStarted) or (
                    self._busy and not isinstance(event, CellFinished)
                )
                self._task = None if isinstance(event, TaskFinished) else self._task
                return event
            if (why := self._given_up()) is not None:
                name = self._task.name
                self._events.append(TaskFinished(name, Outcome.CANCELLED))
                if why:
                    return Note(f"{watched.REFUSED}{why}", name)
            elif end is not None and time.monotonic() >= end:
                return None
            else:
                time.sleep(_GLANCE)
        return None

    def close(self) -> tuple[Event, ...]:
        """Forget the kernel."""
        self._task = None
        return ()

    def _look(self) -> None:
        try:
            with (self._folder / watched.EVENTS).open("rb") as file:
                file.seek(self._read)
                data = file.read()
        except OSError:
            return  # the kernel has not begun
        if data:
            self._heard = time.monotonic()
            self._read += len(data)
            *lines, self._rest = (self._rest + data).split(b"\n")
            self._events += map(decode, lines)

    def _given_up(self) -> str | None:
        """Return why nothing more is waited for; nothing need be said of what a person cancels."""
        if self._cancelled.is_set():
            return ""
        try:
            os.kill(int((self._folder / watched.PROCESS).read_text("ascii")), 0)
        except (FileNotFoundError, ValueError, PermissionError):
            pass  # it has not begun, or is another user's
        except ProcessLookupError:
            return "the kernel has ended"
        if not self._busy and time.monotonic() - self._heard > _PATIENCE:
            return f"nothing has happened in the kernel for {_PATIENCE:.0f} s"
        return None


def _differs(task: Task, root: str) -> Iterator[str]:
    """Yield why a kernel of Jupyter's would not do for a task what a worker does."""
    kind = row(task.kind)
    if kind.source != "notebook" or not kind.executed:
        yield "it is no notebook"
        return
    named = task.kernel or task.source.facts.kernel
    python = task.source.facts.language.lower() == "python"
    if (
        not python
        or task.run.isolated
        or task.named_kernel is not None
        or not specs.is_this_environment(named)
    ):
        yield "it runs in another kernel than that of octavo's own Python"
    if task.hidden.params:
        yield "it has secrets, which its notebook does not show"
    limits = {
        "timeout": task.run.timeout,
        "cell_timeout": task.run.cell_timeout,
        "memory": task.resources.memory,
    }
    if set_ := [name for name, limit in limits.items() if limit]:
        yield f"nothing keeps its {' and '.join(set_)} there"
    if task.own.get("allow_errors"):
        yield "it goes on after errors"
    if task.calls.on_render is not None:
        yield "it has on_render"
    if any(product.path.startswith(PROXIES) for product in task.products):
        yield "it makes tables"
    try:
        text = Path(root, task.source.path).read_bytes()
    except OSError:
        return  # it is gone, which the build says
    for word in (INJECTED, "skip-execution"):
        if word.encode() in text:
            yield f"it has a cell tagged {word}"
