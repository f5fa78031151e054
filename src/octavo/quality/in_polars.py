"""A frame of polars as checks look at it; and files read by polars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import cached_property

from .. import plugins
from ..model import Json
from .frames import Foreign, Unfit, as_json, there


class PolarsFrame:
    """A frame of polars; one that is lazy is computed."""

    def __init__(self, frame: Foreign) -> None:
        self._polars = plugins.load("polars")
        if isinstance(frame, self._polars.LazyFrame):
            frame = frame.collect()
        if isinstance(frame, self._polars.Series):
            frame = frame.to_frame()
        if not isinstance(frame, self._polars.DataFrame):
            raise Unfit(f"a {type(frame).__name__} is no data frame")
        self._frame = frame

    def __len__(self) -> int:
        return int(self._frame.height)

    @cached_property
    def types(self) -> Mapping[str, str]:
        return {name: self._type(kind) for name, kind in self._frame.schema.items()}

    def _type(self, kind: Foreign) -> str:
        polars = self._polars
        if kind == polars.Boolean:
            return "boolean"
        if kind.is_integer():
            return "integer"
        if kind.is_numeric():
            return "number"
        words = {
            polars.String: "text",
            polars.Date: "date",
            polars.Datetime: "datetime",
            polars.Categorical: "category",
            polars.Enum: "category",
            polars.Null: "empty",
            polars.Object: "mixed",
            polars.Binary: "binary",
        }
        return next((word for known, word in words.items() if kind == known), str(kind))

    def _column(self, name: str) -> Foreign:
        return self._frame.get_column(there(self, name))

    def _missing(self, series: Foreign) -> Foreign:
        null = series.is_null()
        return null | series.is_nan().fill_null(False) if series.dtype.is_float() else null

    def _plain(self, name: str) -> Foreign:
        series = self._column(name)
        return series.cast(self._polars.String) if self.types[name] == "category" else series

    def null(self, column: str) -> Foreign:
        return self._missing(self._column(column))

    def _asked(self, column: str, compare: Foreign) -> Foreign:
        """Return what a comparison says of a column; where it has no answer, no."""
        series = self._plain(column)
        try:
            return compare(series).fill_null(False) & ~self._missing(series)
        except (TypeError, ValueError, self._polars.exceptions.PolarsError) as error:
            first = str(error).partition("\n")[0]
            raise Unfit(f'"{column}" is {self.types[column]}: {first}') from error

    def outside(self, column: str, low: object, high: object) -> Foreign:
        kind = self.types[there(self, column)]
        if kind == "empty":
            return self._none()
        low, high = (self._limit(bound, kind, column) for bound in (low, high))
        mask = self._none()
        if low is not None:
            mask |= self._asked(column, lambda series: series < low)
        return mask if high is None else mask | self._asked(column, lambda series: series > high)

    def _none(self) -> Foreign:
        return self._polars.Series([False], dtype=self._polars.Boolean).new_from_index(0, len(self))

    def _limit(self, bound: object, kind: str, column: str) -> object:
        if bound is None:
            return None
        if kind in ("date", "datetime"):
            try:
                moment = datetime.fromisoformat(str(bound))
            except ValueError as error:
                raise Unfit(f'"{column}" is {kind}, and {bound} is no date') from error
            if kind == "date":
                return moment.date()
            zone = self._column(column).dtype.time_zone
            literal = self._polars.Series([moment.replace(tzinfo=None)])
            return (literal.dt.replace_time_zone(zone) if zone else literal)[0]
        if isinstance(bound, str) is not (kind in ("text", "category")):
            raise Unfit(f'"{column}" is {kind}: it cannot be compared with {bound}')
        return bound

    def unlisted(self, column: str, values: Sequence[object]) -> Foreign:
        kind = self.types[there(self, column)]
        if kind == "empty":
            return self._none()
        if kind in ("date", "datetime"):
            values = [self._limit(value, kind, column) for value in values]
        else:  # text is among numbers never, which polars would call a mistake
            wanted = str if kind in ("text", "category") else (bool if kind == "boolean" else int | float)
            values = [value for value in values if isinstance(value, wanted)]
        if not values:
            return ~self._missing(self._column(column))
        return self._asked(column, lambda series: ~series.is_in(values))

    def unlike(self, column: str, pattern: str) -> Foreign:
        kind = self.types[there(self, column)]
        if kind == "empty":
            return self._none()
        if kind not in ("text", "category"):
            raise Unfit(f'"{column}" is {kind}: a pattern is for text')
        return self._asked(column, lambda series: ~series.str.contains(f"^(?:{pattern})$"))

    def repeated(self, columns: Sequence[str]) -> Foreign:
        missing = self._none()
        for name in columns:
            missing |= self.null(name)
        try:
            return self._frame.select(columns).is_duplicated() & ~missing
        except self._polars.exceptions.PolarsError as error:
            raise Unfit(f"{', '.join(columns)}: values cannot be compared: {error}") from error

    def orphans(self, columns: Sequence[str], other: PolarsFrame, keys: Sequence[str]) -> Foreign:
        polars, missing = self._polars, self._none()
        for name, key in zip(columns, keys, strict=True):
            missing |= self.null(name)
            kinds = {self.types[name], other.types[there(other, key)]} - {"empty"}
            if len(kinds) > 1 and not (kinds <= {"integer", "number"} or kinds <= {"text", "category"}):
                raise Unfit(f'"{name}" is {self.types[name]}, and "{key}" is {other.types[key]}')
        names = [str(number) for number in range(len(keys))]
        mine, known = {}, {}
        for at, name, key in zip(names, columns, keys, strict=True):
            one, another = self._plain(name), other._plain(key)
            if one.dtype != another.dtype and one.dtype.is_numeric():
                wide = (
                    polars.Int64 if one.dtype.is_integer() and another.dtype.is_integer() else polars.Float64
                )
                one, another = one.cast(wide), another.cast(wide)
            mine[at], known[at] = one, another.cast(one.dtype)
        rows = polars.DataFrame(mine).with_row_index("row")
        lost = rows.join(polars.DataFrame(known).unique(), on=names, how="anti").get_column("row")
        return rows.get_column("row").is_in(lost.implode()) & ~missing

    def count(self, mask: Foreign) -> int:
        return int(mask.sum() or 0)

    def rows(self, mask: Foreign, most: int) -> list[Json]:
        return self._numbered(self._frame.with_row_index("\0row").filter(mask).head(most))

    def head(self, most: int) -> list[Json]:
        return self._numbered(self._frame.with_row_index("\0row").head(most))

    def _numbered(self, frame: Foreign) -> list[Json]:
        return [
            {
                "row": int(row["\0row"]) + 1,
                "values": {name: as_json(value) for name, value in row.items() if name != "\0row"},
            }
            for row in frame.to_dicts()
        ]

    def newest(self, column: str) -> object:
        kind, series = self.types[there(self, column)], self._column(column).drop_nulls()
        if kind not in ("text", "date", "datetime", "empty"):
            raise Unfit(f'"{column}" is {kind}, and no time')
        newest = series.max()
        if kind == "text" and newest is not None:
            try:
                return max(datetime.fromisoformat(text) for text in series.unique().to_list())
            except (ValueError, TypeError) as error:
                raise Unfit(f'"{column}" is text, and not all of it are times: {error}') from error
        return newest if isinstance(newest, date) else None

    def numbers(self, column: str) -> list[float] | None:
        if self.types[there(self, column)] not in ("integer", "number", "datetime"):
            return None
        series = self._column(column).drop_nulls()
        whole = series.to_physical() if self.types[column] == "datetime" else series
        known = whole.cast(self._polars.Float64)
        known = known.filter(known.is_finite())
        return [float(known.quantile(step / 100, "linear")) for step in range(101)] if len(known) else []

    def frequencies(self, column: str, most: int) -> dict[str, int]:
        series = self._plain(column).drop_nulls()
        try:
            found = series.cast(self._polars.String).alias("value").value_counts(sort=True).head(most)
        except self._polars.exceptions.PolarsError as error:
            raise Unfit(f'"{column}" holds values that cannot be counted: {error}') from error
        return {str(value): int(count) for value, count in found.rows()}


def read(path: str, stem: str) -> PolarsFrame:
    """Return the frame in a file; ``stem`` is its name without what says how it is packed."""
    polars = plugins.load("polars")
    if stem.endswith((".csv", ".tsv")):
        try:
            separator = "\t" if stem.endswith(".tsv") else ","
            frame = polars.read_csv(path, separator=separator, infer_schema_length=None)
        except polars.exceptions.NoDataError:
            frame = polars.DataFrame()
    elif stem.endswith((".parquet", ".pq")):
        frame = polars.read_parquet(path)
    elif stem.endswith(".feather"):
        frame = polars.read_ipc(path)
    elif stem.endswith(".json"):
        frame = polars.read_json(path)
    elif stem.endswith((".jsonl", ".ndjson")):
        frame = polars.read_ndjson(path)
    else:
        raise Unfit("a pickled frame is read with pandas, which is not installed")
    return PolarsFrame(frame)
