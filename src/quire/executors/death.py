"""How a process ended, in words."""

from __future__ import annotations

import signal

from ..model import Failure

_CRASHES = ("SIGSEGV", "SIGBUS", "SIGABRT", "SIGFPE", "SIGILL")


def death(status: int | None) -> Failure:
    """Return the failure of a worker that ended without a last word, from its wait status (None: not known)."""
    if status is None:
        return Failure("WorkerDied", "its process was ended together with the server that started it")
    number = status & 0x7F
    if number == signal.SIGKILL:
        return Failure(
            "WorkerDied",
            "its process was killed (SIGKILL): the system was out of memory, or somebody ended it",
            hint="the system's log (dmesg) tells which",
        )
    if number:
        name = signal.Signals(number).name
        word = "crashed" if name in _CRASHES else "was ended"
        hint = "compiled code of a library that it uses is the usual cause" if word == "crashed" else ""
        return Failure("WorkerDied", f"its process {word} ({name})", hint=hint)
    hint = "does something call os._exit()?"
    return Failure("WorkerDied", f"its process ended by itself with exit code {status >> 8}", hint=hint)
