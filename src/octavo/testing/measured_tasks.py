"""Measure what the tasks of a pipeline run when they are built as tests, in their processes.

What was measured of a task is kept with the state of its project: where it is fresh it is as covered as when it ran.
"""

from __future__ import annotations

import json
import os
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from .. import notebook as documents
from ..digests import digest
from ..errors import Error
from ..kinds import row
from ..lazy import lazy_imports
from ..model import Outcome, Task
from ..notebook.cells import Notebook
from ..process.variables import COVERAGE
from ..products import writing
from ..project import Project
from ..worker.measured import name
from . import measured
from .measured import Measured, Traced
from .naming import named

with lazy_imports():
    from ipykernel import compiler

if TYPE_CHECKING:
    from coverage import Coverage


@contextmanager
def measuring(project: Project, outcomes: Mapping[str, Outcome], shown: str, to: Measured) -> Iterator[None]:
    """Measure what a build runs. ``outcomes`` are known at its end, ``shown`` is the task whose cells are told."""
    session = measured.current()
    if session is None:
        yield
        return
    options = measured.options_of(session)
    kept = Path(project.root, ".octavo", "coverage", digest(json.dumps(options, sort_keys=True)))
    with tempfile.TemporaryDirectory(prefix="octavo-coverage-") as folder:
        said = {"folder": folder, "root": os.getcwd(), "options": options}
        os.environ[COVERAGE] = json.dumps(said)
        try:
            yield
        finally:
            del os.environ[COVERAGE]
        for task, outcome in outcomes.items():
            found = Path(folder, name(task))
            if found.exists():
                with suppress(OSError):
                    kept.mkdir(parents=True, exist_ok=True)
                    writing.write(kept / found.name, [found.read_bytes()])
            elif outcome is Outcome.FRESH:
                found = kept / found.name
            if found.exists():
                _take(project.graph[task], found, project, session, to if task == shown else None)


def _take(task: Task, path: Path, project: Project, session: Coverage, to: Measured | None) -> None:
    """Add what was measured of a task to the data of the session."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pytest's own process may have run nothing that is measured
        data = session.get_data()
    own: dict[str, Traced] = {}
    for file, traced in measured.traced_in([path]):
        if Path(file).parent.name.startswith("ipykernel_"):
            own[Path(file).stem] = traced
        elif os.path.isfile(file):
            measured.add(data, file, traced)
    if own and (document := _notebook(task, project)) is not None:
        stems = {
            index: Path(compiler.get_file_name(cell["source"])).stem
            for index, cell in enumerate(document.cells)
            if cell["cell_type"] == "code"
        }
        counts = {index: index for index, stem in stems.items() if stem in own}
        cells = {f"In_{index}": own[stems[index]] for index in counts}
        measured.add_script(data, session, document, counts, cells)
        if to is not None:
            to.cells(document, counts, named(document, nbval=False), cells)


def _notebook(task: Task, project: Project) -> Notebook | None:
    if not row(task.kind).executed:
        return None
    path = Path(project.root, task.source.path)
    try:
        return documents.loads(path.read_bytes(), str(path))
    except (OSError, Error, ExceptionGroup):
        return None
