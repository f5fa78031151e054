"""What runs when a build is stopped may clean up: cells and functions run their ``finally``, shells their traps."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
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

ORPHANS = """
# %%
import os, subprocess, sys, time
from pathlib import Path

subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
subprocess.Popen(["sh", "-c", "sleep 600 & sleep 600"])
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execvp("sleep", ["sleep", "600"])
    os._exit(0)
Path("look.began").touch()
time.sleep({seconds})
"""
DAEMON = """
import os, subprocess

def make(product):
    stays = {**os.environ, "OCTAVO_DAEMON": "1"}
    subprocess.Popen(["sleep", "600"], start_new_session=True, env=stays, stdin=subprocess.DEVNULL,
                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    product.write_text("x")
"""


def begun(
    folder: Folder, *names: str, command: str = "build", environment: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    """Start a command in a session of its own and wait until its tasks have begun.

    Whoever runs the tests under nohup has SIGHUP ignored, and so would the command.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "octavo", *command.split()],
        cwd=folder.path,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 60
    while not all(folder.path.joinpath(f"{name}.began").exists() for name in names):
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return process


def pids(folder: Folder) -> list[int]:
    """Return the processes whose folder this is."""
    found = []
    for one in Path("/proc").glob("[0-9]*"):
        try:
            if one.joinpath("cwd").readlink() == folder.path and int(one.name) != os.getpid():
                found.append(int(one.name))
        except OSError:
            continue
    return found


def left(folder: Folder) -> list[str]:
    """Return the command lines of processes whose folder this is."""
    found = []
    for pid in pids(folder):
        try:
            found.append(Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " "))
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


def gone(folder: Folder) -> bool:
    """Return whether nothing is left in a folder, or soon will be."""
    deadline = time.monotonic() + 30
    while left(folder) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not left(folder)


@pytest.mark.parametrize("command", ["build", "build --executor inline", "run look.py out.ipynb"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_what_tasks_have_started_ends_with_the_driver(
    folder: Folder, command: str, number: signal.Signals
) -> None:
    folder.write("look.py", ORPHANS.format(seconds=600))
    folder.write("pipeline.yaml", "- {source: look.py, product: out/look.ipynb}\n")
    process = begun(folder, "look", command=command)
    process.send_signal(number)
    process.communicate(timeout=60)
    assert gone(folder), left(folder)


def test_what_a_notebook_has_started_ends_with_papermill(folder: Folder) -> None:
    pytest.importorskip("papermill")
    cell: dict[str, object] = {
        "cell_type": "code",
        "id": "a",
        "execution_count": None,
        "metadata": {},
        "outputs": [],
    }
    kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [{**cell, "source": ORPHANS.format(seconds=600).replace("# %%\n", "")}]
    book = {"cells": cells, "metadata": {"kernelspec": kernelspec}, "nbformat": 4, "nbformat_minor": 5}
    folder.write("look.ipynb", json.dumps(book))
    process = subprocess.Popen(
        [sys.executable, "-m", "papermill", "--engine", "octavo", "look.ipynb", "out.ipynb"],
        cwd=folder.path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while not (folder.path / "look.began").exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    process.kill()
    process.communicate(timeout=60)
    assert gone(folder), left(folder)


def test_what_tasks_have_started_ends_with_the_build_also_when_all_went_well(folder: Folder) -> None:
    folder.write("look.py", ORPHANS.format(seconds=0))
    folder.write("pipeline.yaml", "- {source: look.py, product: out/look.ipynb}\n")
    assert folder.octavo("build").returncode == 0
    assert gone(folder), left(folder)


def test_an_import_that_hangs_ends_with_the_driver(folder: Folder) -> None:
    folder.write(
        "site/hangs.py", "import pathlib, time\npathlib.Path('look.began').touch()\ntime.sleep(600)\n"
    )
    folder.write("look.py", "# %%\nimport hangs\n")
    folder.write("pipeline.yaml", "tasks:\n- {source: look.py, product: out/look.ipynb}\npreload: [hangs]\n")
    environment = {"PYTHONPATH": str(folder.path / "site")}
    process = begun(folder, "look", environment=environment)
    process.kill()
    process.communicate(timeout=60)
    assert gone(folder), left(folder)


def test_a_process_may_be_left_on_purpose(folder: Folder) -> None:
    folder.write("steps.py", DAEMON)
    folder.write("pipeline.yaml", "- {source: steps.make, product: out/made.txt}\n")
    assert folder.octavo("build").returncode == 0
    daemons = [pid for pid in pids(folder) if "sleep" in Path(f"/proc/{pid}/cmdline").read_text()]
    assert len(daemons) == 1
    os.kill(daemons[0], signal.SIGKILL)
    assert gone(folder), left(folder)
