"""Move old product folders aside while their task runs again."""

from __future__ import annotations

import os
from collections.abc import Iterable

from ..lazy import lazy_imports

with lazy_imports():
    import shutil


class Aside:
    """Keeps the folders of one running task below ``.octavo``, to be put back should it fail before making new ones."""

    def __init__(self, root: str, folder: str, paths: Iterable[str]) -> None:
        self._moved: list[tuple[str, str]] = []
        for path in paths:
            full = os.path.join(root, path)
            if os.path.isdir(full) and not os.path.islink(full):
                os.makedirs(folder, exist_ok=True)
                place = os.path.join(folder, os.urandom(8).hex())
                try:
                    os.rename(full, place)
                except OSError:  # it is on another file system, or mounted: the task finds it as it was
                    continue
                self._moved.append((full, place))

    def end(self, good: bool) -> None:
        """Remove what was set aside; after a failure put it back where the task has made nothing."""
        for full, place in self._moved:
            if not good and not os.path.lexists(full):
                try:
                    os.rename(place, full)
                    continue
                except OSError:
                    pass
            shutil.rmtree(place, ignore_errors=True)
        self._moved.clear()


def clear(folder: str) -> None:
    """Remove what builds that were killed had set aside."""
    if os.path.isdir(folder):
        shutil.rmtree(folder, ignore_errors=True)
