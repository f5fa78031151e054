"""The lineage of notebooks that ran without a pipeline, from what their own files keep of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .. import notebook as documents
from ..errors import Error, Errors
from ..metadata.identity import identity, is_copy
from ..reading import ran
from ..reading.folders import walk
from . import FileUse, Job, Lineage, WithId

if TYPE_CHECKING:
    from ..notebook.cells import Notebook


def gather(folder: str) -> Lineage:
    """Return the lineage of the executed notebooks of a folder."""
    jobs: list[Job] = []
    notebooks: list[WithId] = []
    start = len(os.path.join(folder, ""))
    for full in walk(folder):
        if not full.endswith(".ipynb"):
            continue
        try:
            found = documents.read(full)
        except (Error, Errors, OSError):
            continue  # one that is broken says nothing
        if is_copy(found.data["metadata"]):
            continue  # what it is a copy of says the same, where it stands
        path = full[start:]
        said = identity(found.data["metadata"], full)
        if said.id or said.parents:
            notebooks.append(WithId(path, said.id, said.parents))
        jobs += _job(found, path)
    return Lineage(jobs, notebooks)


def _job(notebook: Notebook, path: str) -> Iterator[Job]:
    """Yield what a notebook says of its run, if it says anything; paths in it are relative to where it ran."""
    note = notebook.data["metadata"].get("papermill")
    if not isinstance(note, dict) or not isinstance(note.get("start_time"), str) or note.get("exception"):
        return
    source = note.get("input_path")
    parameters = note.get("parameters")
    seconds = note.get("duration")
    reads: dict[str, list[int]] = {}
    writes: dict[str, list[int]] = {}
    number = 0
    for one in notebook.cells:
        number += one["cell_type"] == "code"
        for key, table in (("reads", reads), ("writes", writes)):
            for file in ran.used(one, key):
                table.setdefault(file, []).append(number)
    yield Job(
        path,
        "notebook",
        source if isinstance(source, str) and source != "-" else path,
        path,
        note["start_time"],
        float(seconds) if isinstance(seconds, int | float) else 0.0,
        params={str(name): repr(value) for name, value in parameters.items()}
        if isinstance(parameters, dict)
        else {},
        reads={file: FileUse("", tuple(cells)) for file, cells in reads.items()},
        writes={path: FileUse(), **{file: FileUse("", tuple(cells)) for file, cells in writes.items()}},
    )
