"""Groups of tasks, one for each set of parameters."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment

from .util import ParamGrid


def from_params(
    task_class: Any,
    product_class: Any,
    product_primitive: Any,
    task_kwargs: Mapping[str, Any],
    dag: Any,
    params_array: Iterable[Mapping[str, Any]],
    name: str | None = None,
    namer: Callable[[Mapping[str, Any]], str] | str | None = None,
    resolve_relative_to: str | os.PathLike[str] | None = None,
    on_render: Any = None,
    on_finish: Any = None,
    on_failure: Any = None,
) -> list[Any]:
    """Return a task for each set of parameters.

    Their names are ``name`` and a number, or what ``namer`` makes of the parameters; with numbers, these stand in the
    products, too: ``out.csv`` becomes ``out-0.csv``.
    """
    if name is None and namer is None:
        raise ValueError("Only one of name and namer can be None, but not both")
    if twice := [key for key in ("dag", "name", "params", "product") if key in task_kwargs]:
        raise KeyError(f"{', '.join(twice)} should not be part of task_kwargs")
    if "source" not in task_kwargs:
        raise KeyError("source should be in task_kwargs")
    tasks = []
    for number, values in enumerate(params_array):
        params, index = copy.deepcopy(dict(values)), None if namer else number
        task_name = _named(namer, params) if namer else f"{name}{number}"
        primitive = _filled(product_primitive, "{{", {"name": task_name})
        product = _product(product_class, primitive, index, resolve_relative_to, params)
        task = task_class(
            product=product, dag=dag, name=task_name, params=params, **copy.copy(dict(task_kwargs))
        )
        task.on_render, task.on_finish, task.on_failure = on_render, on_finish, on_failure
        tasks.append(task)
    return tasks


def from_grid(
    task_class: Any,
    product_class: Any,
    product_primitive: Any,
    task_kwargs: Mapping[str, Any],
    dag: Any,
    grid: Any,
    params: Mapping[str, Any] | None = None,
    **arguments: Any,
) -> list[Any]:
    """Return a task for each combination of the values of a grid; ``params`` are the same for all."""
    array = ParamGrid(grid, params).product()
    return from_params(task_class, product_class, product_primitive, task_kwargs, dag, array, **arguments)


def _named(namer: Callable[[Mapping[str, Any]], str] | str, params: Mapping[str, Any]) -> str:
    return str(_filled(namer, "[[", params)) if isinstance(namer, str) else namer(params)


def _filled(value: Any, opening: str, values: Mapping[str, Any]) -> Any:
    """Fill what stands in [[ ]] or {{ }}; what has no value becomes nothing, as in Ploomber's grids."""
    if not isinstance(value, str) or opening not in value:
        return value
    closing = {"[[": "]]", "{{": "}}"}[opening]
    around = Environment(variable_start_string=opening, variable_end_string=closing)
    return around.from_string(value).render(**values)


def _product(make: Any, primitive: Any, index: int | None, base: Any, params: Mapping[str, Any]) -> Any:
    if isinstance(primitive, Mapping):
        return {key: _product(make, inner, index, base, params) for key, inner in primitive.items()}
    number = "" if index is None else f"-{index}"
    if isinstance(primitive, list | tuple):
        parts = list(primitive)
        parts[len(parts) - 2] = _filled(f"{parts[len(parts) - 2]}{number}", "[[", params)
        return make(parts)
    path = Path(base, primitive).resolve() if base is not None else Path(primitive)
    # the rule of the dialect: the number stands before the first dot of the name
    suffix = "".join(path.suffixes)
    return make(
        _filled(
            str(path.parent / f"{path.name.replace(suffix, '') if suffix else path.name}{number}{suffix}"),
            "[[",
            params,
        )
    )
