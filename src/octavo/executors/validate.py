"""Check what a worker says before anybody believes it: its process runs the user's code, and may send anything."""

from __future__ import annotations

from collections.abc import Mapping
from types import UnionType

from ..events import (
    CellFinished,
    CellStarted,
    Diverged,
    Event,
    KernelReady,
    Note,
    NotebookOpened,
    Output,
    Paused,
    TaskFinished,
)
from ..model import Failure, Outcome

_SAID = (Diverged, NotebookOpened, KernelReady, CellStarted, CellFinished, Output, Paused, TaskFinished, Note)
_NUMBER = int | float
#: The types of what stands in these events, by the names of their fields.
_TYPES: Mapping[str, type | UnionType] = {
    "cell": int | None,
    "number": int | None,
    "total": int,
    "at": _NUMBER,
    "seconds": _NUMBER,
    "count": int | None,
    "failed": bool,
    "cpu": _NUMBER | None,
    "memory": int | None,
    "kind": str,
    "content": dict,
    "values": dict,
    "language": dict,
    "kernelspec": dict,
    "message": str,
    "why": str,
    "connection": str | None,
    "outcome": Outcome,
    "failure": Failure | None,
    "discovered": dict,
    "touched": tuple,
    "reasons": tuple,
    "on_failure_called": bool,
    "traceback": tuple,
    "line": int | None,
    "path": str | None,
    "code": str,
    "hint": str,
}
#: What a message of each kind must hold to be an output.
_CONTENT: Mapping[str, Mapping[str, type | UnionType]] = {
    "stream": {"name": str, "text": str},
    "display_data": {"data": dict},
    "update_display_data": {"data": dict},
    "execute_result": {"data": dict, "execution_count": int | None},
    "error": {"ename": str, "evalue": str, "traceback": list | None},
}


def validated(event: Event, task: str, opened: NotebookOpened | None) -> Event:
    """Return an event of a task's own worker; raise ``ValueError`` for one that no worker of octavo would send."""
    if not isinstance(event, _SAID) or event.task != task:
        raise ValueError(f"a {type(event).__name__} of {getattr(event, 'task', None)!r:.40}")
    _typed(event)
    if isinstance(event, NotebookOpened):
        cells = event.notebook.get("cells") if isinstance(event.notebook, dict) else None
        if not isinstance(cells, list) or not all(
            isinstance(cell, dict) and "source" in cell for cell in cells
        ):
            raise ValueError("a notebook without cells")
    elif isinstance(event, TaskFinished | Paused) and isinstance(event.failure, Failure):
        _typed(event.failure)
    elif isinstance(event, CellStarted | CellFinished | Output) and not _there(event.cell, opened):
        raise ValueError(f"cell {event.cell} of no notebook")
    if isinstance(event, Output):
        for name, expected in _CONTENT.get(event.kind, {}).items():
            if not isinstance(event.content.get(name), expected):
                raise ValueError(f"{event.kind} without {name}")
        if event.kind == "stream" and event.content["name"] not in ("stdout", "stderr"):
            raise ValueError("a stream that is neither stdout nor stderr")
    return event


def _there(cell: int | None, opened: NotebookOpened | None) -> bool:
    return cell is None or (opened is not None and 0 <= cell < len(opened.notebook["cells"]))


def _typed(value: Event | Failure) -> None:
    for name in value.__dataclass_fields__:
        if name in _TYPES and not isinstance(getattr(value, name), _TYPES[name]):
            raise ValueError(f"{type(value).__name__}.{name} is a {type(getattr(value, name)).__name__}")
