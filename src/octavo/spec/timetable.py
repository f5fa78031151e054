"""Check what pipeline.yaml says of when it is built: the key schedule."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING

from ..hints import did_you_mean
from ..kinds.keys import Key, as_seconds, as_tuple, is_duration, is_line, is_texts
from ..lazy import lazy_imports
from ..model import Json
from .dialect import quoted

with lazy_imports():
    import zoneinfo

if TYPE_CHECKING:
    from .notices import Check

_TIME = 'a time such as "30s", "15m", "6h" or "1d"'
SCHEDULE: Mapping[str, Key] = {
    "cron": Key('five fields, as "0 6 * * mon-fri"', is_line),
    "every": Key(_TIME, is_duration),
    "changed": Key("a path or a list of paths", is_texts),
    "after": Key("the path of another pipeline", is_line),
    "timezone": Key("the name of a time zone, as Europe/Berlin", is_line),
    "skip": Key("dates as 2026-12-24, or files with one in each line", is_texts),
    "jitter": Key(_TIME, is_duration),
    "missed": Key("a string", is_line, known=("once", "skip")),
    "overlap": Key("a string", is_line, known=("wait", "skip")),
    "build": Key("a task or a list of tasks, as octavo build takes them", is_texts),
}
_WAYS = ("cron", "every", "changed", "after")
_DATE_LIKE = re.compile(r"\d+-\d+-\d+")


def checked(check: Check, said: object) -> Json:
    """Return ``schedule`` whole and plain, times in seconds, with its place; what is wrong is told and left out."""
    path = ("schedule",)
    data = said if isinstance(said, dict) else {"cron": said}
    where = check.document.place(*path)
    found: Json = dict(check.keys(data, path, SCHEDULE, '"schedule"'))
    ways = [way for way in _WAYS if way in data]
    if len(ways) != 1:
        what = f"has {' and '.join(ways)}" if ways else "does not say when"
        check.wrong(
            f'"schedule" {what}: it wants one of {", ".join(_WAYS)}', where, 'cron: "0 6 * * mon-fri"'
        )
    if "timezone" in found:
        _zone(check, found.pop("timezone"), found)
    for name in ("every", "jitter"):
        if name in found:
            found[name] = as_seconds(found[name])
    for name in ("changed", "skip", "build"):
        if name in found:
            found[name] = list(as_tuple(found[name]))
    for text in found.get("skip", ()):
        if _DATE_LIKE.fullmatch(text) and not is_date(text):
            check.wrong(f'"skip": {text} is no date', check.document.place(*path, "skip"), "2026-12-24")
    if "cron" in found and len(found["cron"].split()) != 5:
        place = check.document.place(*path, "cron") if isinstance(said, dict) else where
        hint = f"quote it: {quoted('0 6 * * mon-fri')} is each working day at 6:00"
        check.wrong(f'"schedule": {quoted(found["cron"])} has not five fields', place, hint)
    return found | {"where": [where.path, where.line, where.column]}


def is_date(text: str) -> bool:
    """Return whether a text is a day of the calendar, as ``2026-12-24``."""
    try:
        return len(text) == 10 and bool(date.fromisoformat(text))
    except ValueError:
        return False


def _zone(check: Check, name: str, found: Json) -> None:
    try:
        found["timezone"] = zoneinfo.ZoneInfo(name).key
    except (ValueError, OSError, KeyError):
        hint = did_you_mean(name, zoneinfo.available_timezones()) or "as Europe/Berlin, America/New_York, UTC"
        message = f'"schedule": there is no time zone "{name}"'
        check.wrong(message, check.document.place("schedule", "timezone"), hint)
