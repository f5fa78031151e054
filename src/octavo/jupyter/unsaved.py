"""What an edit that is not saved yet would make stale: the pipeline as it would be with the open notebook on disk."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING

from .. import notebook as documents
from ..errors import Error, Errors
from ..kinds import row
from ..plan import plan
from ..reading.facts import facts
from . import cell as cells

if TYPE_CHECKING:
    from pathlib import Path

    from ..model import Facts, Json, Step
    from ..project import Project


def would_be(project: Project, file: Path, content: Json) -> Json:
    """Return the tasks that a notebook's cells, were they saved, would make stale, and mistakes that they have.

    ``file`` is the real path of the notebook, ``content`` what an editor has of it. Nothing is written.
    """
    read = _facts(content)
    graph, changed = project.graph, []
    mistakes: dict[str, None] = {}
    for task in project.graph:
        here = os.path.realpath(project.root / task.source.path) == str(file)
        if not here or row(task.kind).source != "notebook":
            continue
        mistakes |= dict.fromkeys(message for message, _ in read.fatal(task.kernel))
        if read.digest != task.source.facts.digest:
            changed.append(task.name)
            source = replace(task.source, facts=replace(read, raw=task.source.facts.raw))
            graph = graph.replaced(replace(task, source=source))
    stale: list[str] = []
    if changed:
        now = project.status()
        then = plan(graph, project.store, frozenset(graph.tasks))
        stale = [name for name, step in then.items() if _needs(step) and not _needs(now[name])]
    return {"changed": changed, "stale": stale, "mistakes": list(mistakes)}


def _facts(content: Json) -> Facts:
    try:
        kept = {
            **content,
            "cells": [_without_outputs(cell) for cell in cells.removed(content.get("cells", []))],
        }
        return facts(documents.loads(json.dumps(kept).encode(), "notebook.ipynb"))
    except (Error, Errors, KeyError, TypeError, AttributeError) as error:
        raise Error(f"that is no notebook: {error}") from None


def _without_outputs(cell: Json) -> Json:
    found = {"metadata": {}, **cell}
    return {**found, "outputs": [], "execution_count": None} if cell.get("cell_type") == "code" else found


def _needs(step: Step) -> bool:
    return bool(step.reasons or step.waits)
