"""What runs when a build is stopped may clean up: cells and functions run their ``finally``, shells their traps."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from projects import Folder

PIPELINE = """
tasks:
- {source: look.py, product: out/look.ipynb}
- {source: steps.make, product: out/made.txt}
- {source: run.sh, product: out/run.txt}
"""
CELL = """
# %%
import time
from pathlib import Path
try:
    Path("{name}.began").touch()
    time.sleep(100)
finally:
    time.sleep(0.3)
    Path("{name}.cleaned").touch()
"""
STEPS = """
import time
from pathlib import Path

def make(product):
    try:
        Path("make.began").touch()
        time.sleep(100)
    finally:
        time.sleep(0.3)
        Path("make.cleaned").touch()
"""
SHELL = """
trap 'sleep 0.3; touch run.cleaned; exit 1' INT TERM
touch {{product}} run.began
sleep 100
"""
STUBBORN = """
import signal, time
from pathlib import Path

def make(product):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    Path("make.began").touch()
    while True:
        time.sleep(1)
"""


def begun(folder: Folder, *names: str, command: str = "build") -> subprocess.Popen[str]:
    """Start a command in a session of its own and wait until its tasks have begun."""
    process = subprocess.Popen(
        [sys.executable, "-m", "octavo", *command.split()],
        cwd=folder.path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not all(folder.path.joinpath(f"{name}.began").exists() for name in names):
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return process


def left(folder: Folder) -> list[str]:
    """Return the command lines of processes whose folder this is."""
    found = []
    for one in Path("/proc").glob("[0-9]*"):
        try:
            if one.joinpath("cwd").readlink() == folder.path and int(one.name) != os.getpid():
                found.append(one.joinpath("cmdline").read_text())
        except OSError:
            continue
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stopped_build_lets_its_tasks_clean_up(folder: Folder, number: signal.Signals) -> None:
    folder.write("look.py", CELL.format(name="look"))
    folder.write("steps.py", STEPS)
    folder.write("run.sh", SHELL)
    folder.write("pipeline.yaml", PIPELINE)
    process = begun(folder, "look", "make", "run", command="build --jobs 3")
    process.send_signal(number)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    assert "may clean up" in output
    for name in ("look", "make", "run"):
        assert folder.path.joinpath(f"{name}.cleaned").exists(), output
    assert not left(folder)


def test_a_notebook_that_is_run_cleans_up(folder: Folder) -> None:
    folder.write("look.py", CELL.format(name="look"))
    process = begun(folder, "look", command="run look.py out.ipynb")
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    assert folder.path.joinpath("look.cleaned").exists()
    assert not left(folder)


def test_what_ignores_signals_is_killed_by_a_second_interrupt(folder: Folder) -> None:
    folder.write("steps.py", STUBBORN)
    folder.write("pipeline.yaml", "tasks:\n- {source: steps.make, product: out/made.txt}\n")
    process = begun(folder, "make")
    process.send_signal(signal.SIGINT)
    assert process.stdout
    assert any("may clean up" in line for line in process.stdout)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert not left(folder)
