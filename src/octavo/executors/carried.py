"""What Dask's workers call: a task in a process of its own, whose events go to a file in the project's folder.

The driver has a folder for its build there. It holds ``alive``, which is touched as long as somebody waits, and for
each task that is wanted a file named by a number, in which the attempt that runs it has written its name.
"""

from __future__ import annotations

import os
import pickle
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

from .. import __version__
from ..dataclass import dataclass
from ..events import Event, TaskFinished, encode
from ..lazy import lazy_imports
from ..model import Task
from . import local

with lazy_imports():
    from ..venvs import making  # where a task has an environment of its own

#: Seconds between two looks at whether a task is still wanted, and those after which a silent driver is gone.
GLANCE, SILENCE = 1.0, 120.0
#: The file that says that a driver lives.
ALIVE = "alive"


@dataclass(frozen=True, slots=True)
class Carried:
    """How a task has ended: the attempt that ran it, the bytes of its events, and those of its products."""

    attempt: str = ""
    size: int = 0
    products: Mapping[str, int] | None = None


def probe(folder: str) -> tuple[str, str, bool]:
    """Return the versions of octavo and Python here, and whether the folder of a build is seen."""
    return (
        __version__,
        f"{sys.version_info[0]}.{sys.version_info[1]}",
        os.path.exists(os.path.join(folder, ALIVE)),
    )


def carry(folder: str, number: int, data: bytes) -> Carried:
    """Run a task as long as it is wanted, and return how it ended; nothing is raised for what its code does."""
    root, task = pickle.loads(data)
    place, mine = Path(folder, str(number)), uuid.uuid4().hex
    before = _read(place)
    if before is None:
        return Carried()
    place.write_text(mine)
    if before:  # a worker was lost: where it lives on, the task there is ended by what has just been written
        time.sleep(2 * GLANCE)
    wanted = _Watch(folder, place, mine)
    if "environment" in task.own:
        making.ready([task], root)
    executor = local.Local(root, 1, fork=False)
    with Path(folder, f"{number}.{mine}").open("xb", buffering=0) as file:

        def keep(event: Event) -> None:
            file.write(encode(event) + b"\n")

        try:
            executor.submit(task)
            _follow(executor, wanted, keep)
        finally:
            for event in executor.close():
                keep(event)
        size = file.tell()
    return Carried(mine, size, seen(task, root))


def _follow(executor: local.Local, wanted: Callable[[], bool], keep: Callable[[Event], None]) -> None:
    while wanted():
        event = executor.next(GLANCE)
        if event is not None:
            keep(event)
        if isinstance(event, TaskFinished):
            return


class _Watch:
    """Whether a task is still to be run by this attempt, looked at from time to time."""

    def __init__(self, folder: str, place: Path, mine: str) -> None:
        self._alive = Path(folder, ALIVE)
        self._place = place
        self._mine = mine
        self._looked = self._changed = time.monotonic()
        self._stamp = 0

    def __call__(self) -> bool:
        now = time.monotonic()
        if now - self._looked < GLANCE:
            return True
        self._looked = now
        try:
            if _read(self._place) != self._mine:
                return False
            # network file systems look anew at what is opened
            with self._alive.open("rb") as file:
                stamp = os.fstat(file.fileno()).st_mtime_ns
        except FileNotFoundError:
            return False
        except OSError:
            return True  # the file system is away for a moment
        if stamp != self._stamp:
            self._stamp, self._changed = stamp, now
        return now - self._changed < SILENCE


def _read(place: Path) -> str | None:
    try:
        return place.read_text()
    except FileNotFoundError:
        return None


def seen(task: Task, root: str) -> dict[str, int]:
    """Return the products of a task that are files, and their sizes."""
    found = {}
    for product in task.products:
        try:
            with Path(root, product.path).open("rb") as file:
                found[product.path] = os.fstat(file.fileno()).st_size
        except OSError:
            continue
    return found
