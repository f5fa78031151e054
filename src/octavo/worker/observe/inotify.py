"""The kernel's inotify (inotify(7)), where fanotify is refused: it tells what is opened in folders, not by whom."""

from __future__ import annotations

import ctypes
import fcntl
import os
import struct
from collections.abc import Iterator

from .fanotify import HIGH, Event, function, is_own

_NONBLOCK, _CLOEXEC = os.O_NONBLOCK, os.O_CLOEXEC
_CLOSE_WRITE, _OPEN, _MOVED_TO, _CREATE = 0x8, 0x20, 0x80, 0x100
_MASK = _OPEN | _CLOSE_WRITE | _MOVED_TO | _CREATE | 0x0100_0000  # folders only
_OVERFLOW = 0x4000
_EVENT = struct.Struct("=iIII")
_BLOCK = 1 << 16


class Watches:
    """Watches of folders. Its events say of none that it was this process: ``own`` is False."""

    def __init__(self) -> None:
        self.lost = False
        self._folders: dict[int, str] = {}
        descriptor = function("inotify_init1", ctypes.c_int)(_NONBLOCK | _CLOEXEC)
        try:
            self.descriptor = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, HIGH)
            os.close(descriptor)
        except OSError:
            self.descriptor = descriptor
        self._add = function("inotify_add_watch", ctypes.c_int, ctypes.c_char_p, ctypes.c_uint32)

    def add(self, folder: str) -> None:
        """Tell from now on what happens in a folder, not in those below it."""
        self._folders[self._add(self.descriptor, os.fsencode(folder), _MASK)] = folder

    def read(self) -> Iterator[Event]:
        """Yield what has happened and was not read yet."""
        while is_own(self.descriptor, "inotify"):
            try:
                data = os.read(self.descriptor, _BLOCK)
            except BlockingIOError:
                return
            at = 0
            while at < len(data):
                watch, mask, _, size = _EVENT.unpack_from(data, at)
                at += _EVENT.size
                name = os.fsdecode(data[at : at + size].rstrip(b"\0")) or "."
                at += size
                if mask & _OVERFLOW:
                    self.lost = True
                elif (folder := self._folders.get(watch)) is not None:
                    written = bool(mask & (_CLOSE_WRITE | _MOVED_TO | _CREATE))
                    yield Event(folder, name, False, bool(mask & _OPEN), written, 0)

    def close(self) -> None:
        if is_own(self.descriptor, "inotify"):
            os.close(self.descriptor)
