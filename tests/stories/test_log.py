"""``octavo log``: what happened, once more."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from octavo.state import runlog
from projects import Folder


@pytest.fixture
def built(folder: Folder) -> Folder:
    folder.write(
        "pipeline.yaml",
        """
        tasks:
          - {source: tasks.good, product: good.txt}
          - {source: tasks.bad, product: bad.txt}
        """,
    )
    folder.write(
        "tasks.py",
        """
        def good(product):
            print("all is well")
            product.write_text("x")

        def bad(product):
            print("about to fail")
            raise ValueError("no")
        """,
    )
    assert folder.octavo("build").returncode == 1
    return folder


def test_runs_are_listed_and_shown_once_more(built: Folder) -> None:
    listed = built.octavo("log").stdout
    assert re.fullmatch(
        r"\d{8}-\d{6}-\w{6}  \d{4}-\d\d-\d\d \d\d:\d\d:\d\d +\d.*s  1 done, 1 failed\n", listed
    )
    shown = built.octavo("log", "last")
    assert shown.returncode == 1
    for words in ("all is well", "about to fail", "ValueError: no", "1 done, 1 failed in"):
        assert words in shown.stdout


def test_each_line_says_which_task_has_printed_it(built: Folder) -> None:
    shown = built.octavo("log", "last").stdout.splitlines()
    assert "good | all is well" in shown and "bad | about to fail" in shown
    alone = built.octavo("log", "last", "--task", "good").stdout.splitlines()
    assert built.octavo("log", "last", "good").stdout.splitlines() == alone
    assert "all is well" in alone


def test_a_task_can_be_picked_out(built: Folder) -> None:
    shown = built.octavo("log", "last", "--task", "good").stdout
    assert "all is well" in shown and "about to fail" not in shown


def test_the_events_come_out_as_they_were(built: Folder) -> None:
    [path] = runlog.paths(built.path / ".octavo" / "runs")
    assert built.octavo("log", "last", "--json").stdout == path.read_text()
    [run] = [json.loads(line) for line in built.octavo("log", "--json").stdout.splitlines()]
    assert run["outcomes"] == {"done": 1, "failed": 1}


def test_a_run_without_work_is_not_kept(built: Folder) -> None:
    built.write(
        "tasks.py",
        "def good(product):\n    product.write_text('x')\n\ndef bad(product):\n    good(product)\n",
    )
    assert built.octavo("build").returncode == 0
    assert built.octavo("build").returncode == 0
    assert len(built.octavo("log").stdout.splitlines()) == 2


def test_an_unknown_run_is_a_mistake_with_a_hint(built: Folder) -> None:
    done = built.octavo("log", "1999")
    assert done.returncode == 2
    assert 'there is no run "1999"' in done.stderr


def test_a_running_build_can_be_followed_and_a_killed_one_has_an_end(folder: Folder) -> None:
    folder.write("pipeline.yaml", "tasks:\n  - {source: tasks.slow, product: slow.txt}\n")
    body = "import os, time\n\ndef slow(product):\n    print('begun', flush=True)\n"
    body += "    while not os.path.exists('go'): time.sleep(0.02)\n    product.write_text('x')\n"
    folder.write(
        "tasks.py",
        body + "    while not os.path.exists('go'): time.sleep(0.02)\n    product.write_text('x')\n",
    )
    build = [sys.executable, "-m", "octavo", "build", "-q", "--no-cache"]
    follow = [sys.executable, "-m", "octavo", "log", "last", "--follow", "--json"]
    for ending in ("finished", "killed"):
        with subprocess.Popen(build, cwd=folder.path) as builder:
            while (
                not (logs := runlog.paths(folder.path / ".octavo" / "runs"))
                or "TaskStarted" not in logs[0].read_text()
            ):
                time.sleep(0.02)
            with subprocess.Popen(follow, cwd=folder.path, stdout=subprocess.PIPE, text=True) as follower:
                assert follower.stdout is not None
                assert '"RunStarted"' in follower.stdout.readline()
                if ending == "finished":
                    folder.write("go", "")
                else:
                    os.kill(builder.pid, signal.SIGKILL)
                rest = follower.stdout.read()
            assert ('"RunFinished"' in rest) == (ending == "finished")
        (folder.path / "go").unlink(missing_ok=True)
        (folder.path / "slow.txt").unlink(missing_ok=True)
        for log in logs:
            log.unlink()


def test_old_runs_make_room_for_new_ones(built: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = built.path / ".octavo" / "runs"
    for number in range(runlog.KEPT + 10):
        (runs / f"20000101-{number:06}-abcdef.jsonl").write_text("")
    assert built.octavo("build").returncode == 1
    assert len(runlog.paths(runs)) == runlog.KEPT
    assert built.octavo("log", "last").returncode == 1


def test_what_a_task_printed_cannot_command_the_terminal_of_who_reads_the_log(built: Folder) -> None:
    built.write(
        "tasks.py",
        """
        def good(product):
            print("\\x1b]0;mine\\x07 \\x1b[2J \\x1b[31mred\\x1b[0m")
            product.write_text("y")

        def bad(product):
            raise ValueError("\\x1b]0;yours\\x07")
        """,
    )
    assert built.octavo("build").returncode == 1
    for words in (["log", "last"], ["build", "--force", "--verbose"], ["status"]):
        ended = built.octavo(*words)
        said = ended.stdout + ended.stderr
        assert [sign for sign in ("\x07", "\x1b]", "\x1b[2J") if sign in said] == []
    assert "␛]0;mine␇ ␛[2J \x1b[31mred\x1b[0m" in built.octavo("log", "last").stdout
