"""After any fault the executed notebook is on disk up to the failing cell, and nothing is recorded as done."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import Any

import pytest

from projects import Folder

PIPELINE = """
tasks:
  - source: steps.ipynb
    product: {{nb: out/steps.ipynb, data: out/data.txt}}
    kernel: {kernel}
    {options}
"""
CELLS = (
    "import os, sys, time, signal\nprint('before')",
    "open('out/data.txt', 'w').write('half')\nexec(open('fault.txt').read())",
    "open('out/data.txt', 'w').write('whole')\nprint('after')",
)
WAIT = "open('waits', 'w').close()\ntime.sleep(600)"
#: What happens, options of the task, and a word of the failure.
FAULTS = {
    "exception": ("1 / 0", "", "ZeroDivisionError"),
    "segfault": ("import ctypes; ctypes.string_at(0)", "", "SIGSEGV"),
    "exit": ("sys.stdout.flush(); os._exit(3)", "", "code 3"),
    "kill": ("sys.stdout.flush(); os.kill(os.getpid(), signal.SIGKILL)", "", "SIGKILL"),
    "timeout": ("time.sleep(600)", "timeout: 5", "Timeout"),
    "cell timeout": ("time.sleep(600)", "cell_timeout: 1.5", "Timeout"),
    "memory": ("held = bytearray(400 << 20); time.sleep(600)", "memory: 250MB", "OutOfMemory"),
    "memory of a child": (
        "import subprocess; held = 'h = bytearray(400 << 20); import time; time.sleep(600)'\n"
        "subprocess.run([sys.executable, '-c', held])",
        "memory: 250MB",
        "OutOfMemory",
    ),
    "server": ("os.kill(os.getppid(), signal.SIGKILL); time.sleep(600)", "", "server"),
}
#: What does not apply to a kernel that is a process of its own.
NATIVE_ONLY = ("server",)


def project(folder: Folder, kernel: str) -> Folder:
    """Write a pipeline of one notebook, built once without any fault."""
    cells: list[dict[str, Any]] = [
        {
            "cell_type": "code",
            "execution_count": None,
            "id": f"c{i}",
            "metadata": {},
            "outputs": [],
            "source": code,
        }
        for i, code in enumerate(CELLS)
    ]
    data = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    folder.write("steps.ipynb", json.dumps(data))
    folder.write("pipeline.yaml", PIPELINE.format(kernel=kernel, options=""))
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "Other", "language": "python"}
    folder.write("jupyter/kernels/other/kernel.json", json.dumps(spec))
    folder.write("fault.txt", "pass")
    ended = folder.octavo("build", env=environment(folder))
    assert ended.returncode == 0, ended.stdout
    return folder


def environment(folder: Folder) -> dict[str, str]:
    return {"JUPYTER_PATH": str(folder.path / "jupyter"), "NO_COLOR": "1"}


def check(folder: Folder) -> None:
    """Check what must hold after a fault."""
    kept = json.loads(folder.read("out/steps.failed.ipynb"))["cells"]
    shown = ["".join("".join(o.get("text", ())) for o in cell.get("outputs", ())) for cell in kept]
    before = next(number for number, text in enumerate(shown) if "before" in text)
    assert shown[before].strip() == "before"
    assert shown[-1] == "" and kept[-1]["execution_count"] is None
    # the last good report stays
    assert "after" in folder.read("out/steps.ipynb")
    assert not list(folder.path.rglob("*.part"))
    # all is as it was when it was last right, but for what the fault left behind
    folder.write("fault.txt", "pass")
    status = json.loads(folder.octavo("status", "--json", env=environment(folder)).stdout)
    assert [step["state"] for step in status] == ["stale"], status
    again = folder.octavo("build", env=environment(folder))
    assert again.returncode == 0, again.stdout
    assert folder.read("out/data.txt") == "whole"
    assert not (folder.path / "out/steps.failed.ipynb").exists()


@pytest.mark.parametrize("kernel", ["python3", "other"])
@pytest.mark.parametrize("fault", list(FAULTS))
def test_a_fault_leaves_what_ran_and_records_nothing(folder: Folder, fault: str, kernel: str) -> None:
    if kernel == "other" and fault in NATIVE_ONLY:
        pytest.skip("the parent of such a kernel is its worker")
    code, options, word = FAULTS[fault]
    project(folder, kernel)
    limited = PIPELINE.format(kernel=kernel, options=options)
    folder.write("pipeline.yaml", limited)
    folder.write("fault.txt", code)
    ended = folder.octavo("build", "--force", env=environment(folder))
    assert ended.returncode == 1, ended.stdout
    assert word in ended.stdout
    if word == "Timeout":  # the kernel itself was interrupted, where it was
        assert '"ename": "KeyboardInterrupt"' in folder.read("out/steps.failed.ipynb")
    folder.write("pipeline.yaml", limited.replace(options, ""))
    check(folder)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda it: it.name)
@pytest.mark.parametrize("kernel", ["python3", "other"])
def test_an_interrupted_build_leaves_what_ran_and_records_nothing(
    folder: Folder, kernel: str, number: signal.Signals
) -> None:
    project(folder, kernel)
    folder.write("fault.txt", WAIT)
    process = subprocess.Popen(
        [sys.executable, "-m", "octavo", "build", "--force"],
        cwd=folder.path,
        env=os.environ | environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    wait_for(folder, "waits", process)
    process.send_signal(number)
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 130, said
    check(folder)


def wait_for(folder: Folder, name: str, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while not (folder.path / name).exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
