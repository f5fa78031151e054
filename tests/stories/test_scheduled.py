"""Pipelines that are built on a schedule, and for each day of a past one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from projects import Folder

TASKS = """
tasks:
  - {source: tasks.make, product: out.txt}
"""


@pytest.fixture
def scheduled(folder: Folder) -> Folder:
    folder.write(
        "tasks.py", "from pathlib import Path\n\ndef make(product):\n    Path(product).write_text('made')\n"
    )
    folder.write("pipeline.yaml", f'schedule: "0 6 * * mon-fri"\n{TASKS}')
    return folder


def test_once_builds_with_a_log_of_its_own_but_on_days_to_skip(scheduled: Folder) -> None:
    done = scheduled.octavo("schedule", "once")
    assert done.returncode == 0, done.stderr
    assert "exit code 0: 1 done in" in done.stdout
    (log,) = (scheduled.path / ".octavo/schedule").glob("*.log")
    assert "first run" in log.read_text()
    days = [time.strftime("%Y-%m-%d", time.localtime(time.time() + shift)) for shift in (-60, 0, 60)]
    scheduled.write("pipeline.yaml", f"schedule: {{every: 1h, skip: [{', '.join(days)}]}}\n{TASKS}")
    (scheduled.path / "out.txt").unlink()
    done = scheduled.octavo("schedule", "once")
    assert (done.returncode, "is a day without a build" in done.stdout) == (0, True)
    assert not (scheduled.path / "out.txt").exists()


def test_who_is_told_of_failures_is_told_that_a_build_cannot_begin(scheduled: Folder) -> None:
    notify = 'notify:\n  - command: "cat >> told.txt"\n'
    scheduled.write("pipeline.yaml", f'schedule: "0 6 * * *"\n{notify}{TASKS}')
    scheduled.write("tasks.py", "def mke(product): pass\n")
    assert scheduled.octavo("schedule", "once").returncode == 2
    assert scheduled.octavo("schedule", "once").returncode == 2  # which is no news
    told = scheduled.read("told.txt")
    assert told.count("The build could not begin") == 1
    assert 'tasks.py has no function "make"' in told or "make" in told


def test_run_builds_until_it_is_stopped_and_passes_that_on(scheduled: Folder) -> None:
    scheduled.write("pipeline.yaml", f"schedule: {{every: 1s}}\n{TASKS}")
    scheduled.write(
        "tasks.py",
        """
        import time
        from pathlib import Path

        def make(product):
            Path("begun").touch()
            try:
                time.sleep(60)
            finally:
                Path("cleaned").touch()
        """,
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "octavo", "schedule", "run"],
        cwd=scheduled.path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    while not (scheduled.path / "begun").exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=100)
    assert process.returncode == 0, said
    assert "stopped" in said
    assert (scheduled.path / "cleaned").exists()


def test_what_the_pipeline_makes_is_not_waited_for(scheduled: Folder) -> None:
    scheduled.write("pipeline.yaml", f"schedule: {{changed: [out.txt]}}\n{TASKS}")
    done = scheduled.octavo("schedule", "run")
    assert (done.returncode, "it would build for ever" in done.stderr) == (2, True)


def test_a_crontab_keeps_its_other_lines(scheduled: Folder, tmp_path: Path) -> None:
    programs, kept = tmp_path / "programs", tmp_path / "crontab"
    programs.mkdir()
    kept.write_text("MAILTO=me\n5 4 * * * other\n")
    program = programs / "crontab"
    program.write_text(
        f'#!/bin/sh\nif [ "$1" = -l ]; then cat {kept}; else cat > {kept}.new; mv {kept}.new {kept}; fi\n'
    )
    program.chmod(0o755)
    environ = {"PATH": f"{programs}:{os.environ['PATH']}", "XDG_CONFIG_HOME": str(tmp_path / "config")}
    for _ in range(2):
        done = scheduled.octavo("schedule", "install", "--crontab", env=environ)
        assert done.returncode == 0, done.stderr
    lines = kept.read_text().splitlines()
    assert lines[:2] == ["MAILTO=me", "5 4 * * * other"]
    assert len(lines) == 5
    assert lines[3].startswith("0 6 * * mon-fri cd ")
    done = scheduled.octavo("schedule", "install", "--systemd", env=environ)
    assert len([*(tmp_path / "config/systemd/user").iterdir()]) == 2, done.stderr
    done = scheduled.octavo("schedule", "uninstall", env=environ)
    assert done.stdout.count("removed") == 3
    assert kept.read_text() == "MAILTO=me\n5 4 * * * other\n"
    assert [*(tmp_path / "config/systemd/user").iterdir()] == []


def test_a_backfill_builds_for_each_value_and_says_which_failed(folder: Folder) -> None:
    folder.write("env.yaml", "date: '2026-01-01'\n")
    folder.write(
        "pipeline.yaml",
        """
        tasks:
          - {source: tasks.make, product: "out/{{date}}.txt", params: {date: "{{date}}"}}
        """,
    )
    folder.write(
        "tasks.py",
        """
        from pathlib import Path

        def make(product, date):
            if date == "2026-02-28":
                raise ValueError("no data")
            Path(product).write_text(date)
        """,
    )
    done = folder.octavo("backfill", "--param", "date=2026-01-31..2026-03-31", "--step", "month")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[0].startswith("2026-01-31  1 done")
    assert "make: no data" in lines[1]
    assert lines[3].startswith("3 values of date, 1 failed")
    assert sorted(path.name for path in (folder.path / "out").glob("2*")) == [
        "2026-01-31.txt",
        "2026-03-31.txt",
    ]
    folder.write("pipeline.yaml", folder.read("pipeline.yaml").replace("{{date}}.txt", "x.txt"))
    done = folder.octavo("backfill", "--param", "date=2026-01-01..2026-01-02")
    assert (done.returncode, "would overwrite the results of the last: out/x.txt" in done.stderr) == (2, True)
