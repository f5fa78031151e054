"""What an answer to whatever is read may cost: memory at its peak, seconds of the processor, seconds of the wall."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

#: Bytes that an answer may take at its peak, above what the process had before.
MOST = 300_000_000
#: Seconds of the processor, which a busy machine does not make longer.
SECONDS = 5.0
#: Seconds of the wall, after which what waits without using the processor is taken for hung.
HUNG = 120.0


class Peak:
    """How much memory a block of code takes at its peak; 0 where the system does not tell."""

    taken = 0

    def __enter__(self) -> Peak:
        self._before = memory("VmRSS")
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew: proc(5)
        return self

    def __exit__(self, *_: object) -> None:
        self.taken = max(0, memory("VmHWM") - self._before)


def memory(key: str) -> int:
    """Return what the system tells of this process's memory under a key, in bytes; 0 where it tells nothing."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{key}:"))


class TooSlow(BaseException):
    """Raised in code that takes too long; no code catches it as an error."""


@contextlib.contextmanager
def bounded(what: object, seconds: float = SECONDS) -> Iterator[None]:
    """Run a block of the main thread; fail when it takes too much of the processor or of memory, or hangs."""

    def late(number: int, frame: FrameType | None) -> None:
        raise TooSlow(what, signal.Signals(number).name)

    before = {kind: signal.signal(kind, late) for kind in (signal.SIGPROF, signal.SIGALRM)}
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, HUNG)
    try:
        with Peak() as peak:
            yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        for kind, handler in before.items():
            signal.signal(kind, handler)
    assert peak.taken <= MOST, (what, peak.taken)
