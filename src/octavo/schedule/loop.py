"""Build a pipeline whenever its schedule says so, in a process that stays, as containers have them."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import takewhile
from pathlib import Path

from .. import products
from ..dataclass import dataclass
from ..errors import Error
from ..products import writing
from ..show.screen import many
from ..state import runlog
from . import Schedule

#: A time that is so long past was missed: the machine slept, or another build took its time.
_LATE = timedelta(seconds=60)
#: Seconds between looks at the clock, which may be set, and at pipeline.yaml, which may be edited.
_LOOK = 20.0
#: Seconds between looks at files that are waited for.
_POLL = 1.0


@dataclass(frozen=True, slots=True)
class Handled:
    """Up to when all times are dealt with, and the last run of another pipeline that is."""

    until: datetime | None = None
    after: str = ""

    @classmethod
    def read(cls, path: Path) -> Handled:
        """Return what was kept; nothing, where it is damaged or not there."""
        try:
            found = json.loads(path.read_bytes())
            until = datetime.fromisoformat(found["until"]) if found.get("until") else None
            return cls(until, str(found.get("after", "")))
        except (OSError, ValueError, TypeError, AttributeError):
            return cls()

    def write(self, path: Path) -> None:
        """Keep it, whole or not at all."""
        until = self.until.isoformat() if self.until else ""
        path.parent.mkdir(parents=True, exist_ok=True)
        writing.write(str(path), [json.dumps({"until": until, "after": self.after}).encode()])


@dataclass(frozen=True, slots=True)
class World:
    """What the loop does not do itself: the clock, sleeping, words for people, a build, and reading the schedule."""

    now: Callable[[], datetime]
    wait: Callable[[float], None]
    say: Callable[[str], None]
    build: Callable[[Schedule], int]
    load: Callable[[], Schedule]


def forever(world: World, kept: Path) -> None:
    """Build whenever it is time, until ``world.wait`` or ``world.build`` raises."""
    for schedule in _due(world, kept):
        if schedule.jitter:
            world.wait(random.uniform(0, schedule.jitter))
        world.build(schedule)


def _due(world: World, kept: Path) -> Iterator[Schedule]:
    """Yield the schedule whenever it is time to build. What was dealt with is kept before that, so that a build which
    takes the machine down is not begun again and again."""
    began = world.now()
    known = Handled.read(kept)
    schedule = world.load()
    if known.until is None or known.until > began:
        known = replace(known, until=began)
    said: datetime | None = None
    while True:
        if not schedule.timed:
            yield from _by_files(world, schedule, known, kept)
            schedule, known = _again(world, schedule), Handled.read(kept)
            continue
        assert known.until is not None
        now = world.now()
        due = next(schedule.times(known.until, began), None)
        if due is None:
            raise Error("this schedule is never due", str(schedule.where))
        if due > now:
            if due != said:
                world.say(f"next: {local(due, schedule)}")
                said = due
            world.wait(min((due - now).total_seconds(), _LOOK))
            schedule = _again(world, schedule)
            continue
        passed = sum(1 for _ in takewhile(now.__ge__, schedule.times(known.until, began)))
        known = replace(known, until=now)
        known.write(kept)
        if now - due > _LATE and schedule.missed == "skip" and not _in_time(schedule, now, began):
            world.say(f"missed {local(due, schedule)}{_more(passed)}: skipped")
            continue
        if now - due > _LATE:
            world.say(f"missed {local(due, schedule)}{_more(passed)}: building now")
        yield schedule


def _in_time(schedule: Schedule, now: datetime, began: datetime) -> bool:
    """Return whether it has been time just now."""
    due = next(schedule.times(now - _LATE, began), None)
    return due is not None and due <= now


def _more(passed: int) -> str:
    return f" and {many(passed - 1, 'time')} more" if passed > 1 else ""


def _again(world: World, schedule: Schedule) -> Schedule:
    """Return the schedule as the pipeline says it now; as it was, where the pipeline is broken at the moment."""
    try:
        return world.load()
    except* Error as error:
        world.say(f"the schedule stays as it was: {error.exceptions[0]}")
    return schedule


def _by_files(world: World, schedule: Schedule, known: Handled, kept: Path) -> Iterator[Schedule]:
    """Yield once, when files have changed, or another pipeline has been built."""
    look: Callable[[], str] = partial(last_good if schedule.after else stamps, schedule)
    was = known.after if known.after and schedule.missed == "once" else look()
    if was != known.after:
        replace(known, after=was).write(kept)
    world.say(f"waiting: {schedule.said()}")
    while True:
        world.wait(_POLL)
        now = look()
        if now == was or schedule.skips(world.now()):
            continue
        world.wait(_POLL)
        if look() != now:
            continue  # it is still being written
        replace(known, until=world.now(), after=now).write(kept)
        yield schedule
        return


def stamps(schedule: Schedule) -> str:
    """Return text that changes when one of the files or folders does that a schedule waits for."""
    return "\n".join(str(products.stamp(os.path.join(schedule.root, path))) for path in schedule.changed)


def last_good(schedule: Schedule) -> str:
    """Return the name of the last run of the other pipeline in which all went well."""
    other = Path(schedule.root, schedule.after)
    folder = (other if other.is_dir() else other.parent) / ".octavo" / "runs"
    for path in runlog.paths(folder):
        run = runlog.overview(path)
        if run.seconds is not None and not run.outcomes.keys() & {"failed", "blocked", "cancelled"}:
            return run.name
    return ""


def local(moment: datetime, schedule: Schedule) -> str:
    """Return a moment as the clock of the schedule's time zone shows it."""
    return f"{moment.astimezone(schedule.zone):%a %Y-%m-%d %H:%M:%S %Z}"


def utc_now() -> datetime:
    return datetime.now(UTC)
