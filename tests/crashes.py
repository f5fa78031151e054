"""A small real pipeline, and what is killed in the middle of its build."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from projects import Folder

PIPELINE = """
tasks:
  - source: get.py
    product: {nb: out/get.ipynb, data: out/get.txt}
  - source: steps.double
    product: out/double.txt
    upstream: [get]
  - source: steps.children
    product: out/children.txt
    upstream: [get]
  - source: show.ipynb
    product: {nb: out/show.ipynb, data: out/show.txt}
    upstream: [double, children]
    kernel: other
  - source: total.py
    product: {nb: out/total.ipynb, data: out/total.txt}
    upstream: [double, children, show]
"""
GET = """
# %% tags=["parameters"]
upstream = None
product = None

# %%
import time
from pathlib import Path
n = int(Path("n.txt").read_text())

# %%
with open(product["data"], "w") as file:
    for i in range(4):  # half of it is on the disk when something dies
        print(n + i, file=file, flush=True)
        print("line", i)
        time.sleep(0.03)
"""
STEPS = """
import multiprocessing
import subprocess
import time
from pathlib import Path


def double(product, upstream):
    with open(product, "w") as file:
        for line in upstream["get"]["data"].read_text().split():
            print(2 * int(line), file=file, flush=True)
            time.sleep(0.03)


def children(product, upstream):
    sleeper = subprocess.Popen(["sleep", "600"])
    with multiprocessing.get_context("fork").Pool(2) as pool:
        found = pool.map(int, upstream["get"]["data"].read_text().split())
    subprocess.run(["sleep", "0.1"], check=True)
    product.write_text(f"{sum(found)}\\n")
    sleeper.kill()
"""
SHOW = [
    "import subprocess\nsleeper = subprocess.Popen(['sleep', '600'])",
    "!sleep 0.1; cat out/double.txt out/children.txt > out/show.txt",
    "!wc -l out/show.txt",
]
TOTAL = """
# %% tags=["parameters"]
upstream = None
product = None

# %%
import numpy
from pathlib import Path
numbers = [int(it) for it in Path(upstream["show"]["data"]).read_text().split()]

# %%
Path(product["data"]).write_text(f"{numpy.sum(numbers)}\\n")
"""
#: Who is killed: one of these, or several at once.
VICTIMS = (
    "worker",
    "server",
    "guard",
    "driver",
    "driver server",
    "worker server",
    "driver worker",
    "everything",
)
SECONDS = 3.0  # about as long as the build takes on an idle machine


def write(folder: Folder) -> None:
    """Write the pipeline."""
    folder.write("pipeline.yaml", PIPELINE)
    folder.write("get.py", GET)
    folder.write("steps.py", STEPS)
    folder.write("total.py", TOTAL)
    cells: list[dict[str, Any]] = [
        {
            "cell_type": "code",
            "execution_count": None,
            "id": f"c{i}",
            "metadata": {},
            "outputs": [],
            "source": code,
        }
        for i, code in enumerate(SHOW)
    ]
    metadata = {"kernelspec": {"display_name": "Other", "language": "python", "name": "other"}}
    data = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    folder.write("show.ipynb", json.dumps(data))
    folder.write("n.txt", "1")
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "Other", "language": "python"}
    folder.write("jupyter/kernels/other/kernel.json", json.dumps(spec))


def environment(folder: Folder, word: str = "") -> dict[str, str]:
    """Return what the command line needs to find the other kernel, and to be found by the word."""
    return {"NO_COLOR": "1", "JUPYTER_PATH": str(folder.path / "jupyter"), "OCTAVO_TEST_WORD": word}


def results(n: int) -> dict[str, str]:
    """Return what the products hold once all is built, by the number that ``n.txt`` holds."""
    numbers = [n + i for i in range(4)]
    doubled = [2 * it for it in numbers]
    shown = [*doubled, sum(numbers)]
    return {
        "get": "".join(f"{it}\n" for it in numbers),
        "double": "".join(f"{it}\n" for it in doubled),
        "children": f"{sum(numbers)}\n",
        "show": "".join(f"{it}\n" for it in shown),
        "total": f"{sum(shown)}\n",
    }


@dataclass
class Build:
    """A build that runs, with a word in its environment by which everything it starts is found."""

    folder: Folder
    word: str
    process: subprocess.Popen[str]

    def processes(self) -> dict[int, str]:
        """Return what belongs to the build and runs: who is driver, guard, server, worker, and anything below them."""
        found: dict[int, str] = {}
        every = sorted(running(self.word))
        guards = [
            pid
            for pid, parent, _ in every
            if parent == self.process.pid and "octavo.worker.server" in command(pid)
        ]
        for pid, parent, group in every:
            if pid == self.process.pid:
                found[pid] = "driver"
            elif pid in guards:
                found[pid] = "guard"
            elif parent in guards:
                found[pid] = "server"
            elif pid == group:
                found[pid] = "worker"
            else:
                found[pid] = "child"
        return found

    def kill(self, victims: str, chance: random.Random) -> list[str]:
        """Kill somebody of each kind, or everything; return who was met."""
        there = self.processes()
        wanted = (
            ("driver", "guard", "server", "worker", "child") if victims == "everything" else victims.split()
        )
        met = []
        for kind in wanted:
            pids = sorted(pid for pid, it in there.items() if it == kind)
            if pids and victims != "everything":
                pids = [chance.choice(pids)]
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                    met.append(kind)
                except ProcessLookupError:
                    pass
        return met


def build(folder: Folder, word: str) -> Build:
    """Start a build."""
    process = subprocess.Popen(
        [sys.executable, "-m", "octavo", "build", "--jobs", "2"],
        cwd=folder.path,
        env=os.environ | environment(folder, word),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return Build(folder, word, process)


def running(word: str) -> Iterator[tuple[int, int, int]]:
    """Yield (process, parent, group) of everything that has the word in its environment, but for zombies."""
    needle = f"OCTAVO_TEST_WORD={word}\0".encode()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            if needle not in (entry / "environ").read_bytes():
                continue
            state, parent, group = (entry / "stat").read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue  # it has just ended, or is another user's
        if state not in "ZX":
            yield int(entry.name), int(parent), int(group)


def command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def orphans(word: str, patience: float = 3.0) -> list[str]:
    """Return what still runs of a build that has ended, after some patience."""
    deadline = time.monotonic() + patience
    while (left := list(running(word))) and time.monotonic() < deadline:
        time.sleep(0.02)
    return [f"{pid} {command(pid)}" for pid, _, _ in left]


def crash(folder: Folder, seed: int, victims: str, lasts: float = SECONDS) -> tuple[str, float]:
    """Kill a build somewhere in its middle and check everything that must hold after it.

    ``lasts`` are the seconds that a build takes. Return who was met, and what the build after it took.
    """
    chance = random.Random(seed)
    n = 10 + 2 * seed  # the same seed at the same time is the same crash
    folder.write("n.txt", str(n))
    word = f"{os.getpid()}-{seed}-{chance.random()}"
    hurt = build(folder, word)
    time.sleep(chance.uniform(0.1, lasts))
    met = hurt.kill(victims, chance)
    said, _ = hurt.process.communicate(timeout=60)
    where = f"seed {seed}, killed {met}, {said}"
    assert not (left := orphans(word)), f"{where}: orphans {left}"
    if chance.random() < 0.3:  # what was true then is not true now
        n += 1
        folder.write("n.txt", str(n))
    next_word = f"{word}-next"
    began = time.monotonic()
    again = build(folder, next_word)
    said, _ = again.process.communicate(timeout=60)
    took = time.monotonic() - began
    where += f", then {said}"
    assert again.process.returncode == 0, where
    made = {name: folder.read(f"out/{name}.txt") for name in results(n)}
    assert made == results(n), where
    assert not (parts := [str(it) for it in folder.path.rglob("*.part")]), f"{where}: {parts}"
    assert not (left := orphans(next_word)), f"{where}: orphans {left}"
    for name in ("get", "show", "total"):
        cells = json.loads(folder.read(f"out/{name}.ipynb"))["cells"]
        assert not [o for cell in cells for o in cell.get("outputs", ()) if o["output_type"] == "error"], (
            where
        )
    last = folder.octavo("build", env=environment(folder))
    assert (last.returncode, last.stdout.split(" in ")[0]) == (0, "5 tasks fresh"), (
        f"{where}, then {last.stdout}{last.stderr}"
    )
    return " ".join(met), took
