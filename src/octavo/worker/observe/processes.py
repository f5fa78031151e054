"""The processes that a task has started, while they live, as /proc tells."""

from __future__ import annotations

import os
import resource
from pathlib import Path

from ...dataclass import dataclass

#: So many processes are looked at.
_MOST = 256


@dataclass(frozen=True, slots=True)
class Children:
    """The children of this process at some time: those that lived, and what those had used that had ended."""

    living: frozenset[int]
    used: tuple[float, ...]

    def others_since(self) -> bool:
        """Return whether there are, or were, others since then: each uses something."""
        now = children()
        return now.used != self.used or not now.living <= self.living


def children() -> Children:
    """Return the children of this process, also those that have ended."""
    return Children(frozenset(_children(os.getpid())), tuple(resource.getrusage(resource.RUSAGE_CHILDREN)))


def descends(pid: int) -> bool:
    """Return whether a process descends from this one; False of one that has ended."""
    own = os.getpid()
    for _ in range(_MOST):
        if pid == own:
            return True
        try:
            fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
            pid = int(fields[1])
        except (OSError, IndexError, ValueError):
            return False
        if pid <= 1:
            return False
    return False


def held() -> set[str]:
    """Return the files that the processes below this one have open."""
    found: set[str] = set()
    waiting, seen = _children(os.getpid()), 0
    while waiting and seen < _MOST:
        pid, seen = waiting.pop(), seen + 1
        waiting += _children(pid)
        folder = f"/proc/{pid}/fd"
        try:
            for name in os.listdir(folder):
                found.add(os.readlink(f"{folder}/{name}"))
        except OSError:
            continue  # it has ended, or is another user's
    return found


def _children(pid: int) -> list[int]:
    """Return the children of a process; none where the kernel does not tell."""
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            found += map(int, Path(f"/proc/{pid}/task/{thread}/children").read_bytes().split())
    except (OSError, ValueError):
        pass
    return found
