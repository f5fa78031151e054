"""When a pipeline is to be built: at times of the clock, at intervals, when files change, after another pipeline."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import field
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

from .. import plugins
from ..dataclass import dataclass
from ..errors import Error, MissingExtra, Place, SpecError
from ..model import Json
from ..spec.timetable import is_date


class Cron(Protocol):
    """An expression of cron as cronsim reads it: the sets of its fields; iterating it gives the times."""

    minutes: set[int]
    hours: set[int]
    days: set[int]
    months: set[int]
    weekdays: set[object]
    day_and: bool

    def __next__(self) -> datetime: ...
    def explain(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Schedule:
    """What the key ``schedule`` says: one of ``cron``, ``every``, ``changed`` and ``after`` is there.

    ``every`` and ``jitter`` are seconds. ``days`` are those on which nothing is built, as the pipeline says them:
    dates, and files of dates relative to ``root``.
    """

    root: Path
    cron: str = ""
    every: float = 0.0
    changed: tuple[str, ...] = ()
    after: str = ""
    zone: tzinfo | None = None
    days: tuple[str, ...] = ()
    jitter: float = 0.0
    missed: str = "once"
    overlap: str = "wait"
    build: tuple[str, ...] = ()
    where: Place = field(default_factory=lambda: Place("pipeline.yaml"))

    @classmethod
    def of(cls, said: Json, root: Path) -> Schedule:
        """Return the schedule of a pipeline; raise an error for an expression of cron that is none."""
        zone = ZoneInfo(said["timezone"]) if "timezone" in said else None
        found = cls(
            root,
            said.get("cron", ""),
            said.get("every", 0.0),
            tuple(said.get("changed", ())),
            said.get("after", ""),
            zone,
            tuple(said.get("skip", ())),
            said.get("jitter", 0.0),
            said.get("missed", "once"),
            said.get("overlap", "wait"),
            tuple(said.get("build", ())),
            Place(*said["where"]),
        )
        if found.cron:
            found.parsed(datetime.now(UTC))
        return found

    @property
    def timed(self) -> bool:
        """Whether it is the clock that says when."""
        return bool(self.cron or self.every)

    def parsed(self, moment: datetime) -> Cron:
        """Return the expression of cron, of which the next time comes after a moment."""
        try:
            make = plugins.load("cronsim:CronSim")
        except ImportError as error:
            raise MissingExtra(
                "a schedule with cron needs cronsim", str(self.where), 'pip install "octavo[schedule]"'
            ) from error
        try:
            found: Cron = make(self.cron, moment.astimezone(self.zone) if self.zone else moment.astimezone())
        except Exception as error:  # cronsim's own, which is not imported here
            hint = "minute hour day month weekday, as 0 6 * * mon-fri"
            raise SpecError(f'"{self.cron}" is no expression of cron: {error}', self.where, hint) from error
        return found

    def times(self, moment: datetime, began: datetime | None = None) -> Iterator[datetime]:
        """Yield the times after a moment at which it is due, days to skip left out.

        An interval counts from ``began``; for a clock that is set forward or back, cron's rules hold: what would be in
        the missing hour is due once after it, and nothing is due twice in the hour that comes twice.
        """
        if self.every:
            start, step = began or moment, timedelta(seconds=self.every)
            passed = max(0, int((moment - start) / step))
            due = start + passed * step
            while True:
                due += step
                if due > moment and not self.skips(due):
                    yield due
        if self.cron:
            expression = self.parsed(moment)
            for _ in range(100_000):  # a schedule all of whose days are skipped ends
                try:
                    due = next(expression)
                except StopIteration:
                    return
                if not self.skips(due):
                    yield due.astimezone(UTC)

    def skips(self, moment: datetime) -> str:
        """Return the date of a moment if nothing is built on that day; an empty text if something is."""
        day = moment.astimezone(self.zone).date().isoformat()
        return day if day in self.skipped() else ""

    def skipped(self) -> set[str]:
        """Return the days on which nothing is built; raise an error for a file of days that cannot be read."""
        days: set[str] = set()
        for text in self.days:
            if is_date(text):
                days.add(text)
                continue
            path = self.root / text
            try:
                lines = path.read_text(encoding="utf-8").splitlines()
            except (OSError, UnicodeDecodeError) as error:
                why = getattr(error, "strerror", None) or "it is no text"
                raise SpecError(f'"skip": {text} cannot be read: {why}', self.where) from error
            for number, line in enumerate(lines, 1):
                word = line.partition("#")[0].strip()
                if word and not is_date(word[:10]):
                    raise SpecError(f'"{word}" is no date', Place(text, number), "2026-12-24, # and a remark")
                days |= {word[:10]} if word else set()
        return days

    def said(self) -> str:
        """Return it in words."""
        zone = f", {self.zone}" if self.zone else ""
        if self.cron:
            return f"{self.parsed(datetime.now(UTC)).explain()}{zone}"
        if self.every:
            return f"every {duration(self.every)}"
        return f"after {self.after}" if self.after else f"when {', '.join(self.changed)} changed"


def duration(value: float) -> str:
    """Return seconds as pipeline.yaml has them: 90s, 15m, 6h."""
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60)):
        if value >= size and value % size == 0:
            return f"{value / size:g}{unit}"
    return f"{value:g}s"


def command(python: str, path: Path) -> list[str]:
    """Return the command that builds a pipeline once, as timers call it."""
    return [python, "-P", "-m", "octavo", "schedule", "once", "--file", os.fspath(path)]


def wanted(said: Json, path: Path) -> Json:
    """Return what a pipeline says of its schedule; raise an error where it says nothing."""
    found = said.get("schedule")
    if not isinstance(found, dict):
        hint = 'add to its top: schedule: "0 6 * * mon-fri"'
        raise Error("this pipeline has no schedule", os.path.relpath(path), hint)
    return found
