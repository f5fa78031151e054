"""Interrupts while failed tasks wait for a person: they count where the driver waits, and not in between."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupts:
    """Keep an interrupt until the driver waits again.

    A line on the screen says how a person gets at a failed task. A Ctrl-C right behind that line would find the
    driver anywhere between printing and waiting, and would end the build instead of the task's wait. So while there
    are such tasks, an interrupt is raised inside ``heard`` alone; a second one before that is raised at once.
    """

    def __init__(self) -> None:
        self._before: signal._HANDLER = None
        self._deferring = False
        self._hearing = False
        self._pending = False
        self._last = 0.0

    def defer(self, needed: bool) -> None:
        """Start or stop deferring interrupts; outside the main thread, where none arrive, do nothing."""
        if needed == self._deferring or threading.current_thread() is not threading.main_thread():
            return
        if needed:
            self._before = signal.signal(signal.SIGINT, self._interrupted)
        else:
            signal.signal(signal.SIGINT, self._before or signal.default_int_handler)
        self._deferring = needed

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Raise KeyboardInterrupt in the block, also for an interrupt that came before it."""
        self._hearing = True
        try:
            if self._pending:
                self._pending = False
                raise KeyboardInterrupt
            yield
        finally:
            self._hearing = False

    def twice(self) -> bool:
        """Return whether the interrupt that is answered now came within a second of the one before it."""
        again, self._last = time.monotonic() - self._last < 1, time.monotonic()
        return again

    def _interrupted(self, number: int, frame: FrameType | None) -> None:
        if self._hearing or self._pending:
            self._pending = False
            raise KeyboardInterrupt
        self._pending = True
