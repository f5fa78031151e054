"""Find the processes that a process has started, and those that these have started; tell how one is."""

from __future__ import annotations

import os


def descendants(pid: int) -> list[int]:
    """Return the processes below one, whichever of its threads started them (Linux; elsewhere none is found)."""
    found: list[int] = []
    waiting = [pid]
    while waiting:
        one = waiting.pop()
        try:
            for thread in os.listdir(f"/proc/{one}/task"):
                with open(f"/proc/{one}/task/{thread}/children", encoding="ascii") as children:  # noqa: PTH123
                    below = [int(child) for child in children.read().split()]
                found += below
                waiting += below
        except OSError:
            continue  # it has just ended
    return found


def state(pid: int) -> str:
    """Return how a process is, as the letter that /proc has for it: T where it is stopped; "" where it is not told."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:  # noqa: PTH123
            # the command's name, in parentheses, may hold anything
            return stat.read().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return ""
