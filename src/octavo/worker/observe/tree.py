"""The folders in which a task's files may be: those of the project, and what links of it show elsewhere."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator

from .paths import ENVIRONMENTS, SKIPPED, Ground

#: So many folders are listened to; where there are more, that is said.
MOST = 20_000
#: Byte code tells which modules another process imported.
_LEFT_OUT = SKIPPED - {"__pycache__"}


class Tree:
    """The folders of a project, the upper ones first.

    ``shown`` are absolute paths within the project, by the real paths of folders. ``files`` are the same of single
    files elsewhere to which links of the project point. ``whole`` is False if there are more folders than ``most``.
    """

    def __init__(self, ground: Ground, most: int = MOST) -> None:
        self._ground = ground
        self._most = most
        self.shown: dict[str, str] = {}
        self.files: dict[str, str] = {}
        #: The links within the project, by where they lead to: the kernel does not tell by which one was read.
        self.links: dict[str, list[str]] = {}
        self.whole = True

    def folders(self) -> Iterator[str]:
        """Yield the real paths of the folders."""
        waiting = deque([(self._ground.scope, self._ground.scope)])
        while waiting:
            here, shown = waiting.popleft()
            if here in self.shown:
                continue
            if len(self.shown) >= self._most:
                self.whole = False
                return
            self.shown[here] = shown
            yield here
            waiting += self._below(here, shown)
        for file in list(self.files):
            folder = os.path.dirname(file)
            if folder not in self.shown:
                yield folder

    def _below(self, here: str, shown: str) -> list[tuple[str, str]]:
        found = []
        try:
            with os.scandir(here) as entries:
                for entry in entries:
                    name = entry.name
                    if name in ENVIRONMENTS:
                        return []
                    if entry.is_symlink():
                        found += self._linked(entry, f"{shown}/{name}")
                    elif entry.is_dir(follow_symlinks=False) and name not in _LEFT_OUT:
                        found.append((entry.path, f"{shown}/{name}"))
        except OSError:
            pass  # what cannot be listed cannot be read by name, or is gone
        return found

    def _linked(self, entry: os.DirEntry[str], shown: str) -> list[tuple[str, str]]:
        real = os.path.realpath(entry.path)
        if self._ground.holds(real):
            self.links.setdefault(real, []).append(shown)
            return []  # it comes by itself
        if os.path.isdir(real):
            return [(real, shown)]
        self.files[real] = shown
        return []
