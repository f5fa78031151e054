"""Quality of data: checks of frames, files and tables, in pipeline.yaml and in Python.

>>> from octavo import quality
>>> quality.check(frame, quality.unique("id"), quality.range("price", min=0))
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from ..errors import SpecError
from ..lazy import lazy_imports
from ..model import Json
from .arguments import DRIFT, Wrong, checks, distinct
from .frames import Tabular, Unfit
from .result import ChecksFailed, DataCheck, Result

with lazy_imports():
    from . import distances, opening, ready

__all__ = [
    "ChecksFailed",
    "DataCheck",
    "Result",
    "allowed",
    "check",
    "columns",
    "drift",
    "foreign_key",
    "fresh",
]
__all__ += ["great_expectations", "not_null", "pandera", "pattern", "range", "rows", "unique", "warn"]


def check(data: object, *wanted: DataCheck | Sequence[DataCheck]) -> tuple[Result, ...]:
    """Check a data frame of pandas, polars or pyarrow, or the file at a path; return what came of each check.

    Raises ``ChecksFailed`` if one fails, with the offending rows; what is checked with ``warn`` fails nothing.
    """
    listed = [one for some in wanted for one in ([some] if isinstance(some, DataCheck) else some)]
    try:
        frame = opening.opened(data)
    except Unfit as error:
        raise ValueError(str(error)) from error
    results = tuple(ready.made(one, frame, _Here(frame)) for one in distinct(listed))
    if any(result.bad for result in results):
        raise ChecksFailed(results)
    return results


class _Here:
    """What checks in Python may ask for: the frames that they were given."""

    def __init__(self, frame: Tabular) -> None:
        self.now, self.data = datetime.now(UTC), getattr(frame, "_frame", None)

    def keys(self, arguments: Json, frame: Tabular) -> Tabular:
        return opening.opened(arguments["other"])

    def profile(self, name: str) -> Json | None:
        return None

    def against(self, arguments: Json) -> Json:
        return distances.profile(opening.opened(arguments["against"]), arguments["column"])


def _made(kind: str, value: object, **more: object) -> list[DataCheck]:
    try:
        found = checks({kind: value, **more})
    except Wrong as error:
        raise SpecError(error.message, hint=error.hint) from None
    return found


def columns(types: Mapping[str, str] | Sequence[str], *, exact: bool = False) -> DataCheck:
    """Columns are there, of these types; ``exact``: and no others."""
    (found,) = _made("columns", dict(types) if isinstance(types, Mapping) else [*types], **_exact(exact))
    return found


def _exact(exact: bool) -> dict[str, object]:
    return {"exact": True} if exact else {}


def not_null(*names: str) -> list[DataCheck]:
    """Each row has a value in these columns."""
    return _made("not_null", [*names])


def unique(*names: str) -> DataCheck:
    """No two rows have the same values in these columns together."""
    (found,) = _made("unique", [*names])
    return found


def range(column: str, *, min: object = None, max: object = None) -> DataCheck:
    """Values are within bounds, which are numbers, dates or text."""
    bounds = {name: bound for name, bound in (("min", min), ("max", max)) if bound is not None}
    (found,) = _made("range", {column: bounds})
    return found


def allowed(column: str, values: Sequence[object]) -> DataCheck:
    """Values are among these."""
    (found,) = _made("allowed", {column: [*values]})
    return found


def pattern(column: str, expression: str) -> DataCheck:
    """Texts match a regular expression as a whole."""
    (found,) = _made("pattern", {column: expression})
    return found


def rows(*, min: int | None = None, max: int | None = None) -> DataCheck:
    """There are so many rows."""
    (found,) = _made("rows", {name: it for name, it in (("min", min), ("max", max)) if it is not None})
    return found


def fresh(column: str, within: str) -> DataCheck:
    """The newest time is no older than this, for example "24h"."""
    (found,) = _made("fresh", {"column": column, "within": within})
    return found


def foreign_key(
    names: str | Sequence[str], other: object, keys: str | Sequence[str] | None = None
) -> DataCheck:
    """Each row has a match in another frame or file."""
    listed = [names] if isinstance(names, str) else [*names]
    told = {"columns": listed, "task": "the other", "keys": keys if keys is not None else listed}
    (found,) = _made("foreign_key", told | ({"keys": [*keys]} if isinstance(keys, tuple) else {}))
    return replace(found, arguments={**found.arguments, "other": other})


def drift(column: str, against: object, limit: float = DRIFT) -> DataCheck:
    """The distribution of a column is near that in another frame or file."""
    (found,) = _made("drift", {column: limit})
    return replace(found, arguments={**found.arguments, "against": against})


def pandera(schema: object) -> DataCheck:
    """A schema or model of pandera holds; it is given itself or by its dotted path."""
    return _suite("pandera", schema)


def great_expectations(suite: object) -> DataCheck:
    """A suite of Great Expectations holds; it is given itself, by its dotted path or its file."""
    return _suite("great_expectations", suite)


def _suite(kind: str, suite: object) -> DataCheck:
    if isinstance(suite, str):
        (found,) = _made(kind, suite)
        return found
    name = getattr(suite, "name", None) or getattr(suite, "__name__", None) or type(suite).__name__
    return DataCheck(kind, {"suite": suite}, f"{kind} {name}")


def warn(*wanted: DataCheck | Sequence[DataCheck]) -> list[DataCheck]:
    """Return checks that fail nothing: what they find is in their results."""
    listed = [one for some in wanted for one in ([some] if isinstance(some, DataCheck) else some)]
    return [replace(one, severity="warn") for one in listed]
