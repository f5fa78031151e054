"""Check what a worker says before anybody believes it: its process runs the user's code, and may send anything."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import UnionType

from ..events import (
    CellFinished,
    CellStarted,
    CheckFinished,
    Diverged,
    Event,
    KernelReady,
    MetricsLogged,
    Note,
    NotebookOpened,
    Output,
    Paused,
    TaskFinished,
    from_json,
    parsed,
)
from ..lazy import lazy_imports
from ..model import Failure, Json, Outcome, Task

with lazy_imports():
    from ..products import scratch  # where tasks wait for a person

_OF_CELLS = (NotebookOpened, KernelReady, CellStarted, CellFinished, Output)
_SAID = (*_OF_CELLS, Diverged, Paused, CheckFinished, MetricsLogged, TaskFinished, Note)
#: How a worker's task may end.
_ENDS = (Outcome.DONE, Outcome.FAILED, Outcome.CANCELLED)
#: Brackets in brackets that a message may have. Python's own writer of notebooks gives up at about 480.
_DEEPEST = 470
#: No number that a worker tells is larger, whatever its sign: such times are of the years 69 to 3871.
_LARGEST = {"at": 6 * 10**10, "seconds": 6 * 10**10}
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
    "now": bool,
    "why": str,
    "connection": str | None,
    "outcome": Outcome,
    "failure": Failure | None,
    "notebook": dict | str | None,
    "parameters": dict,
    "raised": str,
    "discovered": dict,
    "touched": tuple,
    "reasons": tuple,
    "on_failure_called": bool,
    "traceback": tuple,
    "check": str,
    "product": str,
    "good": bool,
    "found": str,
    "severity": str,
    "rows": tuple,
    "profile": dict | None,
    "metrics": dict,
    "line": int | None,
    "path": str | None,
    "code": str,
    "hint": str,
}
#: What a message of each kind must hold to be an output, or of a widget.
_CONTENT: Mapping[str, Mapping[str, type | UnionType]] = {
    "stream": {"name": str, "text": str},
    "display_data": {"data": dict},
    "update_display_data": {"data": dict},
    "execute_result": {"data": dict, "execution_count": int | None},
    "error": {"ename": str, "evalue": str, "traceback": list | None},
    "comm_open": {"comm_id": str},
    "comm_msg": {"comm_id": str},
    "comm_close": {"comm_id": str},
}


class Testimony:
    """What the worker of a task has said until now, by which it is judged whether it may say what comes."""

    def __init__(self, task: Task, apart: bool = False) -> None:
        """``apart``: its worker has found nothing that was imported ahead."""
        self._task = task
        self._apart = apart
        self._cells: list[Json] | None = None
        self._started: set[int] = set()
        self._running: int | None = None

    def __call__(self, message: bytes) -> Event:
        """Return the event of a message; raise ``ValueError`` for one that no worker of octavo would send."""
        plain = parsed(message)
        if message.count(b"[") + message.count(b"{") > _DEEPEST:
            _shallow(plain)
        event = from_json(plain)
        if not isinstance(event, _SAID) or event.task != self._task.name:
            raise ValueError(f"a {type(event).__name__} of {getattr(event, 'task', None)!r:.40}")
        _typed(event)
        match event:
            case NotebookOpened():
                self._open(event)
            case CellStarted():
                self._start(event.cell)
            case CellFinished() | Output() if not self._there(event.cell, event):
                raise ValueError(f"cell {event.cell}, which has not begun")
            case Output():
                _output(event.kind, event.content)
            case Diverged() if self._apart:
                raise ValueError("what only a task says where modules were imported ahead")
            case Paused() if not self._task.run.pause or not _kernel(event.connection):
                raise ValueError("a pause that nobody has asked for")
            case Paused() if plain.get("failure") is None:
                raise ValueError("a pause without a failure")
            case TaskFinished() if event.outcome not in _ENDS or (
                (event.outcome is Outcome.FAILED) != (event.failure is not None)
            ):
                raise ValueError(f"{event.outcome.value}, {'with' if event.failure else 'without'} a failure")
            case TaskFinished() if event.outcome is Outcome.DONE and self._running is not None:
                raise ValueError("done, in the middle of a cell")
            case TaskFinished():
                _used(event)
            case CellFinished():
                self._running = None
            case MetricsLogged():
                _all(_NUMBER, *event.metrics.values())
            case CheckFinished():
                _all(dict, *event.rows)
                _all(dict, *(row.get("values", {}) for row in event.rows))
            case _:
                pass
        if isinstance(event, TaskFinished | Paused) and event.failure is not None:
            _typed(event.failure)
            _all(str, *event.failure.traceback)
        return event

    def _open(self, event: NotebookOpened) -> None:
        if self._cells is not None or not isinstance(event.notebook, dict):
            raise ValueError("a second notebook, or none")
        cells = event.notebook.get("cells")
        if not isinstance(cells, list) or not all(map(_cell, cells)):
            raise ValueError("a notebook without cells")
        if not isinstance(event.notebook.get("metadata", {}), dict):
            raise ValueError("a notebook without metadata")
        self._cells = cells

    def _start(self, cell: int | None) -> None:
        if cell is None or self._cells is None or not 0 <= cell < len(self._cells):
            raise ValueError(f"cell {cell} of no notebook")
        self._started.add(cell)
        self._running = cell

    def _there(self, cell: int | None, event: Event) -> bool:
        return cell in self._started or (cell is None and isinstance(event, Output))


def _cell(cell: object) -> bool:
    return (
        isinstance(cell, dict)
        and isinstance(cell.get("source"), str)
        and isinstance(cell.get("cell_type"), str)
        and isinstance(metadata := cell.get("metadata", {}), dict)
        and isinstance(metadata.get("tags", []), list)
        and isinstance(cell.get("outputs", []), list)
    )


def _output(kind: str, content: Json) -> None:
    for name, expected in _CONTENT.get(kind, {}).items():
        if not isinstance(content.get(name), expected):
            raise ValueError(f"{kind} without {name}")
    for name in ("metadata", "transient"):
        if not isinstance(content.get(name), dict | None):
            raise ValueError(f"{kind} with {name} that is none")
    if not isinstance((content.get("transient") or {}).get("display_id"), str | _NUMBER | None):
        raise ValueError(f"{kind} with an id that is none")


def _used(event: TaskFinished) -> None:
    for path, digest in event.discovered.values():
        _all(str, path, digest)
    for cell, verb, what in event.touched:
        _all(str, verb, what)
        _all(int | None, cell)


def _kernel(connection: str | None) -> bool:
    """Return whether a path is of a kernel that waits for a person: its folder is removed in the end."""
    return connection is None or scratch.ours(os.path.dirname(connection))


def _all(expected: type | UnionType, *values: object) -> None:
    for value in values:
        if not isinstance(value, expected):
            raise ValueError(f"a {type(value).__name__} where there should be {expected}")


def _typed(value: Event | Failure) -> None:
    for name in value.__dataclass_fields__:
        inner = getattr(value, name)
        if name in _TYPES and not isinstance(inner, _TYPES[name]):
            raise ValueError(f"{type(value).__name__}.{name} is a {type(inner).__name__}")
        # which is true of no NaN; a clock that the task has set back is the task's affair
        if isinstance(inner, _NUMBER) and not abs(inner) < _LARGEST.get(name, 2**63):
            raise ValueError(f"{type(value).__name__}.{name} is {inner!r:.40}")


def _shallow(plain: object) -> None:
    """Refuse what is nested too deep."""
    inside: list[object] = [plain]
    for _ in range(_DEEPEST):
        deeper: list[object] = []
        for each in inside:
            values = each.values() if isinstance(each, dict) else each if isinstance(each, list) else ()
            deeper += [value for value in values if type(value) is dict or type(value) is list]
        inside = deeper
        if not inside:
            return
    raise ValueError(f"it is nested more than {_DEEPEST} levels deep")
