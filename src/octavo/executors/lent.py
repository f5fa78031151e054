"""An executor that several runs use one after another, so that its processes start once."""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import Error
from ..events import Event, TaskFinished
from ..model import Task
from . import Executor


class Lent:
    """Passes everything on; what is closed between two runs stays open, unless something still runs in it."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._running = 0

    @property
    def slots(self) -> int:
        return self._executor.slots

    def refuses(self, task: Task) -> Error | None:
        return self._executor.refuses(task)

    def prepare(self, modules: tuple[str, ...], cells: tuple[str, ...] = ()) -> None:
        self._executor.prepare(modules, cells)

    def submit(self, task: Task) -> None:
        self._running += 1
        self._executor.submit(task)

    def next(self, timeout: float | None = None) -> Event | None:
        event = self._executor.next(timeout)
        self._running -= isinstance(event, TaskFinished)
        return event

    def close(self) -> Iterable[Event]:
        return self._executor.close() if self._running else ()
