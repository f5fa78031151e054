"""How a process ended, told from what it left: its wait status, its last trace, the system's count of killings."""

from __future__ import annotations

import signal

import pytest

from octavo.worker.death import OomCounter, Scene, death
from projects import Folder

TRACES = """\
Fatal Python error: Segmentation fault

Thread 0x00007f (most recent call first):
  File "/usr/lib/python3.11/threading.py", line 982 in run

Current thread 0x00007e (most recent call first):
  File "/usr/lib/python3.11/ctypes/__init__.py", line 519 in string_at
  File "/project/tasks.py", line 9 in peek
  File "/project/tasks.py", line 5 in get
  File "{ours}", line 39 in run

Extension modules: zmq (total: 1)
"""


def traces() -> str:
    import octavo.kinds.function as module

    return TRACES.format(ours=module.__file__)


def test_a_crash_is_told_with_the_users_last_line_and_the_calls_below_it() -> None:
    scene = Scene("tasks.py", "/project/tasks.py", code="whole file")
    failure = death(signal.SIGSEGV, scene, traces())
    assert (failure.kind, failure.line, failure.code) == ("WorkerDied", 9, "whole file")
    assert "SIGSEGV" in failure.message
    assert failure.traceback[1:] == (
        '  File "/usr/lib/python3.11/ctypes/__init__.py", line 519, in string_at',
    )


def test_a_crash_in_a_cell_is_told_with_its_line_there() -> None:
    frame = '  File "/tmp/ipykernel_12/34.py", line 2 in <module>\n'
    text = TRACES.replace('  File "/project/tasks.py", line 9 in peek\n', frame)
    failure = death(signal.SIGSEGV, Scene("fit.ipynb", cell=3, number=2, code="a\nb"), text)
    assert (failure.cell, failure.number, failure.line, failure.code) == (3, 2, 2, "a\nb")


@pytest.mark.parametrize(
    "text", ["", "Current thread", "Current thread 0x1 (most recent call first):\n  ???"]
)
def test_a_trace_that_is_cut_off_is_no_trace(text: str) -> None:
    failure = death(signal.SIGBUS, Scene("tasks.py", "/project/tasks.py", code="whole file"), text)
    assert (failure.line, failure.traceback, failure.code) == (None, (), "")


def test_a_killing_is_for_want_of_memory_only_when_the_system_says_so() -> None:
    scene = Scene("tasks.py")
    assert death(signal.SIGKILL, scene).kind == "WorkerDied"
    assert "or somebody killed it" in death(signal.SIGKILL, scene).message
    assert death(signal.SIGKILL, scene, starved=True).kind == "OutOfMemory"
    assert death(signal.SIGTERM, scene, starved=True).kind == "WorkerDied"
    assert death(5 << 8, scene, starved=True).message.endswith("exited with code 5")


def test_hunger_counts_from_when_it_was_made(folder: Folder) -> None:
    events = folder.write("memory.events", "oom 9\noom_kill 3\n")
    hunger = OomCounter([str(folder.path / "not-there"), str(events)])
    assert not hunger.increased()
    folder.write("memory.events", "oom 9\noom_kill 4\n")
    assert hunger.increased()
    assert not hunger.increased()


def test_where_nobody_counts_nothing_is_known_of_hunger() -> None:
    assert not OomCounter([]).increased()
