"""Executors run tasks: local (in forked workers), inline (one at a time, in this process), dask (on a cluster)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

from ..errors import Error
from ..events import Event
from ..model import Task


class Executor(Protocol):
    """A place where tasks run: it gets tasks as values, and gives events.

    Each task that was submitted ends in exactly one ``TaskFinished``, whatever became of it: what the user's code
    raises, a process that dies and a limit that is reached are failures of the task, never exceptions.

    A task is run once, as it says. When it is run again, whether it waits for a person when it has failed (its option
    ``pause``) and whether its ``on_failure`` is called at the end of this attempt are decisions of the engine, which
    hands over the task accordingly. What limits it (``timeout``, ``cell_timeout``, ``memory``) is kept, or the task is
    refused; nothing that a task says is left out in silence.

    It is made by calling ``Maker`` and used by one thread: ``prepare``, then ``submit`` and ``next``, then ``close``.
    """

    @property
    def slots(self) -> int:
        """How many tasks may run at a time: no more are submitted before one has ended."""
        ...

    def refuses(self, task: Task) -> Error | None:
        """Return why a task cannot run here as it says. This is asked before anything of a build has begun."""
        ...

    def prepare(self, modules: tuple[str, ...], cells: tuple[str, ...] = ()) -> None:
        """Import modules ahead where that makes tasks start faster; called at most once, before the first task.

        ``cells`` are those for tasks that have a kernel in their own process.
        """
        ...

    def submit(self, task: Task) -> None:
        """Start a task. Its source has its text; what it needs is there.

        Raises ``errors.StateError`` only where no task can be started any more.
        """
        ...

    def next(self, timeout: float | None = None) -> Event | None:
        """Wait for the next event and return it; None when there was none for so many seconds.

        An executor that runs tasks in this very call may take longer.
        """
        ...

    def close(self) -> Iterable[Event]:
        """End everything that runs, wait until it is gone, and return what had been said and not told yet.

        Also after an error, an interrupt, or no task at all; a second time there is nothing to do.
        """
        ...


@runtime_checkable
class ImportsAhead(Protocol):
    """An executor whose ``submit`` waits until what it imports ahead is there."""

    def importing(self, task: Task) -> tuple[str, ...]:
        """Return the modules that ``submit`` would wait for, were the task submitted now; none if it would not."""
        ...


class Maker(Protocol):
    """What makes an executor: the member of the family, by whose name users ask for it."""

    def __call__(self, root: str, jobs: int | None = None, *, log: str | None = None) -> Executor:
        """Make one for the project in a folder. Nothing is started before the first task.

        ``jobs`` is how many tasks should run at a time (None: as many as fit), ``log`` a file for what the executor's
        own processes have to say.
        """
        ...


#: How somebody says where tasks run: by a name, by what makes an executor, or not at all.
Asked = str | Maker | None
