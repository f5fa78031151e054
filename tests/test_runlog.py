"""The log of a run: how much of it is written, and how long it is kept."""

from __future__ import annotations

import os
import time
from pathlib import Path

from octavo.events import Note, Output, RunFinished, RunStarted, TaskFinished, encode
from octavo.model import Outcome
from octavo.state import runlog
from octavo.state.runlog import RunLog, paths, replay


def shown(text: str, task: str = "t") -> Output:
    return Output(task, 0, "stream", {"name": "stdout", "text": text})


def test_the_beginning_and_the_end_of_what_a_task_shows_are_logged(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with RunLog(path) as log:
        log(RunStarted("a", ("t", "u"), ("t", "u"), 0.0))
        for number in range(100_000):
            log(shown(f"line {number} {'x' * 90}\n"))
        log(shown("of another", "u"))
        log(TaskFinished("t", Outcome.DONE))
        log(RunFinished("a", True, 1.0, 1.0))
    assert path.stat().st_size < 1_500_000
    events = list(replay(path))
    texts = [event.content["text"] for event in events if isinstance(event, Output) and event.task == "t"]
    assert texts[0].startswith("line 0 ") and texts[-1].startswith("line 99999 ")
    notes = [event.message for event in events if isinstance(event, Note)]
    assert "more than is logged as it comes" in notes[0]
    assert "bytes of what it showed are left out of the log" in notes[1]
    assert [event.task for event in events if isinstance(event, TaskFinished)] == ["t"]
    assert "of another" in [event.content["text"] for event in events if isinstance(event, Output)]


def test_the_end_of_what_a_task_showed_is_logged_also_when_the_run_is_stopped(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with RunLog(path) as log:
        log(shown("x" * 2_000_000))
        log(shown("the last words"))
    assert [event.content["text"] for event in replay(path) if isinstance(event, Output)] == [
        "the last words"
    ]


def test_logs_go_when_they_are_too_many_too_old_or_too_large(tmp_path: Path) -> None:
    for number in range(runlog.KEPT + 5):
        began = RunStarted(f"2020{number:04}", (), (), float(number))
        (tmp_path / f"2020{number:04}.jsonl").write_bytes(encode(began) + b"\n")
    old = tmp_path / f"2020{runlog.KEPT + 4:04}.jsonl"
    os.utime(old, (time.time() - 100 * 86_400,) * 2)
    large = tmp_path / f"2020{runlog.KEPT - 10:04}.jsonl"
    os.truncate(large, 300_000_000)
    with RunLog(tmp_path / "2021.jsonl"):
        pass
    left = paths(tmp_path)
    assert left[0].name == "2021.jsonl"
    assert old not in left and large not in left
    assert len(left) == 14  # the newest, and those that are newer than the large one


def test_runs_are_in_the_order_of_time_also_where_the_clock_was_set_back(tmp_path: Path) -> None:
    for name, at in (("20261025-025900-000000", 100.0), ("20261025-020100-000000", 220.0)):
        with RunLog(tmp_path / f"{name}.jsonl") as log:
            log(RunStarted(name, ("t",), ("t",), at))
    assert [path.stem for path in paths(tmp_path)] == ["20261025-020100-000000", "20261025-025900-000000"]
