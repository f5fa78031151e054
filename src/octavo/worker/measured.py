"""Measure with coverage.py what a task runs, where the tests of a project ask for it."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Protocol

from .. import plugins
from ..digests import digest
from ..process.variables import COVERAGE


class _Measures(Protocol):
    """What is used of ``coverage.Coverage``, which is that of the project's own environment."""

    def stop(self) -> None: ...
    def save(self) -> None: ...


@contextmanager
def measuring(task: str, apart: Callable[[], AbstractContextManager[None]]) -> Iterator[None]:
    """Measure what runs, and leave that in the folder that the variable names, in a file of the task's.

    What coverage.py itself looks for and imports, ``apart``, is no part of the task.
    """
    with apart():
        measured = _begun(task)
    try:
        yield
    finally:
        if measured is not None:
            with apart():
                measured.stop()
                measured.save()
                with suppress(OSError):
                    os.rmdir(_cells())


def _begun(task: str) -> _Measures | None:
    """Return what measures from now on; None where that is done already."""
    said = json.loads(os.environ[COVERAGE])
    coverage = plugins.load("coverage")
    if coverage.Coverage.current() is not None:  # the process of the tests itself
        return None
    options, cells = said["options"], _cells()
    os.makedirs(cells, exist_ok=True)  # what is no folder counts as the name of a package
    if "source" in options:
        options["source"] = [*options["source"], cells]
    elif "include" in options:
        options["include"] = [*options["include"], os.path.join(cells, "*")]
    before = os.getcwd()
    os.chdir(said["root"])  # what the options name is relative to it
    measured = coverage.Coverage(os.path.join(said["folder"], name(task)), **options)
    measured._warn_unimported_source = measured._warn_no_data = False  # the tests say so, of all of it
    measured.start()
    os.chdir(before)
    found: _Measures = measured
    return found


def _cells() -> str:
    """Return the folder in which ipykernel says that the cells of this process are."""
    return os.path.join(tempfile.gettempdir(), f"ipykernel_{os.getpid()}")


def name(task: str) -> str:
    """Return the name of the file for a task."""
    return f"task-{digest(task)}"
