"""Tasks with options, by the names that pipeline.yaml has for them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from octavo.model import Task

#: The parts of a task that options may stand in.
_PARTS = ("calls", "declared", "run", "resources")


def with_options(task: Task, **options: Any) -> Task:
    """Return a task with options, each in its place; the rest are those that its kind declares."""
    for name, value in options.items():
        part = next((it for it in _PARTS if name in getattr(task, it).__dataclass_fields__), None)
        if name in ("kernel", "cwd"):
            changed: dict[str, Any] = {name: value}
        elif part is not None:
            changed = {part: replace(getattr(task, part), **{name: value})}
        else:
            changed = {"own": {**task.own, name: value}}
        task = replace(task, **changed)
    return task
