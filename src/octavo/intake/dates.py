"""The dates that scripts and schedulers give to papermill: what they would be now."""

from __future__ import annotations

import re
import shlex
from datetime import datetime, timedelta

_AIRFLOW = {
    "ds": "%Y-%m-%d",
    "ds_nodash": "%Y%m%d",
    "ts": "%Y-%m-%dT%H:%M:%S+00:00",
    "ts_nodash": "%Y%m%dT%H%M%S",
    "data_interval_start": "%Y-%m-%dT%H:%M:%S+00:00",
    "logical_date": "%Y-%m-%dT%H:%M:%S+00:00",
    "execution_date": "%Y-%m-%dT%H:%M:%S+00:00",
}
_UNITS = {"day": 1, "days": 1, "week": 7, "weeks": 7}
_LONG = {"F": "Y-%m-%d", "T": "H:%M:%S", "D": "m/%d/%y", "R": "H:%M"}


def said(origin: str, now: datetime) -> str | None:
    """Return what ``$(date …)``, Airflow's ``{{ ds }}`` or ``date.today()`` gives; None for what is no date."""
    if match := re.fullmatch(r"Airflow's \{\{ (\w+) \}\}", origin):
        return now.strftime(_AIRFLOW[match[1]]) if match[1] in _AIRFLOW else None
    if match := re.fullmatch(r"\$\(\s*(date\b[^()]*)\)|`\s*(date\b[^`]*)`", origin.strip()):
        return _of_shell((match[1] or match[2]).replace("\\%", "%"), now)
    if re.search(r"\b(?:today|now|utcnow)\(", origin) and not re.search(r"[-+]\s*\w*timedelta", origin):
        if match := re.search(r"""strftime\(\s*(["'])([^"']+)\1\s*\)""", origin):
            return now.strftime(match[2])
        return now.strftime("%Y-%m-%d" if "today" in origin else "%Y-%m-%dT%H:%M:%S")
    return None


def _of_shell(command: str, now: datetime) -> str | None:
    try:
        words = shlex.split(command)[1:]
    except ValueError:
        return None
    form, day = "%a %b %e %H:%M:%S %Y", now
    rest = iter(words)
    for word in rest:
        if word.startswith("+"):
            form = word[1:]
        elif word in ("-d", "--date") or word.startswith("--date="):
            text = word.partition("=")[2] or next(rest, "")
            moved = _moved(text, now)
            if moved is None:
                return None
            day = moved
        elif word not in ("-u", "--utc"):
            return None
    return day.strftime(re.sub(r"%([FTDR])", lambda match: "%" + _LONG[match[1]], form))


def _moved(text: str, now: datetime) -> datetime | None:
    """Return the moment that ``date -d`` means: yesterday, "3 days ago", "-1 week"."""
    named = {"today": 0, "now": 0, "yesterday": -1, "tomorrow": 1}
    if text in named:
        return now + timedelta(days=named[text])
    match = re.fullmatch(r"([-+]?\d{1,5})\s*(\w+)(\s+ago)?", text.strip())
    if match is None or match[2] not in _UNITS:
        return None
    return now + timedelta(days=int(match[1]) * _UNITS[match[2]] * (-1 if match[3] else 1))
