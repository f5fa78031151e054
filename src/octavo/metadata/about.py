"""Gather what is known of a notebook from its file."""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ..reading.facts import facts
from . import About, Integrity, LastRun, Trust
from .identity import identity
from .integrity import integrity
from .packages import packages

if TYPE_CHECKING:
    from ..model import Json
    from ..notebook.cells import Notebook
    from . import Role


_NOWHERE = Integrity(Trust.NOTHING, ("its format keeps none",))


def about(notebook: Notebook, roles: Sequence[Role] = ()) -> About:
    """Return what is known of a notebook; ``roles`` are those that it has in pipelines."""
    read = facts(notebook)
    metadata = notebook.data.get("metadata") or {}
    said = identity(metadata, notebook.path)
    stored = {name: version for role in roles for name, version in role.packages.items()} | dict(
        said.packages
    )
    folders = [os.path.dirname(path) or "." for path in (notebook.path, *(role.pipeline for role in roles))]
    title = read.title or metadata.get("title")
    return About(
        notebook.path,
        title if isinstance(title, str) else "",
        notebook.format,
        read.language,
        read.kernel or "",
        len(notebook.cells),
        said,
        last_run(notebook.data),
        integrity(notebook.cells) if notebook.format == "ipynb" else _NOWHERE,
        packages(read.imports, stored, folders) if read.language == "python" else (),
        tuple(roles),
    )


def last_run(data: Json) -> LastRun | None:
    """Return when a notebook ran, as papermill's metadata or else Jupyter's times of its cells tell."""
    note = (data.get("metadata") or {}).get("papermill")
    if isinstance(note, dict) and isinstance(note.get("start_time"), str):
        seconds = note.get("duration")
        return LastRun(
            note["start_time"],
            seconds if isinstance(seconds, int | float) else None,
            bool(note.get("exception")),
        )
    times = sorted(_times(data["cells"]))
    if not times:
        return None
    seconds = (times[-1] - times[0]).total_seconds()
    errors = (output for cell in data["cells"] for output in cell.get("outputs") or ())
    return LastRun(
        times[0].isoformat(timespec="seconds"),
        seconds,
        any(output.get("output_type") == "error" for output in errors),
    )


def _times(cells: Sequence[Json]) -> Iterator[datetime.datetime]:
    """Yield the times that JupyterLab records of cells (``metadata.execution``), where they can be read."""
    for cell in cells:
        execution = (cell.get("metadata") or {}).get("execution")
        for text in execution.values() if isinstance(execution, dict) else ():
            try:
                yield datetime.datetime.fromisoformat(text).astimezone(datetime.UTC)
            except (TypeError, ValueError):
                continue
