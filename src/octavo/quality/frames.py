"""Data as checks look at it, whatever holds it: a frame of pandas or polars, or a table of a database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any, Protocol

from ..hints import did_you_mean
from ..model import Json

#: What other libraries have: their frames, columns and values.
Foreign = Any
#: Which rows of a frame are meant: as its own library has that.
Mask = Foreign

#: Files that hold a frame, by how their names end.
SUFFIXES = (".csv", ".tsv", ".parquet", ".pq", ".feather", ".json", ".jsonl", ".ndjson", ".pkl", ".pickle")
_PACKED = (".gz", ".bz2", ".xz", ".zst")


class Tabular(Protocol):
    """Rows with named columns. Masks are rows that break a rule; a row without a value breaks none but ``null``."""

    def __len__(self) -> int: ...
    @property
    def types(self) -> Mapping[str, str]: ...
    def null(self, column: str) -> Mask: ...
    def outside(self, column: str, low: object, high: object) -> Mask: ...
    def unlisted(self, column: str, values: Sequence[object]) -> Mask: ...
    def unlike(self, column: str, pattern: str) -> Mask: ...
    def repeated(self, columns: Sequence[str]) -> Mask: ...
    def orphans(
        self, columns: Sequence[str], other: Foreign, keys: Sequence[str]
    ) -> Mask: ...  # of its own class
    def count(self, mask: Mask) -> int: ...
    def rows(self, mask: Mask, most: int) -> list[Json]: ...
    def head(self, most: int) -> list[Json]: ...  # the first rows, as rows() has them
    def newest(self, column: str) -> object: ...
    def numbers(self, column: str) -> list[float] | None: ...
    def frequencies(self, column: str, most: int) -> dict[str, int]: ...


class Unfit(Exception):
    """A check cannot be made of this data: a column is not there, or holds what cannot be compared."""


def holds_data(path: str) -> bool:
    """Return whether a file of this name holds a frame."""
    return stem_of(path).endswith(SUFFIXES)


def stem_of(path: str) -> str:
    lower = path.lower()
    return next((lower.removesuffix(end) for end in _PACKED if lower.endswith(end)), lower)


def installed() -> str | None:
    """Return the library that files are read with; None where there is none."""
    return next((name for name in ("pandas", "polars") if find_spec(name)), None)


def there(frame: Tabular, column: str) -> str:
    """Return the name of a column that must be there."""
    types = frame.types
    if column not in types:
        near = did_you_mean(column, types)
        listed = ", ".join(list(types)[:10]) + (", …" if len(types) > 10 else "")
        raise Unfit(
            f'there is no column "{column}": {near or f"there are {listed}" if types else "there are none"}'
        )
    return column


def as_json(value: object) -> object:
    """Return a value as JSON holds it: what is no number is none, and what is infinite a text."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return None if value != value else value if abs(value) != float("inf") else str(value)
    return str(value)
