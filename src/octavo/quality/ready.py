"""Make checks: of a frame, each with what it found and the first rows that it is about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Protocol

from ..errors import Error
from ..lazy import lazy_imports
from ..model import Json
from .frames import Mask, Tabular, Unfit, there
from .result import ROWS, DataCheck, Result, flat, many

with lazy_imports():
    from . import distances, suites

#: Types that satisfy another one.
_FITS = {
    "number": ("integer",),
    "text": ("category",),
    "datetime": ("date",),
}


class CheckContext(Protocol):
    """What a check may ask for besides the data itself."""

    @property
    def now(self) -> datetime: ...
    @property
    def data(self) -> object: ...
    def keys(self, arguments: Json, frame: Tabular) -> Tabular: ...
    def profile(self, name: str) -> Json | None: ...
    def against(self, arguments: Json) -> Json: ...


def made(check: DataCheck, frame: Tabular, around: CheckContext) -> Result:
    """Make a check. What keeps it from being made fails it, whatever its severity: it is a mistake to be mended."""
    try:
        good, found, more = _MADE[check.kind](check.arguments, frame, check, around)
    except (Unfit, Error) as error:
        words = error.message if isinstance(error, Error) else str(error)
        return Result(check.name, False, flat(words), "error")
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever a library, or a value in the data, comes up with
        words = f"it raised {type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
        return Result(check.name, False, flat(words[:300]), "error")
    return Result(check.name, good, "" if good else found, check.severity, **more)


_Made = tuple[bool, str, Json]  # good, what was found, further fields of Result


def _masked(frame: Tabular, mask: Mask, words: str) -> _Made:
    count = frame.count(mask)
    if not count:
        return True, "", {}
    verb = "is" if count == 1 else "are"
    found = f"{count:,} of {many(len(frame), 'row')} {verb} {words}"
    return False, found, {"count": count, "rows": tuple(frame.rows(mask, ROWS))}


def _columns(told: Json, frame: Tabular, check: DataCheck, around: CheckContext) -> _Made:
    types, wanted = frame.types, told["types"]
    wrong = [_absent(name, frame) for name in wanted if name not in types]
    for name, word in wanted.items():
        found = types.get(name, word)
        if word != "any" and found not in (word, "any", "empty", *_FITS.get(word, ())):
            wrong.append(f'"{name}" is {found}, not {word}')
    if told.get("exact") and (more := [name for name in types if name not in wanted]):
        wrong.append(f"there are others: {', '.join(more[:5])}{', …' if len(more) > 5 else ''}")
    return not wrong, flat("; ".join(wrong)), {}


def _absent(name: str, frame: Tabular) -> str:
    try:
        there(frame, name)
    except Unfit as error:
        return str(error)
    return ""


def _not_null(told: Json, frame: Tabular, check: DataCheck, around: CheckContext) -> _Made:
    return _masked(frame, frame.null(told["column"]), "without a value")


def _unique(told: Json, frame: Tabular, check: DataCheck, around: CheckContext) -> _Made:
    return _masked(
        frame, frame.repeated(told["columns"]), f"not the only ones with their {', '.join(told['columns'])}"
    )


def _range(told: Json, frame: Tabular, check: DataCheck, around: CheckContext) -> _Made:
    low, high = told.get("min"), told.get("max")
    bounds = ", ".join(
        f"{word} {bound}" for word, bound in (("least", low), ("greatest", high)) if bound is not None
    )
    return _masked(frame, frame.outside(told["column"], low, high), f"outside ({bounds})")


def _allowed(told: Json, frame: Tabular, check: DataCheck, around: CheckContext) -> _Made:
    values = told["values"]
    listed = ", ".join(map(str, values[:5])) + (", …" if len(values) > 5 else "")
    return _masked(frame, frame.unlisted(told["column"], values), f"none of {listed}")


def _pattern(told: Json, frame: Tabular, check: DataCheck, around: CheckContext) -> _Made:
    return _masked(frame, frame.unlike(told["column"], told["pattern"]), f"not like {told['pattern']}")


def _rows(told: Json, frame: Tabular, check: DataCheck, around: CheckContext) -> _Made:
    count, low, high = len(frame), told.get("min"), told.get("max")
    if low is not None and count < low:
        return False, f"{many(count, 'row')}, less than {low:,}", {"count": count}
    if high is not None and count > high:
        return False, f"{many(count, 'row')}, more than {high:,}", {"count": count}
    return True, "", {}


def _fresh(told: Json, frame: Tabular, check: DataCheck, around: CheckContext) -> _Made:
    there(frame, told["column"])
    newest = frame.newest(told["column"])
    if newest is None:
        return False, "there is no time", {}
    if not isinstance(newest, date):
        raise Unfit(f'"{told["column"]}" holds no times')
    if isinstance(newest, datetime):
        moment = newest if newest.tzinfo else newest.replace(tzinfo=UTC)
        age = (around.now - moment).total_seconds()
    else:  # a day is over when it ends, wherever that is
        moment = datetime(newest.year, newest.month, newest.day, 23, 59, 59, tzinfo=UTC)
        age = max(
            (around.now - moment).total_seconds(), 0.0 if (newest - around.now.date()).days <= 1 else -1.0
        )
    if age < -60:
        return (
            False,
            f"the newest is {moment:%Y-%m-%d %H:%M}, in the future (times without a zone are UTC)",
            {},
        )
    limit = told["within"]
    return (
        age <= limit,
        f"the newest is {moment:%Y-%m-%d %H:%M}, {_age(age)} old; it may be {_age(limit)}",
        {},
    )


def _age(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.4g} {unit}"
    return f"{seconds:.0f} s"


def _foreign_key(told: Json, frame: Tabular, check: DataCheck, around: CheckContext) -> _Made:
    other = around.keys(told, frame)
    try:
        for key in told["keys"]:
            there(other, key)
    except Unfit as error:
        raise Unfit(f"{told['task']}: {error}") from error
    mask = frame.orphans(told["columns"], other, told["keys"])
    return _masked(frame, mask, f"without a match in {', '.join(told['keys'])} of {told['task']}")


def _drift(told: Json, frame: Tabular, check: DataCheck, around: CheckContext) -> _Made:
    now = distances.profile(frame, told["column"])
    was = around.against(told) if "against" in told else around.profile(check.name)
    apart = distances.distance(was, now) if was else 0.0
    earlier = "the other" if "against" in told else "the last good run"
    good = apart <= told["limit"]
    return good, f"it is {apart:.2g} from {earlier}, more than {told['limit']:g}", {"profile": now}


def _suite(told: Json, frame: Tabular, check: DataCheck, around: CheckContext) -> _Made:
    found, count, rows = suites.made(check.kind, told["suite"], around.data)
    return not found, flat(found), {"count": count, "rows": rows}


_MADE: Mapping[str, Callable[[Json, Tabular, DataCheck, CheckContext], _Made]] = {
    "columns": _columns,
    "not_null": _not_null,
    "unique": _unique,
    "range": _range,
    "allowed": _allowed,
    "pattern": _pattern,
    "rows": _rows,
    "fresh": _fresh,
    "foreign_key": _foreign_key,
    "drift": _drift,
    "pandera": _suite,
    "great_expectations": _suite,
}
