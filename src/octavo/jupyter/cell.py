"""The cell with the real values of a task, which its notebook shows while it is open and its file never has."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from .. import project as projects
from ..dataclass import dataclass
from ..errors import Error, Errors, each
from ..kinds import notebook as notebooks
from ..kinds import row
from ..notebook.inject import INJECTED, inject, parameters_cell, tags
from ..notebook.translate import known
from ..secrets import hiding
from ..spec.entry import SPEC
from ..worker import around

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..model import Json, Task
    from ..project import Project

#: What marks, in the metadata of cells and notebooks, that something of them is not for the file. Executed notebooks
#: have ``octavo`` there, which is.
MARK = "octavo-opened"

_ID = "octavo-injected"


@dataclass(frozen=True, slots=True)
class Injection:
    """What a pipeline says about a file that is opened: the cell to show in it, and the kernel to start."""

    cell: Json
    kernel: str | None = None
    language: str = "python"


def opened(file: Path, top: Path) -> Injection | None:
    """Return what the nearest pipeline, from the file's folder up to ``top``, says; None where it is no task's."""
    spec = next(
        (
            folder / SPEC
            for folder in file.parents
            if folder.is_relative_to(top) and (folder / SPEC).is_file()
        ),
        None,
    )
    if spec is None:
        return None
    try:
        with projects.load(spec) as project:
            found = [task for task in project.graph if _is_source(task, file, project.root)]
            return _of_task(found, file, project) if found else None
    except (Error, Errors) as error:
        mistakes = "\n".join(map(str, each(error)))
        if file.name not in spec.read_text(encoding="utf-8", errors="replace"):
            return None
        words = f"octavo cannot tell the values of this notebook:\n{mistakes}"
        return Injection(_cell({}, words, "python"), "python3" if file.suffix == ".py" else None)


def inserted(cells: Sequence[Json], cell: Json) -> list[Json]:
    """Return cells with one more: below a cell injected by hand, else below the parameters cell, else on top."""
    by_hand = [index for index, other in enumerate(cells) if INJECTED in tags(other)]
    parameters = parameters_cell(cells)
    at = by_hand[-1] + 1 if by_hand else 0 if parameters is None else parameters + 1
    return [*cells[:at], cell, *cells[at:]]


def removed(cells: Sequence[Json]) -> list[Json]:
    """Return cells without those that were put in here, be they copied, moved or in the copy of a file."""
    return [cell for cell in cells if MARK not in cell.get("metadata", {})]


def _is_source(task: Task, file: Path, root: Path) -> bool:
    return row(task.kind).source == "notebook" and os.path.realpath(root / task.source.path) == str(file)


def _of_task(tasks: Sequence[Task], file: Path, project: Project) -> Injection:
    task = tasks[0]
    # a kernel of Jupyter's runs in the folder of its notebook
    folder = os.path.relpath(file.parent, os.path.realpath(project.root))
    task = around.placed(replace(task, cwd="" if folder == "." else folder), str(project.root))
    words = [f"Parameters of task {task.name}, from {SPEC}: shown while this is open, never saved"]
    if others := ", ".join(other.name for other in tasks[1:]):
        words.append(f"This is also the source of: {others}")
    if secrets := ", ".join(task.hidden.params):
        words.append(f"Secrets are not shown: set {secrets} before you run it")
    language = task.source.facts.language
    kernel = task.kernel or task.source.facts.kernel or ("python3" if language == "python" else None)
    values = notebooks.values_of(hiding.veiled(task))
    return Injection(_cell(values, "\n".join(words), language), kernel, language)


def _cell(values: Json, words: str, language: str) -> Json:
    """Return the cell; the same one each time, for real-time collaboration compares what is opened."""
    empty: Json = {"cells": [], "nbformat": 4, "nbformat_minor": 5}
    if values:
        cell: Json = inject(empty, values, language=language, comment=words)["cells"][0]
    else:
        source = "\n".join(known(language).comment.format(line) for line in words.splitlines())
        cell = {"cell_type": "code", "execution_count": None, "outputs": [], "source": source}
    return {**cell, "id": _ID, "metadata": {"tags": [INJECTED], "editable": False, MARK: True}}
