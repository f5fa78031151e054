"""Products on disk: a cheap stamp and a true digest."""

from __future__ import annotations

import errno
import os
import stat
import time
from pathlib import Path

from ..digests import running
from ..model import Failure

_BLOCK = 1 << 20
#: A file this young (nanoseconds) may change again without a new stamp; git calls it "racily clean".
RACY = 50_000_000


def stamp(path: str) -> str | None:
    """Return text that changes when the file (or any file of the folder) does, or None when there is nothing.

    Size, inode, and the times of modification and of change in nanoseconds, as git's index keeps them. The last one
    cannot be set back: what was overwritten by ``cp -p`` or ``tar`` has a new stamp though size and time are the same.
    """
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    if stat.S_ISDIR(found.st_mode):
        return _tree_stamp(path)
    return f"{found.st_size} {found.st_mtime_ns} {found.st_ctime_ns} {found.st_ino}"


def database_stamp(path: str) -> str:
    """Return the stamps of a database in a file: its own, and those of what SQLite and DuckDB write beside it first."""
    return " | ".join(str(stamp(path + suffix)) for suffix in ("", "-wal", ".wal"))


def newest(path: str) -> int:
    """Return when anything below a path was last written or put there, in nanoseconds; 0 when there is nothing."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return 0
    if not stat.S_ISDIR(found.st_mode):
        return found.st_ctime_ns
    return max([found.st_ctime_ns, *(os.stat(file).st_ctime_ns for _, file in _files(path))])


def racy(path: str) -> bool:
    """Return whether something below a path is so young that its stamp does not prove anything yet.

    To be asked when the stamp is taken: what is read for a while is older at the end, and may have changed meanwhile.
    """
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


def listing(folder: str) -> str | None:
    """Return the digest of the names in a folder, hidden ones left out; None when it cannot be listed."""
    try:
        names = sorted(name for name in os.listdir(folder) if not name.startswith((".", "__pycache__")))
    except OSError:
        return None
    whole = running()
    whole.update("\0".join(names).encode("utf-8", "surrogateescape"))
    return "names-" + whole.hexdigest()


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


def not_made(paths: list[str]) -> Failure:
    """Return the failure of a task that ended well and left nothing where it should."""
    return Failure(
        "MissingProduct",
        f"it succeeded but did not write {', '.join(paths)}",
        hint='does it write to the path in "product"?',
    )


_WHY = {
    errno.ENOSPC: "no space left on the disk",
    errno.EDQUOT: "disk quota exceeded",
    errno.EISDIR: "it is a folder",
    errno.EEXIST: "one of its parent folders is a file",
    errno.ENOTDIR: "one of its parent folders is a file",
}


def unwritable(path: str, error: OSError) -> Failure:
    """Return the failure of a task whose product cannot be written."""
    why = _WHY.get(error.errno or 0) or error.strerror or str(error)
    return Failure("ProductError", f"{path} cannot be written: {why}")
