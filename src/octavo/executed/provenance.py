"""Record where an executed notebook comes from, in papermill's metadata format.

Names and formats are papermill's (its ``NotebookExecutionManager``), so that dashboards made for it go on working:
``metadata.papermill`` of the notebook and of each cell, with times as ``2026-01-02T03:04:05.678901+00:00`` and
durations in seconds. What a cell used, and the digest of its code, stand beside it, in ``metadata.octavo``.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable, Mapping, Sequence

from .. import __version__
from ..events import CellFinished, CellStarted, Event, NotebookOpened, TaskFinished
from ..lazy import lazy_imports
from ..model import Json, Outcome
from ..notebook.inject import runs, tags
from ..reading import ran

with lazy_imports():
    import uuid  # 5 ms for those few who name it


#: The papermill whose format this is, and who wrote it. It sorts and compares as a version (PEP 440).
VERSION = f"2.7.0+octavo.{__version__}"

#: The tag of the two cells that papermill adds to a notebook that failed.
MARKER = "papermill-error-cell-tag"

_PENDING, _RUNNING, _COMPLETED, _FAILED = "pending", "running", "completed", "failed"


class Provenance:
    """Folds the events of one task into the metadata of its executed notebook.

    papermill runs markdown like code. Here a cell that is not run is complete when the next one that is begins, or
    when the notebook ends well; it takes no time.
    """

    def __init__(self, source: str, output: str, clock: Callable[[], float]) -> None:
        self._source = source
        self._output = output
        self._clock = clock
        self._began = 0.0
        self._reached = (
            0  # cells before this one have ended: with all of them in sight each time, 1,000 cells crawl
        )

    def __call__(self, event: Event, data: Json) -> None:
        """Note what an event says in ``data``, the notebook that has been folded up to it."""
        match event:
            case NotebookOpened(parameters=parameters):
                self._began = self._clock()
                self._reached = 0
                self._open(data, parameters)
            case CellStarted(cell=index, at=at):
                for cell in data["cells"][self._reached : index]:
                    if _of(cell)["status"] == _PENDING:
                        _set(cell, status=_COMPLETED, exception=False, start=at, end=at)
                self._reached = index
                _set(data["cells"][index], status=_RUNNING, exception=False, start=at)
            case CellFinished(cell=index, at=at, failed=failed):
                cell = data["cells"][index]
                failed = failed and "raises-exception" not in tags(cell)
                # an interrupt may have come before its start was noted
                start = None if _of(cell).get("start_time") else at - event.seconds
                _set(cell, status=_FAILED if failed else _COMPLETED, exception=failed, start=start, end=at)
                cell["metadata"][ran.BLOCK] = used(event, cell["source"])
            case TaskFinished(touched=touched):
                _touched(data, touched)
            case _:
                pass

    def end(self, outcome: Outcome, data: Json) -> None:
        """Record how the run ended: running cells have failed, and unreached ones stay pending."""
        now = self._clock()
        for cell in data["cells"]:
            status = _of(cell)["status"]
            if status == _RUNNING:
                _set(cell, status=_FAILED, exception=True, end=now)
            elif status == _FAILED and outcome.good and _left(cell):
                _set(cell, status=_COMPLETED, exception=False)
            elif status == _PENDING and outcome.good and not runs(cell):
                _set(cell, status=_COMPLETED, exception=False, start=now, end=now)
        bad = not outcome.good or any(_of(cell)["status"] == _FAILED for cell in data["cells"])
        times = {"end_time": _iso(now), "duration": round(now - self._began, 6), "exception": bad or None}
        _note(data, {**_of(data), **times})

    def _open(self, data: Json, parameters: Mapping[str, object]) -> None:
        head = {**origin(data, parameters, self._source, self._output)}
        times = {"start_time": _iso(self._began), "end_time": None, "duration": None, "exception": None}
        _note(data, {**head, **times})
        for cell in data["cells"]:
            empty = {"exception": None, "start_time": None, "end_time": None, "duration": None}
            _note(cell, {**empty, "status": _PENDING})
            cell["metadata"].pop("octavo", None)


def origin(data: Json, parameters: Mapping[str, object], source: str, output: str) -> Json:
    """Return what is known before a notebook runs: the part of papermill's metadata that has no times."""
    old = _of(data)
    return {
        "default_parameters": old.get("default_parameters") or {},
        "environment_variables": old.get("environment_variables") or {},
        "input_path": source,
        "output_path": output,
        "parameters": dict(parameters),
        "version": VERSION,
    }


def prepared(data: Json, parameters: Mapping[str, object], source: str, output: str) -> None:
    """Note where a notebook comes from that is not run."""
    _note(data, origin(data, parameters, source, output))


def builtins(now: float, random: bytes) -> Json:
    """Return what papermill calls ``pm`` in the paths of notebooks; ``random`` are 16 bytes."""
    utc = datetime.datetime.fromtimestamp(now, datetime.UTC)
    local = utc.astimezone().replace(tzinfo=None)
    return {
        "run_uuid": str(uuid.UUID(bytes=random, version=4)),
        "current_datetime_local": local,
        "current_datetime_utc": utc,
    }


def _set(
    cell: Json,
    *,
    status: str,
    exception: bool,
    start: float | None = None,
    end: float | None = None,
) -> None:
    note = {**_of(cell), "status": status, "exception": exception}
    if start is not None:
        note["start_time"] = _iso(start)
    if end is not None:
        note["end_time"] = _iso(end)
        note["duration"] = round(max(0.0, end - _seconds(note["start_time"])), 6)
    _note(cell, note)


def used(event: CellFinished, source: str) -> Json:
    """Return what a cell used, and which code it was, as its metadata has it."""
    found = {"seconds": round(event.seconds, 6), "cpu": event.cpu, "memory": event.memory}
    return {name: value for name, value in found.items() if value is not None} | {ran.KEY: ran.code(source)}


def _touched(data: Json, touched: Sequence[tuple[int | None, str, str]]) -> None:
    """Note which files of the project each cell read and wrote: paths of this machine would tell others nothing."""
    for index, verb, path in touched:
        key = ran.FILES.get(verb)
        if key is None or index is None or index >= len(data["cells"]) or os.path.isabs(path):
            continue
        metadata = data["cells"][index]["metadata"]
        block = metadata.setdefault(ran.BLOCK, {})
        if path not in (paths := block.setdefault(key, [])):
            paths.append(path)


def _left(cell: Json) -> bool:
    """Return whether a cell ended its notebook on purpose, with ``sys.exit(0)``."""
    return any(output.get("ename") == "SystemExit" for output in cell.get("outputs", ()))


def _of(part: Mapping[str, object]) -> Json:
    metadata = part.get("metadata")
    found = metadata.get("papermill") if isinstance(metadata, dict) else None
    return found if isinstance(found, dict) else {}


def _note(part: Json, note: Json) -> None:
    metadata = part.get("metadata")
    part["metadata"] = {**(metadata if isinstance(metadata, dict) else {}), "papermill": note}


def _iso(at: float) -> str:
    # always with microseconds, also where they happen to be 0: what is read by columns stays in its columns
    return datetime.datetime.fromtimestamp(at, datetime.UTC).isoformat(timespec="microseconds")


def _seconds(text: str) -> float:
    return datetime.datetime.fromisoformat(text).timestamp()
