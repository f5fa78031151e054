"""Capture what a task prints, in order: Python's streams and the descriptors 1 and 2.

C code and child processes write to the descriptors, Python code to ``sys.stdout``. Here both end in the same two pipes,
so what is written by one thread and its children keeps its order, which Jupyter itself does not promise; and because
a pipe outlives the process that wrote to it, the last words of a crash are not lost: the driver has the other end too.
``sys.stdout`` has descriptors of its own into the pipes: code that points 1 and 2 elsewhere, to silence a library in C
or to capture it, does so to that library alone, as in Jupyter.
Whoever is about to say something (a display, the end of a cell) calls ``flush`` first.
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
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer

#: Takes the name of a stream, "stdout" or "stderr", and text.
Say = Callable[[str, str], None]

_NAMES = ("stdout", "stderr")
_BATCH = 1 << 16
_PIPE = 1 << 18
#: Text up to this size goes through the pipe; a write of it is atomic (PIPE_BUF).
_SMALL = 4096
_PAUSE = 0.02


class Streams:
    """Takes over stdout and stderr of this process."""

    def __init__(self, say: Say, pipes: tuple[tuple[int, int], ...] = ()) -> None:
        """``pipes`` are (read, write) ends for the descriptors 1 and 2; without them only Python's are taken."""
        self.lock = threading.RLock()
        self._say = say
        self._pipes: dict[str, int] = {}
        self._ends = {"stdout": 1, "stderr": 2}
        self._decoders = {name: codecs.getincrementaldecoder("utf-8")(errors="replace") for name in _NAMES}
        self._last = "stdout"
        self._pending: list[str] = []
        self._mine = True
        for number, (name, (read, write)) in enumerate(zip(_NAMES, pipes, strict=False), start=1):
            self._pipes[name] = read
            os.dup2(write, number)
            os.set_inheritable(write, False)
            self._ends[name] = write
            os.set_blocking(read, False)
            try:
                fcntl.fcntl(read, fcntl.F_SETPIPE_SZ, _PIPE)
            except (OSError, AttributeError):
                pass  # the usual size does too
        if pipes:
            os.register_at_fork(
                before=self.lock.acquire, after_in_parent=self.lock.release, after_in_child=self._forked
            )

    def install(self, *, buffers: bool = True) -> None:
        """Put the streams in the place of ``sys.stdout`` and ``sys.stderr``.

        Those that the warm server has put there stay: what was imported ahead may hold them. With ``buffers`` they
        have a ``buffer`` for bytes, as in any process; in a kernel they have none.
        """
        for number, (name, end) in enumerate(self._ends.items(), start=1):
            own = os.dup(end) if self._pipes else end
            stream = getattr(sys, name)
            if isinstance(stream, OutStream):
                stream.serve(self, own)
            else:
                stream = OutStream(self, name, own)
            if not buffers:
                vars(stream).pop("buffer", None)
            elif "buffer" not in vars(stream):
                stream.buffer = _Buffer(stream)
            setattr(sys, name, stream)
            # as in any process; libraries that capture the descriptors 1 and 2 look for them here
            setattr(sys, f"__{name}__", _plain(number) if self._pipes else stream)

    def write(self, name: str, text: str) -> None:
        if not self._mine:
            _to_descriptor(self._ends[name], text)
            return
        if not self._pipes:
            self._gather(name, text)
            return
        try:
            data = text.encode()
        except UnicodeEncodeError:
            data = b""  # lone surrogates pass no pipe
        with self.lock:
            # what is in the other pipe is older than this
            self._arrived("stderr" if name == "stdout" else "stdout")
            self._last = name
            if not 0 < len(data) <= _SMALL:
                self._arrived(name)
                self._say(name, text)
                return
        # without the lock: should a child have filled the pipe meanwhile, the watching thread must be able to empty it
        os.write(self._ends[name], data)

    def write_bytes(self, name: str, data: bytes) -> None:
        """Write bytes behind the text that was written before them."""
        if not self._pipes and self._mine:
            self._gather(name, data.decode("utf-8", "replace"))
            return
        if self._mine:
            self.flush()
            self._last = name
        _all(self._ends[name], data)

    def flush(self) -> None:
        """Hand on everything written so far."""
        with self.lock:
            if self._pending:
                text, self._pending = "".join(self._pending), []
                self._say(self._last, text)
            self._arrived(self._last)
            self._arrived("stderr" if self._last == "stdout" else "stdout")

    def watch(self, gone: Callable[[], object], lifeline: int) -> None:
        """Hand on, from a thread, what arrives meanwhile; call ``gone`` when the lifeline's other end closes."""
        threading.Thread(
            target=self._watch, args=(gone, lifeline), name="octavo-streams", daemon=True
        ).start()

    def _watch(self, gone: Callable[[], object], lifeline: int) -> None:
        poll = select.poll()
        for read in self._pipes.values():
            poll.register(read, select.POLLIN)
        poll.register(lifeline, 0)  # only its end is reported
        while True:
            ready = [descriptor for descriptor, _ in poll.poll()]
            if lifeline in ready:
                gone()
            # small writes gather for a moment, a flood does not wait
            if max(_waiting(read) for read in self._pipes.values()) < _PIPE // 4:
                time.sleep(_PAUSE)
            self.flush()

    def _arrived(self, name: str) -> None:
        read = self._pipes.get(name)
        if read is None or not _waiting(read):
            return
        while data := _read(read):
            if text := self._decoders[name].decode(data):
                self._say(name, text)
            if len(data) < _BATCH:
                return

    def _gather(self, name: str, text: str) -> None:
        with self.lock:
            if name != self._last or len(self._pending) > 1000:
                self.flush()
            self._last = name
            self._pending.append(text)

    def _forked(self) -> None:
        """A child that the task forked (multiprocessing) writes to the descriptors, which its parent reads."""
        self.lock = threading.RLock()
        self._mine = False
        self._pipes = {}


class OutStream(io.TextIOBase):
    """A text stream that is written to ``Streams``; its name is that of a kernel's, which errors show.

    ``number`` is where child processes may write, a descriptor for them alone: what becomes of it is theirs.
    """

    encoding = "utf-8"
    errors = "replace"
    buffer: io.RawIOBase  # not in a kernel

    def __init__(self, streams: Streams, name: str, number: int) -> None:
        self.streams = streams
        self._number = number
        self.name = name

    def serve(self, streams: Streams, number: int) -> None:
        """Write to other streams from now on."""
        self.streams, self._number = streams, number

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if self.closed:
            raise ValueError("I/O operation on closed file")
        if text:
            self.streams.write(self.name, text)
        return len(text)

    def flush(self) -> None:
        self.streams.flush()

    def fileno(self) -> int:
        return self._number

    def isatty(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def set_parent(self, parent: object) -> None:
        """IPython's kernel tells its streams whose output follows; here the worker knows."""


class _Buffer(io.RawIOBase):
    """The bytes below a text stream."""

    def __init__(self, stream: OutStream) -> None:
        self._stream = stream
        self.name = stream.name

    def write(self, data: Buffer, /) -> int:
        whole = bytes(data)
        self._stream.streams.write_bytes(self.name, whole)
        return len(whole)

    def writable(self) -> bool:
        return True


def _waiting(descriptor: int) -> int:
    buffer = fcntl.ioctl(descriptor, termios.FIONREAD, b"\0\0\0\0")
    waiting: int = struct.unpack("i", buffer)[0]
    return waiting


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, _BATCH)
    except BlockingIOError:
        return b""


def _to_descriptor(number: int, text: str) -> None:
    _all(number, text.encode("utf-8", "replace"))


def _all(number: int, data: bytes) -> None:
    while data:
        data = data[os.write(number, data) :]


def _plain(number: int) -> io.TextIOWrapper:
    """Return a text stream of a descriptor that holds nothing back."""
    raw = io.FileIO(number, "w", closefd=False)
    return io.TextIOWrapper(raw, "utf-8", "replace", write_through=True)
