"""Handle signals otherwise while a block runs, and interrupt a block that takes too long."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType

Handler = Callable[[int, FrameType | None], object]


@contextmanager
def handled(numbers: Iterable[int], handler: Handler | signal.Handlers) -> Iterator[None]:
    """Let a handler have some signals while a block runs, which must be in the main thread."""
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


@contextmanager
def at_most(seconds: float | None, late: Callable[[], BaseException]) -> Iterator[None]:
    """Raise what ``late`` returns where a block, in the main thread, takes longer; None is no limit."""

    def ring(number: int, frame: FrameType | None) -> None:
        raise late()

    with handled([signal.SIGALRM], ring):
        signal.setitimer(signal.ITIMER_REAL, seconds or 0)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
