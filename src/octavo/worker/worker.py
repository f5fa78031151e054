"""Run one task in a process of its own, and report how it ended.

The worker speaks to the driver over one socket: it receives a pickled ``Task`` and sends events, each with its length
in front; the last one is TaskFinished, sent after the process's own exit handlers have run, so that nothing is written
later.
"""

from __future__ import annotations

import faulthandler
import fcntl
import os
import pickle
import random
import resource
import select
import signal
import socket
import struct
import sys
import threading
import time
import traceback
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn

from ..events import CellFinished, CellStarted, Diverged, Event, Note, Output, TaskFinished, encode
from ..kinds import row
from ..lazy import lazy_imports
from ..model import UNSTABLE, Failure, Outcome, Task
from ..parts import OBSERVED, UNSEEN
from ..process.child import become
from ..reading.folders import scope
from .around import folder_of, importable, perform, placed
from .ending import end
from .hooks import stopped
from .observe import Observer, make_room
from .streams import Streams

with lazy_imports():
    from ..executed import export, warm_export
    from ..kinds import members
    from . import logged
    from .parked import hook

if TYPE_CHECKING:
    from .parked.pool import Pool

#: How many descriptors come with a task: the socket, then read and write ends for stdout and for stderr, then where
#: to write what the threads were doing when the process crashes.
DESCRIPTORS = 6
#: What stands before each event on a worker's socket: how many bytes follow.
LENGTH = struct.Struct("!Q")


class Teller:
    """Passes events on, what was printed before them first, and knows which cell is running."""

    def __init__(
        self, task: str, tell: Callable[[Event], object], pipes: tuple[tuple[int, int], ...] = ()
    ) -> None:
        self.task = task
        self.cell: int | None = None
        self._tell = tell
        self.streams = Streams(self._say, pipes)

    def __call__(self, event: Event) -> None:
        with self.streams.lock:
            self.streams.flush()
            if isinstance(event, CellStarted):
                self.cell = event.cell
            elif isinstance(event, CellFinished):
                self.cell = None
            self._tell(event)

    def listen(self, listener: Callable[[Event], object]) -> None:
        """Let another hear everything that is told from now on, also what comes from the streams."""
        before = self._tell

        def both(event: Event) -> None:
            before(event)
            listener(event)

        self._tell = both

    def _say(self, name: str, text: str) -> None:
        self._tell(Output(self.task, self.cell, "stream", {"name": name, "text": text}))


class Wire:
    """Sends events over a socket, each whole, with its length in front; for this process, and for no fork of it."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._pid = os.getpid()

    def __call__(self, event: Event) -> None:
        if os.getpid() != self._pid:
            if not isinstance(
                event, Output
            ):  # the cell in which it was forked has ended, and so does the fork
                os._exit(int(isinstance(event, CellFinished) and event.failed))
            return
        data = _framed(event)
        if threading.current_thread() is not threading.main_thread():
            self._line.sendall(data)
            return
        # an interrupt in the middle of a line would leave half of it behind
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self._line.sendall(data)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def last(self, event: Event) -> None:
        """Send what ends the task, from whichever of its processes."""
        if os.getpid() == self._pid:
            self(event)
        else:
            self._line.send(_framed(event))  # at once: it shares the line


def _framed(event: Event) -> bytes:
    data = encode(event)
    return LENGTH.pack(len(data)) + data


def work(descriptors: list[int], preloaded: frozenset[str] | None = None, pool: Pool | None = None) -> None:
    """Run the task that arrives on the first descriptor, and end the process.

    ``preloaded`` are modules that are here by no doing of the project: all, where nobody says so. ``pool`` holds those
    that were imported ahead, for the task to import.
    """
    preloaded = (
        frozenset(sys.modules) if preloaded is None else preloaded
    )  # the warm server imports nothing of the project
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # it waits until there is a task to interrupt
    line = socket.socket(fileno=descriptors[0])
    make_room(descriptors[0])
    code = 70
    try:
        root, task = receive(line)
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)
        _tie(descriptors[5])
        pipes = ((descriptors[1], descriptors[2]), (descriptors[3], descriptors[4]))
        wire = Wire(line)
        tell = Teller(task.name, wire, pipes)
        tell.streams.install(buffers=not row(task.kind).executed)
        tell.streams.watch(_end_group, descriptors[0])
        faulthandler.enable(file=descriptors[5])
        _import_ours(task)
        _freshen(root, task)
        if pool is not None:
            hook.install(pool, partial(_diverge, task.name, wire))
            preloaded |= pool.seen.keys() | pool.owner.keys()
        finished = run(task, root, tell, preloaded)
        end(tell, finished, row(task.kind).executed)
        code = 0
    except (BrokenPipeError, ConnectionResetError):
        pass  # the driver is gone: nobody is left to tell
    except BaseException as error:
        try:
            text = traceback.format_exc()
        except BaseException:  # the task lets nobody read the lines of code
            text = f"{type(error).__name__}: {error}\n"
        os.write(2, text.encode("utf-8", "replace"))
    finally:
        os._exit(code)


def _diverge(task: str, wire: Wire, why: str) -> NoReturn:
    """Let the driver start the task again where nothing was imported ahead: no code of the task can catch this.

    This may be a process that the task has forked: the driver ends them all.
    """
    try:
        wire.last(Diverged(task, why))
    finally:
        os._exit(0)


def run(task: Task, root: str, tell: Teller, preloaded: frozenset[str] = frozenset()) -> TaskFinished:
    """Run a task here and return how it ended. ``preloaded`` are modules that no task has imported."""
    began = time.perf_counter()
    own = task.source.entry.rpartition(".")[0] if task.source.entry else None
    observer = Observer(root, preloaded, lambda: tell.cell, scope(task, root), own)
    observer.start()
    on_failure_called = False
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        failure = perform(task, root, tell, observer)
        on_failure_called = failure is not None and task.run.on_failure is not None
    except KeyboardInterrupt:  # not in the user's code: while a kernel was started or ended
        failure = Failure("KeyboardInterrupt", "it was interrupted", path=task.source.path)
    finally:
        observer.stop()
    found = {} if failure else discovered(observer, task, tell)
    stop = stopped(failure) if failure else ""
    if stop:
        tell(Note(stop, task.name))
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return TaskFinished(
        task.name,
        Outcome.CANCELLED if stop else Outcome.FAILED if failure else Outcome.DONE,
        time.perf_counter() - began,
        None if stop else failure,
        found,
        cpu=round(sum(usage.ru_utime + usage.ru_stime for usage in used), 4),
        memory=max(usage.ru_maxrss for usage in used) * (1 if sys.platform == "darwin" else 1024),
        touched=observer.touched(),
        on_failure_called=on_failure_called,
    )


def discovered(observer: Observer, task: Task, tell: Callable[[Event], None]) -> dict[str, tuple[str, str]]:
    """Return what a task used. What goes wrong there fails no task: it runs again, and says why."""
    try:
        found = observer.discovered(task)
        for message in observer.doubts(task, found):
            tell(Note(message, task.name))
        return {**found, OBSERVED.word: (observer.how, observer.how)}
    except Exception as error:
        words = (
            f"what it used could not be observed, so it runs in each build: {type(error).__name__}: {error}"
        )
        tell(Note(words, task.name))
        return {UNSEEN.word: ("", UNSTABLE)}


def receive(line: socket.socket) -> tuple[str, Task]:
    """Return the project's folder and the task that a driver sent with ``deliver``."""
    (size,) = struct.unpack("!Q", _exactly(line, 8))
    root, task = pickle.loads(_exactly(line, size))
    return root, task


def deliver(line: socket.socket, root: str, task: Task) -> None:
    """Send a task to a worker."""
    data = pickle.dumps((root, task), protocol=pickle.HIGHEST_PROTOCOL)
    line.sendall(struct.pack("!Q", len(data)) + data)


def _exactly(line: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        part = line.recv(min(size - len(data), 1 << 20))
        if not part:
            raise ConnectionResetError
        data += part
    return bytes(data)


def _import_ours(task: Task) -> None:
    """Import what octavo needs for a task, before the project's modules can be taken for those that it rests on."""
    for module in members.kind(task.kind).preload(task):
        if module.partition(".")[0] == __name__.partition(".")[0]:
            try:
                # what only warms the server up is not worth its time here
                import_module(export.__name__ if module == warm_export.__name__ else module)
            except ImportError:
                continue  # an optional package is missing: the task will say so


def _freshen(root: str, task: Task) -> None:
    """Make of this process what a newly started one would be."""
    folder = folder_of(task, root)
    os.chdir(folder if os.path.isdir(folder) else root)  # what is not there becomes a failure in time
    # as in a kernel's process; elsewhere the project's own modules come before all others
    kernel = row(task.kind).executed
    own = scope(task, root)
    become(root, placed(task, root).source.path, importable(task, root), standard_first=kernel, scope=own)
    if os.environ.get("OCTAVO_LOG") and not kernel:  # whose loggers are Jupyter's
        logged.begin()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.set_wakeup_fd(-1)
    random.seed()


def _tie(pipe: int) -> None:
    """Let the system kill this process with its children once nobody is left to read from a pipe: the driver is gone.

    Linux only. Elsewhere a thread does it, which has to wait while C code lets no other thread run.
    """
    if not sys.platform.startswith("linux") or os.getpgrp() != os.getpid():
        return
    fcntl.fcntl(pipe, fcntl.F_SETOWN, -os.getpid())
    fcntl.fcntl(pipe, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(pipe, fcntl.F_SETFL, fcntl.fcntl(pipe, fcntl.F_GETFL) | os.O_ASYNC)
    poll = select.poll()
    poll.register(pipe, 0)
    if poll.poll(0):  # it went before it could be noticed
        _end_group()


def _end_group() -> None:
    """End this process and its children when the driver is gone."""
    try:
        os.killpg(os.getpid(), signal.SIGKILL)
    finally:
        os._exit(70)
