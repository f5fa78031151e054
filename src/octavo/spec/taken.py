"""Refuse parameters that the code of a task does not take, values of another type, and arguments that nobody gives."""

from __future__ import annotations

import os
import re
from collections.abc import Container, Iterable, Iterator
from typing import TYPE_CHECKING

from ..errors import Error, ParameterError, Place
from ..hints import did_you_mean
from ..kinds import ROWS
from ..lazy import lazy_imports
from ..model import PASSED, Task
from ..reading.folders import contents

with lazy_imports():
    from .. import notebook
    from ..notebook import inject
    from ..reading import templates

if TYPE_CHECKING:
    from .stated import TaskSpec

#: Code that may read any name: what it names stands elsewhere, or is put together when it runs.
_ANY_NAME = {
    "python": re.compile(
        r"\b(?:globals|locals|vars|exec|eval|user_ns|user_global_ns|__main__|__dict__)\b"
        r"|^\s*%(?:run|load|loadpy|who|whos|who_ls|store|recall|rerun|macro)\b",
        re.MULTILINE,
    ),
    "": re.compile(r"\b(?:ls|m?get|exists|source|include|eval|environment|globalenv)\b"),
    "template": re.compile(r"\{%-?\s*(?:include|import|extends|from)\b|\bself\._|\bcaller\b"),
}


class TakenParameters:
    """Which parameters the code of tasks takes; each text is read once for a name."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._known: dict[tuple[str, str], bool] = {}
        self._said: set[str] = set()

    def mistakes(self, spec: TaskSpec, task: Task) -> Iterator[Error]:
        """Yield what is wrong with the parameters that a pipeline states for a task, once for all of a grid."""
        facts = task.source.facts
        row = ROWS.get(task.kind)
        if row is None or row.source == "data" or facts.mistakes:
            return
        annotated = {parameter.name for parameter in facts.params if parameter.annotation is not None}
        for name, value in spec.params.items():
            where = next((spec.places[key] for key in _keys(name) if key in spec.places), spec.where)
            error: Error | None = None
            if name in annotated:
                error = next(iter(inject.check(facts, {name: value}, where=task.source.path)), None)
                if error is not None:
                    error.where = where
            elif name not in PASSED and not self._takes(task, name):
                error = _unknown(task, name, where)
            if error is not None and str(error) not in self._said:
                self._said.add(str(error))
                yield error

    def _takes(self, task: Task, name: str) -> bool:
        """Return whether code takes a parameter; True where that cannot be told."""
        facts = task.source.facts
        if any(parameter.name == name for parameter in facts.params):
            return True
        if ROWS[task.kind].source == "function":
            return not facts.parameters_cell
        if any(name in cell.uses for cell in facts.cells):
            return True
        key = task.source.path, name
        if key not in self._known:
            self._known[key] = _speaks_of(task, name, self._root)
        return self._known[key]


def lacking(tasks: Iterable[Task], root: str, given: Container[str] = ()) -> Iterator[Error]:
    """Yield what functions and templates surely need, and neither their tasks nor others give."""
    for task in tasks:
        facts = task.source.facts
        row = ROWS.get(task.kind)
        if row is None or facts.mistakes:
            continue
        asked = [parameter.name for parameter in facts.params if parameter.default is None]
        names = [name for name in asked if name not in task.params and name not in given]
        if not names:
            continue
        if row.source == "template":
            yield from _unset(task, names, root)
        elif row.source == "function" and facts.parameters_cell:
            message = f"the function {task.source.entry} requires {', '.join(names)}, which is not given"
            hint = "add it to the task's params, or give it a default"
            yield ParameterError(message, task.where, hint)


def _unset(task: Task, names: Container[str], root: str) -> Iterator[ParameterError]:
    """Yield the names that a template cannot be rendered without, each with its line."""
    text = task.source.text
    if text is None:
        text = contents(os.path.join(root, task.source.path)).decode("utf-8-sig", "surrogateescape")
    for name, line in templates.needed(text).items():
        # a parameter that is near and that nobody takes has been told already
        told = (other for other in task.params if did_you_mean(name, [other]))
        if name in names and all(_speaks_of(task, other, root) for other in told):
            hint = did_you_mean(name, task.params) or f'add "{name}" to the params of "{task.name}"'
            message = f'the template uses "{name}", which the task does not set'
            yield ParameterError(message, Place(task.source.path, line), hint)


def _keys(name: str) -> tuple[str, ...]:
    return f"params.{name}", f"grid.{name}", "grid", "params"


def _unknown(task: Task, name: str, where: Place) -> ParameterError:
    known = [parameter.name for parameter in task.source.facts.params]
    listed = f"it takes {', '.join(known)}" if known else "it takes none"
    if not known and ROWS[task.kind].source == "notebook":
        listed = "no cell declares or reads it"
    message = f'{task.source.entry or task.source.path} has no parameter "{name}"'
    return ParameterError(message, where, did_you_mean(name, known) or listed)


def _speaks_of(task: Task, name: str, root: str) -> bool:
    """Return whether the word occurs in the code of a notebook, or in a template; or might at any time."""
    data = contents(os.path.join(root, task.source.path))
    if ROWS[task.kind].source == "notebook":
        cells = notebook.loads(data, task.source.path).cells
        code = "\n".join(cell["source"] for cell in cells if inject.runs(cell))
        signs = _ANY_NAME["python" if task.source.facts.language == "python" else ""]
    else:
        code, signs = data.decode("utf-8", "replace"), _ANY_NAME["template"]
    return bool(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", code) or signs.search(code))
