"""Keep a failed task for inspection, in a debugger or as a kernel."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from types import FrameType, TracebackType

from ..events import Note, Paused
from ..kernels import Kernel, Say
from ..lazy import lazy_imports
from ..model import Failure, Task
from . import Tell

with lazy_imports():
    from ..kernels import debugger, native

_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_SHELLS = ("IPython", "ipykernel")


def pause(
    task: Task, failure: Failure, tell: Tell, error: BaseException | None, kernel: Kernel | None = None
) -> None:
    """Wait as the task's option ``pause`` says: ``{"debug": terminal, "term": kind}`` or ``{"hold": True}``.

    ``error`` is what the user's code raised, where it was raised in this process. A function, which has no kernel,
    gets one that knows the variables of the frame that failed.
    """
    wanted = task.run.pause or {}
    try:
        if "debug" in wanted:
            _debug(task, failure, tell, error, wanted)
        elif wanted.get("hold"):
            kernel = kernel or _kernel(task, error)
            kernel.hold(lambda connection: tell(Paused(task.name, failure, connection)))
    except Exception as problem:
        tell(Note(f"it could not pause: {type(problem).__name__}: {problem}", task.name))


def _debug(
    task: Task, failure: Failure, tell: Tell, error: BaseException | None, wanted: Mapping[str, object]
) -> None:
    trace = users(error.__traceback__) if error else None
    if trace is None:
        tell(Note(_why_not(error, failure), task.name))
        return
    post_mortem = debugger.post_mortem
    tell(Paused(task.name, failure))
    text = (
        "\n".join(entry.rstrip("\n") for entry in failure.traceback) or f"{failure.kind}: {failure.message}"
    )
    post_mortem(trace, text, str(wanted["debug"]), str(wanted.get("term", "")))


def _kernel(task: Task, error: BaseException | None) -> Kernel:
    say: Say = lambda *_: None  # noqa: E731 - what clients see is theirs
    kernel: Kernel = native.open_kernel(say, task.source.path)
    frame = innermost(users(error.__traceback__)) if error else None
    if frame is not None:  # the kernel's names are those of __main__, so a console finds the function's there
        vars(sys.modules["__main__"]).update(frame.f_globals | frame.f_locals)
    return kernel


def innermost(trace: TracebackType | None) -> FrameType | None:
    """Return the innermost frame of the project's code in a traceback, or else of any code."""
    here, found, last = os.getcwd() + os.sep, None, None
    while trace is not None:
        last = trace.tb_frame
        if os.path.abspath(last.f_code.co_filename).startswith(here):
            found = last
        trace = trace.tb_next
    return found or last


def _why_not(error: BaseException | None, failure: Failure) -> str:
    if error is not None:
        return f"no code ran when it failed ({failure.kind}), so there is nothing for the debugger to show"
    return (
        "the debugger works in functions and in notebooks of this environment's Python; "
        "any other kernel is kept alive with --hold, for jupyter console"
    )


def users(trace: TracebackType | None) -> TracebackType | None:
    """Return the part of a traceback that begins in the user's code."""
    while trace is not None and _foreign(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    return trace


def _foreign(path: str) -> bool:
    path = os.path.abspath(path)
    inside = (f"{os.sep}{name}{os.sep}" for name in _SHELLS)
    return path.startswith(_OURS) or any(
        path.startswith(folder) and part in path for part in inside for folder in sys.path if folder
    )
