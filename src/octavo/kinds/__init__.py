"""The kinds of tasks: notebooks, functions, scripts, SQL, and transfers of data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ..events import Event
from ..model import Facts, Failure, Source, Task

#: Takes the events of a running task.
Tell = Callable[[Event], None]


class Kind(Protocol):
    """A family of sources: how to read one without running it, and how to run it in a worker."""

    def facts(self, source: Source, data: bytes) -> Facts: ...
    def preload(self, task: Task) -> tuple[str, ...]: ...
    def run(self, task: Task, tell: Tell) -> Failure | None: ...
    def refresh(self, task: Task, root: str) -> str | None: ...
