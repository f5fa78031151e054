"""Run what a process runs on exit, and do not wait for ever for threads that do not end."""

from __future__ import annotations

import atexit
import os
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import replace
from types import FrameType

from ..events import Event, TaskFinished, word
from ..model import Failure, Outcome

#: Seconds after which it is said what a task that has run still waits for.
_WORD = 10.0
#: Seconds after which that is ended: of a notebook, whose kernel Jupyter would end at once, and of any other task.
_LIMIT_OF_KERNEL, _LIMIT = 60.0, 600.0


def end(
    tell: Callable[[Event], object],
    finished: TaskFinished,
    kernel: bool,
    *,
    said: float = _WORD,
    limit: float | None = None,
) -> None:
    """Wait for the threads of a task and run its exit handlers, then tell that it has ``finished``.

    What has not ended by then is told after ``said`` seconds, with its place, and ended with this process after
    ``limit``. A notebook is done all the same. Of another task nobody knows whether its products are whole: it fails.
    """
    limit = limit or (_LIMIT_OF_KERNEL if kernel else _LIMIT)
    over = threading.Event()

    def impatient() -> None:
        if over.wait(said):
            return
        tell(word(f"it has run, but {_waiting()}; it is ended in {limit - said:g} s", finished.task))
        if over.wait(limit - said):
            return
        tell(finished if kernel or finished.failure else _failed(finished, limit))
        os._exit(0)

    watching = threading.Thread(target=impatient, name="octavo-ending", daemon=True)
    watching.start()
    shutdown: Callable[[], object] | None = getattr(
        threading, "_shutdown", None
    )  # what the interpreter calls, too
    if shutdown is not None:
        shutdown()
    atexit._run_exitfuncs()
    over.set()
    watching.join()
    tell(finished)


def _failed(finished: TaskFinished, limit: float) -> TaskFinished:
    failure = Failure(
        "ThreadError",
        f"{limit:g} s after its code had run, {_waiting()}",
        hint="join the thread, or make it a daemon; what it writes may not be whole",
    )
    return replace(finished, outcome=Outcome.FAILED, failure=failure)


def _waiting() -> str:
    """Return what the process still waits for, as the end of a sentence."""
    frames = sys._current_frames()
    threads = [
        thread
        for thread in threading.enumerate()
        if not thread.daemon and thread is not threading.main_thread()
    ]
    if not threads:
        return f"an exit handler has not ended ({_place(threading.main_thread(), frames)})"
    listed = ", ".join(f'"{thread.name}" ({_place(thread, frames)})' for thread in threads[:3])
    return f"its thread{'s' if len(threads) > 1 else ''} {listed} {'have' if len(threads) > 1 else 'has'} not ended"


def _place(thread: threading.Thread, frames: dict[int, FrameType]) -> str:
    """Return where a thread is: the innermost line that is neither the standard library's nor ours."""
    stack = traceback.extract_stack(frames.get(thread.ident or 0))
    others = (os.path.dirname(os.__file__), os.path.dirname(os.path.dirname(__file__)))
    for line in reversed(stack):
        if not line.filename.startswith(others):
            path = os.path.relpath(line.filename) if line.filename.startswith(os.getcwd()) else line.filename
            return f"{path}:{line.lineno}, in {line.name}"
    return "in a library"
