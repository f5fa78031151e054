"""Limits of time and memory: what is due when, what is said, and what is counted."""

from __future__ import annotations

import mmap
import os
import signal
import subprocess
import sys
import threading
import time
from typing import Any

import pytest

from octavo.executors.limits import Limits, resident, size
from octavo.model import Failure, Source, Task
from tasks import with_options

LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is read in /proc")


def limits_of(now: float, **options: Any) -> Limits:
    return Limits(with_options(Task("t", "notebook", Source("t.py")), **options), now)


def test_without_limits_nothing_is_due() -> None:
    assert limits_of(now=0.0).due is None
    assert limits_of(now=0.0).look(1, 1e9) is None


def test_a_task_is_interrupted_then_terminated_then_killed() -> None:
    limits = limits_of(timeout=10.0, now=100.0)
    assert limits.due == 110.0
    assert limits.look(1, 109.9) is None
    assert [limits.look(1, now) for now in (110.0, 114.9, 115.0, 117.0)] == [
        signal.SIGINT,
        None,
        signal.SIGTERM,
        signal.SIGKILL,
    ]
    failure = limits.failure(Failure("KeyboardInterrupt", "", line=3))
    assert failure is not None
    assert (failure.kind, failure.message, failure.line) == (
        "Timeout",
        "it ran longer than its limit of 10 s",
        3,
    )


def test_each_cell_has_its_own_time() -> None:
    limits = limits_of(cell_timeout=5.0, now=0.0)
    limits.cell_started(1, 0.0)
    assert limits.due == 5.0
    limits.cell_finished()
    assert limits.look(1, 1e9) is None
    limits.cell_started(2, 4.0)
    assert limits.look(1, 8.9) is None
    assert limits.look(1, 9.0) is signal.SIGINT
    failure = limits.failure(None)
    assert failure is not None and failure.message == "cell 2 ran longer than its limit of 5 s"


def test_the_limit_that_was_met_is_the_one_that_is_named() -> None:
    limits = limits_of(timeout=10.0, cell_timeout=4.0, now=0.0)
    limits.cell_started(1, 0.0)
    limits.cell_finished()
    limits.cell_started(2, 8.0)
    assert limits.due == 10.0
    assert limits.look(1, 10.0) is signal.SIGINT
    failure = limits.failure(None)
    assert failure is not None and failure.message == "it ran longer than its limit of 10 s"


def test_a_persons_time_has_no_limit() -> None:
    limits = limits_of(timeout=10.0, cell_timeout=4.0, memory=1, now=0.0)
    limits.cell_started(1, 0.0)
    limits.lift()
    assert limits.due is None


@LINUX
def test_the_memory_of_a_child_that_a_thread_started_counts() -> None:
    code = "held = bytearray(100 << 20); print(flush=True); input()"
    children: list[subprocess.Popen[bytes]] = []

    def start() -> None:
        pipe = subprocess.PIPE
        children.append(subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe))
        stay.wait()

    stay = threading.Event()
    thread = threading.Thread(target=start)
    before = resident(os.getpid())
    thread.start()
    try:
        while not children:
            time.sleep(0.01)
        with children[0] as child:
            assert child.stdout
            child.stdout.readline()
            assert resident(os.getpid()) > before + (90 << 20)
            child.communicate(b"\n")
    finally:
        stay.set()
        thread.join()


@LINUX
def test_memory_that_processes_share_is_counted_once() -> None:
    with mmap.mmap(-1, 64 << 20) as held:
        held.write(b"x" * (64 << 20))
        ready, go = os.pipe(), os.pipe()
        child = os.fork()
        if child == 0:
            held.seek(0)
            held.read()
            os.write(ready[1], b".")
            os.read(go[0], 1)
            os._exit(0)
        try:
            os.read(ready[0], 1)
            assert resident(os.getpid()) - resident(os.getpid(), shared=True) > 50 << 20
        finally:
            os.write(go[1], b".")
            os.waitpid(child, 0)
            for end in (*ready, *go):
                os.close(end)


@pytest.mark.parametrize(
    ("count", "text"), [(5, "5 bytes"), (1536, "1.5 KB"), (200 << 20, "200 MB"), (5 << 40, "5 TB")]
)
def test_sizes_are_said_as_people_do(count: int, text: str) -> None:
    assert size(count) == text
