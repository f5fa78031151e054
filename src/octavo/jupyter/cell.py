"""The cell with the real values of a task, which its notebook shows while it is open and its file never has."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from ..dataclass import dataclass
from ..kinds import notebook as notebooks
from ..notebook.inject import INJECTED, inject, parameters_cell, tags
from ..notebook.translate import known
from ..secrets import hiding
from ..worker import around

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ..model import Json, Task
    from .tasks import Of, TasksOfFile

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


def injection(found: TasksOfFile, file: Path) -> Injection | None:
    """Return what pipelines say about a file; None where it is no task's."""
    if found.tasks:
        return _of_task(found, file)
    if not found.mistakes:
        return None
    return untold("\n".join(found.mistakes), file.name)


def untold(why: str, path: str) -> Injection:
    """Return what is shown in a notebook whose values cannot be told."""
    words = f"octavo cannot tell the values of this notebook:\n{why}"
    return Injection(_whole(comment(words, "python")), "python3" if path.endswith(".py") else None)


def inserted(cells: Sequence[Json], cell: Json) -> list[Json]:
    """Return cells with one more: below a cell injected by hand, else below the parameters cell, else on top."""
    by_hand = [index for index, other in enumerate(cells) if INJECTED in tags(other)]
    parameters = parameters_cell(cells)
    at = by_hand[-1] + 1 if by_hand else 0 if parameters is None else parameters + 1
    return [*cells[:at], cell, *cells[at:]]


def removed(cells: Sequence[Json]) -> list[Json]:
    """Return cells without those that were put in here, be they copied, moved or in the copy of a file."""
    return [cell for cell in cells if MARK not in cell.get("metadata", {})]


def _of_task(found: TasksOfFile, file: Path) -> Injection:
    of = found.tasks[0]
    words = [
        f"Parameters of task {of.task.name}, from {of.pipeline.name}: shown while this is open, never saved"
    ]
    if others := ", ".join(found.others):
        other = next(found.others)
        words.append(f"This is also the source of: {others}")
        words.append(
            f"To see those values: %load_ext octavo, %octavo task {other}, and reload the notebook from disk"
        )
    facts = of.task.source.facts
    kernel = of.task.kernel or facts.kernel or ("python3" if facts.language == "python" else None)
    # a kernel of Jupyter's runs in the folder of its notebook
    return Injection(_whole(text(of, str(file.parent), words)), kernel, facts.language)


def text(of: Of, folder: str, words: Sequence[str]) -> str:
    """Return the source of a cell that sets the values of a task where it runs in a folder; first come some words."""
    task = placed(of, folder)
    if secrets := ", ".join(task.hidden.params):
        words = [*words, f"Secrets are not shown: set {secrets} before you run it"]
    values = notebooks.values_of(hiding.veiled(task))
    language = task.source.facts.language
    if not values:
        return comment("\n".join(words), language)
    empty: Json = {"cells": [], "nbformat": 4, "nbformat_minor": 5}
    source: str = inject(empty, values, language=language, comment="\n".join(words))["cells"][0]["source"]
    return source


def placed(of: Of, folder: str) -> Task:
    """Return a task with its paths as they are to be in the folder where it runs."""
    cwd = os.path.relpath(os.path.realpath(folder), os.path.realpath(of.root))
    return around.placed(replace(of.task, cwd="" if cwd == "." else cwd), str(of.root))


def comment(words: str, language: str) -> str:
    """Return words as comments of a language."""
    return "\n".join(known(language).comment.format(line) for line in words.splitlines())


def _whole(source: str) -> Json:
    """Return a cell; the same one each time, for real-time collaboration compares what is opened."""
    metadata = {"tags": [INJECTED], "editable": False, MARK: True}
    cell: Json = {
        "cell_type": "code",
        "execution_count": None,
        "id": _ID,
        "metadata": metadata,
        "outputs": [],
    }
    return {**cell, "source": source}
