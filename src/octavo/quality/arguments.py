"""What each check is told: in pipeline.yaml as in Python, tested before there is any data."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime

from ..hints import did_you_mean
from ..kinds.keys import as_seconds, is_count, is_flag, is_text
from ..model import Json
from .result import SEVERITIES, DataCheck

#: The words for types of columns.
TYPES = ("integer", "number", "text", "boolean", "date", "datetime", "category", "any")
#: What may stand beside a check's own key.
BESIDE = ("severity", "product", "name", "exact")
#: How far a distribution may be from that of the last good run.
DRIFT = 0.2

#: What a check is called after its word, and what it is told. One key may stand for several checks.
_Told = list[tuple[str, Json]]


class Wrong(ValueError):
    """What is said of a check is wrong: the message, and a hint."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


def checks(said: Mapping[str, object]) -> list[DataCheck]:
    """Return the checks that an entry stands for: a mapping of one of their words, and what stands beside it."""
    kinds = [key for key in said if key in KINDS]
    if len(kinds) != 1:
        odd = [str(key) for key in said if key not in KINDS and key not in BESIDE]
        if odd and not kinds:
            hint = did_you_mean(odd[0], KINDS) or f"there are: {', '.join(KINDS)}"
            raise Wrong(f'there is no check "{odd[0]}"', hint)
        what = f"has {' and '.join(kinds)}" if kinds else "names none"
        raise Wrong(f"a check {what}: it wants one of {', '.join(KINDS)}", "- unique: id")
    (kind,) = kinds
    for key in said:
        if key != kind and (key not in BESIDE or (key == "exact" and kind != "columns")):
            near = did_you_mean(str(key), BESIDE)
            raise Wrong(
                f'the check "{kind}" has no "{key}"', near or f"beside it stand: {', '.join(BESIDE[:3])}"
            )
    severity, product, name = said.get("severity") or "error", said.get("product"), said.get("name")
    if severity not in SEVERITIES:
        raise Wrong(f'"severity" is error or warn, not {severity}', did_you_mean(str(severity), SEVERITIES))
    for key, value in (("product", product), ("name", name)):
        if value is not None and not (is_text(value) and str(value).isprintable()):
            raise Wrong(f'"{key}" must be a string on one line')
    if not is_flag(said.get("exact") or False):
        raise Wrong('"exact" must be true or false')
    told = KINDS[kind](said[kind])
    if said.get("exact"):
        told = [(words, {**arguments, "exact": True}) for words, arguments in told]
    found = []
    for words, arguments in told:
        called = f"{name} {words}".strip() if name and len(told) > 1 else name or f"{kind} {words}".strip()
        found.append(DataCheck(kind, arguments, str(called), str(severity), _text(product)))
    return found


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def distinct(found: Sequence[DataCheck]) -> list[DataCheck]:
    """Return checks whose names differ: a second one of a name gets a number."""
    seen: dict[str, int] = {}
    distinct = []
    for check in found:
        seen[check.name] = number = seen.get(check.name, 0) + 1
        name = check.name if number == 1 else f"{check.name} ({number})"
        distinct.append(DataCheck(check.kind, check.arguments, name, check.severity, check.product))
    return distinct


def of_plain(plain: Json) -> DataCheck:
    """Return the check that ``DataCheck.plain`` made plain."""
    return DataCheck(**plain)


def named(check: DataCheck) -> tuple[str, ...]:
    """Return the columns of its own data that a check is about."""
    found = check.arguments.get("columns") if check.kind in ("unique", "foreign_key") else ()
    single = check.arguments.get("column")
    return (*(found or ()), *((str(single),) if single is not None else ()))


# ── one function for each: the value → the checks it stands for


def _names(value: object, what: str) -> list[str]:
    names = [value] if isinstance(value, str) else value
    if not (isinstance(names, list) and names and all(isinstance(it, str) and it for it in names)):
        raise Wrong(f'"{what}" must be a column or a list of columns, not {_shown(value)}')
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise Wrong(f'"{what}" names the column "{twice}" twice')
    return names


def _shown(value: object) -> str:
    text = "nothing" if value is None else str(value) or "an empty string"
    return text if len(text) <= 40 else f"{text[:39]}…"


def _by_column(value: object, what: str, holds: str) -> Json:
    if not (isinstance(value, dict) and value and all(isinstance(key, str) and key for key in value)):
        raise Wrong(f'"{what}" must be a mapping of columns to {holds}, not {_shown(value)}')
    return value


def _columns(value: object) -> _Told:
    if not isinstance(value, dict):
        return [("", {"types": dict.fromkeys(_names(value, "columns"), "any")})]
    for name, word in _by_column(value, "columns", "types").items():
        if word not in TYPES:
            hint = did_you_mean(str(word), TYPES) or f"there are: {', '.join(TYPES)}"
            raise Wrong(f'"columns.{name}": there is no type {_shown(word)}', hint)
    return [("", {"types": dict(value)})]


def _each(value: object) -> _Told:
    return [(name, {"column": name}) for name in _names(value, "not_null")]


def _unique(value: object) -> _Told:
    names = _names(value, "unique")
    return [(", ".join(names), {"columns": names})]


def _bound(value: object) -> object:
    """Return a bound as plain values hold it: dates as text."""
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float | str | date | datetime)
        or value != value
    ):
        raise Wrong(f"a bound must be a number, a date or a text, not {_shown(value)}")
    return value.isoformat() if isinstance(value, date) else value


def _bounds(value: object, what: str) -> Json:
    if not (isinstance(value, dict) and value and value.keys() <= {"min", "max"}):
        raise Wrong(f'"{what}" must have min, max or both, not {_shown(value)}', "{min: 0, max: 10}")
    found = {key: _bound(bound) for key, bound in value.items()}
    low, high = found.get("min"), found.get("max")
    if low is not None and high is not None:
        if isinstance(low, str) is not isinstance(high, str):
            raise Wrong(f'"{what}": min and max are of different types: {low} and {high}')
        if low > high:  # type: ignore[operator]  # both are text, or both numbers
            raise Wrong(f'"{what}": min {low} is above max {high}')
    return found


def _range(value: object) -> _Told:
    table = _by_column(value, "range", "their bounds")
    return [(name, {"column": name, **_bounds(bounds, f"range.{name}")}) for name, bounds in table.items()]


def _allowed(value: object) -> _Told:
    found = []
    for name, values in _by_column(value, "allowed", "lists of values").items():
        if not (isinstance(values, list) and values):
            raise Wrong(f'"allowed.{name}" must be a list of values, not {_shown(values)}')
        if odd := [one for one in values if not isinstance(one, int | float | str | bool | date)]:
            raise Wrong(f'"allowed.{name}" holds {_shown(odd[0])}, which is no value of a cell')
        plain = [one.isoformat() if isinstance(one, date) else one for one in values]
        found.append((name, {"column": name, "values": plain}))
    return found


def _pattern(value: object) -> _Told:
    found = []
    for name, pattern in _by_column(value, "pattern", "regular expressions").items():
        try:
            re.compile(pattern)
        except (re.error, TypeError, OverflowError, RecursionError) as error:
            raise Wrong(
                f'"pattern.{name}" is no regular expression: {error}', f"quote it: {name}: '[A-Z]+'"
            ) from error
        found.append((name, {"column": name, "pattern": pattern}))
    return found


def _rows(value: object) -> _Told:
    bounds = {"min": value, "max": value} if isinstance(value, int) else value
    if not (
        isinstance(bounds, dict)
        and bounds
        and bounds.keys() <= {"min", "max"}
        and all(is_count(it, 0) for it in bounds.values())
    ):
        raise Wrong(
            f'"rows" must be a whole number, or have min, max or both, not {_shown(value)}', "{min: 1}"
        )
    return [("", _bounds(bounds, "rows"))]


def _fresh(value: object) -> _Told:
    hint = "{column: updated, within: 24h}"
    if not (isinstance(value, dict) and value.keys() == {"column", "within"} and is_text(value["column"])):
        raise Wrong(f'"fresh" must have a column and within, not {_shown(value)}', hint)
    if not as_seconds(value["within"]):
        raise Wrong(f'"fresh.within" must be a time such as "24h", not {_shown(value["within"])}', hint)
    column = value["column"]
    return [(column, {"column": column, "within": as_seconds(value["within"])})]


def _foreign_key(value: object) -> _Told:
    known = ("columns", "task", "keys", "product")
    hint = "{columns: customer, task: customers, keys: id}"
    if not (isinstance(value, dict) and {"columns", "task"} <= value.keys() and is_text(value["task"])):
        raise Wrong(
            f'"foreign_key" must have columns and the task that has the keys, not {_shown(value)}', hint
        )
    if odd := next((str(key) for key in value if key not in known), None):
        raise Wrong(f'"foreign_key" has no "{odd}"', did_you_mean(odd, known) or hint)
    names = _names(value["columns"], "foreign_key.columns")
    keys = _names(value.get("keys", names), "foreign_key.keys")
    if len(keys) != len(names):
        raise Wrong(f'"foreign_key" has {len(names)} columns and {len(keys)} keys', hint)
    told = {"columns": names, "task": value["task"], "keys": keys, "of": value.get("product")}
    return [(", ".join(names), told)]


def _drift(value: object) -> _Told:
    table = value if isinstance(value, dict) else dict.fromkeys(_names(value, "drift"), DRIFT)
    for name, limit in _by_column(table, "drift", "limits").items():
        if isinstance(limit, bool) or not isinstance(limit, int | float) or not 0 < limit <= 1:
            raise Wrong(f'"drift.{name}" must be a number above 0 and at most 1, not {_shown(limit)}')
    return [(name, {"column": name, "limit": limit}) for name, limit in table.items()]


def _suite(word: str) -> Callable[[object], _Told]:
    def suite(value: object) -> _Told:
        if not is_text(value):
            raise Wrong(f'"{word}" must be a dotted path (package.module.name){_FILE.get(word, "")}')
        return [(str(value), {"suite": value})]

    return suite


_FILE = {"great_expectations": " or a file that ends in .json"}
KINDS: Mapping[str, Callable[[object], _Told]] = {
    "columns": _columns,
    "not_null": _each,
    "unique": _unique,
    "range": _range,
    "allowed": _allowed,
    "pattern": _pattern,
    "rows": _rows,
    "fresh": _fresh,
    "foreign_key": _foreign_key,
    "drift": _drift,
    "pandera": _suite("pandera"),
    "great_expectations": _suite("great_expectations"),
}
