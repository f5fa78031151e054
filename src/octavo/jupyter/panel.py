"""A pipeline as the panel in JupyterLab shows it: its tasks with states, reasons and places, and its graph."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

from ..errors import Error, Errors, each
from ..executed.editions import editions, failed
from ..project import Project
from ..secrets.hiding import discreet
from ..show import steps as shown_steps
from ..show import svg

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ..model import Json, Step, Task
    from ..spec.entry import EntryPoint


def state(entry: EntryPoint, top: Path, *, drawn: bool = False) -> Json:
    """Return the pipeline as the panel shows it; mistakes in it are told, and no error. ``drawn``: with its graph."""
    found: Json = {"pipeline": os.path.relpath(entry.path, top), "tasks": [], "notes": [], "mistakes": []}
    try:
        with Project(entry, {}) as project:
            steps = project.status()
            sources = Counter(step.task.source.path for step in steps.values() if not step.task.source.entry)
            found["tasks"] = [
                _task(step, project, _shown(project.root, top), sources[step.task.source.path] > 1)
                for step in steps.values()
            ]
            found["notes"] = list(project.notes)
            if drawn:
                # the page brings the colours, those of its theme
                found["graph"] = svg.svg(steps, f"Graph of {project.root.name}", style=False)
    except (Error, Errors) as error:
        found["mistakes"] = [discreet(str(one)) for one in each(error)]
    return found


def _task(step: Step, project: Project, shown: Callable[[str], str | None], several: bool) -> Json:
    return {
        **shown_steps.plain(step),
        "products": list(_products(step.task, project, shown)),
        "open": shown(step.task.source.path),
        "several": several,
    }


def _products(task: Task, project: Project, shown: Callable[[str], str | None]) -> Iterator[Json]:
    """Yield what a task leaves behind: what it is, its place, and whether it is there; then what a failed run left."""
    notebooks = {edition.path: edition.plain for edition in editions(task)}
    for product in task.products:
        if product.relation is None:
            plain = notebooks.get(product.path)
            what = "product" if plain is None else "executed notebook" if plain else "report"
            yield _place(product.path, what, project, shown)
    left = failed(task)
    if left is not None and (project.root / left).exists():
        yield _place(left, "notebook of the failed run", project, shown)


def _place(path: str, what: str, project: Project, shown: Callable[[str], str | None]) -> Json:
    return {"name": path, "what": what, "path": shown(path), "there": (project.root / path).exists()}


def _shown(root: Path, top: Path) -> Callable[[str], str | None]:
    """Return what turns a path of a project into one as the server names it; None for what it does not show."""
    here = os.path.relpath(os.path.realpath(root), top)

    def name(path: str) -> str | None:
        found = os.path.normpath(os.path.join(here, path)).replace(os.sep, "/")
        return None if found.startswith("../") or os.path.isabs(found) else found

    return name
