"""Tracebacks as they would be without octavo: what stands between a task and the system is taken out, and colours."""

from __future__ import annotations

import os
import re
from types import TracebackType

#: Where functions are that stand for those of ``os`` while a task is watched, and for the import of what is parked.
_HERE = os.path.dirname(os.path.abspath(__file__))
_BETWEEN = tuple(os.path.join(_HERE, "worker", part, "") for part in ("observe", "parked"))

_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-Z\\-_]")


def plain(text: str) -> str:
    """Return text without the escape sequences that colour it or move the cursor."""
    return _ESCAPES.sub("", text)


def trim(error: BaseException | None) -> None:
    """Take octavo's frames below those of the user's code out of an exception's traceback, and of those behind it."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        current = waiting.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        trace = current.__traceback__
        while trace is not None:
            trace.tb_next = _user(trace.tb_next)
            trace = trace.tb_next
        waiting += [current.__cause__, current.__context__]
        if isinstance(current, BaseExceptionGroup):
            waiting += current.exceptions


def _user(trace: TracebackType | None) -> TracebackType | None:
    """Return the first part of a traceback that is not octavo's."""
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(_BETWEEN):
        trace = trace.tb_next
    return trace
