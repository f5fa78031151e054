"""What a task has printed in its newest run, as the log of that run has it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..events import Note, Output, TaskFinished
from ..state import runlog
from ..tracebacks import plain

if TYPE_CHECKING:
    from pathlib import Path

    from ..events import Event
    from ..model import Json

#: Characters that are shown: the end of more.
_MOST = 200_000


def printed(root: Path, task: str) -> Json:
    """Return the run in which a task ran last, and its text there: what cells print, results and notes."""
    for path in runlog.paths(root / ".octavo" / "runs"):
        if not _ran(path, task):
            continue
        text = "".join(_said(event) for event in runlog.replay(path) if getattr(event, "task", None) == task)
        cut = len(text) > _MOST
        return {"run": path.stem, "text": text[-_MOST:], "cut": cut}
    return {"run": None, "text": "", "cut": False}


def _ran(path: Path, task: str) -> bool:
    """Return whether a task was started in a run; logs of others are only looked through for its name."""
    try:
        with path.open("rb") as file:
            lines = (line for line in file if line.startswith(b'{"event":"TaskStarted"'))
            return any(json.loads(line).get("task") == task for line in lines)
    except (OSError, ValueError):
        return False  # it is gone, for another run began; or it was torn by kill -9


def _said(event: Event) -> str:
    match event:
        case Output(kind="stream"):
            return plain(str(event.content.get("text", "")))
        case Output(kind="execute_result" | "display_data"):
            return plain(str(event.content.get("data", {}).get("text/plain", ""))) + "\n"
        case Note(message=message):
            return f"note: {message}\n"
        case TaskFinished(failure=failure) if failure is not None:
            return plain("\n".join(failure.traceback) or f"{failure.kind}: {failure.message}") + "\n"
        case _:
            return ""
