"""The versions of a notebook over time, in git, in the cache and on the shelf, and what changed in each cell."""

from __future__ import annotations

import json

from ..dataclass import dataclass
from ..model import Json


@dataclass(frozen=True, slots=True)
class Revision:
    """A commit that changed a file: when (ISO format), who, what was said, and where the file was then."""

    commit: str
    at: str
    by: str
    subject: str
    path: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A notebook as it was. ``origin`` is "commit", "run", "published" or "now"; ``name`` says which.

    ``cells`` are those of the notebook format; ``outputs`` tells whether the file keeps outputs at all.
    """

    origin: str
    name: str
    at: str
    cells: tuple[Json, ...]
    by: str = ""
    subject: str = ""
    outputs: bool = True


@dataclass(frozen=True, slots=True)
class CellHistory:
    """What is known of a cell of the newest snapshot; the snapshots are the first that have it as it is now.

    ``number`` counts code cells from 1 and is 0 for others; ``index`` counts all from 0. ``changes`` are how often its
    source changed since it first appeared. ``output`` is None where no snapshot keeps outputs of it.
    """

    index: int
    number: int
    source: str
    first: Snapshot
    changed: Snapshot
    changes: int
    output: Snapshot | None


def outputs(cell: Json) -> str:
    """Return what a cell shows as a text that is equal for equal outputs; "" for nothing."""
    shown = [
        {
            key: value
            for key, value in output.items()
            if key not in ("execution_count", "metadata", "transient")
        }
        for output in cell.get("outputs") or ()
    ]
    return json.dumps(shown, sort_keys=True) if shown else ""
