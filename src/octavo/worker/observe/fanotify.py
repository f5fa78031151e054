"""A group of the kernel's fanotify that tells what is opened in some folders, and whether this very process did it.

Linux, from 5.13 on without privileges (fanotify(7)): the kernel tells an unprivileged group the process of an event
only where it is the reader's own. Called by ctypes; any error is an OSError, and means that there is no such group.
"""

from __future__ import annotations

import _thread
import contextlib
import ctypes
import fcntl
import os
import struct
import sys
from collections.abc import Callable, Iterator
from functools import cache
from typing import NamedTuple

_CLOEXEC, _NONBLOCK, _REPORT_DFID_NAME = 0x1, 0x2, 0xC00
_MARK_ADD, _MARK_ONLYDIR = 0x1, 0x8
_CLOSE_WRITE, _OPEN, _MOVED_TO, _CREATE = 0x8, 0x20, 0x80, 0x100
_OVERFLOW, _ON_CHILD, _ONDIR = 0x4000, 0x0800_0000, 0x4000_0000
_MASK = _OPEN | _CLOSE_WRITE | _MOVED_TO | _CREATE | _ON_CHILD | _ONDIR
_AT_FDCWD, _AT_HANDLE_FID = -100, 0x200
_EVENT = struct.Struct("=IBBHQii")
_INFO = struct.Struct("=BBH8sIi")
_DFID_NAME = 2
_HANDLE = 128
_BLOCK = 1 << 16
#: Where the descriptor is put: out of the way of those who close or count theirs.
HIGH = 200


class Event(NamedTuple):  # of which there are thousands: a frozen class takes four times as long to make
    """Something that happened to a name in a folder; ``own`` where this process did it.

    ``folder`` is what was given for the folder, ``name`` is "." where it is about the folder itself.
    ``made`` tells of a name that was not there before, or is something else now.
    """

    folder: str
    name: str
    own: bool
    opened: bool
    written: bool
    pid: int
    made: bool = False


class Group:
    """The group of one process, which alone may read it."""

    def __init__(self) -> None:
        self._pid = os.getpid()
        self.lost = False
        self._folders: dict[tuple[bytes, int, bytes], str] = {}
        self._systems: dict[int, bytes] = {}
        init = function("fanotify_init", ctypes.c_uint, ctypes.c_uint)
        descriptor = init(_CLOEXEC | _NONBLOCK | _REPORT_DFID_NAME, os.O_RDONLY)
        try:
            self.descriptor = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, HIGH)
            os.close(descriptor)
        except OSError:
            self.descriptor = descriptor
        self._mark = function(
            "fanotify_mark", ctypes.c_int, ctypes.c_uint, ctypes.c_uint64, ctypes.c_int, ctypes.c_char_p
        )
        self._handle = function(
            "name_to_handle_at",
            *(ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int),
        )
        self._buffer = ctypes.create_string_buffer(8 + _HANDLE)
        self._mount = ctypes.c_int()

    def add(self, folder: str) -> None:
        """Tell from now on what happens in a folder, not in those below it."""
        path = os.fsencode(folder)
        self._mark(self.descriptor, _MARK_ADD | _MARK_ONLYDIR, _MASK, _AT_FDCWD, path)
        for flags in (0, _AT_HANDLE_FID):  # overlayfs has only the second
            struct.pack_into("=I", self._buffer, 0, _HANDLE)
            try:
                self._handle(
                    _AT_FDCWD, path, ctypes.addressof(self._buffer), ctypes.addressof(self._mount), flags
                )
                break
            except OSError:
                if flags:
                    raise
        size, kind = struct.unpack_from("=Ii", self._buffer, 0)
        system = self._systems.get(self._mount.value)
        if system is None:
            system = (os.statvfs(folder).f_fsid & (1 << 64) - 1).to_bytes(8, sys.byteorder)
            self._systems[self._mount.value] = system
        self._folders[system, kind, self._buffer.raw[8 : 8 + size]] = folder

    def read(self) -> Iterator[Event]:
        """Yield what has happened and was not read yet. Equal events that wait are one."""
        while is_own(self.descriptor, "fanotify"):
            try:
                data = os.read(self.descriptor, _BLOCK)
            except BlockingIOError:
                return
            at = 0
            while at < len(data):
                size, _, _, head, mask, _, pid = _EVENT.unpack_from(data, at)
                if mask & _OVERFLOW:
                    self.lost = True
                elif (event := self._event(data, at + head, mask, pid)) is not None:
                    yield event
                at += size

    def _event(self, data: bytes, at: int, mask: int, pid: int) -> Event | None:
        kind, _, size, system, length, handle_kind = _INFO.unpack_from(data, at)
        if kind != _DFID_NAME:
            return None
        start = at + _INFO.size
        folder = self._folders.get((system, handle_kind, data[start : start + length]))
        if folder is None:
            return None
        name = data[start + length : at + size].split(b"\0", 1)[0]
        written = bool(mask & (_CLOSE_WRITE | _MOVED_TO | _CREATE))
        made = bool(mask & (_MOVED_TO | _CREATE))
        return Event(folder, os.fsdecode(name), pid == self._pid, bool(mask & _OPEN), written, pid, made)

    def close(self) -> None:
        """Listen no more. The kernel takes 5 ms to end a group, in which the process goes on."""
        if is_own(self.descriptor, "fanotify"):
            _thread.start_new_thread(os.close, (self.descriptor,))


def make_room(descriptor: int) -> None:
    """Let the table of descriptors grow to the high ones, by a copy of an open one, while the process has one thread.

    With more, the kernel waits some 12 ms for all processors before it replaces the table (``expand_fdtable``).
    """
    with contextlib.suppress(OSError):  # as many are not allowed: then low ones are used
        os.close(fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, HIGH + 16))


def is_own(descriptor: int, kind: str) -> bool:
    """Return whether a descriptor is still the kernel's watch that it was: a task may close all that it finds open."""
    try:
        return os.readlink(f"/proc/self/fd/{descriptor}") in (f"anon_inode:[{kind}]", f"anon_inode:{kind}")
    except OSError:
        return False


@cache
def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def function(name: str, *arguments: object) -> Callable[..., int]:
    """Return a function of the C library that raises OSError, also where there is no such function."""
    try:
        found = getattr(_library(), name)
    except (AttributeError, OSError) as error:
        raise OSError(f"the C library has no {name}") from error
    found.argtypes, found.restype = arguments, ctypes.c_int

    def call(*values: object) -> int:
        result: int = found(*values)
        if result < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), name)
        return result

    return call
