"""Exceptions of the user's code as failures: data, with the traceback from that code on."""

from __future__ import annotations

import contextlib
import os
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from .model import Failure, Task
from .tracebacks import trim

#: Where exceptions are kept as they are, for a caller in this very process that wants to raise them.
_KEPT: ContextVar[list[BaseException] | None] = ContextVar("kept", default=None)


@contextmanager
def collecting(errors: list[BaseException]) -> Iterator[None]:
    """Collect the exceptions that become failures in this process meanwhile."""
    before = _KEPT.set(errors)
    try:
        yield
    finally:
        _KEPT.reset(before)


def failure_of(error: BaseException, task: Task) -> Failure:
    """Return an exception as data, with the traceback from the user's code on and its last line in the task's file."""
    if (keeping := _KEPT.get()) is not None:
        keeping.append(error)
    trim(error)
    frames = list(traceback.walk_tb(error.__traceback__))
    here = os.path.dirname(os.path.abspath(__file__))
    skip = next(
        (i for i, (frame, _) in enumerate(frames) if not _within(frame.f_code.co_filename, here)), len(frames)
    )
    # where a client is made within a "with" of ours, Python's own frame stands between ours
    while skip < len(frames) and frames[skip][0].f_code.co_filename == contextlib.__file__:
        skip = next(
            (i for i in range(skip + 1, len(frames)) if not _within(frames[i][0].f_code.co_filename, here)),
            len(frames),
        )
    # frames of the import system stand between us and a module that fails while it is imported
    while skip < len(frames) and frames[skip][0].f_code.co_filename.startswith("<frozen importlib"):
        skip += 1
    if isinstance(error, ModuleNotFoundError | ImportError) and skip < len(frames):
        skip = next(
            (i for i in range(skip, len(frames)) if "importlib" not in frames[i][0].f_code.co_filename), skip
        )
    trace = error.__traceback__
    for _ in range(skip):
        trace = trace.tb_next if trace else None
    path = os.path.abspath(task.source.path)
    line = next((n for f, n in reversed(frames) if os.path.abspath(f.f_code.co_filename) == path), None)
    try:
        code = Path(path).read_text(encoding="utf-8", errors="replace") if line else ""
    except OSError:
        code = ""
    text = tuple(traceback.format_exception(type(error), error, trace))
    return Failure(type(error).__name__, _words(error), text, line=line, path=task.source.path, code=code)


def _words(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException as worse:
        return f"its message cannot be shown: __str__ raised {type(worse).__name__}"


def _within(path: str, folder: str) -> bool:
    return os.path.abspath(path).startswith(folder + os.sep)
