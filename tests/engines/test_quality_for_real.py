"""Schemas of pandera and suites of Great Expectations as checks, with the real packages, old and new."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import ModuleType

import pytest

from octavo import quality

pandas = pytest.importorskip("pandas", reason="wants: pip install pandas")
pytestmark = [pytest.mark.engines, pytest.mark.filterwarnings("ignore")]

DATA = {"id": [1, 2], "x": [1.0, -1.0]}


def result(*checks: quality.DataCheck) -> quality.Result:
    (found,) = quality.check(pandas.DataFrame(DATA), *map(quality.warn, checks))
    return found


# ── pandera


@pytest.fixture(params=["pandera", "pandera.pandas"])
def pandera(request: pytest.FixtureRequest) -> ModuleType:
    """pandera as older and newer projects import it."""
    found: ModuleType = pytest.importorskip(
        request.param, reason=f"wants: pip install pandera, with {request.param}"
    )
    return found


def test_a_schema_of_pandera_is_a_check(pandera: ModuleType) -> None:
    schema = pandera.DataFrameSchema({"x": pandera.Column(float, pandera.Check.ge(0))})
    found = result(quality.pandera(schema))
    assert found.found == "x: greater_than_or_equal_to(0) (1 case)"
    assert found.rows == ({"row": 2, "values": {"x": "-1.0"}},)


def test_a_model_of_pandera_is_a_check(pandera: ModuleType) -> None:
    model = type(
        "Orders",
        (pandera.DataFrameModel,),
        {
            "__annotations__": {"id": int, "x": float},
            "x": pandera.Field(ge=0),
            "id": pandera.Field(unique=True),
        },
    )
    assert "x: greater_than_or_equal_to(0) (1 case)" in result(quality.pandera(model)).found
    good = pandas.DataFrame({"id": [1], "x": [2.0]})
    assert quality.check(good, quality.pandera(model))[0].good


@pytest.mark.parametrize("lazily", [False, True])
def test_schemas_and_models_of_polars_are_checks(lazily: bool) -> None:
    polars = pytest.importorskip("polars", reason="wants: pip install polars")
    pandera = pytest.importorskip("pandera.polars", reason="wants: pip install 'pandera[polars]'")
    schema = pandera.DataFrameSchema({"x": pandera.Column(float, pandera.Check.ge(0))})
    model = type(
        "Orders", (pandera.DataFrameModel,), {"__annotations__": {"x": float}, "x": pandera.Field(ge=0)}
    )
    for one in (schema, model):
        frame = polars.DataFrame(DATA)
        (found,) = quality.check(frame.lazy() if lazily else frame, quality.warn(quality.pandera(one)))
        assert "x: greater_than_or_equal_to(0) (1 case)" in found.found
        assert "x: greater_than_or_equal_to(0)" in result(quality.pandera(one)).found, (
            "of a frame of pandas, too"
        )


# ── Great Expectations


@pytest.fixture
def gx() -> ModuleType:
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    found: ModuleType = pytest.importorskip(
        "great_expectations", reason="wants: pip install great_expectations"
    )
    return found


def of_release(gx: ModuleType) -> int:
    return int(str(gx.__version__).partition(".")[0])


EXPECTED = {
    "expect_column_values_to_not_be_null": {"column": "id"},
    "expect_column_values_to_be_between": {"column": "x", "min_value": 0},
    "expect_column_to_exist": {"column": "y"},
    "expect_table_row_count_to_be_between": {"min_value": 1, "max_value": 1},
    "expect_column_values_to_be_in_set": {"column": "id", "value_set": [1], "mostly": 0.5},
}


@pytest.mark.parametrize(("name", "kind"), [("name", "type"), ("expectation_suite_name", "expectation_type")])
def test_a_file_of_either_release_is_a_check(tmp_path: Path, gx: ModuleType, name: str, kind: str) -> None:
    suite = tmp_path / "orders.json"
    each = [{kind: expectation, "kwargs": kwargs, "meta": {}} for expectation, kwargs in EXPECTED.items()]
    suite.write_text(
        json.dumps({name: "orders", "expectations": each, "meta": {"great_expectations_version": "0"}})
    )
    found = result(quality.great_expectations(str(suite)))
    assert "x: expect_column_values_to_be_between (1 case)" in found.found
    assert "y: expect_column_to_exist" in found.found
    assert "expect_table_row_count_to_be_between (found 2)" in found.found
    assert "not_be_null" not in found.found and "in_set" not in found.found
    assert found.rows == ({"values": {"x": "-1.0"}},)


def test_suites_that_functions_return_are_checks(
    tmp_path: Path, gx: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    if of_release(gx):
        suite = """
import great_expectations as gx

between = gx.expectations.ExpectColumnValuesToBeBetween

def whole():
    return gx.ExpectationSuite(name="orders", expectations=[between(column="x", min_value=0)])

def alone():
    return between(column="x", min_value=0)

def several():
    return [between(column="x", min_value=0), gx.expectations.ExpectColumnToExist(column="id")]
"""
    else:
        suite = """
from great_expectations.core import ExpectationConfiguration, ExpectationSuite

def whole():
    kwargs = {"column": "x", "min_value": 0}
    each = [ExpectationConfiguration(expectation_type="expect_column_values_to_be_between", kwargs=kwargs)]
    return ExpectationSuite(expectation_suite_name="orders", expectations=each)
"""
    (tmp_path / "suites_of_orders.py").write_text(suite)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("whole", "alone", "several") if of_release(gx) else ("whole",):
        found = result(quality.great_expectations(f"suites_of_orders.{name}"))
        assert found.found == "x: expect_column_values_to_be_between (1 case)", name


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[", "is no suite of Great Expectations"),
        ("[]", "is no suite of Great Expectations"),
        ('{"expectations": [{"kwargs": {}}]}', "is no suite of Great Expectations"),
        ('{"expectations": [{"type": "expect_nothing_of_me", "kwargs": {}}]}', "xpect_nothing_of_me"),
        ('{"expectations": [{"type": "expect_column_values_to_be_unique", "kwargs": {"column": "z"}}]}', "z"),
    ],
)
def test_what_is_no_suite_is_told(tmp_path: Path, gx: ModuleType, text: str, words: str) -> None:
    suite = tmp_path / "orders.json"
    suite.write_text(text)
    try:
        found = result(quality.great_expectations(str(suite)))
    except quality.ChecksFailed as error:  # it cannot be made at all, which no warning makes good
        (found,) = error.results
    assert not found.good and words in found.found and "\n" not in found.found
    suite.unlink()
    with pytest.raises(quality.ChecksFailed, match="there is no file"):
        result(quality.great_expectations(str(suite)))
