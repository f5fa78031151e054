"""The audit hook of this process (PEP 578): tells an observer what Python does here, but for what octavo itself does.

Each thread is heard or not by itself: while one looks around on octavo's behalf, the task's others go on being heard.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from threading import get_ident
from typing import Any

#: The arguments of an audited event: each event has its own (https://docs.python.org/3/library/audit_events.html).
Arguments = tuple[Any, ...]
Hear = Callable[[Arguments], None]

#: How the names of octavo's own threads begin.
_THREADS = "octavo-"
#: Who is told of which events. A hook cannot be removed, so there is one for all observers to come.
_HEARING: dict[str, Hear] = {}
_HOOKED: list[bool] = []


def listen(hears: Mapping[str, Hear]) -> None:
    """Tell these, and nobody else, of audited events from now on."""
    if not _HOOKED:
        sys.addaudithook(_tell)
        _HOOKED.append(True)
    _HEARING.clear()
    _HEARING.update(hears)


def _tell(event: str, arguments: Arguments) -> None:
    # called for every audited event of the process: nearly all are nobody's, and what is raised here fails the task
    if event in _HEARING:
        try:
            _HEARING[event](arguments)
        except Exception:
            pass


class Quiet:
    """Knows the threads that are not to be heard: octavo's own, and those that do something on its behalf.

    ``with quiet:`` keeps the thread that says it out of what is heard, ``with quiet.all():`` those begun meanwhile too.
    """

    def __init__(self) -> None:
        self._depths: dict[int, int] = {}
        self._before: frozenset[int] | None = None

    def __bool__(self) -> bool:
        """Return whether the current thread is not to be heard."""
        ident = get_ident()
        if ident in self._depths:
            return True
        # the main thread is asked for first, as nearly all is done there
        if ident == threading.main_thread().ident:
            return False
        if self._before is not None and ident not in self._before:
            return True
        # current_thread() would make an object for a thread that has none, which the task could see
        thread = threading._active.get(ident)  # type: ignore[attr-defined]
        return thread is not None and thread.name.startswith(_THREADS)

    def __enter__(self) -> None:
        ident = get_ident()
        self._depths[ident] = self._depths.get(ident, 0) + 1

    def __exit__(self, *error: object) -> None:
        ident = get_ident()
        self._depths[ident] -= 1
        if not self._depths[ident]:
            del self._depths[ident]

    @contextlib.contextmanager
    def all(self) -> Iterator[None]:
        """Ignore this thread, and all that start before the block ends."""
        with self:
            self._before = frozenset(sys._current_frames())
            try:
                yield
            finally:
                self._before = None
