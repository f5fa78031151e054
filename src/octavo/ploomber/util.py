"""ParamGrid and Interval: combinations of parameters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from typing import Any

from ..process.ploomber_names import absent

__all__ = ["Interval", "ParamGrid"]
__getattr__ = absent(__name__)


class Interval:
    """A range cut into pieces of one size, the last of which may be smaller: of numbers, dates, …"""

    def __init__(self, lower: Any, upper: Any, delta: Any) -> None:
        if not lower < upper:
            raise ValueError("lower must be strictly lower than upper")
        self.lower, self.upper, self.delta = lower, upper, delta

    def expand(self) -> list[tuple[Any, Any]]:
        """Return the beginning and end of each piece, in order."""
        pieces = []
        begin, count = self.lower, 1
        while begin < self.upper:
            # counted from the beginning: adding up steps would add up their errors, and a month is no fixed number
            end = min(self.lower + count * self.delta, self.upper)
            if not begin < end:
                raise ValueError("delta must be above 0")
            pieces.append((begin, end))
            begin, count = end, count + 1
        return pieces

    def __repr__(self) -> str:
        return f"Interval from {self.lower} to {self.upper} with delta {self.delta}"


class ParamGrid:
    """Values per parameter, to be combined each with each (``product``) or place by place (``zip``).

    ``grid`` is a mapping of names to values, or a list of such mappings, whose combinations follow each other; a
    value that is a text or no collection stands for itself. ``params`` are the same in all combinations.
    """

    def __init__(
        self, grid: Mapping[str, Any] | Iterable[Mapping[str, Any]], params: Mapping[str, Any] | None = None
    ) -> None:
        grids = [grid] if isinstance(grid, Mapping) else list(grid)
        self._grids = [{name: _values(value) for name, value in one.items()} for one in grids]
        self._params = dict(params or {})
        if twice := sorted({name for one in self._grids for name in one if name in self._params}):
            raise ValueError(f"grid and params both give {', '.join(twice)}")

    def product(self) -> Iterator[dict[str, Any]]:
        """Yield each combination of the values."""
        for grid in self._grids:
            for values in product(*grid.values()):
                yield {**dict(zip(grid, values, strict=True)), **self._params}

    def zip(self) -> Iterator[dict[str, Any]]:
        """Yield the first values together, then the second, …; all parameters have as many."""
        for grid in self._grids:
            if len({len(values) for values in grid.values()}) > 1:
                raise ValueError("All parameters should have the same length")
            for values in zip(*grid.values(), strict=True):
                yield {**dict(zip(grid, values, strict=True)), **self._params}


def _values(value: Any) -> list[Any]:
    if isinstance(value, Interval):
        return value.expand()
    return list(value) if isinstance(value, Iterable) and not isinstance(value, str) else [value]
