"""Run tasks one at a time in this process, where a debugger can follow them, and notebooks in a worker."""

from __future__ import annotations

import sys
from collections import deque

from ..errors import Error, StateError
from ..events import Event
from ..kinds import row
from ..lazy import lazy_imports
from ..model import Task
from ..process.child import visiting
from ..reading.folders import scope
from ..worker.around import folder_of, importable, placed
from ..worker.worker import Teller, run
from .limits import limits_of

with lazy_imports():
    from . import local


class Inline:
    """The executor ``inline``."""

    slots = 1

    def __init__(self, root: str, jobs: int | None = None, *, log: str | None = None) -> None:
        self.root = root
        self._log = log
        self._events: deque[Event] = deque()
        self._tasks: deque[Task] = deque()
        self._workers: local.Local | None = None

    def refuses(self, task: Task) -> Error | None:
        """Refuse limits and pauses of what runs in the build's own process, which must not be ended or kept waiting."""
        if _kernel(task):
            return None
        if task.run.pause:
            hint = "omit --executor: tasks then run in workers of their own"
            return StateError("a failed task cannot wait for you in the executor inline", hint=hint)
        if limits := limits_of(task):
            keys = " and ".join(f'"{limit}"' for limit in limits)
            where = "which would run in octavo's own process"
            message = f'the executor inline cannot keep {keys} of "{task.name}", {where}'
            hint = "omit --executor; octavo build --debug opens a debugger where a task fails in a worker"
            return StateError(message, task.where, hint)
        return None

    def prepare(self, modules: tuple[str, ...], cells: tuple[str, ...] = ()) -> None:
        """Import nothing ahead: the process is the user's."""

    def submit(self, task: Task) -> None:
        """Keep a task for ``next``, or start its worker."""
        if not _kernel(task):
            self._tasks.append(task)
            return
        # a kernel in this very process would take it over: its streams, its __main__, its display hook
        self._workers = self._workers or local.Local(self.root, 1, log=self._log)
        self._workers.submit(task)

    def next(self, timeout: float | None = None) -> Event | None:
        """Run a task that was submitted, whatever the time, and return its events one by one."""
        if self._tasks and not self._events:
            self._run(self._tasks.popleft())
        if self._events:
            return self._events.popleft()
        return self._workers.next(timeout) if self._workers else None

    @property
    def busy(self) -> bool:
        """Whether a task in this very process has not been told to its end."""
        return bool(self._tasks or self._events)

    def close(self) -> tuple[Event, ...]:
        """Drop what was not begun, and end a worker; return what was said until then."""
        self._tasks.clear()
        events = (*self._events, *(self._workers.close() if self._workers else ()))
        self._events.clear()
        self._workers = None
        return events

    def _run(self, task: Task) -> None:
        folder, path = folder_of(task, self.root), placed(task, self.root).source.path
        with visiting(self.root, folder, path, importable(task, self.root), scope(task, self.root)):
            tell = Teller(task.name, self._events.append)
            out, err = sys.stdout, sys.stderr
            tell.streams.install()
            try:
                finished = run(task, self.root, tell)
                tell(finished)
            finally:
                sys.stdout, sys.stderr = out, err
                sys.__stdout__, sys.__stderr__ = out, err  # type: ignore[misc, assignment]


def _kernel(task: Task) -> bool:
    """Return whether a task runs in a kernel, or in an environment of its own: not in this process."""
    return row(task.kind).executed or "environment" in task.own
