"""A task that has run, and whose process does not end."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

from octavo.events import Note, RunStarted, word
from octavo.show.progress import Progress
from octavo.show.screen import screen
from octavo.show.summary import summary

PROGRAM = """
import atexit, sys, threading, time
from octavo.events import TaskFinished
from octavo.model import Outcome
from octavo.worker.ending import end

def slow():
    time.sleep({seconds})

{begin}

def tell(event):
    print(event, flush=True)

end(tell, TaskFinished("t", Outcome.DONE), {kernel}, said=0.2, limit={limit})
print("ended", flush=True)
"""
THREAD = 'threading.Thread(target=slow, name="uploader").start()'


def ended(
    folder: Path, begin: str, kernel: bool, seconds: float = 100, limit: float = 1.0
) -> tuple[int, list[str]]:
    program = folder / "program.py"
    program.write_text(PROGRAM.format(begin=begin, kernel=kernel, seconds=seconds, limit=limit))
    done = subprocess.run([sys.executable, program], cwd=folder, capture_output=True, text=True, timeout=60)
    assert not done.stderr
    return done.returncode, done.stdout.splitlines()


@pytest.mark.parametrize("kernel", [True, False])
def test_a_thread_that_never_ends_is_told_and_ended(tmp_path: Path, kernel: bool) -> None:
    code, (note, finished) = ended(tmp_path, THREAD, kernel)
    assert code == 0
    assert 'its thread "uploader" (program.py:8, in slow) has not ended' in note
    if kernel:
        assert "Outcome.DONE" in finished
    else:
        assert "Outcome.FAILED" in finished and "1 s after its code had run" in finished


def test_an_exit_handler_that_never_ends_is_told_and_ended(tmp_path: Path) -> None:
    code, (note, finished) = ended(tmp_path, "atexit.register(slow)", False)
    assert code == 0
    assert "an exit handler has not ended (program.py:8, in slow)" in note
    assert "Outcome.FAILED" in finished


def test_a_thread_that_ends_in_time_is_waited_for(tmp_path: Path) -> None:
    code, lines = ended(tmp_path, THREAD, False, seconds=0.5, limit=50.0)
    assert code == 0
    assert "Outcome.DONE" in lines[-2] and lines[-1] == "ended"


def test_daemons_are_not_waited_for(tmp_path: Path) -> None:
    code, lines = ended(tmp_path, "threading.Thread(target=slow, daemon=True).start()", False)
    assert code == 0
    assert len(lines) == 2 and "Outcome.DONE" in lines[0]


def test_what_somebody_waits_for_is_said_at_once_and_not_again_at_the_end() -> None:
    out = io.StringIO()
    began, waiting = RunStarted("r", ("a",), ("a",), 1.0), word("its thread has not ended", "a")
    with Progress(screen(out, {})) as progress:
        progress(began)
        progress(waiting)
        assert out.getvalue() == "note: a: its thread has not ended\n"
        progress(Note("it was slow", "a"))
        assert "slow" not in out.getvalue()
        lines = list(summary(progress, 1.0, "."))
    assert "note: a: it was slow" in lines and not any("thread" in line for line in lines)
    with Progress(screen(out, {}), quiet=True) as quiet:
        quiet(began)
        quiet(waiting)
    assert "note: a: its thread has not ended" in list(summary(quiet, 1.0, "."))
