"""What a task prints, in order: Python's streams and the file descriptors 1 and 2 below them.

C code and child processes write to the descriptors, Python code to ``sys.stdout``. Both end in the same two channels
in the order they were written: before text of Python's is taken, what has meanwhile arrived at the descriptors is
taken first, and before either is passed on, older text of the other channel is. So the order is exact for everything
that happens in one thread, which Jupyter itself does not promise.
"""

from __future__ import annotations

import codecs
import fcntl
import io
import os
import select
import struct
import sys
import termios
import threading
import time
from collections.abc import Callable
from typing import Any

#: Takes the name of a stream, "stdout" or "stderr", and text.
Say = Callable[[str, str], None]

_BATCH = 1 << 16
_PERIOD = 0.2


class Streams:
    """Takes over stdout and stderr of this process; ``flush`` hands on everything written so far."""

    def __init__(self, say: Say, pipes: tuple[tuple[int, int], ...] = ()) -> None:
        """``pipes`` are (read, write) ends for the descriptors 1 and 2; without them only Python's streams are taken."""
        self.lock = threading.RLock()
        self._say = say
        self._names = ("stdout", "stderr")
        self._pipes = {name: read for name, (read, _) in zip(self._names, pipes, strict=False)}
        self._decoders = {
            name: codecs.getincrementaldecoder("utf-8")(errors="replace") for name in self._names
        }
        self._pending: list[str] = []
        self._from = ""
        self._size = 0
        self._since = 0.0
        self.pid = os.getpid()
        for number, (read, write) in enumerate(pipes, start=1):
            os.dup2(write, number)
            os.close(write)
            os.set_blocking(read, False)
        if pipes:
            os.register_at_fork(before=self.lock.acquire, after_in_parent=self.lock.release, after_in_child=self._forked)

    def install(self) -> None:
        """Put the streams in the place of ``sys.stdout`` and ``sys.stderr``."""
        sys.stdout = Stream(self, "stdout", 1)
        sys.stderr = Stream(self, "stderr", 2)
        sys.__stdout__ = sys.stdout  # type: ignore[misc, assignment]
        sys.__stderr__ = sys.stderr  # type: ignore[misc, assignment]

    def write(self, name: str, text: str) -> None:
        with self.lock:
            self._arrived()
            if self._from != name:
                self._emit()
                self._from = name
            if not self._pending:
                self._since = time.monotonic()
            self._pending.append(text)
            self._size += len(text)
            if self._size > _BATCH or time.monotonic() - self._since > _PERIOD:
                self._emit()

    def flush(self) -> None:
        with self.lock:
            self._arrived()
            self._emit()

    def watch(self, gone: Callable[[], Any], lifeline: int) -> None:
        """Pass on, from a thread of its own, what arrives while Python is busy; call ``gone`` when the lifeline breaks."""
        threading.Thread(target=self._watch, args=(gone, lifeline), name="quire-streams", daemon=True).start()

    def _watch(self, gone: Callable[[], Any], lifeline: int) -> None:
        poll = select.poll()
        for read in self._pipes.values():
            poll.register(read, select.POLLIN)
        poll.register(lifeline, 0)  # only its end is reported
        while True:
            for descriptor, _ in poll.poll(1000 * _PERIOD):
                if descriptor == lifeline:
                    gone()
            with self.lock:
                self._arrived()
                if self._pending and time.monotonic() - self._since > _PERIOD:
                    self._emit()

    def _arrived(self) -> None:
        """Take what is in the pipes. It is younger than all pending text, which therefore goes first."""
        for name, read in self._pipes.items():
            if not _waiting(read):
                continue
            self._emit()
            while data := _read(read):
                if text := self._decoders[name].decode(data):
                    self._say(name, text)
                if len(data) < _BATCH:
                    break

    def _emit(self) -> None:
        if self._pending:
            text, self._pending, self._size = "".join(self._pending), [], 0
            self._say(self._from, text)

    def _forked(self) -> None:
        """A child of the notebook's own (multiprocessing) writes to the descriptors, which its parent reads."""
        self.lock = threading.RLock()
        self._pending = []
        self._say = _to_descriptor
        self._pipes = {}


class Stream(io.TextIOBase):
    """A text stream that is written to ``Streams``."""

    encoding = "utf-8"
    errors = "replace"

    def __init__(self, streams: Streams, name: str, number: int) -> None:
        self._streams = streams
        self._number = number
        self.name = name

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self._streams.write(self.name, text)
        return len(text)

    def flush(self) -> None:
        self._streams.flush()

    def fileno(self) -> int:
        return self._number

    def isatty(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def close(self) -> None:
        """Stay open: closing sys.stdout in a notebook must not lose what follows."""

    def set_parent(self, parent: object) -> None:
        """IPython's kernel tells its streams whose output follows; here the worker knows."""


def _waiting(descriptor: int) -> int:
    buffer = fcntl.ioctl(descriptor, termios.FIONREAD, b"\0\0\0\0")
    waiting: int = struct.unpack("i", buffer)[0]
    return waiting


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, _BATCH)
    except BlockingIOError:
        return b""


def _to_descriptor(name: str, text: str) -> None:
    data = text.encode("utf-8", "replace")
    number = 1 if name == "stdout" else 2
    while data:
        data = data[os.write(number, data) :]
