"""Checks of data, whatever holds it: frames of pandas and polars, tables of SQLite and DuckDB."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from octavo import quality
from octavo.clients import DBAPIClient
from octavo.errors import Error
from octavo.model import Json, Relation
from octavo.quality import distances, frames, in_sql, ready
from octavo.quality.arguments import Wrong, checks, distinct
from octavo.quality.result import DataCheck

Columns = Mapping[str, list[Any]]


def in_pandas(columns: Columns) -> frames.Tabular:
    pandas = pytest.importorskip("pandas")
    from octavo.quality.in_pandas import PandasFrame

    return PandasFrame(pandas.DataFrame(columns))


def in_polars(columns: Columns) -> frames.Tabular:
    polars = pytest.importorskip("polars")
    from octavo.quality.in_polars import PolarsFrame

    return PolarsFrame(polars.DataFrame(columns, strict=False))


def _filled(client: DBAPIClient, columns: Columns) -> frames.Tabular:
    words = {int: "INTEGER", float: "REAL", str: "TEXT", bool: "BOOLEAN"}
    kinds = {
        name: next((words[type(it)] for it in values if it is not None), "TEXT")
        for name, values in columns.items()
    }
    kinds = {
        name: "REAL" if any(isinstance(it, float) for it in columns[name]) else kind
        for name, kind in kinds.items()
    }
    quoted = {name: '"' + name.replace('"', '""') + '"' for name in columns}
    cursor = client.connection.cursor()
    cursor.execute(
        f"CREATE TABLE items ({', '.join(f'{quoted[name]} {kind}' for name, kind in kinds.items())})"
    )
    marks = ", ".join("?" * len(columns))
    rows = [[None if it != it else it for it in row] for row in zip(*columns.values(), strict=True)]
    if rows:
        values = ", ".join([f"({marks})"] * len(rows))
        cursor.execute(f"INSERT INTO items VALUES {values}", [value for row in rows for value in row])
    return in_sql.SqlTable(client, Relation("items"))


def in_sqlite(columns: Columns) -> frames.Tabular:
    return _filled(DBAPIClient(sqlite3.connect, {"database": ":memory:"}), columns)


def in_duckdb(columns: Columns) -> frames.Tabular:
    duckdb = pytest.importorskip("duckdb")
    return _filled(DBAPIClient(duckdb.connect, {"database": ":memory:"}), columns)


Maker = Callable[[Columns], frames.Tabular]
ALL = pytest.mark.parametrize("made", [in_pandas, in_polars, in_sqlite, in_duckdb])
FRAMES = pytest.mark.parametrize("made", [in_pandas, in_polars])


class Given:
    """What checks may ask for here."""

    now = datetime(2026, 1, 10, tzinfo=UTC)
    data = None

    def __init__(self, other: frames.Tabular | None = None, known: Json | None = None) -> None:
        self._other, self._known = other, known

    def keys(self, arguments: Json, frame: frames.Tabular) -> frames.Tabular:
        assert self._other is not None
        return self._other

    def profile(self, name: str) -> Json | None:
        return self._known

    def against(self, arguments: Json) -> Json:
        raise AssertionError


def found(frame: frames.Tabular, said: Json, given: Given | None = None) -> str:
    """Return what checks found that did not pass, and how many rows each is about."""
    results = [ready.made(check, frame, given or Given()) for check in checks(said)]
    bad = [one for one in results if not one.good]
    return "; ".join(f"{one.name}: {one.found}" for one in bad)


WHOLE: Columns = {
    "id": [1, 2, 2, None],
    "price": [0.5, -1.0, 11.0, None],
    "city": ["Rome", "rome", None, "Oslo"],
}


@ALL
@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            {"not_null": ["id", "price"]},
            "not_null id: 1 of 4 rows is without a value; not_null price: 1 of 4 rows is without a value",
        ),
        ({"unique": "id"}, "unique id: 2 of 4 rows are not the only ones with their id"),
        ({"unique": ["id", "city"]}, ""),
        (
            {"range": {"price": {"min": 0, "max": 10}}},
            "range price: 2 of 4 rows are outside (least 0, greatest 10)",
        ),
        ({"range": {"price": {"min": -1, "max": 11}}}, ""),
        ({"allowed": {"city": ["Rome", "Oslo"]}}, "allowed city: 1 of 4 rows is none of Rome, Oslo"),
        ({"rows": {"min": 5}}, "rows: 4 rows, less than 5"),
        ({"rows": 4}, ""),
        ({"columns": {"price": "number", "city": "text", "id": "any"}}, ""),
        ({"columns": {"city": "number"}}, 'columns: "city" is text, not number'),
        ({"columns": ["id"], "exact": True}, "columns: there are others: price, city"),
        ({"not_null": "pric"}, 'not_null pric: there is no column "pric": did you mean "price"?'),
        ({"range": {"city": {"min": 0}}}, 'range city: "city" is text: it cannot be compared with 0'),
    ],
)
def test_a_check_finds_the_same_whatever_holds_the_data(made: Maker, said: Json, words: str) -> None:
    assert found(made(WHOLE), said) == words


@ALL
def test_keys_are_looked_up_in_other_data(made: Maker) -> None:
    frame, other = (
        made({"a": [1, 2, 3, None], "b": ["x", "y", "z", "x"]}),
        made({"k": [1, 2], "l": ["x", "q"]}),
    )
    said = {"foreign_key": {"columns": "a", "task": "t", "keys": "k"}}
    if made in (in_sqlite, in_duckdb):  # both tables must be in one database
        client = DBAPIClient(sqlite3.connect, {"database": ":memory:"})
        frame = _filled(client, {"a": [1, 2, 3, None], "b": ["x", "y", "z", "x"]})
        client.connection.execute(
            "CREATE TABLE keys AS SELECT a AS k, CASE a WHEN 1 THEN 'x' ELSE 'q' END AS l FROM items WHERE a < 3"
        )
        other = in_sql.SqlTable(client, Relation("keys"))
    assert found(frame, said, Given(other)) == "foreign_key a: 1 of 4 rows is without a match in k of t"
    both = {"foreign_key": {"columns": ["a", "b"], "task": "t", "keys": ["k", "l"]}}
    assert (
        found(frame, both, Given(other)) == "foreign_key a, b: 2 of 4 rows are without a match in k, l of t"
    )
    absent = {"foreign_key": {"columns": "a", "task": "t", "keys": "kk"}}
    assert "t: there is no column" in found(frame, absent, Given(other))


@ALL
def test_empty_data_breaks_only_what_asks_for_rows(made: Maker) -> None:
    frame = made({"id": [], "city": []})
    for said in ({"not_null": "id"}, {"unique": "id"}, {"allowed": {"city": ["Rome"]}}, {"drift": "id"}):
        assert found(frame, said) == ""
    assert found(frame, {"rows": {"min": 1}}) == "rows: 0 rows, less than 1"
    assert "there is no time" in found(frame, {"fresh": {"column": "city", "within": "1d"}})


HOSTILE = 'x"; DROP TABLE items; --'


@ALL
def test_names_of_columns_and_values_are_never_code(made: Maker) -> None:
    percent = "50% of %s"
    frame = made({HOSTILE: [1, 1, 2], percent: ["a", "b", "'; DROP TABLE items"]})
    assert (
        found(frame, {"unique": HOSTILE})
        == f"unique {HOSTILE}: 2 of 3 rows are not the only ones with their {HOSTILE}"
    )
    assert "1 of 3" in found(frame, {"allowed": {percent: ["a", "'; DROP TABLE items"]}})
    assert len(frame) == 3


@FRAMES
def test_patterns_match_whole_texts_and_dates_are_compared_as_dates(made: Maker) -> None:
    day = datetime(2026, 1, 9, 12)
    frame = made({"code": ["AB", "ABC", None], "at": [day, day - timedelta(days=3), None]})
    assert found(frame, {"pattern": {"code": "[A-Z]{2}"}}) == "pattern code: 1 of 3 rows is not like [A-Z]{2}"
    assert (
        found(frame, {"range": {"at": {"min": "2026-01-07"}}})
        == "range at: 1 of 3 rows is outside (least 2026-01-07)"
    )
    assert "is no date" in found(frame, {"range": {"at": {"min": "soon"}}})
    assert found(frame, {"fresh": {"column": "at", "within": "24h"}}) == ""
    assert "it may be 1 h" in found(frame, {"fresh": {"column": "at", "within": "1h"}})
    assert "and no time" in found(made({"n": [1]}), {"fresh": {"column": "n", "within": "1h"}})


@FRAMES
def test_what_is_not_a_number_counts_as_no_value(made: Maker) -> None:
    frame = made({"x": [float("nan"), None, 1.0, float("inf")]})
    assert found(frame, {"not_null": "x"}) == "not_null x: 2 of 4 rows are without a value"
    assert found(frame, {"range": {"x": {"max": 5}}}) == "range x: 1 of 4 rows is outside (greatest 5)"
    (result,) = (ready.made(check, frame, Given()) for check in checks({"range": {"x": {"max": 5}}}))
    assert result.rows == ({"row": 4, "values": {"x": "inf"}},)


def test_pandas_has_categories_mixed_types_and_columns_twice() -> None:
    pandas = pytest.importorskip("pandas")
    from octavo.quality.in_pandas import PandasFrame

    frame = PandasFrame(pandas.DataFrame({"c": pandas.Categorical(["a", "b", None]), "m": [1, "x", None]}))
    assert found(frame, {"allowed": {"c": ["a"]}}) == "allowed c: 1 of 3 rows is none of a"
    assert found(frame, {"columns": {"c": "text"}}) == found(frame, {"columns": {"c": "category"}}) == ""
    assert found(frame, {"range": {"m": {"min": 0}}}) == 'range m: "m" is mixed: it cannot be compared with 0'
    assert found(frame, {"pattern": {"m": "x"}}) == "pattern m: 1 of 3 rows is not like x"
    twice = PandasFrame(pandas.DataFrame([[1, 2]], columns=["a", "a"]))
    assert found(twice, {"not_null": "a"}) == 'not_null a: there are several columns "a"'
    indexed = PandasFrame(pandas.DataFrame({"v": [1, 2]}, index=pandas.Index([7, 7], name="id")))
    assert "2 of 2" in found(indexed, {"unique": "id"})
    zoned = PandasFrame(pandas.DataFrame({"t": pandas.to_datetime(["2026-01-01", None], utc=True)}))
    assert "1 of 2" in found(zoned, {"range": {"t": {"min": "2026-01-02"}}})


@ALL
def test_drift_is_seen_and_chance_is_not(made: Maker) -> None:
    numbers = [float(n % 100) for n in range(400)]
    was = distances.profile(made({"x": numbers}), "x")
    same = distances.profile(made({"x": numbers[::-1]}), "x")
    other = distances.profile(made({"x": [it + 60 for it in numbers]}), "x")
    assert distances.distance(was, same) == 0
    assert 0.4 < distances.distance(was, other) < 0.7
    words = distances.profile(made({"x": ["a"] * 300 + ["b"] * 100}), "x")
    assert distances.distance(words, distances.profile(made({"x": ["a"] * 100 + ["b"] * 300}), "x")) > 0.4
    assert distances.distance(words, was) == 1
    few = distances.profile(made({"x": [1.0, 2.0]}), "x")
    assert distances.distance(few, distances.profile(made({"x": [2.0, 3.0]}), "x")) == 0
    assert distances.distance({"rows": "no"}, was) == 0
    missing = distances.profile(made({"x": [None if n % 2 else 1.0 for n in range(400)]}), "x")
    assert distances.distance(distances.profile(made({"x": [1.0] * 400}), "x"), missing) > 0.3
    frame = made({"x": [it + 60 for it in numbers]})
    assert "from the last good run, more than 0.2" in found(frame, {"drift": "x"}, Given(known=was))
    assert found(frame, {"drift": {"x": 0.9}}, Given(known=was)) == found(frame, {"drift": "x"}) == ""


def test_a_check_that_raises_whatever_it_likes_has_failed() -> None:
    class Odd(in_sql.SqlTable):
        def __init__(self) -> None:
            pass

        def __len__(self) -> int:
            raise SystemExit(0)

    assert found(Odd(), {"rows": 1}) == "rows: it raised SystemExit: 0"


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"uniqe": "id"}, 'there is no check "uniqe"'),
        ({"unique": "id", "rows": 1}, "a check has unique and rows"),
        ({"severity": "warn"}, "a check names none"),
        ({"unique": 3}, '"unique" must be a column or a list of columns, not 3'),
        ({"unique": ["a", "a"]}, "twice"),
        ({"unique": "a", "severity": "warning"}, '"severity" is error or warn'),
        ({"unique": "a", "exact": True}, 'the check "unique" has no "exact"'),
        ({"columns": {"a": "integr"}}, '"columns.a": there is no type integr'),
        ({"range": {"a": {"least": 0}}}, '"range.a" must have min, max or both'),
        ({"range": {"a": {"min": 3, "max": 1}}}, "min 3 is above max 1"),
        ({"range": {"a": {"min": float("nan")}}}, "a bound must be"),
        ({"range": {"a": {"min": True}}}, "a bound must be"),
        ({"allowed": {"a": []}}, '"allowed.a" must be a list of values'),
        ({"pattern": {"a": "["}}, '"pattern.a" is no regular expression'),
        ({"rows": -1}, '"rows" must be a whole number'),
        ({"rows": True}, '"rows" must be a whole number'),
        ({"fresh": "24h"}, '"fresh" must have a column and within'),
        ({"fresh": {"column": "a", "within": "soon"}}, '"fresh.within" must be a time'),
        ({"foreign_key": {"columns": "a"}}, '"foreign_key" must have columns and the task'),
        ({"foreign_key": {"columns": ["a", "b"], "task": "t", "keys": "k"}}, "2 columns and 1 keys"),
        ({"drift": {"a": 2}}, '"drift.a" must be a number above 0 and at most 1'),
        ({"pandera": 3}, '"pandera" must be a dotted path'),
    ],
)
def test_a_check_that_says_nothing_that_can_be_checked_is_told(said: Json, message: str) -> None:
    with pytest.raises(Wrong) as raised:
        checks(said)
    assert message in raised.value.message


def test_names_of_checks_tell_them_apart() -> None:
    said = [*checks({"not_null": "a"}), *checks({"not_null": "a", "severity": "warn"})]
    assert [one.name for one in distinct(said)] == ["not_null a", "not_null a (2)"]
    assert [one.name for one in checks({"not_null": ["a", "b"], "name": "given"})] == ["given a", "given b"]


def test_in_python_checks_raise_with_the_rows_and_read_files(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    path = tmp_path / "orders.csv"
    pandas.DataFrame({"id": [1, 1, 2], "price": [1.0, -2.0, 3.0]}).to_csv(path, index=False)
    with pytest.raises(quality.ChecksFailed) as raised:
        quality.check(
            path, quality.unique("id"), quality.range("price", min=0), quality.not_null("id", "price")
        )
    assert str(raised.value).splitlines() == [
        "2 of 4 checks failed: unique id; range price",
        "unique id: 2 of 3 rows are not the only ones with their id",
        "  row 1: id 1, price 1.0",
        "  row 2: id 1, price -2.0",
        "range price: 1 of 3 rows is outside (least 0)",
        "  row 2: id 1, price -2.0",
    ]
    results = quality.check(path, quality.warn(quality.unique("id")), quality.foreign_key("id", path))
    assert [result.good for result in results] == [False, True]
    with pytest.raises(quality.ChecksFailed, match="from the other"):
        big, small = pandas.DataFrame({"x": range(500)}), pandas.DataFrame({"x": range(900, 1400)})
        quality.check(big, quality.drift("x", small))
    (tmp_path / "bad.parquet").write_text("no")
    for data in (tmp_path / "bad.parquet", tmp_path / "figure.png", 3):
        with pytest.raises(ValueError, match=r"cannot be read|holds no data frame|is no data frame"):
            quality.check(data, quality.rows(min=1))
    with pytest.raises(Error, match="min 3 is above max 1"):
        quality.range("x", min=3, max=1)


def test_the_other_library_reads_the_same_files(tmp_path: Path) -> None:
    pytest.importorskip("polars")
    from octavo.quality.in_polars import read

    (tmp_path / "a.csv").write_text("id,x\n1,2.5\n2,\n")
    (tmp_path / "a.jsonl").write_text('{"id": 1, "x": 2.5}\n{"id": 2, "x": null}\n')
    (tmp_path / "empty.csv").write_text("")
    for name in ("a.csv", "a.jsonl"):
        frame = read(str(tmp_path / name), name)
        assert dict(frame.types) == {"id": "integer", "x": "number"}
        assert found(frame, {"not_null": "x"}) == "not_null x: 1 of 2 rows is without a value"
    assert len(read(str(tmp_path / "empty.csv"), "empty.csv")) == 0


def test_frames_of_pyarrow_are_checked() -> None:
    pyarrow = pytest.importorskip("pyarrow")
    with pytest.raises(quality.ChecksFailed, match="1 of 2 rows"):
        quality.check(pyarrow.table({"id": [1, None]}), quality.not_null("id"))


@pytest.mark.filterwarnings("ignore")
def test_schemas_of_pandera_are_checks() -> None:
    pandera = pytest.importorskip("pandera.pandas", reason="pandera is not installed")
    pandas = pytest.importorskip("pandas")
    schema = pandera.DataFrameSchema(
        {"id": pandera.Column(int, unique=True), "x": pandera.Column(float, pandera.Check.ge(0))}
    )
    data = pandas.DataFrame({"id": [1, 1], "x": [1.0, -1.0]})
    (result,) = quality.check(data, quality.warn(quality.pandera(schema)))
    assert "x: greater_than_or_equal_to(0) (1 case)" in result.found
    assert {"row": 2, "values": {"x": "-1.0"}} in result.rows
    assert quality.check(data[:1], quality.pandera(schema))[0].good


@pytest.mark.nightly
@pytest.mark.filterwarnings("ignore")
def test_suites_of_great_expectations_are_checks(tmp_path: Path) -> None:
    pytest.importorskip("great_expectations", reason="great_expectations is not installed")
    pandas = pytest.importorskip("pandas")
    suite = tmp_path / "suite.json"
    suite.write_text(
        '{"name": "orders", "expectations": ['
        '{"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "id"}},'
        '{"type": "expect_column_values_to_be_between", "kwargs": {"column": "x", "min_value": 0}},'
        '{"type": "expect_column_to_exist", "kwargs": {"column": "y"}}]}'
    )
    data = pandas.DataFrame({"id": [1, 2], "x": [1.0, -1.0]})
    (result,) = quality.check(data, quality.warn(quality.great_expectations(str(suite))))
    assert "x: expect_column_values_to_be_between (1 case)" in result.found
    assert "expect_column_to_exist" in result.found
    assert result.rows == ({"values": {"x": "-1.0"}},)


def test_a_check_is_plain_and_back() -> None:
    (check,) = checks({"unique": "id", "severity": "warn", "product": "data"})
    assert DataCheck(**check.plain()) == check
