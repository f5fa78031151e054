"""A worker as the driver sees it: its socket, pipes, messages and signals."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import field

from ..dataclass import dataclass
from ..events import CellStarted, Diverged, Event, NotebookOpened, Paused, TaskFinished
from ..lazy import lazy_imports
from ..model import Failure, Json, Task
from ..process import child
from ..worker.death import Scene
from ..worker.worker import LENGTH
from .limits import Limits
from .validate import Testimony
from .warm import Warm

with lazy_imports():
    from ..worker import spawned

#: No event is longer than this, in bytes.
_LONGEST = 1 << 31
#: How the text of every event begins.
_BEGIN = b'{"event":'


@dataclass(slots=True, eq=False)
class Worker:
    """A task that runs: its socket, its end as far as it is known, and when its time is over."""

    number: int
    task: Task
    line: socket.socket
    pipes: dict[str, int]
    traces: int
    began: float
    limits: Limits
    testimony: Testimony
    pid: int = 0
    process: subprocess.Popen[bytes] | None = None
    rest: bytearray = field(default_factory=bytearray)
    #: Why nothing that it says counts any more.
    fault: Failure | None = None
    cell: int | None = None
    notebook: NotebookOpened | None = None
    running: CellStarted | None = None
    paused: Paused | None = None
    finished: TaskFinished | None = None
    server: Warm | None = None
    diverged: Diverged | None = None
    closed: bool = False
    ended: Json | None = None
    #: Since when it can say nothing any more, and whether that was told.
    silent: float | None = None
    told: bool = False


def opened(
    number: int, task: Task, line: socket.socket, pipes: dict[str, int], traces: int, *, apart: bool
) -> Worker:
    """Return the worker of a task that begins; ``apart``: it starts again, with nothing imported ahead."""
    return Worker(number, task, line, pipes, traces, time.monotonic(), Limits(task), Testimony(task, apart))


def messages(worker: Worker) -> Iterator[Event]:
    """Yield the events that have arrived whole. What is none fails the task: nothing that it says counts then."""
    while worker.fault is None and len(worker.rest) >= LENGTH.size:
        end_of = LENGTH.size + LENGTH.unpack_from(worker.rest)[0]
        begin = worker.rest[LENGTH.size : LENGTH.size + len(_BEGIN)]
        good = end_of <= _LONGEST and _BEGIN.startswith(begin)
        if good and len(worker.rest) < end_of:
            return
        try:
            if not good:  # it is not waited for
                raise ValueError("no event" if end_of <= _LONGEST else "too long")
            with memoryview(worker.rest) as rest:
                message = bytes(rest[LENGTH.size : end_of])
            del worker.rest[:end_of]
            event = worker.testimony(message)
        except Exception as error:
            worker.rest.clear()
            worker.fault = unreadable(f"{type(error).__name__}: {error}")
            end(worker.pid, signal.SIGKILL)
            return
        yield event


def unreadable(why: str) -> Failure:
    """Return the failure of a task whose process has sent what cannot be read."""
    return Failure(
        "WorkerError",
        f"its process sent something that octavo cannot read ({why})",
        hint="does its code write to descriptors that are not its own?",
    )


def believed(worker: Worker, status: int | None) -> TaskFinished | None:
    """Return how a worker that has ended said that its task did, unless it ended otherwise (None: nobody knows how)."""
    if worker.rest and worker.finished is None and worker.fault is None and not status:
        worker.fault = unreadable("its last message is cut off")
    return None if status and worker.finished and worker.finished.outcome.good else worker.finished


def spawn(descriptors: list[int], root: str, python: str = "") -> subprocess.Popen[bytes]:
    """Start a worker that is a new interpreter; ``python`` is that of another environment."""
    names = ",".join(map(str, descriptors))
    return child.start(spawned.__name__, names, root=root, descriptors=descriptors, python=python)


def remains(read: int) -> str:
    """Return what is still in a pipe: the last words of a process that died."""
    os.set_blocking(read, False)
    parts = []
    try:
        while data := os.read(read, 1 << 16):
            parts.append(data)
    except BlockingIOError:
        pass
    return b"".join(parts).decode("utf-8", "replace")


def scene(worker: Worker, root: str) -> Scene:
    """Return where a worker was when it was last heard of."""
    source = worker.task.source
    if worker.notebook is None or worker.running is None:
        text = (source.text or "") if source.entry else ""
        return Scene(source.path, os.path.join(root, source.path), code=text)
    cell = worker.running.cell
    code = worker.notebook.notebook["cells"][cell]["source"]
    return Scene(source.path, cell=cell, number=worker.running.number, code=code)


def interrupt(pid: int) -> None:
    """Interrupt a worker as Ctrl-C would, and not its children, whose interrupts are its kernel's to send."""
    if pid:
        try:
            os.kill(pid, signal.SIGINT)
        except OSError:
            pass


def signal_to(pid: int, number: int) -> None:
    """Send a signal to a worker: an interrupt is for the task alone, what ends it ends its children, too."""
    if number == signal.SIGINT:
        interrupt(pid)
    else:
        end(pid, number)


def end(group: int, number: int) -> None:
    """Send a signal to a worker and its children."""
    if group:
        try:
            os.killpg(group, number)
        except OSError:
            pass
