"""Files as they were when a task first used them: what changes later is not what it saw."""

from __future__ import annotations

import os
import stat
import time

from ... import products
from ...dataclass import dataclass
from .hook import Quiet

#: Device, inode, size, times of modification and of change: what git's index keeps, and on which disk.
Stamp = tuple[int, int, int, int, int]
WHOLE = 5

#: A file that its stamp says too little about is digested at once, if it has no more bytes than these.
_SMALL = 8 << 20
#: The very functions of the system: those in ``os`` are observed.
_stat, _lstat = os.stat, os.lstat


def now_of_files() -> int:
    """Return the time that a file written now would get: Linux stamps them by a clock that ticks."""
    clock = getattr(time, "CLOCK_REALTIME_COARSE", None)
    return time.time_ns() if clock is None else time.clock_gettime_ns(clock)


def stamp(path: str, regular: bool = False) -> Stamp | None:
    """Return the stamp of what a path leads to; None where that is nothing, or no ``regular`` file."""
    try:
        found = _stat(path)
    except (OSError, ValueError):
        return None
    if regular and not stat.S_ISREG(found.st_mode):
        return None
    return _of(found)


def _of(found: os.stat_result) -> Stamp:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


@dataclass(slots=True)
class Use:
    """A file as a task used it: its stamp then, and when that was among all that the task did.

    ``digest`` is that of its bytes right then, of one that was about to be changed, or so young that the same stamp
    could stand for other bytes. ``epoch`` counts the processes that the task had started. ``linked``: the path itself
    was a link.
    """

    stamp: Stamp | None
    order: int
    epoch: int
    digest: str | None = None
    linked: bool = False


def use(path: str, order: int, epoch: int, began: int, quiet: Quiet, change: bool = False) -> Use:
    """Return how a file is, to be asked right before a task uses it; ``change`` tells that it may write into it."""
    try:
        seen = _lstat(path)
        linked = stat.S_ISLNK(seen.st_mode)
        seen = _stat(path) if linked else seen
    except (OSError, ValueError):
        return Use(None, order, epoch, linked=True)
    found = _of(seen)
    # within a tick of the clock a file can change without a new stamp
    young = found[4] >= began and found[4] >= now_of_files()
    if not (young or change) or found[2] > _SMALL or not stat.S_ISREG(seen.st_mode):
        return Use(found, order, epoch, None, linked)
    with quiet:  # what octavo itself opens is heard, too
        return Use(found, order, epoch, products.digest(path), linked)


def stands(path: str) -> bool:
    """Return whether anything is at a path, if only a link."""
    try:
        _lstat(path)
    except (OSError, ValueError):
        return False
    return True


def is_link(path: str) -> bool:
    """Return whether a path is itself a link."""
    try:
        return stat.S_ISLNK(_lstat(path).st_mode)
    except (OSError, ValueError):
        return False


def unchanged_digest(path: str, used: Use, before: Stamp | None, left: int = WHOLE) -> str | None:
    """Return the digest of what is a file, if it is what the task saw; None if not, or if it was changed meanwhile.

    ``before`` is its stamp right now; ``left`` tells how much of a stamp must be the same, where the task did what
    changes no content.
    """
    if before is None or used.stamp is None:
        return None
    if not (used.stamp[:left] == before[:left] or used.digest is not None):
        return None
    digest, then = products.read_through(path)
    if used.digest is not None and digest != used.digest:
        return None
    return digest if _of(then) == before else None


def is_file(path: str) -> bool:
    """Return whether a path leads to a file, which can be read to its end: a pipe cannot."""
    try:
        return stat.S_ISREG(_stat(path).st_mode)
    except (OSError, ValueError):
        return False
