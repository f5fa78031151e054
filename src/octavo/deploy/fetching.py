"""Bring the results of a run into the project that it was submitted from, where they fit its code as it is now."""

from __future__ import annotations

from collections.abc import Sequence

from ..project import Project
from .depot import Gone
from .runs import Runs


def fetch(project: Project, runs: Runs, run: str, targets: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Bring the products of selected tasks; return the tasks that are fresh now, and why others are not.

    They are put into the cache, as if they had been made here, and restored from it: it is the cache that knows
    whether they are what the code here would make.
    """
    told, cache = runs.tasks(run), project.cache()
    left: dict[str, str] = {}
    for name in project.graph.select(targets):
        if (one := told.get(name)) is None:
            continue
        entry = one.entry()
        if entry is None:
            left[name] = one.why or one.state
            continue
        try:
            runs.depot.bring_products(entry, cache.blobs)
            cache.add(entry)
        except Gone:
            left[name] = "its products are not at the store any more"
    done = project.pull([*targets], remote=False)
    names = {*project.graph.select(targets)} & told.keys()
    words = {
        "not there": "the code, its inputs or its environment are others here",
        "waits": "a task before it is not fresh here",
    }
    left |= {
        name: words.get(why, why) for name, why in done.left.items() if name in names and name not in left
    }
    return [name for name in (*done.fresh, *done.moved) if name in names and name not in left], left
