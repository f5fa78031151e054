"""Schemas of pandera and suites of Great Expectations as checks."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path

from .. import plugins
from ..calls import resolve
from ..errors import MissingExtra
from ..model import Call, Json
from .frames import Foreign, Unfit
from .result import ROWS, many

#: The extra that brings the package of a check.
EXTRAS = {"pandera": "pandera", "great_expectations": "great-expectations"}
_QUIET = "GX_ANALYTICS_ENABLED"


def made(kind: str, suite: object, data: Foreign) -> tuple[str, int | None, tuple[Json, ...]]:
    """Return what a suite finds in a frame ("" for nothing), in how many rows, and the first of them."""
    if data is None:
        raise Unfit(f"{kind} checks data frames, and this is a table of a database")
    if find_spec(kind) is None:
        raise MissingExtra(f'the package "{kind}" is not installed', hint=install(kind))
    return _pandera(suite, data) if kind == "pandera" else _expectations(suite, data)


def install(kind: str) -> str:
    """Return how the package of a check is installed."""
    return f'pip install "octavo[{EXTRAS[kind]}]"'


def is_file(suite: str) -> bool:
    """Return whether a suite is named by its file."""
    return suite.endswith(".json")


def _library(value: object) -> str:
    return next(
        (name for name in ("polars", "pyspark") if name in type(value).__module__ or name in _base(value)), ""
    )


def _base(value: object) -> str:
    return " ".join(one.__module__ for one in getattr(value, "__mro__", ()))


def _pandera(suite: object, data: Foreign) -> tuple[str, int | None, tuple[Json, ...]]:
    schema = resolve(Call(suite)) if isinstance(suite, str) else suite
    if callable(schema) and not hasattr(schema, "validate"):
        schema = schema()
    if not hasattr(schema, "validate"):
        raise Unfit(f"{suite} is no schema of pandera: it is {schema!r:.60}")
    data = _as(data, "polars" if _library(schema) == "polars" else "pandas")
    errors = plugins.load("pandera.errors")
    try:
        schema.validate(data, lazy=True)
    except errors.SchemaErrors as error:
        return _cases(error.failure_cases)
    except errors.SchemaError as error:
        return str(error).partition("\n")[0], None, ()
    return "", None, ()


def _as(data: Foreign, library: str) -> Foreign:
    """Return a frame as one of the library that a suite is for."""
    if type(data).__module__.partition(".")[0] == library:
        return data
    return data.to_pandas() if library == "pandas" else plugins.load("polars:from_pandas")(data)


def _cases(found: Foreign) -> tuple[str, int | None, tuple[Json, ...]]:
    """Return the failure cases of pandera, a frame with a row for each."""
    cases: list[Json] = found.to_dict("records") if hasattr(found, "itertuples") else found.to_dicts()
    said: dict[str, int] = {}
    for case in cases:
        column = case.get("column")
        words = f"{column}: {case['check']}" if column is not None else str(case["check"])
        said[words] = said.get(words, 0) + 1
    listed = [f"{words} ({many(count, 'case')})" for words, count in said.items()]
    more = f"; and {len(listed) - 5} more" if len(listed) > 5 else ""
    shown = []
    for case in cases[:ROWS]:
        at, value = case.get("index"), case.get("failure_case")
        known = isinstance(at, int | float) and at == at
        row: Json = {"row": int(at or 0) + 1} if known else {}
        shown.append(row | {"values": {str(case.get("column") or case["check"]): _plain(value)}})
    return "; ".join(listed[:5]) + more, len(cases), tuple(shown)


def _expectations(suite: object, data: Foreign) -> tuple[str, int | None, tuple[Json, ...]]:
    os.environ.setdefault(_QUIET, "false")  # a build reports to nobody
    gx = plugins.load("great_expectations")
    release = tuple(int(part) for part in str(gx.__version__).split(".")[:2] if part.isdecimal())
    if not (0, 18) <= release < (2,):
        raise Unfit(f"Great Expectations {gx.__version__} is installed, and octavo knows 0.18 and 1")
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    validate = _by_one if release >= (1,) else _by_018
    return _found(validate(gx, context, _suite_of(suite, gx, release), _as(data, "pandas")).to_json_dict())


def _by_one(gx: Foreign, context: Foreign, suite: Foreign, data: Foreign) -> Foreign:
    asset = context.data_sources.add_pandas("octavo").add_dataframe_asset("data")
    batch = asset.add_batch_definition_whole_dataframe("whole").get_batch({"dataframe": data})
    return batch.validate(suite, result_format="SUMMARY")


def _by_018(gx: Foreign, context: Foreign, suite: Foreign, data: Foreign) -> Foreign:
    asset = context.sources.add_pandas("octavo").add_dataframe_asset("data")
    asked = asset.build_batch_request(dataframe=data)
    validator = context.get_validator(batch_request=asked, expectation_suite=suite)
    return validator.validate(result_format="SUMMARY")


def _found(result: Json) -> tuple[str, int | None, tuple[Json, ...]]:
    """Return the expectations of a result that are not met, which 0.18 and 1 tell almost in the same way."""
    words, rows, count = [], [], 0
    for one in result.get("results", ()):
        if one.get("success"):
            continue
        said = one.get("expectation_config") or {}
        kwargs = said.get("kwargs") or {}
        column = kwargs.get("column") or ", ".join(kwargs.get("column_list") or ())
        found = one.get("result") or {}
        number = found.get("unexpected_count")
        count += number or 0
        cases = f" ({many(number, 'case')})" if number else _seen(found)
        raised = _raised(one.get("exception_info"))
        kind = said.get("type") or said.get("expectation_type")
        words.append(f"{column + ': ' if column else ''}{kind}{cases}{raised}")
        rows += [{"values": {str(column): _plain(it)}} for it in found.get("partial_unexpected_list") or ()]
    more = f"; and {len(words) - 5} more" if len(words) > 5 else ""
    return "; ".join(words[:5]) + more, count or None, tuple(rows[:ROWS])


def _seen(found: Mapping[str, object]) -> str:
    return f" (found {found['observed_value']})" if found.get("observed_value") is not None else ""


def _raised(info: object) -> str:
    """Return what an expectation raised instead of an answer."""
    each: Iterable[object] = info.values() if isinstance(info, dict) else ()
    for one in (info, *each):
        if isinstance(one, dict) and one.get("raised_exception"):
            return f": {str(one.get('exception_message')).partition(chr(10))[0]}"
    return ""


def _suite_of(suite: object, gx: Foreign, release: tuple[int, ...]) -> Foreign:
    """Return a suite: one itself, what a function returns, a list of expectations, or what stands in a file."""
    if isinstance(suite, str) and is_file(suite):
        return _of_file(suite, gx, release)
    found = resolve(Call(suite)) if isinstance(suite, str) else suite
    if callable(found) and not hasattr(found, "expectations"):
        found = found()
    if hasattr(found, "expectations"):
        return found
    each = [*found] if isinstance(found, list | tuple) else [found]
    if release < (1,) or not all(isinstance(it, gx.expectations.Expectation) for it in each):
        raise Unfit(f"{suite} is no suite of Great Expectations: it is {found!r:.60}")
    return gx.ExpectationSuite(name="octavo", expectations=each)


def _of_file(suite: str, gx: Foreign, release: tuple[int, ...]) -> Foreign:
    """Return the suite in a file; those of 0.18 call a few things otherwise than those of 1."""
    try:
        said = json.loads(Path(suite).read_text("utf-8"))
        kind, other = ("type", "expectation_type") if release >= (1,) else ("expectation_type", "type")
        each = [
            {
                kind: one.get(kind) or one[other],
                "kwargs": one.get("kwargs") or {},
                "meta": one.get("meta") or {},
            }
            for one in said["expectations"]
        ]
        name = said.get("name") or said.get("expectation_suite_name") or Path(suite).stem
        if release < (1,):
            return gx.core.ExpectationSuite(expectation_suite_name=name, expectations=each)
        found = gx.ExpectationSuite(name=name, expectations=each)
        if lost := {one["type"] for one in each} - {one.expectation_type for one in found.expectations}:
            raise ValueError(
                f"there is no expectation {', '.join(sorted(lost))}"
            )  # it leaves them out silently
        return found
    except FileNotFoundError:
        raise Unfit(f"there is no file {suite}") from None
    except (
        Exception
    ) as error:  # the file is not what it says, or names an expectation that this release does not have
        words = str(error).strip().partition("\n")[0] or type(error).__name__
        raise Unfit(f"{suite} is no suite of Great Expectations: {words}") from error


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, bool | int | str) else str(value)
