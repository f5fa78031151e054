"""Run tasks one at a time in this process, where a debugger can follow them."""

from __future__ import annotations

import sys
from collections import deque
from dataclasses import replace

from ..events import Event
from ..model import Task
from ..process.child import visiting
from ..reading.folders import scope
from ..worker.around import folder_of, importable, placed
from ..worker.worker import Teller, run


class Inline:
    """The executor ``inline``."""

    slots = 1

    def __init__(self, root: str, jobs: int | None = None, log: str | None = None) -> None:
        self.root = root
        self._events: deque[Event] = deque()
        self._task: Task | None = None

    def prepare(self, modules: tuple[str, ...]) -> None:
        """Do nothing: this process is the user's, so nothing is imported ahead."""

    def submit(self, task: Task) -> None:
        self._task = task

    def next(self) -> Event:
        if self._task is not None and not self._events:
            task, self._task = self._task, None
            self._run(task)
        return self._events.popleft()

    def close(self) -> None:
        self._task = None

    def _run(self, task: Task) -> None:
        # a kernel in this very process would take it over: its streams, its __main__, its display hook
        task = replace(task, run=replace(task.run, isolated=True))
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
