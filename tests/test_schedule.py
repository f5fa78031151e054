"""When a pipeline is due, what systemd and others are told of it, and the process that waits for it."""

from __future__ import annotations

import plistlib
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import pytest

from octavo.errors import Error
from octavo.schedule import Schedule, command, loop, units
from octavo.schedule.loop import Handled, World
from octavo.spec import schema

WORDS = command("/usr/bin/python3", Path("/data/a b/100%/pipeline.yaml"))
PATH = Path("/data/a b/100%/pipeline.yaml")


def schedule(text: str, root: Path = Path("/data/project")) -> Schedule:
    document = schema.parse(
        f"schedule: {text}\ntasks:\n  - {{source: a.py, product: a.ipynb}}\n", "pipeline.yaml"
    )
    return Schedule.of(schema.spec(document).around["schedule"], root)


def times(text: str, moment: str, count: int) -> list[str]:
    found = schedule(text)
    return [
        due.astimezone(found.zone).isoformat(timespec="minutes")
        for due in islice(found.times(datetime.fromisoformat(moment)), count)
    ]


@pytest.mark.parametrize(
    ("cron", "moment", "due"),
    [
        # clocks go from 2:00 to 3:00 on 29 March
        ("30 2 * * *", "2026-03-28T12:00+01:00", ["2026-03-29T03:00+02:00", "2026-03-30T02:30+02:00"]),
        ("0 * * * *", "2026-03-29T00:30+01:00", ["2026-03-29T01:00+01:00", "2026-03-29T03:00+02:00"]),
        # and from 3:00 to 2:00 on 25 October
        ("30 2 * * *", "2026-10-24T12:00+02:00", ["2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"]),
        ("0 * * * *", "2026-10-25T01:30+02:00", ["2026-10-25T02:00+02:00", "2026-10-25T02:00+01:00"]),
        ("0 6 * * mon-fri", "2026-11-27T12:00+01:00", ["2026-11-30T06:00+01:00", "2026-12-01T06:00+01:00"]),
    ],
)
def test_times_are_those_of_the_zone_when_clocks_change_too(cron: str, moment: str, due: list[str]) -> None:
    assert times(f'{{cron: "{cron}", timezone: Europe/Berlin}}', moment, len(due)) == due


def test_days_to_skip_are_those_of_the_zone(tmp_path: Path) -> None:
    (tmp_path / "holidays.txt").write_text("# ours\n2026-12-25  # Christmas\n\n2026-12-26\n")
    found = schedule('{cron: "30 0 * * *", timezone: Asia/Tokyo, skip: [2026-12-24, holidays.txt]}', tmp_path)
    due = next(found.times(datetime(2026, 12, 23, 12, tzinfo=UTC)))
    assert due == datetime(2026, 12, 26, 15, 30, tzinfo=UTC)
    (tmp_path / "holidays.txt").write_text("25.12.2026\n")
    with pytest.raises(Error, match=r"holidays.txt:1: .*is no date"):
        found.skipped()
    (tmp_path / "holidays.txt").unlink()
    with pytest.raises(Error, match=r"holidays.txt cannot be read: No such file"):
        found.skipped()


def test_an_interval_counts_from_the_start() -> None:
    began = datetime(2026, 1, 1, tzinfo=UTC)
    found = schedule("{every: 90s}").times(began + timedelta(seconds=200), began)
    assert [int((due - began).total_seconds()) for due in islice(found, 2)] == [270, 360]


WRONG = {
    '"61 * * * *"': "is no expression of cron: Bad minute",
    '"0 6 * *"': "has not five fields",
    "{every: 0s}": '"every" must be a time such as',
    "{every: 15 minutes}": '"every" must be a time such as',
    "{every: 1h, cron: '0 6 * * *'}": "has cron and every",
    "{timezone: UTC}": "does not say when",
    "{every: 1h, timezone: Europe/Berln}": "did you mean",
    "{every: 1h, skip: [2026-13-24]}": "2026-13-24 is no date",
    "{every: 1h, missed: twice}": 'there is no missed "twice"',
    "{evry: 1h}": "did you mean",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_mistake_is_told_with_its_place(text: str) -> None:
    with pytest.raises((Error, ExceptionGroup)) as caught:
        schedule(text)
    errors = caught.value.exceptions if isinstance(caught.value, ExceptionGroup) else [caught.value]
    said = "\n".join(f"{error} {getattr(error, 'hint', '')}" for error in errors)
    assert WRONG[text] in said
    assert "pipeline.yaml:1:" in said


# ── what other programs are told


CALENDARS = {
    '{cron: "30 6 * * mon-fri", timezone: Europe/Berlin}': [
        "Mon,Tue,Wed,Thu,Fri *-*-* 06:30:00 Europe/Berlin"
    ],
    '"*/15 * * * *"': ["*-*-* *:00,15,30,45:00"],
    '"0 0 1 1,7 *"': ["*-01,07-01 00:00:00"],
    '"0 0 13 * fri"': ["*-*-13 00:00:00", "Fri *-*-* 00:00:00"],  # cron takes either
    '"0 0 * * 7"': ["Sun *-*-* 00:00:00"],
}


@pytest.mark.parametrize("text", CALENDARS)
def test_systemd_is_told_the_same_times(text: str) -> None:
    found = schedule(text)
    files = units.systemd(found, PATH, WORDS)
    timer = next(file for name, file in files.items() if name.endswith(".timer"))
    lines = [line.partition("=")[2] for line in timer.splitlines() if line.startswith("OnCalendar=")]
    assert lines == CALENDARS[text]
    if shutil.which("systemd-analyze") is None:
        pytest.skip("there is no systemd-analyze on this machine")
    moment = datetime(2026, 11, 27, 12, tzinfo=UTC)
    by_cron = [due.timestamp() for due in islice(found.times(moment), 5)]
    by_systemd: set[float] = set()
    for line in lines:
        words = [
            "systemd-analyze",
            "calendar",
            "--iterations=5",
            f"--base-time=@{int(moment.timestamp())}",
            line,
        ]
        said = subprocess.run(
            words, capture_output=True, text=True, check=True, env={"TZ": "UTC", "LC_ALL": "C"}
        )
        stamps = [row.partition(": ")[2] for row in said.stdout.splitlines() if "(in UTC)" in row]
        stamps = stamps or [row.partition(": ")[2] for row in said.stdout.splitlines() if "UTC" in row]
        by_systemd |= {
            datetime.strptime(row, "%a %Y-%m-%d %H:%M:%S UTC").replace(tzinfo=UTC).timestamp()
            for row in stamps
        }
    zone = datetime.now().astimezone().utcoffset()
    if found.zone or not zone:
        assert sorted(by_systemd)[:5] == by_cron


def test_units_are_whole_whatever_the_path(tmp_path: Path) -> None:
    folder = tmp_path / 'a b$c "d" 100%'
    folder.mkdir()
    (folder / "pipeline.yaml").write_text("")
    path = folder / "pipeline.yaml"
    for text in ("{every: 90s, jitter: 5m}", "{changed: [data/raw, in.csv]}", '"0 6 * * *"'):
        files = units.systemd(schedule(text, folder), path, command("/bin/true", path))
        for name, content in files.items():
            (tmp_path / name).write_text(content)
        if shutil.which("systemd-analyze"):
            words = ["systemd-analyze", "verify", "--user", *(str(tmp_path / name) for name in files)]
            said = subprocess.run(
                words, capture_output=True, text=True, env={"HOME": str(tmp_path), "PATH": "/usr/bin"}
            )
            assert "octavo" not in said.stderr, said.stderr


def test_a_crontab_gets_what_cron_can_do() -> None:
    line = units.crontab(schedule('"0 6 * * mon-fri"'), PATH, WORDS)
    start, _, words = line.partition(" cd ")
    assert start == "0 6 * * mon-fri"
    assert words.startswith("'/data/a b/100\\%' && /usr/bin/python3 -P -m octavo schedule once")
    assert units.crontab(schedule("{every: 15m}"), PATH, WORDS).startswith("*/15 * * * * cd ")
    assert units.crontab(schedule("{every: 6h}"), PATH, WORDS).startswith("0 */6 * * * cd ")
    for text in ("{every: 7m}", "{changed: a.csv}", "{after: ../b}", '"0 6 L * *"'):
        with pytest.raises(Error, match=r"pipeline.yaml:1:"):
            units.crontab(schedule(text), PATH, WORDS)
    here = datetime.now().astimezone().utcoffset()
    zone = "Asia/Kathmandu" if here != timedelta(hours=5, minutes=45) else "UTC"
    with pytest.raises(Error, match="time zone of this machine"):
        units.crontab(schedule(f'{{cron: "0 6 * * *", timezone: {zone}}}'), PATH, WORDS)


def test_launchd_and_windows_get_documents_that_parse() -> None:
    found = plistlib.loads(units.launchd(schedule('"0 6 13 * fri"'), PATH, WORDS).encode())
    assert found["StartCalendarInterval"] == [
        {"Day": 13, "Hour": 6, "Minute": 0},
        {"Weekday": 5, "Hour": 6, "Minute": 0},
    ]
    assert found["ProgramArguments"] == WORDS
    text = units.windows(schedule('"15 6,18 * * mon"'), PATH, WORDS)
    tree = ElementTree.fromstring(text.partition("?>")[2])
    space = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"
    starts = [node.text for node in tree.iter(f"{space}StartBoundary")]
    assert starts == ["2000-01-01T06:15:00", "2000-01-01T18:15:00"]
    assert [node.tag.removeprefix(space) for days in tree.iter(f"{space}DaysOfWeek") for node in days] == [
        "Monday"
    ] * 2
    with pytest.raises(Error, match="more than Windows takes"):
        units.windows(schedule('"0 6 1 * *"'), PATH, WORDS)


# ── the process that waits


class Ended(Exception):
    """The test has seen enough."""


class Clock:
    """A world in which time passes as it is waited for."""

    def __init__(self, moment: datetime, load: Callable[[], Schedule], seconds: float = 1) -> None:
        self.moment, self.seconds = moment, seconds
        self.built: list[datetime] = []
        self.said: list[str] = []
        self.most = 3
        self.world = World(lambda: self.moment, self.wait, self.said.append, self.build, load)

    def wait(self, seconds: float) -> None:
        assert 0 <= seconds <= 400
        self.moment += timedelta(seconds=seconds)

    def build(self, schedule: Schedule) -> int:
        self.built.append(self.moment)
        self.moment += timedelta(seconds=self.seconds)
        if len(self.built) == self.most:
            raise Ended
        return 0

    def run(self, kept: Path) -> list[str]:
        with pytest.raises(Ended):
            loop.forever(self.world, kept)
        return [f"{moment:%d %H:%M}" for moment in self.built]


START = datetime(2026, 11, 27, 12, 10, tzinfo=UTC)
HOURLY = '{cron: "0 * * * *", timezone: UTC%s}'


def test_it_builds_each_time_that_it_is_due(tmp_path: Path) -> None:
    clock = Clock(START, lambda: schedule(HOURLY % ""))
    assert clock.run(tmp_path / "state.json") == ["27 13:00", "27 14:00", "27 15:00"]
    assert clock.said == [f"next: Fri 2026-11-27 {hour}:00:00 UTC" for hour in (13, 14, 15)]


@pytest.mark.parametrize(
    ("missed", "built"),
    [("once", ["27 12:10", "27 13:00", "27 14:00"]), ("skip", ["27 13:00", "27 14:00", "27 15:00"])],
)
def test_what_was_missed_is_made_up_for_once_or_not_at_all(
    tmp_path: Path, missed: str, built: list[str]
) -> None:
    kept = tmp_path / "state.json"
    Handled(START - timedelta(hours=9)).write(kept)
    clock = Clock(START, lambda: schedule(HOURLY % f", missed: {missed}"))
    assert clock.run(kept) == built
    assert clock.said[0].startswith("missed Fri 2026-11-27 04:00:00 UTC and 8 times more")


def test_a_build_that_takes_longer_than_the_interval_is_followed_by_one(tmp_path: Path) -> None:
    clock = Clock(START, lambda: schedule(HOURLY % ""), seconds=2.5 * 3600)
    assert clock.run(tmp_path / "state.json") == ["27 13:00", "27 15:30", "27 18:00"]


def test_a_build_that_took_the_machine_down_is_not_begun_again(tmp_path: Path) -> None:
    kept = tmp_path / "state.json"
    clock = Clock(START, lambda: schedule(HOURLY % ""))
    clock.most = 1
    assert clock.run(kept) == ["27 13:00"]
    again = Clock(clock.moment, lambda: schedule(HOURLY % ""))
    assert again.run(kept)[0] == "27 14:00"
    kept.write_text("not JSON")
    assert Clock(clock.moment, lambda: schedule(HOURLY % "")).run(kept)[0] == "27 14:00"


def test_an_edit_of_the_schedule_counts_at_once_and_a_broken_pipeline_does_not(tmp_path: Path) -> None:
    said = iter(["every: 1h", "every: 1h", "broken", "every: 5m"])
    last = ["every: 1h"]

    def load() -> Schedule:
        last[0] = next(said, last[0])
        if last[0] == "broken":
            raise Error("not valid YAML", "pipeline.yaml")
        return schedule(f"{{{last[0]}}}")

    clock = Clock(START, load)
    assert clock.run(tmp_path / "state.json") == ["27 12:15", "27 12:20", "27 12:25"]
    assert "the schedule stays as it was: pipeline.yaml: not valid YAML" in clock.said


def test_jitter_is_waited_for(tmp_path: Path) -> None:
    clock = Clock(START, lambda: schedule(HOURLY % ", jitter: 5m"))
    clock.run(tmp_path / "state.json")
    late = [moment - moment.replace(minute=0, second=0, microsecond=0) for moment in clock.built]
    assert all(timedelta() <= it <= timedelta(minutes=5) for it in late)
    assert len({*late}) == len(late)


def test_changed_files_and_other_pipelines_are_waited_for(tmp_path: Path) -> None:
    data = tmp_path / "in.csv"
    data.write_text("1")
    clock = Clock(START, lambda: schedule("{changed: in.csv}", tmp_path))
    clock.most = 2

    def wait(seconds: float) -> None:
        clock.wait(seconds)
        if clock.moment == START + timedelta(seconds=5):
            data.write_text("22")

    def build(found: Schedule) -> int:
        data.write_text("during the build")  # which counts, too
        return clock.build(found)

    world = World(clock.world.now, wait, clock.said.append, build, clock.world.load)
    with pytest.raises(Ended):
        loop.forever(world, tmp_path / "state.json")
    assert len(clock.built) == 2
    assert clock.built[0] >= START + timedelta(seconds=5)
    assert schedule("{after: ../other}", tmp_path).said() == "after ../other"
