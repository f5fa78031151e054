"""New projects, tasks and packages: files that run, are tested and pass octavo check at once, and never replace one."""

from __future__ import annotations

import os
from collections.abc import Mapping

from ..products import writing


def write_new(root: str, files: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Write the files that are not there yet; return the paths that were written, and those that were there."""
    written, there = list[str](), list[str]()
    for path, text in files.items():
        full = os.path.join(root, path)
        if os.path.lexists(full):
            there.append(path)
            continue
        os.makedirs(os.path.dirname(full), exist_ok=True)
        writing.write(full, [text.encode()])
        written.append(path)
    return written, there


def remove(root: str, paths: list[str]) -> None:
    """Remove files that were just written, and the folders that are empty without them."""
    for path in reversed(paths):
        os.unlink(os.path.join(root, path))
        folder = os.path.dirname(path)
        while folder:
            try:
                os.rmdir(os.path.join(root, folder))
            except OSError:
                break
            folder = os.path.dirname(folder)
