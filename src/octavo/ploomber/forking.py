"""Run tasks that only this process knows in forks of it, and all others as usual.

With ``Serial(build_in_subprocess=False)`` functions run in this very process, where debuggers and tests expect them.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys
from collections.abc import Iterator

from ..errors import Error
from ..events import Event
from ..executors.handle import Worker
from ..executors.inline import Inline
from ..executors.local import CAN_FORK, Local
from ..kinds import row
from ..model import Task
from ..worker.worker import work
from . import unimportable


class ForkedProcess:
    """A child of this process, waited for as ``subprocess.Popen`` is."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._status: int | None = None

    def poll(self) -> int | None:
        """Return its exit code if it has ended: negative for a signal."""
        return self._look(os.WNOHANG)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; return its exit code."""
        while (code := self._look(0)) is None:
            pass
        return code

    def _look(self, options: int) -> int | None:
        if self._status is None:
            try:
                pid, status = os.waitpid(self.pid, options)
            except ChildProcessError:  # somebody else waits for all children of this process
                pid, status = self.pid, 0
            if pid:
                self._status = os.waitstatus_to_exitcode(status)
        return self._status


class Forking(Local):
    """An executor that forks this process for what only it knows.

    ``inline``: functions run in this very process. The warm server is started for the first task that wants one.
    """

    def __init__(
        self, root: str, jobs: int | None = None, *, log: str | None = None, inline: bool = False
    ) -> None:
        super().__init__(root, jobs, log=log)
        self._functions_inline = inline
        self._inline = Inline(root)

    def _in_this_process(self, task: Task) -> bool:
        return (self._functions_inline and row(task.kind).source == "function") or (
            needs_this_process(task) and not CAN_FORK
        )

    def refuses(self, task: Task) -> Error | None:
        """Refuse what cannot be kept in this process of a task that runs in it."""
        return self._inline.refuses(task) if self._in_this_process(task) else super().refuses(task)

    def prepare(self, modules: tuple[str, ...], cells: tuple[str, ...] = ()) -> None:
        """Remember what the warm servers shall import, should a task want one."""
        if self._servers is not None:
            self._servers.want(modules, cells)

    def submit(self, task: Task) -> None:
        """Start a task in a worker, or keep it for this process."""
        if self._in_this_process(task):
            self._inline.submit(task)
        else:
            super().submit(task)

    def next(self, timeout: float | None = None) -> Event | None:
        """Return the next event: of the task that runs in this process, where one does, or of any worker."""
        if not self._inline.busy:
            return super().next(timeout)
        with exposing():
            return self._inline.next(timeout)

    def close(self) -> tuple[Event, ...]:
        """End the workers, and what runs in this process."""
        return (*self._inline.close(), *super().close())

    def _start(self, worker: Worker, descriptors: list[int]) -> None:
        if not needs_this_process(worker.task):
            super()._start(worker, descriptors)
            return
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            try:
                os.setpgid(0, 0)
                self._close_inherited(descriptors)
                atexit._clear()  # the program's own farewells are not the worker's to say
                unimportable.expose()
                work(descriptors, frozenset())
            finally:
                os._exit(70)
        with contextlib.suppress(OSError):
            os.setpgid(pid, pid)
        worker.process = ForkedProcess(pid)  # type: ignore[assignment]
        worker.pid = pid
        worker.limits.begin(worker.began)

    def _close_inherited(self, descriptors: list[int]) -> None:
        """Close, in a child, what belongs to its parent and to other workers: their ends are known by it."""
        signal.set_wakeup_fd(-1)
        kept = set(descriptors)
        for key in list(self._selector.get_map().values()):
            if key.fd not in kept:
                os.close(key.fd)
        for other in self._workers.values():
            for end in (*other.pipes.values(), other.traces):
                if end not in kept:
                    os.close(end)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)


def needs_this_process(task: Task) -> bool:
    """Return whether a task needs something that only this process knows."""
    if task.source.entry and unimportable.registered(task.source.entry):
        return True
    calls = [call for _, call in task.calls.named()]
    calls += [call for call in (task.run.on_failure, task.run.file_client) if call]
    return any(unimportable.registered(call.path) for call in calls)


@contextlib.contextmanager
def exposing() -> Iterator[None]:
    """Let ``import`` find what only this process knows."""
    end = unimportable.expose()
    try:
        yield
    finally:
        end()
