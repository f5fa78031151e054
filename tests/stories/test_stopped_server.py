"""A warm server that somebody stops, and does not kill, holds no build: it is told, ended and replaced."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from crashes import command, orphans, running
from projects import Folder

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes are found in /proc")

PIPELINE = """
tasks:
- {source: steps.first, product: out/first.txt}
- {source: steps.second, product: out/second.txt, upstream: [first]}
- {source: steps.third, product: out/third.txt, upstream: [second]}
"""
STEPS = """
import time
from pathlib import Path

def first(product):
    with open("began", "a") as file:
        file.write("x")
    while not Path("go").exists():
        time.sleep(0.02)
    product.write_text("1")

def quick(product):
    Path("began quick").touch()
    while not Path("quick").exists():
        time.sleep(0.02)
    product.write_text("quick")

def second(product, upstream):
    product.write_text(upstream["first"].read_text() + "2")

def third(product, upstream):
    product.write_text(upstream["second"].read_text() + "3")
"""


@pytest.fixture
def project(folder: Folder) -> Folder:
    folder.write("pipeline.yaml", PIPELINE)
    folder.write("steps.py", STEPS)
    return folder


def forker(word: str, driver: int) -> int:
    """Return the server that has forked the worker which runs: the parent of what leads its group and has no child."""
    every = list(running(word))
    parents = {pid: parent for pid, parent, _ in every}
    leaves = [
        pid for pid, _, group in every if pid == group and pid not in parents.values() and pid != driver
    ]
    candidates = [pid for pid in leaves if parents.get(parents[pid]) not in (None, driver)]
    assert candidates, [(pid, parent, command(pid)) for pid, parent, _ in every]
    return parents[max(candidates)]


def waited(until: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not until():
        assert time.monotonic() < end
        time.sleep(0.02)


@contextmanager
def begun(project: Folder) -> Iterator[tuple[subprocess.Popen[str], str, int]]:
    """Start a build whose first task runs; give it with its word, and the server of that task."""
    word = f"{os.getpid()}-{time.monotonic_ns()}"
    build = subprocess.Popen(
        [sys.executable, "-m", "octavo", "build", "--jobs", "2"],
        cwd=project.path,
        env={**os.environ, "NO_COLOR": "1", "OCTAVO_TEST_WORD": word},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        waited((project.path / "began").exists)
        yield build, word, forker(word, build.pid)
        assert not orphans(word)
    finally:
        build.kill()
        build.communicate()


def test_a_server_that_is_stopped_is_ended_and_replaced(project: Folder) -> None:
    with begun(project) as (build, _, server):
        os.kill(server, signal.SIGSTOP)
        (project.path / "go").touch()
        said, _ = build.communicate(timeout=120)
        assert build.returncode == 0, said
        assert f"the warm server (process {server}) was stopped" in said
        assert "starts again" not in said  # what had run was whole
        assert project.read("out/third.txt") == "123"


def test_what_ran_below_a_server_that_is_stopped_starts_again(project: Folder) -> None:
    project.write("pipeline.yaml", f"{PIPELINE}- {{source: steps.quick, product: out/quick.txt}}\n")
    with begun(project) as (build, _, server):
        os.kill(server, signal.SIGSTOP)
        (project.path / "quick").touch()
        waited(lambda: project.read("began") == "xx")
        (project.path / "go").touch()
        said, _ = build.communicate(timeout=120)
        assert build.returncode == 0, said
        assert "its warm server was stopped: it starts again" in said
        assert (project.read("out/third.txt"), project.read("out/quick.txt")) == ("123", "quick")


def test_a_server_that_goes_on_in_time_is_left_alone(project: Folder) -> None:
    with begun(project) as (build, _, server):
        os.kill(server, signal.SIGSTOP)
        (project.path / "go").touch()
        time.sleep(2)
        os.kill(server, signal.SIGCONT)
        said, _ = build.communicate(timeout=120)
        assert build.returncode == 0, said
        assert "was stopped" not in said


def test_a_build_whose_first_server_is_stopped_ends(project: Folder) -> None:
    with begun(project) as (build, word, server):
        above = next(parent for pid, parent, _ in running(word) if pid == server)
        os.kill(above, signal.SIGSTOP)
        (project.path / "go").touch()
        said, _ = build.communicate(timeout=120)
        assert build.returncode == 0, said
