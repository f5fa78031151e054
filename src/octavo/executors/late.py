"""The executor ``local``, which is loaded only when a first task runs: where most results are known, none may."""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import Error
from ..events import Event
from ..lazy import lazy_imports
from ..model import Task
from ..process.standard import ensure_streams

with lazy_imports():
    from . import local


class Late:
    """Runs tasks as ``Local`` does. What builds learn for the next ones is not kept: its folder has no next one."""

    def __init__(self, root: str, jobs: int | None = None, *, log: str | None = None) -> None:
        ensure_streams()
        self._root = root
        self._log = log
        self._made: local.Local | None = None
        self.slots = jobs or 1

    def refuses(self, task: Task) -> Error | None:
        """Refuse nothing, as ``Local`` does."""
        return None

    def prepare(self, modules: tuple[str, ...], cells: tuple[str, ...] = ()) -> None:
        self._local().prepare(modules, cells)

    def importing(self, task: Task) -> tuple[str, ...]:
        """Return what the first task waits for."""
        return self._local().importing(task)

    def submit(self, task: Task) -> None:
        self._local().submit(task)

    def next(self, timeout: float | None = None) -> Event | None:
        return self._local().next(timeout)

    def close(self) -> Iterable[Event]:
        return self._made.close() if self._made is not None else ()

    def _local(self) -> local.Local:
        if self._made is None:
            self._made = local.Local(self._root, self.slots, log=self._log)
        return self._made
