"""Tasks one after another in this process, where a debugger can follow; notebooks in a kernel of their own."""

from __future__ import annotations

import contextlib
import os
import sys
from collections import deque
from collections.abc import Iterator
from dataclasses import replace

from ..events import Event
from ..lazy import lazy_imports
from ..model import Task
from ..worker.around import folder_of, importable
from ..worker.bytecode import distrust_bytecode
from ..worker.worker import Teller, run

with lazy_imports():
    from ..ploomber import finder


class Inline:
    """The executor ``inline``."""

    slots = 1

    def __init__(self, root: str, jobs: int | None = None, log: str | None = None) -> None:
        self.root = root
        self._events: deque[Event] = deque()
        self._task: Task | None = None

    def prepare(self, modules: tuple[str, ...]) -> None:
        """Nothing is imported ahead: the process is the user's."""

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
        task = replace(task, options={**task.options, "isolated": True})
        with _surroundings(task, self.root):
            tell = Teller(task.name, self._events.append)
            out, err = sys.stdout, sys.stderr
            tell.streams.install()
            try:
                finished = run(task, self.root, tell)
                tell(finished)
            finally:
                sys.stdout, sys.stderr = out, err
                sys.__stdout__, sys.__stderr__ = out, err  # type: ignore[misc, assignment]


@contextlib.contextmanager
def _surroundings(task: Task, root: str) -> Iterator[None]:
    """Work in a folder, with modules found there, and leave no trace of it afterwards."""
    here, path, argv, modules = os.getcwd(), list(sys.path), sys.argv, set(sys.modules)
    folder = folder_of(task, root)
    os.chdir(folder if os.path.isdir(folder) else root)
    sys.path[:0] = importable(task, root)
    trust = distrust_bytecode(root)
    finder.install()
    try:
        yield
    finally:
        trust()
        os.chdir(here)
        sys.path[:] = path
        sys.argv = argv
        # the next build must import the project's modules as they are then
        for name in set(sys.modules) - modules:
            file = getattr(sys.modules[name], "__file__", None) or ""
            if file.startswith((root + os.sep, folder + os.sep)):
                del sys.modules[name]
