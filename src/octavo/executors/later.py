"""Open an executor only when the first task must run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..events import Event
from ..model import Task


class Later:
    """Stands for an executor until it is needed; then hands everything to it."""

    def __init__(self, opened: Callable[[], Any]) -> None:
        self._open = opened
        self._real: Any = None

    @property
    def slots(self) -> int:
        slots: int = self._real.slots if self._real else 1
        return slots

    @property
    def unforkable(self) -> Mapping[str, str]:
        return getattr(self._real, "unforkable", {})

    def prepare(self, modules: tuple[str, ...]) -> None: ...

    def submit(self, task: Task) -> None:
        self._real = self._real or self._open()
        self._real.submit(task)

    def next(self) -> Event:
        event: Event = self._real.next()
        return event

    def close(self) -> Iterable[Event]:
        return (self._real.close() if self._real else None) or ()
