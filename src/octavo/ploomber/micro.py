"""Pipelines of functions whose argument names are their dependencies."""

from __future__ import annotations

import functools
import inspect
import pickle
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from ..process.ploomber_names import absent
from ..products import writing
from .dag import DAG, DAGConfigurator
from .executors import Parallel, Serial
from .products import File
from .tasks import PythonCallable
from .util import ParamGrid

__all__ = ["capture", "dag_from_functions", "grid"]
__getattr__ = absent(__name__)


def grid(**params: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a task of the function for each combination of values; several ``@grid`` follow each other."""

    def decorated(function: Callable[..., Any]) -> Callable[..., Any]:
        known = getattr(function, "__ploomber_grid__", [])
        function.__ploomber_grid__ = [*known, params]  # type: ignore[attr-defined]
        return function

    return decorated


def capture(function: Callable[..., Any]) -> Callable[..., Any]:
    """Do nothing: functions here run with all that is around them. It is for Ploomber, which can leave that behind."""
    return function


def dag_from_functions(
    functions: Iterable[Callable[..., Any]],
    output: str = "output",
    params: Mapping[str, Mapping[str, Any]] | None = None,
    parallel: bool = False,
    dependencies: Mapping[str, list[str]] | None = None,
    hot_reload: bool = True,
) -> DAG:
    """Return a pipeline whose tasks are functions; each value is kept as a pickle in ``output``.

    A function waits for those that its arguments name, or those that ``dependencies`` lists, whose values it then gets
    in that order. ``params`` has arguments by function; what a first function is given is its ``input_data``.
    """
    configurator = DAGConfigurator()
    configurator.params.hot_reload = hot_reload
    dag = configurator.create()
    dag.executor = Parallel() if parallel else Serial(build_in_subprocess=False)
    waiting: dict[str, list[str]] = {}
    known = {function.__name__: function for function in functions}
    for function in known.values():
        name, fixed = function.__name__, dict((params or {}).get(function.__name__, {}))
        grids = getattr(function, "__ploomber_grid__", None)
        if grids is None:
            sets = [(name, fixed)]
        else:
            combined = [values for one in grids for values in ParamGrid(one).product()]
            sets = [(f"{name}-{number}", {**fixed, **values}) for number, values in enumerate(combined)]
        listed = (dependencies or {}).get(name)
        for task, values in sets:
            names = listed if listed is not None else _arguments(function, values, known)
            call = _taking(function, names, by_place=listed is not None)
            PythonCallable(
                call, File(f"{output}/{task}"), dag, task, values, serializer=dump, unserializer=load
            )
            waiting[task] = names
    for task, names in waiting.items():
        for name in names:
            dag[task].set_upstream(dag[name])
    return dag


def _arguments(
    function: Callable[..., Any], values: Mapping[str, Any], known: Mapping[str, Any]
) -> list[str]:
    """Return the arguments that are values of other functions: what has a default may be something else."""
    names = {name: it.default for name, it in inspect.signature(function).parameters.items()}
    return [
        name
        for name, default in names.items()
        if name != "input_data"
        and name not in values
        and (name in known or default is inspect.Parameter.empty)
    ]


def _taking(function: Callable[..., Any], names: list[str], by_place: bool) -> Callable[..., Any]:
    """Return a function that gets the values of others as ``upstream``, as all tasks do."""
    if not names:
        return function

    @functools.wraps(function)
    def call(upstream: Mapping[str, Any], **params: Any) -> Any:
        if by_place:
            return function(*(upstream[name] for name in names), **params)
        return function(**{name: upstream[name] for name in names}, **params)

    own = inspect.signature(function).parameters
    rest = [own[name] for name in own if name not in names] if not by_place else []
    first = inspect.Parameter("upstream", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    # the function may be defined anew in its notebook
    call.__octavo_remake__ = functools.partial(_taking, names=names, by_place=by_place)  # type: ignore[attr-defined]
    call.__signature__ = inspect.Signature([first, *rest])  # type: ignore[attr-defined]
    return call


def dump(value: Any, product: Any) -> None:
    """Keep a value in a file."""
    path = Path(product)
    path.parent.mkdir(parents=True, exist_ok=True)
    writing.write(path, [pickle.dumps(value)])


def load(product: Any) -> Any:
    """Return the value that is kept in a file."""
    return pickle.loads(Path(product).read_bytes())
