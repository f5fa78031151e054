"""Write a schedule as other programs want it: timers of systemd, lines of a crontab, launchd, Windows.

Each of them calls ``octavo schedule once``, which knows days to skip and keeps a log for each run.
"""

from __future__ import annotations

import os
import plistlib
import re
import shlex
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from .. import digests
from ..errors import SpecError
from . import duration

if TYPE_CHECKING:
    from . import Cron, Schedule

_DAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")
#: What runs it all the same, for what another program cannot.
_INSTEAD = "octavo schedule run does it, in a process of its own"


def name(path: Path) -> str:
    """Return the name of a pipeline's units: that of its folder, and what tells it from others of that name."""
    plain = re.sub(r"[^A-Za-z0-9]+", "-", path.parent.name).strip("-").lower() or "pipeline"
    return f"octavo-{plain}-{digests.digest(str(path))[:6]}"


def systemd(schedule: Schedule, path: Path, words: Sequence[str]) -> dict[str, str]:
    """Return the units of systemd by their file names: the service, and the timer or path that starts it."""
    unit = name(path)
    about = f"octavo: {_systemd(path.parent.name)}, {_systemd(schedule.said())}"
    service = [
        "[Unit]",
        f"Description={about}",
        "",
        "[Service]",
        "Type=oneshot",
        f"WorkingDirectory={_systemd(str(path.parent))}",
        f"ExecStart={' '.join(_argument(word) for word in words)}",
        "KillSignal=SIGINT",
        "TimeoutStopSec=60",
    ]
    if schedule.after:
        raise SpecError('systemd cannot wait for another pipeline ("after")', schedule.where, _INSTEAD)
    if schedule.changed:
        full = [_systemd(os.path.abspath(schedule.root / path)) for path in schedule.changed]
        watch = ["[Unit]", f"Description={about}", "", "[Path]", *(f"PathModified={path}" for path in full)]
        units = {f"{unit}.path": [*watch, "", "[Install]", "WantedBy=paths.target"]}
    else:
        when = (
            [f"OnCalendar={line}" for line in _calendar(schedule)]
            if schedule.cron
            else [f"OnActiveSec={schedule.every:g}", f"OnUnitActiveSec={schedule.every:g}"]
        )
        persistent = ["Persistent=true"] if schedule.cron and schedule.missed == "once" else []
        jitter = [f"RandomizedDelaySec={schedule.jitter:g}"] if schedule.jitter else []
        timer = [
            "[Unit]",
            f"Description={about}",
            "",
            "[Timer]",
            *when,
            "AccuracySec=1s",
            *persistent,
            *jitter,
        ]
        units = {f"{unit}.timer": [*timer, "", "[Install]", "WantedBy=timers.target"]}
    return {file: "\n".join(lines) + "\n" for file, lines in {f"{unit}.service": service, **units}.items()}


def crontab(schedule: Schedule, path: Path, words: Sequence[str]) -> str:
    """Return the line of a crontab; what cron cannot do is an error that says what can."""
    line = " ".join(shlex.quote(word) for word in words)
    # cron takes the first % for the end of the command
    command = f"cd {shlex.quote(str(path.parent))} && {line}".replace("%", "\\%")
    if "\n" in command:
        raise SpecError("a crontab has no place for a path with a line break", schedule.where, _INSTEAD)
    if schedule.jitter:
        most = max(1, int(schedule.jitter))
        command = f"sleep $(awk 'BEGIN {{srand(); print int(rand() * {most})}}') && {command}"
    if not schedule.timed:
        raise SpecError("cron knows the clock alone, and no files", schedule.where, _INSTEAD)
    if schedule.every:
        return f"{_every(schedule)} {command}"
    if schedule.zone and _offset(schedule):
        message = f"cron runs by the time zone of this machine, which is not {schedule.zone}"
        raise SpecError(message, schedule.where, "octavo schedule install --systemd, or octavo schedule run")
    _plain(schedule.parsed(datetime.now(UTC)), schedule)
    return f"{schedule.cron} {command}"


def launchd(schedule: Schedule, path: Path, words: Sequence[str]) -> str:
    """Return a property list for ~/Library/LaunchAgents (launchd.plist(5))."""
    if schedule.after or (schedule.zone and _offset(schedule)):
        what = "another pipeline" if schedule.after else f"the time zone {schedule.zone}"
        raise SpecError(f"launchd knows nothing of {what}", schedule.where, _INSTEAD)
    found: dict[str, object] = {
        "Label": name(path),
        "ProgramArguments": [*words],
        "WorkingDirectory": str(path.parent),
    }
    if schedule.changed:
        found["WatchPaths"] = [os.path.abspath(schedule.root / path) for path in schedule.changed]
    elif schedule.every:
        found["StartInterval"] = max(1, round(schedule.every))
    else:
        found["StartCalendarInterval"] = [*_intervals(schedule)]
    return plistlib.dumps(found).decode()


def windows(schedule: Schedule, path: Path, words: Sequence[str]) -> str:
    """Return the definition of a task for ``schtasks /create /xml``, which runs it in WSL."""
    if schedule.every:
        if schedule.every < 60:
            raise SpecError("Windows repeats tasks each minute at most", schedule.where, _INSTEAD)
        repeat = f"<Repetition><Interval>PT{schedule.every:g}S</Interval></Repetition>"
        start = datetime.now().replace(microsecond=0).isoformat()
        triggers = [f"<TimeTrigger>{repeat}<StartBoundary>{start}</StartBoundary></TimeTrigger>"]
    elif schedule.cron:
        triggers = [*_triggers(schedule)]
    else:
        raise SpecError("Windows starts tasks by the clock, not by files", schedule.where, _INSTEAD)
    line = " ".join(shlex.quote(word) for word in words)
    arguments = f"--cd {_windows(str(path.parent))} -- {line}"
    delay = f"<!-- up to {duration(schedule.jitter)} later -->" if schedule.jitter else ""
    return "\n".join([
        '<?xml version="1.0" encoding="UTF-16"?>',
        '<Task version="1.3" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">',
        f"  <Triggers>{delay}{''.join(triggers)}</Triggers>",
        "  <Settings><StartWhenAvailable>"
        f"{str(schedule.missed == 'once').lower()}</StartWhenAvailable></Settings>",
        f"  <Actions><Exec><Command>wsl.exe</Command><Arguments>{escape(arguments)}</Arguments></Exec></Actions>",
        "</Task>",
        "",
    ])  # fmt: skip


# ── systemd


def _systemd(text: str) -> str:
    """Return a text for a unit file, in which % begins a specifier."""
    return text.replace("%", "%%").replace("\n", " ")


def _argument(word: str) -> str:
    """Return a word of a command line for systemd, which reads quotes, backslashes, $ and % by rules of its own."""
    if re.fullmatch(r"[\w./:=@+-]+", word):
        return word
    inner = word.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{inner.replace("$", "$$").replace("%", "%%")}"'


def _calendar(schedule: Schedule) -> list[str]:
    """Return the expressions of OnCalendar (systemd.time(7)) that mean what an expression of cron does."""
    cron = _plain(schedule.parsed(datetime.now(UTC)), schedule)
    days, weekdays = _list(cron.days, 1, 31), _weekdays(cron)
    months = _list(cron.months, 1, 12)
    time = f"{_list(cron.hours, 0, 23)}:{_list(cron.minutes, 0, 59)}:00"
    zone = f" {schedule.zone}" if schedule.zone else ""
    week = f"{','.join(_DAYS[day] for day in weekdays)} " if len(weekdays) < len(_DAYS) else ""
    if cron.day_and or days == "*" or not week:
        return [f"{week}*-{months}-{days} {time}{zone}"]
    # cron takes either where both are said; systemd both
    return [f"*-{months}-{days} {time}{zone}", f"{week}*-{months}-* {time}{zone}"]


def _list(values: set[int], first: int, last: int) -> str:
    return "*" if len(values) == last - first + 1 else ",".join(f"{value:02}" for value in sorted(values))


def _weekdays(cron: Cron) -> list[int]:
    return sorted({int(str(day)) % 7 for day in cron.weekdays})


def _plain(cron: Cron, schedule: Schedule) -> Cron:
    """Return an expression of cron without what only some crons know: the last day, the third Friday."""
    odd = [day for day in (*cron.days, *cron.weekdays) if not isinstance(day, int) or day < 0 or day > 31]
    if odd:
        raise SpecError(f'only octavo itself understands "{schedule.cron}"', schedule.where, _INSTEAD)
    return cron


# ── the others


def _every(schedule: Schedule) -> str:
    """Return an interval as fields of cron, if it divides an hour or a day evenly."""
    minutes = schedule.every / 60
    if minutes in (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30):
        return f"*/{minutes:g} * * * *" if minutes > 1 else "* * * * *"
    hours = minutes / 60
    if hours in (1, 2, 3, 4, 6, 8, 12):
        return f"0 */{hours:g} * * *" if hours > 1 else "0 * * * *"
    if hours == 24:
        return "0 0 * * *"
    message = f"cron cannot do something every {duration(schedule.every)}: it must divide an hour or a day"
    raise SpecError(message, schedule.where, "octavo schedule install --systemd, or octavo schedule run")


def _offset(schedule: Schedule) -> bool:
    """Return whether the zone of a schedule has other times than this machine, now or in half a year."""
    now = datetime.now(UTC)
    moments = (now, now.replace(year=now.year + 1, month=(now.month + 5) % 12 + 1, day=1))
    return any(
        moment.astimezone(schedule.zone).utcoffset() != moment.astimezone().utcoffset() for moment in moments
    )


def _intervals(schedule: Schedule) -> Iterable[dict[str, int]]:
    cron = _plain(schedule.parsed(datetime.now(UTC)), schedule)
    days = [{}] if len(cron.days) == 31 else [{"Day": day} for day in sorted(cron.days)]
    weekdays = [{}] if len(_weekdays(cron)) == 7 else [{"Weekday": day} for day in _weekdays(cron)]
    months = [{}] if len(cron.months) == 12 else [{"Month": month} for month in sorted(cron.months)]
    either = not cron.day_and and days != [{}] and weekdays != [{}]
    chosen = [*days, *weekdays] if either else [{**day, **week} for day in days for week in weekdays]
    hours = [{}] if len(cron.hours) == 24 else [{"Hour": hour} for hour in sorted(cron.hours)]
    minutes = [{}] if len(cron.minutes) == 60 else [{"Minute": minute} for minute in sorted(cron.minutes)]
    return [
        {**month, **day, **hour, **minute}
        for month in months
        for day in chosen
        for hour in hours
        for minute in minutes
    ]


def _triggers(schedule: Schedule) -> Iterable[str]:
    if schedule.zone and _offset(schedule):
        message = f"Windows runs tasks by the time zone of the machine, which is not {schedule.zone}"
        raise SpecError(message, schedule.where, _INSTEAD)
    cron = _plain(schedule.parsed(datetime.now(UTC)), schedule)
    whole = len(cron.months) == 12 and len(cron.days) == 31
    times = [(hour, minute) for hour in sorted(cron.hours) for minute in sorted(cron.minutes)]
    if not whole or len(times) > 48:  # as many triggers may a task have
        message = f'"{schedule.cron}" is more than Windows takes: days of the week, and up to 48 times a day'
        raise SpecError(message, schedule.where, _INSTEAD)
    names = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
    week = "".join(f"<{names[day]} />" for day in _weekdays(cron))
    for hour, minute in times:
        start = f"<StartBoundary>2000-01-01T{hour:02}:{minute:02}:00</StartBoundary>"
        by_week = f"<ScheduleByWeek><WeeksInterval>1</WeeksInterval><DaysOfWeek>{week}</DaysOfWeek></ScheduleByWeek>"
        yield f"<CalendarTrigger>{start}{by_week}</CalendarTrigger>"


def _windows(text: str) -> str:
    return f'"{text}"' if " " in text else text
