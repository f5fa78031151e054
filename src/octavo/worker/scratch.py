"""The notebook of a task with its real parameters, as a file to try things out in: its source stays as it is."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import Error
from ..kinds import notebook as notebooks
from ..kinds import row
from ..model import Task
from ..notebook import Notebook, read, write
from ..secrets import hiding
from . import around


def prepare(task: Task, root: str, *, force: bool = False) -> str:
    """Write the notebook of a task, parameters injected, to where it runs, and return its path.

    The task must be filled: it has the text of its source. A notebook from before that was edited since is not
    overwritten unless ``force`` is set; that, and a task that is no notebook, raises Error.
    """
    if row(task.kind).source != "notebook":
        raise Error(
            f'"{task.name}" is no notebook but a {task.kind}',
            task.where,
            "octavo task --debug stops where it fails",
        )
    data, _ = notebooks.prepare(hiding.veiled(around.placed(task, root)))
    metadata = data.setdefault("metadata", {})
    kernel = task.source.facts.kernel or ("python3" if task.source.facts.language == "python" else None)
    if kernel and "kernelspec" not in metadata:
        metadata["kernelspec"] = {
            "name": kernel,
            "display_name": kernel,
            "language": task.source.facts.language,
        }
    path = Path(around.folder_of(task, root), f"{task.name}.scratch.ipynb")
    if path.exists() and not force and _code(read(path)) != _code(Notebook(data)):
        hint = "--force overwrites it; rename it to keep it"
        raise Error(
            "it has other cells than the task now: it was edited, or the task was",
            os.path.relpath(path),
            hint,
        )
    write(Notebook(data, path=str(path)), path)
    return str(path)


def _code(document: Notebook) -> list[str]:
    return [cell["source"] for cell in document.cells if cell["cell_type"] == "code"]
