"""Wait for edits: look at the stamps of files until some have changed and none changes any more."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from .. import products
from ..model import Record, Task

#: Seconds between two looks, and how long nothing may have changed before an edit counts as done.
_LOOK = 0.2
_REST = 0.3


def inputs(tasks: Iterable[Task], records: Iterable[Record], root: Path, spec: Path) -> set[str]:
    """Return the files and folders whose change can make a task stale: specs, sources, what runs were seen to use.

    Products are left out: builds write them.
    """
    tasks = list(tasks)
    written = {product.path for task in tasks for product in task.products}
    found = {task.source.path for task in tasks}
    for record in records:
        found |= {path for path in record.discovered.values() if path not in written}
    folders = {root, spec.parent, Path.cwd()}
    specs = [spec, *(path for folder in folders for path in sorted(folder.glob("env*.yaml")))]
    return {os.path.join(root, path) for path in found} | {str(path) for path in specs}


def since(began: int, paths: Iterable[str]) -> list[str]:
    """Return the files that were written after a moment, in nanoseconds since the epoch."""
    return [path for path in paths if products.newest(path) >= began]


def stamps(paths: Iterable[str]) -> dict[str, str | None]:
    """Return the stamp of each file or folder now, None where there is nothing."""
    return {path: products.stamp(path) for path in paths}


def wait(before: Mapping[str, str | None], look: float = _LOOK, rest: float = _REST) -> list[str]:
    """Wait until files differ from ``before`` and nothing changes any more; return which.

    An editor that writes a file in several steps, or a checkout of many, is one edit.
    """
    while True:
        time.sleep(look)
        now = stamps(before)
        if now == before:
            continue
        while True:
            time.sleep(rest)
            later = stamps(before)
            if later == now:
                break
            now = later
        if changed := [path for path, stamp in now.items() if stamp != before[path]]:
            return changed
