"""A frame of pandas as checks look at it; and files read by pandas."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from functools import cached_property

from .. import plugins
from ..model import Json
from .frames import Foreign, Unfit, as_json, there

#: What pandas infers of the objects in a column, as a type here.
_OBJECTS = {
    "string": "text",
    "integer": "integer",
    "floating": "number",
    "decimal": "number",
    "mixed-integer-float": "number",
    "boolean": "boolean",
    "datetime": "datetime",
    "datetime64": "datetime",
    "date": "date",
    "empty": "empty",
    "bytes": "binary",
    "categorical": "category",
}


class PandasFrame:
    """A frame of pandas. Its columns go by their names as text; a named index counts as columns, too."""

    def __init__(self, frame: Foreign) -> None:
        self._pandas = plugins.load("pandas")
        if not isinstance(frame, self._pandas.DataFrame):
            if not isinstance(frame, self._pandas.Series):
                raise Unfit(f"a {type(frame).__name__} is no data frame")
            frame = frame.to_frame(frame.name if frame.name is not None else "value")
        index = [name for name in frame.index.names if name is not None]
        if index and not {*index} & {*frame.columns}:
            frame = frame.reset_index()
        self._frame = frame
        names = [str(name) for name in frame.columns]
        self._at = {name: position for position, name in enumerate(names)}
        self._twice = (
            {name for name in self._at if names.count(name) > 1} if len(self._at) < len(names) else ()
        )

    def __len__(self) -> int:
        return len(self._frame)

    @cached_property
    def types(self) -> Mapping[str, str]:
        return {name: self._type(self._frame.iloc[:, at]) for name, at in self._at.items()}

    def _type(self, series: Foreign) -> str:
        api, kind = self._pandas.api.types, series.dtype
        if isinstance(kind, self._pandas.CategoricalDtype):
            return "category"
        if api.is_bool_dtype(kind):
            return "boolean"
        if api.is_integer_dtype(kind):
            return "integer"
        if api.is_float_dtype(kind):
            return "number"
        if api.is_datetime64_any_dtype(kind):
            return "datetime"
        if api.is_object_dtype(kind):
            return _OBJECTS.get(api.infer_dtype(series, skipna=True), "mixed")
        if api.is_string_dtype(kind):
            return "text"
        return _OBJECTS.get(api.infer_dtype(series, skipna=True), str(kind))

    def _column(self, name: str) -> Foreign:
        series = self._frame.iloc[:, self._at[there(self, name)]]
        if name in self._twice:
            raise Unfit(f'there are several columns "{name}"')
        return series

    def _plain(self, name: str) -> Foreign:
        """Return a column whose values can be compared: of categories what they stand for."""
        series = self._column(name)
        if isinstance(series.dtype, self._pandas.CategoricalDtype):
            return series.astype(series.dtype.categories.dtype)
        return series

    def null(self, column: str) -> Foreign:
        return self._column(column).isna().to_numpy()

    def outside(self, column: str, low: object, high: object) -> Foreign:
        series = self._plain(column)
        kind = self._type(series)
        if kind == "empty" or not len(series):
            return series.isna().to_numpy() & False
        mask = None
        for bound, below in ((low, True), (high, False)):
            if bound is None:
                continue
            limit = self._limit(bound, kind, series, column)
            try:
                part = series < limit if below else series > limit
            except (TypeError, ValueError) as error:
                raise Unfit(f'"{column}" is {kind}: it cannot be compared with {bound}') from error
            part = part.fillna(False).to_numpy(dtype=bool)
            mask = part if mask is None else mask | part
        return mask

    def _limit(self, bound: object, kind: str, series: Foreign, column: str) -> object:
        """Return a bound as the values of a column are; text stands for dates, too."""
        if kind not in ("date", "datetime"):
            if isinstance(bound, str) is not (kind == "text"):
                raise Unfit(f'"{column}" is {kind}: it cannot be compared with {bound}')
            return bound
        try:
            moment = self._pandas.Timestamp(bound)
        except (ValueError, TypeError) as error:
            raise Unfit(f'"{column}" is {kind}, and {bound} is no date') from error
        if kind == "date":
            return moment.date()
        zone = getattr(series.dtype, "tz", None)
        if zone is not None and moment.tzinfo is None:
            return moment.tz_localize(zone)
        return moment.tz_localize(None) if zone is None and moment.tzinfo is not None else moment

    def unlisted(self, column: str, values: Sequence[object]) -> Foreign:
        series = self._plain(column)
        kind = self._type(series)
        if kind in ("date", "datetime"):
            values = [self._limit(value, kind, series, column) for value in values]
        try:
            listed = series.isin(values)
        except TypeError as error:
            raise Unfit(f'"{column}" holds values that cannot be compared: {error}') from error
        return (~listed & series.notna()).to_numpy(dtype=bool)

    def unlike(self, column: str, pattern: str) -> Foreign:
        series = self._plain(column)
        kind = self._type(series)
        if kind == "empty" or not len(series):
            return series.isna().to_numpy() & False
        if kind not in ("text", "mixed"):
            raise Unfit(f'"{column}" is {kind}: a pattern is for text')
        # what is no text has no answer, and is not like the pattern
        matched = series.str.fullmatch(pattern).fillna(False).to_numpy(dtype=bool)
        return ~matched & series.notna().to_numpy(dtype=bool)

    def repeated(self, columns: Sequence[str]) -> Foreign:
        for name in columns:
            self._column(name)
        chosen = self._frame.iloc[:, [self._at[name] for name in columns]]
        try:
            twice = chosen.duplicated(keep=False)
        except TypeError as error:
            raise Unfit(f"{', '.join(columns)}: values cannot be compared: {error}") from error
        return (twice & chosen.notna().all(axis=1)).to_numpy(dtype=bool)

    def orphans(self, columns: Sequence[str], other: PandasFrame, keys: Sequence[str]) -> Foreign:
        own, theirs = [self._plain(name) for name in columns], [other._plain(name) for name in keys]
        for name, key, mine, there_ in zip(columns, keys, own, theirs, strict=True):
            kinds = {self._type(mine), self._type(there_)} - {"empty"}
            if len(kinds) > 1 and not kinds <= {"integer", "number"} and len(mine) and len(there_):
                raise Unfit(f'"{name}" is {self._type(mine)}, and "{key}" is {self._type(there_)}')
        present = ~self._pandas.concat([it.isna() for it in own], axis=1).any(axis=1).to_numpy(dtype=bool)
        try:
            if len(own) == 1:
                return present & ~own[0].isin(theirs[0].dropna()).to_numpy(dtype=bool)
            mine = self._pandas.DataFrame({str(n): it.array for n, it in enumerate(own)})
            known = self._pandas.DataFrame(
                {str(n): it.array for n, it in enumerate(theirs)}
            ).drop_duplicates()
            found = mine.merge(known, how="left", indicator=True)
        except (TypeError, ValueError) as error:
            raise Unfit(f"{', '.join(columns)} and {', '.join(keys)} cannot be compared: {error}") from error
        return present & (found["_merge"] == "left_only").to_numpy(dtype=bool)

    def count(self, mask: Foreign) -> int:
        return int(mask.sum())

    def rows(self, mask: Foreign, most: int) -> list[Json]:
        return self._at_places([int(at) for at in mask.nonzero()[0][:most]])

    def head(self, most: int) -> list[Json]:
        return self._at_places([*range(min(most, len(self._frame)))])

    def _at_places(self, places: list[int]) -> list[Json]:
        # column by column: a row of its own would be of one type
        shown = {
            name: [self._value(it) for it in self._frame.iloc[places, at]] for name, at in self._at.items()
        }
        return [
            {"row": at + 1, "values": {name: values[number] for name, values in shown.items()}}
            for number, at in enumerate(places)
        ]

    def _value(self, value: Foreign) -> object:
        """Return a value as JSON holds it."""
        if hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
            value = value.item()
        if self._pandas.api.types.is_scalar(value) and self._pandas.isna(value):
            return None
        return as_json(value)

    def newest(self, column: str) -> object:
        series = self._plain(column).dropna()
        kind = self._type(series)
        if not len(series):
            return None
        if kind == "text":
            try:
                series = self._pandas.to_datetime(series, utc=True, format="ISO8601")
            except (ValueError, TypeError) as error:
                raise Unfit(f'"{column}" is text, and not all of it are times: {error}') from error
        elif kind not in ("date", "datetime"):
            raise Unfit(f'"{column}" is {kind}, and no time')
        newest = series.max()
        return newest.to_pydatetime() if hasattr(newest, "to_pydatetime") else newest

    def numbers(self, column: str) -> list[float] | None:
        series = self._plain(column)
        if self._type(series) not in ("integer", "number", "datetime"):
            return None
        known = series.dropna()
        if self._type(series) == "datetime":
            known = known.astype("int64")
        known = known.astype("float64")
        known = known[abs(known) != float("inf")]
        steps = [step / 100 for step in range(101)]
        return [float(it) for it in known.quantile(steps)] if len(known) else []

    def frequencies(self, column: str, most: int) -> dict[str, int]:
        try:
            found = self._plain(column).value_counts().head(most)
        except TypeError as error:
            raise Unfit(f'"{column}" holds values that cannot be compared: {error}') from error
        return {str(value): int(count) for value, count in found.items()}


def read(path: str, stem: str) -> PandasFrame:
    """Return the frame in a file; ``stem`` is its name without what says how it is packed."""
    pandas = plugins.load("pandas")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if stem.endswith((".csv", ".tsv")):
            try:
                frame = pandas.read_csv(path, sep="\t" if stem.endswith(".tsv") else ",", low_memory=False)
            except pandas.errors.EmptyDataError:
                frame = pandas.DataFrame()
        elif stem.endswith((".parquet", ".pq")):
            frame = pandas.read_parquet(path)
        elif stem.endswith(".feather"):
            frame = pandas.read_feather(path)
        elif stem.endswith((".pkl", ".pickle")):
            frame = pandas.read_pickle(path)
        else:
            # what looks like a date in text stays text, as in CSV
            frame = pandas.read_json(path, lines=not stem.endswith(".json"), convert_dates=False)
    return PandasFrame(frame)
