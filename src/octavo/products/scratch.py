"""Folders for a moment: removed when they are done with, or by a later start where a process was killed before that."""

from __future__ import annotations

import os
import re
import stat
import time
from contextlib import suppress
from typing import Self

from ..lazy import lazy_imports

with lazy_imports():
    import fcntl
    import shutil
    import tempfile

_PREFIX = "octavo-scratch-"
#: Their whole names: people have folders of their own beside them, whose names begin with the program's.
_NAME = re.compile(rf"{_PREFIX}[a-z0-9_]{{8}}")
#: Seconds that a folder without an owner must be old: its owner may be about to lock it.
_YOUNG = 60.0
#: The longest path of such a folder in which sockets may stand (sockaddr_un has room for 108 bytes).
_SHORT = 80


def ours(path: str, gone: bool = False) -> bool:
    """Return whether a path is that of such a folder of this user, or may have been, if it is ``gone``."""
    places = {os.path.realpath(place) for place in (tempfile.gettempdir(), "/tmp")}
    named = (
        bool(_NAME.fullmatch(os.path.basename(path))) and os.path.realpath(os.path.dirname(path)) in places
    )
    try:
        found = os.lstat(path)
    except (OSError, ValueError):
        return gone and named
    return named and stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()


class Scratch:
    """A new folder that only this user may enter. It is locked by the open descriptor, as long as its owner lives."""

    def __init__(self, *, sockets: bool = False) -> None:
        """``sockets``: its path must be short enough for them."""
        self.path = tempfile.mkdtemp(prefix=_PREFIX)
        if sockets and len(os.fsencode(self.path)) > _SHORT and os.path.isdir("/tmp"):
            os.rmdir(self.path)
            self.path = tempfile.mkdtemp(prefix=_PREFIX, dir="/tmp")
        self._lock = _locked(self.path)

    def remove(self) -> None:
        """Remove the folder with what is in it; a second time there is nothing to do."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


def sweep() -> None:
    """Remove the folders of processes that were killed: nobody holds their locks. What cannot be removed stays."""
    for place in dict.fromkeys((tempfile.gettempdir(), "/tmp")):
        with suppress(OSError), os.scandir(place) as entries:
            for entry in entries:
                if _NAME.fullmatch(entry.name):
                    with suppress(OSError):
                        _sweep(entry)


def _sweep(entry: os.DirEntry[str]) -> None:
    found = entry.stat(follow_symlinks=False)
    private = stat.S_IMODE(found.st_mode) == stat.S_IRWXU  # as it was made
    if not entry.is_dir(follow_symlinks=False) or found.st_uid != os.getuid() or not private:
        return
    if time.time() - found.st_mtime > _YOUNG and (lock := _locked(entry.path)) is not None:
        shutil.rmtree(entry.path, ignore_errors=True)
        os.close(lock)


def _locked(path: str) -> int | None:
    """Return a descriptor by which a folder is locked, or None where another process has it, or there are no locks."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(folder)
        return None
    return folder
