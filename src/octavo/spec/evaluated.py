"""Call the functions that give parameters, all of a file in one child process."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..kinds.keys import as_call, is_evaluated
from ..lazy import lazy_imports
from ..model import Json
from ..process import child

with lazy_imports():
    import traceback  # only a function that fails needs it

    from .. import calls as callables
    from . import factory

if TYPE_CHECKING:
    from ..errors import Place
    from ..model import Call
    from .schema import TaskSpec

_HINT = "parameters are numbers, strings, true, false, null, and lists and mappings of these"


def called(tasks: Iterable[TaskSpec]) -> list[tuple[Call, Place]]:
    """Return the calls among the parameters and grids of tasks, in order, each with its place."""
    found: list[tuple[Call, Place]] = []
    for task in tasks:
        _replaced(task, lambda call, where: found.append((call, where)))
    return found


def filled(tasks: Iterable[TaskSpec], answers: Iterable[Json]) -> list[TaskSpec]:
    """Return the tasks with the answers in place of the calls that ``called`` returns."""
    given = iter(answers)
    return [_replaced(task, lambda call, where: next(given)["value"]) for task in tasks]


def _replaced(task: TaskSpec, answer: Callable[[Call, Place], object]) -> TaskSpec:
    def through(name: str, table: Mapping[str, object]) -> dict[str, object]:
        return {
            key: answer(as_call(inner), task.places.get(f"{name}.{key}", task.where))
            if is_evaluated(inner)
            else inner
            for key, inner in table.items()
        }

    calls = [inner for table in (task.params, *task.grid) for inner in table.values() if is_evaluated(inner)]
    if not calls:
        return task
    params = through("params", task.params)
    return replace(task, params=params, grid=tuple(through("grid", grid) for grid in task.grid))


def values(calls: Sequence[Call], root: str) -> list[Json]:
    """Return what each call gave: ``{"value": …}``, or ``{"error": …, "hint": …}`` where it gave nothing of use.

    They run in the project's folder, with its modules on the path. What they print goes to the standard error.
    """
    try:
        return list(ask(__name__, list(calls), root))
    except RuntimeError as error:  # a function that ends the process
        return [{"error": str(error), "hint": None} for _ in calls]


def pipeline(question: tuple[str, Mapping[str, object]], root: str) -> Any:  # data as pipeline.yaml has it
    """Return the pipeline, as data of the dialect, that the function of ``location`` makes with these settings."""
    location, settings = question
    return ask(factory.__name__, (location, dict(settings)), root)


#: What the project's own code is asked, by the name that the answer is remembered under: questions of any type.
QUESTIONS: dict[str, Callable[[Any, str], Any]] = {"values": values, "pipeline": pipeline}


def ask(module: str, question: object, root: str) -> Any:  # JSON at the border
    """Return what a module of octavo answers as a child; raise ``RuntimeError`` with the last line of its errors."""
    done = child.ask(module, question, root)
    if not done.answered:
        lines = done.output.strip().splitlines()
        words = lines[-1] if lines else f"it ended with exit code {done.code}"
        raise RuntimeError(words + _place(lines, root))
    return done.value


def _place(lines: Sequence[str], root: str) -> str:
    """Return where in the project's own code a traceback ends, as the rest of a sentence."""
    own = f'File "{os.path.realpath(root)}{os.sep}'
    found = [line.strip()[len(own) :] for line in lines if line.strip().startswith(own)]
    path, _, rest = found[-1].partition('", line ') if found else ("", "", "")
    return f" ({path}:{rest.split(',')[0]})" if found else ""


def _value(call: Call) -> Json:
    try:
        value = callables.invoke(call)
    except Exception as error:
        known = getattr(error, "message", None)
        where = _place("".join(traceback.format_exception(error)).splitlines(), os.getcwd())
        return {
            "error": known or f"{type(error).__name__}: {error}{where}",
            "hint": getattr(error, "hint", None),
        }
    if (odd := _odd(value)) is not None:
        return {"error": f"it returned {odd}, not plain data", "hint": _HINT}
    return {"value": value}


def _odd(value: object) -> str | None:
    """Return the type of what is in a value and is not plain; None where all of it is."""
    if isinstance(value, dict):
        value = [*value, *value.values()] if all(isinstance(key, str) for key in value) else [object()]
    if isinstance(value, list | tuple):
        return next((odd for inner in value if (odd := _odd(inner))), None)
    plain = value is None or type(value) in (bool, int, float, str)
    return None if plain else f"a {type(value).__name__}"


def main() -> None:
    """Answer the calls that this process is asked."""
    child.answer(lambda calls: [_value(call) for call in calls])
