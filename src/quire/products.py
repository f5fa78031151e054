"""Products on disk: a cheap stamp and a true digest."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

from .digests import running

_BLOCK = 1 << 20
#: A file this young (nanoseconds) may change again without a new stamp; git calls it "racily clean".
RACY = 50_000_000


def stamp(path: str) -> str | None:
    """Return text that changes when the file (or any file of the folder) does, or None when there is nothing.

    Size, modification time in nanoseconds and inode, as git's index keeps them.
    """
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    if stat.S_ISDIR(found.st_mode):
        return _tree_stamp(path)
    return f"{found.st_size} {found.st_mtime_ns} {found.st_ino}"


def newest(path: str) -> int:
    """Return the latest modification time below a path, in nanoseconds; 0 when there is nothing."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return 0
    if not stat.S_ISDIR(found.st_mode):
        return found.st_mtime_ns
    return max([found.st_mtime_ns, *(os.stat(file).st_mtime_ns for _, file in _files(path))])


def racy(path: str) -> bool:
    """Return whether something below a path is so young that its stamp does not prove anything yet."""
    return time.time_ns() - newest(path) <= RACY


def digest(path: str) -> str | None:
    """Return the digest of a file's bytes, or of a folder as a tree of names and bytes; None when there is nothing."""
    try:
        if not Path(path).is_dir():
            return _file_digest(path)
        tree = running()
        for name, file in _files(path):
            tree.update(f"{name}\0{_file_digest(file)}\n".encode("utf-8", "surrogateescape"))
        return "tree-" + tree.hexdigest()
    except FileNotFoundError:
        return None


def _file_digest(path: str) -> str:
    whole = running()
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - a hot path, and Path.open is twice as slow
        while block := file.read(_BLOCK):
            whole.update(block)
    return whole.hexdigest()


def _files(folder: str) -> list[tuple[str, str]]:
    found = []
    for base, _, names in os.walk(folder):
        for name in names:
            file = os.path.join(base, name)
            found.append((os.path.relpath(file, folder).replace(os.sep, "/"), file))
    return sorted(found)


def _tree_stamp(folder: str) -> str:
    whole = running()
    for name, file in _files(folder):
        whole.update(f"{name}\0{stamp(file)}\n".encode("utf-8", "surrogateescape"))
    return "tree " + whole.hexdigest()
