"""What all benchmarks share: environments, whole processes measured side by side, tables and bars.

A benchmark runs its contenders in turn (A B C A B C …), after one round that does not count, so that a busy moment of
the machine meets all of them. Compared are ratios within a round; of these the median counts.
Where seconds themselves are judged, or differences of them, the least counts: other work on the machine only ever adds.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PEERS = Path(__file__).resolve().parent / ".peers"

#: What the environment of the peers holds, group by group: a group that does not install is done without.
#: octavo is installed into the same environment, so that all of them pay for the same site-packages.
GROUPS: tuple[tuple[str, ...], ...] = (
    ("jupyterlab", "nbclient", "ipykernel", "pandas", "scikit-learn", "matplotlib"),
    ("papermill",),
    # the last Ploomber, with what it was last seen to work with
    ("ploomber==0.23.3", "jupytext>=1.16.4,<1.17", "networkx<3.6"),
)


# ── environments


@dataclass(frozen=True)
class Environment:
    """A Python with octavo and whatever peers are installed beside it."""

    python: Path

    def has(self, module: str) -> bool:
        """Return whether a module is installed; if not, say that its part is skipped."""
        # by path: octavo itself answers to the name of Ploomber where that is absent
        code = f"import sys; from importlib.machinery import PathFinder as P; sys.exit(not P.find_spec({module!r}))"
        found = subprocess.run([self.python, "-c", code]).returncode == 0
        if not found:
            print(f"{module} is not installed here: its part is skipped")
        return found

    def octavo(self, *words: str | Path) -> list[str]:
        """Return the words of an octavo command."""
        return [str(self.python), "-m", "octavo", *map(str, words)]

    def script(self, name: str, *words: str | Path) -> list[str]:
        """Return the words of a command that a package of this environment brought."""
        return [str(self.python.parent / name), *map(str, words)]

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables of every command: this tree's octavo, one thread per library, no statistics.

        Python's own go: one that forbids to write byte code, say, would make what runs from the tree look slow.
        """
        ours = {
            "PYTHONPATH": str(ROOT / "src"),
            "PATH": f"{self.python.parent}{os.pathsep}{os.environ.get('PATH', '')}",
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "PLOOMBER_STATS_ENABLED": "false",
            "PLOOMBER_VERSION_CHECK_DISABLED": "true",
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        }
        return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")} | ours


def peers(name: str = "env", groups: Sequence[Sequence[str]] = GROUPS) -> Environment:
    """Return an environment of peers, made when it is met for the first time (a few minutes)."""
    folder = PEERS / name
    python = folder / "bin" / "python"
    done = PEERS / ("installed.json" if name == "env" else f"installed-{name}.json")
    if not done.exists() or json.loads(done.read_text()) != [list(group) for group in groups]:
        print(f"making the environment of the peers in {folder} …", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        if subprocess.run([*pip, *(one for group in groups for one in group)]).returncode:
            for group in groups:
                if subprocess.run([*pip, *group]).returncode:
                    print(f"{group[0]} does not install here: it is left out")
        # what octavo itself needs; the package comes from the tree, by PYTHONPATH
        subprocess.run([*pip, *_needs()], check=True)
        done.write_text(json.dumps(groups))
    return Environment(python)


def _needs() -> list[str]:
    needs: list[str] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    return needs


@dataclass(frozen=True)
class Settings:
    """What a script was asked for."""

    quick: bool
    rounds: int
    environment: Environment
    options: argparse.Namespace


# ── measuring


@dataclass(frozen=True)
class Measure:
    """One run of a whole process tree: seconds of wall and of processor, and peak bytes (0: not asked for)."""

    wall: float
    cpu: float
    memory: int = 0


@dataclass(frozen=True)
class Contender:
    """A command to be measured. ``before`` puts the disk as it must be; ``rounds`` limits how often a slow one runs."""

    name: str
    command: Sequence[str]
    folder: Path
    before: Callable[[], object] = lambda: None
    rounds: int | None = None


Rounds = dict[str, list[Measure]]


def measure(
    command: Sequence[str], folder: Path, variables: Mapping[str, str], *, memory: bool = False
) -> Measure:
    """Run a command to its end. ``cpu`` includes all descendants that were waited for.

    ``memory`` asks for the peak of the whole tree's proportional set size, which is watched in the meantime and costs
    a little of the same machine's time.
    """
    with tempfile.TemporaryFile() as said:
        began = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, env=variables, stdout=said, stderr=subprocess.STDOUT)
        watch = _Watch(process.pid) if memory else None
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        peak = watch.stop() if watch else 0
        if process.returncode:
            said.seek(0)
            text = said.read().decode("utf-8", "replace")
            raise SystemExit(f"{' '.join(command)} ended with {process.returncode}:\n{text[-3000:]}")
    return Measure(wall, used.ru_utime + used.ru_stime, peak)


def compare(contenders: Sequence[Contender], asked: Settings, *, memory: bool = False) -> Rounds:
    """Run all contenders in turn and return their measures; a round before that, to warm up, does not count.

    A contender with fewer rounds has its first ones only, and no warm-up: it is so slow that this does not matter.
    """
    found: Rounds = {one.name: [] for one in contenders}
    for turn in range(0 if asked.quick else -1, asked.rounds):
        for one in contenders:
            if one.rounds is not None and not 0 <= turn < one.rounds:
                continue
            one.before()
            result = measure(one.command, one.folder, asked.environment.variables, memory=memory)
            if turn >= 0:
                found[one.name].append(result)
    return found


class _Watch:
    """Watches the memory of a process and all its descendants, from a thread."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.peak = 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._end.wait(0.1):
            self.peak = max(self.peak, sum(pss(pid) for pid in tree(self.pid)))

    def stop(self) -> int:
        self._end.set()
        self._thread.join()
        return self.peak


def tree(root: int) -> list[int]:
    """Return a process and its descendants."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = Path(f"/proc/{entry}/stat").read_text()
            except OSError:
                continue
            children.setdefault(int(stat.rpartition(")")[2].split()[1]), []).append(int(entry))
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def pss(pid: int) -> int:
    """Return the proportional set size of a process in bytes; 0 when it is gone."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


# ── telling


def ratios(
    rounds: Rounds, of: str, to: str, what: Callable[[Measure], float] = lambda m: m.wall
) -> list[float]:
    """Return how many times as much ``of`` took as ``to``, round by round."""
    return [what(a) / what(b) for a, b in zip(rounds[of], rounds[to], strict=False)]


def least(measures: Sequence[Measure]) -> float:
    """Return the least wall time."""
    return min(one.wall for one in measures)


def middle(values: Sequence[float], digits: int = 2) -> str:
    """Return the median of some values, and their range where there are several."""
    text = f"{statistics.median(values):.{digits}f}"
    return text if len(values) < 2 else f"{text} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def table(title: str, rounds: Rounds, to: str) -> None:
    """Print what was measured, a line per contender, with ratios to one of them."""
    memory = any(m.memory for measures in rounds.values() for m in measures)
    head = ["", "wall s", "processor s", *(["peak MB"] if memory else []), f"wall, × {to}"]
    rows = [head]
    for name, measures in rounds.items():
        if measures:
            row = [name, middle([m.wall for m in measures], 3), middle([m.cpu for m in measures], 3)]
            if memory:
                row.append(middle([m.memory / 1e6 for m in measures], 0))
            rows.append([*row, "" if name == to else middle(ratios(rounds, name, to))])
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    print(f"\n{title}: median (least–most) of {max(map(len, rounds.values()))}")
    for row in rows:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def bar(text: str, value: float, *, at_least: float | None = None, at_most: float | None = None) -> bool:
    """Say whether a value keeps to its bar, and return it."""
    met = (at_least is None or value >= at_least) and (at_most is None or value <= at_most)
    limit = f"at least {at_least:g}" if at_least is not None else f"at most {at_most:g}"
    print(f"bar: {text}: {value:.3g}, {limit} wanted: {'met' if met else 'NOT met'}", flush=True)
    return met


# ── scripts


def settings(
    about: str, rounds: int, *more: tuple[str, dict[str, Any]], make: Callable[[], Environment] = peers
) -> Settings:
    """Read the command line of a benchmark. ``--quick`` runs it small, once, in this very environment."""
    parser = argparse.ArgumentParser(description=about.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="small numbers, in this very environment")
    parser.add_argument("--rounds", type=int, help=f"how often each contender runs ({rounds})")
    for name, how in more:
        parser.add_argument(name, **how)
    options = parser.parse_args()
    if options.quick:
        print("quick: this shows that the benchmark runs; the numbers say nothing")
    environment = Environment(Path(sys.executable)) if options.quick else make()
    return Settings(options.quick, options.rounds or (1 if options.quick else rounds), environment, options)


@contextmanager
def workplace() -> Iterator[Path]:
    """Give a folder for the time of a benchmark."""
    with tempfile.TemporaryDirectory(prefix="octavo-bench-") as folder:
        yield Path(folder)


def remove(*paths: Path) -> Callable[[], None]:
    """Return a function that removes files and folders."""

    def clear() -> None:
        for path in paths:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    return clear


def write_notebook(path: Path, cells: Sequence[str], parameters: str | None = None) -> None:
    """Write an .ipynb of code cells; ``parameters`` is the code of a first one with that tag."""
    tagged = [(parameters, ["parameters"])] if parameters is not None else []
    data = {
        "cells": [
            {
                "cell_type": "code",
                "execution_count": None,
                "id": f"cell-{number}",
                "metadata": {"tags": tags} if tags else {},
                "outputs": [],
                "source": code.splitlines(keepends=True),
            }
            for number, (code, tags) in enumerate([*tagged, *((code, list[str]()) for code in cells)])
        ],
        "metadata": {
            "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data, indent=1))
