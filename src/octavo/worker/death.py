"""Diagnose a process that ended without a word: the signal, the place, and whether memory ran out."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Iterator

from ..dataclass import dataclass
from ..model import Failure

_CRASHES = ("SIGSEGV", "SIGBUS", "SIGABRT", "SIGFPE", "SIGILL")
_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_SHELL = os.path.join("IPython", "core", "interactiveshell.py")


@dataclass(frozen=True, slots=True)
class Scene:
    """What ran when a process died: a file and, of a notebook, the cell with its number and code."""

    path: str
    file: str = ""
    cell: int | None = None
    number: int | None = None
    code: str = ""


def death(status: int | None, scene: Scene, traces: str = "", starved: bool = False) -> Failure:
    """Return the failure of a worker that ended without a last word, from its wait status (None: not known).

    ``traces`` is what ``faulthandler`` wrote, ``starved`` whether the system has killed for want of memory.
    """
    kind, message, hint = _cause(status, starved)
    calls = list(_calls(traces))
    cell = scene.cell is not None
    inside = [n for n, (path, _, _) in enumerate(calls) if (_is_cell(path) if cell else path == scene.file)]
    line = calls[inside[-1]][1] if inside else None
    below = calls[inside[-1] + 1 :] if inside else calls
    lines = [f'  File "{path}", line {number}, in {name}' for path, number, name in below]
    text = ("Traceback (most recent call last):", *lines) if lines else ()
    code = scene.code if cell or line else ""
    return Failure(
        kind,
        message,
        text,
        cell=scene.cell,
        number=scene.number,
        line=line,
        path=scene.path,
        code=code,
        hint=hint,
    )


def _cause(status: int | None, starved: bool) -> tuple[str, str, str]:
    """Return kind, message and hint."""
    if status is None:
        return "WorkerDied", "its process ended together with the server that started it", ""
    number = status & 0x7F
    if number == signal.SIGKILL and starved:
        hint = "process the data in smaller pieces, or run fewer tasks at a time: --jobs 1"
        return "OutOfMemory", "the system ran out of memory and ended its process", hint
    if number == signal.SIGKILL:
        message = "its process was killed (SIGKILL): the system ran out of memory, or somebody killed it"
        return "WorkerDied", message, "the system's log (dmesg) tells which"
    if number:
        name = signal.Signals(number).name
        word = "crashed" if name in _CRASHES else "was ended"
        hint = "the usual cause is compiled code of a library" if word == "crashed" else ""
        return "WorkerDied", f"its process {word} ({name})", hint
    hint = "something may have called os._exit()"
    return "WorkerDied", f"its process exited with code {status >> 8}", hint


def _calls(traces: str) -> Iterator[tuple[str, int, str]]:
    """Yield the user's calls of the thread that crashed, the outermost first: (path, line, function)."""
    _, _, after = traces.partition("Current thread ")[2].partition("\n")
    found = []
    for entry in after.splitlines():
        head, _, rest = entry.strip().removeprefix('File "').partition('", line ')
        number, _, name = rest.partition(" in ")
        if not number.isdecimal() or head.startswith(_OURS) or head.endswith(_SHELL):
            break
        found.append((head, int(number), name))
    yield from reversed(found)


def _is_cell(path: str) -> bool:
    return os.path.basename(os.path.dirname(path)).startswith("ipykernel_")


class OomCounter:
    """Counts the processes here that the system has killed for want of memory (Linux; elsewhere none is known)."""

    def __init__(self, files: Iterable[str] | None = None) -> None:
        self._files = tuple(_counters() if files is None else files)
        self._known = self._count()

    def increased(self) -> bool:
        """Return whether the count has increased since the last call."""
        before, self._known = self._known, self._count()
        return self._known > before

    def _count(self) -> int:
        for file in self._files:
            for name, _, number in (entry.partition(" ") for entry in _lines(file)):
                if name == "oom_kill":
                    return int(number)
        return 0


def _counters() -> Iterator[str]:
    """Yield the files that may have the count: the control group's (version 2, then 1), then the whole system's.

    https://docs.kernel.org/admin-guide/cgroup-v2.html, "memory.events"
    """
    for entry in _lines("/proc/self/cgroup"):
        _, controllers, path = entry.split(":", 2)
        if not controllers:
            yield f"/sys/fs/cgroup{path}/memory.events"
        elif "memory" in controllers.split(","):
            yield f"/sys/fs/cgroup/memory{path}/memory.oom_control"
    yield "/proc/vmstat"


def _lines(file: str) -> list[str]:
    try:
        with open(file, encoding="utf-8") as text:  # noqa: PTH123 - read at the start of every build
            return text.read().splitlines()
    except OSError:
        return []
