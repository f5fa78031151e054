"""Expand a task with a grid into one task per combination, named as in Ploomber."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import product
from math import prod
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from ..errors import SpecError
from ..lazy import lazy_imports

with lazy_imports():
    from ..reading import bounded

if TYPE_CHECKING:
    from .schema import TaskSpec

#: Combinations of one grid: more tasks than that are a slip, and would fill the memory before anybody is told.
_MOST = 100_000
_SIGNS = re.compile(r"\[\[\s*(.*?)\s*\]\]")


def expanded(spec: TaskSpec) -> Iterator[TaskSpec]:
    """Yield the tasks of a grid, in the order of its values; a task without a grid as it is.

    A name with ``[[parameter]]`` in it takes the values, any other the number of the combination. That number
    stands in the products always, before all suffixes: ``m-[[a]].v1.csv`` is ``m-x-0.v1.csv``. Code in the wild reads
    these paths, so they are Ploomber's to the letter.
    """
    if not spec.grid:
        yield spec
        return
    count = sum(prod(len(_several(value)) for value in grid.values()) for grid in spec.grid)
    if count > _MOST:
        where = spec.places.get("grid", spec.where)
        raise SpecError(
            f'"{spec.name}" has a grid of {count:,} combinations; at most {_MOST:,} can be', where
        )
    for index, params in enumerate(combinations(spec.grid)):
        params = {**params, **spec.params}
        name = spec.name or ""
        yield replace(
            spec,
            name=_filled(name, params, spec) if "[[" in name and "]]" in name else f"{name}{index}",
            product=_placed(spec.product, index, params, spec),
            params=params,
            grid=(),
        )


def combinations(grids: Iterable[Mapping[str, object]]) -> Iterator[dict[str, object]]:
    """Yield each combination of the values of each grid; what is no list is one value."""
    for grid in grids:
        for values in product(*(_several(value) for value in grid.values())):
            yield dict(zip(grid, values, strict=True))


def _several(value: object) -> Collection[object]:
    # of a mapping Ploomber takes the keys
    return value if isinstance(value, list | tuple | dict) else (value,)


def _placed(place: object, index: int, params: Mapping[str, object], spec: TaskSpec) -> object:
    """Return a product with the number of its combination, and with the values of it."""
    if isinstance(place, dict):
        return {key: _placed(value, index, params, spec) for key, value in place.items()}
    if isinstance(place, list):
        at = 1 if len(place) == 3 else 0
        return [
            _filled(_numbered(part, index), params, spec) if n == at else part for n, part in enumerate(place)
        ]
    if not isinstance(place, str) or not (path := PurePosixPath(place)).name:
        return place
    suffix = "".join(path.suffixes)
    name = path.name.replace(suffix, "") if suffix else path.name
    return _filled(str(path.with_name(f"{name}-{index}{suffix}")), params, spec)


def _numbered(name: object, index: int) -> str:
    """Return the name of a table with a number, within its quotes if it has some: with a hyphen it needs them."""
    if isinstance(name, str) and len(name) > 1 and name[0] == name[-1] == '"':
        return f'{name[:-1]}-{index}"'
    return f"{name}-{index}"


def _filled(text: str, params: Mapping[str, object], spec: TaskSpec) -> str:
    """Replace ``[[parameter]]`` by its value; a parameter that this combination does not have leaves nothing."""
    return _SIGNS.sub(lambda found: _value(found[1], params, spec), text)


def _value(name: str, params: Mapping[str, object], spec: TaskSpec) -> str:
    if name.isidentifier():
        return str(params[name]) if name in params else ""
    try:
        found = bounded.Bounded().compile_expression(name)(**params)
        return "" if found is None else str(found)
    except Exception as error:  # also what the values themselves raise
        raise SpecError(f'"[[{name}]]" is not a parameter of the grid: {error}', spec.where) from None
