"""Enforce limits on time, cell time and memory of a task and its children."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace

from ..model import Failure, Task
from ..process.family import descendants

#: What ends a worker that is over its time, and how many seconds each gets to work.
MEANS = ((signal.SIGINT, 5.0), (signal.SIGTERM, 2.0), (signal.SIGKILL, 60.0))
#: How often memory is looked at, in seconds.
_GLANCE = 0.1


def limits_of(task: Task) -> list[str]:
    """Return the names of the limits that are set for a task that runs in no kernel."""
    limits = {"timeout": task.run.timeout, "memory": task.resources.memory}
    return [name for name, limit in limits.items() if limit]


class Limits:
    """The limits of one worker. ``due`` says when to ``look``, which returns the signal to send, if any."""

    def __init__(self, task: Task, now: float | None = None) -> None:
        """Start the clocks at ``now``, or else with ``begin``: a worker that is not there yet cannot be interrupted."""
        self._timeout = task.run.timeout
        self._cell = task.run.cell_timeout
        self._memory = task.resources.memory
        self._long = f"it ran longer than its limit of {self._timeout:g} s" if self._timeout else ""
        self._over = self._long
        self._whole: float | None = None
        self._until: float | None = None
        self._glance: float | None = None
        self._means = 0
        self._kind = ""
        self._begun = False
        if now is not None:
            self.begin(now)

    def begin(self, now: float) -> None:
        """Let the time of the task run from now on."""
        self._begun = True
        self._whole = now + self._timeout if self._timeout else None
        if self._until is None or (self._whole is not None and self._whole < self._until):
            self._until, self._over = self._whole, self._long
        self._glance = now + _GLANCE if self._memory else None

    @property
    def due(self) -> float | None:
        """When to look next, on the clock that ``now`` comes from."""
        times = [when for when in (self._until, self._glance) if when is not None]
        return min(times) if times and self._begun else None

    def cell_started(self, number: int, now: float) -> None:
        if self._cell and not self._kind:
            until = now + self._cell
            if self._whole is None or until < self._whole:
                self._until = until
                self._over = f"cell {number} ran longer than its limit of {self._cell:g} s"

    def cell_finished(self) -> None:
        if self._cell and not self._kind:
            self._until, self._over = self._whole, self._long

    def lift(self) -> None:
        """Lift all limits: a person looks at the failed task now."""
        self._until = self._glance = self._timeout = self._memory = None

    def look(self, pid: int, now: float) -> int | None:
        """Return the signal to send to the worker now, if any."""
        if self._glance is not None and self._glance <= now and pid:
            self._glance = now + _GLANCE
            used = resident(pid)
            if self._memory and used > self._memory:
                # what forked processes share was counted for each; this counts it once, and costs more
                used = resident(pid, shared=True)
                self._glance = now + 5 * _GLANCE
            if self._memory and used > self._memory:
                self._kind = "OutOfMemory"
                self._over = f"it used {size(used)} of memory, more than its limit of {size(self._memory)}"
                return signal.SIGKILL
        if self._until is not None and self._until <= now:
            self._kind = self._kind or "Timeout"
            number, patience = MEANS[min(self._means, len(MEANS) - 1)]
            self._means += 1
            self._until = now + patience
            return number
        return None

    def failure(self, failure: Failure | None) -> Failure | None:
        """Return how a task failed: by its limit where it was ended for that, with the place where it was."""
        if not self._kind:
            return failure
        if failure is None or failure.kind == "WorkerDied":
            # it is known why it died; where it was stays true
            return replace(failure or Failure("", ""), kind=self._kind, message=self._over, hint="")
        return replace(failure, kind=self._kind, message=self._over)


def resident(pid: int, shared: bool = False) -> int:
    """Return the bytes of memory that a process and its descendants hold; 0 where the system does not tell.

    ``shared``: a page that several processes share is divided among them.
    """
    if not sys.platform.startswith("linux"):
        return 0
    return sum(_held(one, shared) for one in (pid, *descendants(pid)))


def _held(pid: int, shared: bool) -> int:
    try:
        if shared:
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as rollup:  # noqa: PTH123 - looked at often
                return next((1024 * int(line.split()[1]) for line in rollup if line.startswith("Pss:")), 0)
    except OSError:
        pass  # an old kernel
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as statm:  # noqa: PTH123 - looked at often
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0  # it has just ended


def size(count: float) -> str:
    """Return bytes as people say them: 1.5 GB."""
    for unit in ("bytes", "KB", "MB", "GB"):
        if count < 1024:
            return f"{count:.3g} {unit}"
        count /= 1024
    return f"{count:.3g} TB"
