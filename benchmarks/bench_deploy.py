"""Runs elsewhere: what octavo run-task costs beside a task, against an S3 on loopback, and to send 1,000 tasks there.

Bars: a cache hit takes at most 0.35 s, a tiny notebook at most 1 s, papermill at least 5 times as long as a hit,
and plan and upload of 1,000 tasks at most 5 s.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from urllib.request import Request, urlopen

ROOT = Path(__file__).resolve().parent.parent
HIT, TINY, RATIO, PLAN = 0.35, 1.0, 5.0, 5.0
NOTEBOOK = "# %%\nupstream = None\nproduct = None\n# %%\nx = 1\nprint(x)\n"


@contextmanager
def store() -> Iterator[dict[str, str]]:
    """Serve S3 on loopback, with one bucket; yield the environment in which it is found."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    endpoint, quiet = f"http://127.0.0.1:{port}", subprocess.DEVNULL
    words = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(words, stdout=quiet, stderr=quiet)
    try:
        until = time.monotonic() + 120
        while True:
            try:
                urlopen(Request(f"{endpoint}/bench", method="PUT"), timeout=10).close()
                break
            except OSError:
                if time.monotonic() > until or server.poll() is not None:
                    raise
                time.sleep(0.2)
        keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "us-east-1"}
        yield {**os.environ, **keys, "AWS_ENDPOINT_URL": endpoint, "PYTHONPATH": str(ROOT / "src")}
    finally:
        server.kill()
        server.wait()


Took = tuple[float, float]


def cpu() -> float:
    """Return the seconds of processor of all children that have ended; the server has not."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def timed(words: Sequence[str], folder: Path, env: dict[str, str]) -> tuple[Took, str]:
    """Run a command to its end, which must be a good one; return its seconds, and what it printed."""
    began, before = time.perf_counter(), cpu()
    ended = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True)
    took = time.perf_counter() - began, cpu() - before
    if ended.returncode:
        raise SystemExit(f"{' '.join(words)}: {ended.stdout}{ended.stderr}")
    return took, ended.stdout


def told(name: str, took: list[Took]) -> float:
    """Print what was measured, and return the least seconds."""
    seconds = [wall for wall, _ in took]
    middle, least, most = statistics.median(seconds), min(seconds), max(seconds)
    busy = min(busy for _, busy in took)
    print(f"{name}: median (least–most) {middle:.2f} s ({least:.2f}–{most:.2f}), processor {busy:.2f} s")
    return least


def bar(words: str, met: bool) -> None:
    print(f"bar: {words}: {'met' if met else 'not met'}")


OCTAVO = [sys.executable, "-m", "octavo"]


def tasks(root: Path, env: dict[str, str], rounds: int) -> float:
    """Measure a tiny notebook and a hit; return the seconds of a hit."""
    project = root / "project"
    project.mkdir()
    (project / "tiny.py").write_text(NOTEBOOK)
    (project / "pipeline.yaml").write_text("tasks:\n  - {source: tiny.py, name: tiny, product: out.ipynb}\n")
    missed: list[Took] = []
    hit: list[Took] = []
    for number in range(rounds + 1):
        url = f"s3://bench/{number}"
        _, text = timed([*OCTAVO, "export", "airflow", "--remote", url, "-o", "-"], project, env)
        found = re.search(r"\b[0-9a-f]{32,64}\b", text)
        assert found is not None, "the file names its plan"
        for times, run in ((missed, "first"), (hit, "second")):
            words = ["run-task", "tiny", "--run", run, "--plan", found[0], "--remote", url]
            folder = root / f"{number}-{run}"
            folder.mkdir()
            took, _ = timed([*OCTAVO, *words], folder, env)
            if number:  # the first round does not count
                times.append(took)
    bar(f"a tiny notebook at most {TINY:g} s", told("a tiny notebook, the least counts", missed) <= TINY)
    least = told("a cache hit, the least counts", hit)
    bar(f"a cache hit at most {HIT:g} s", least <= HIT)
    return least


def papermill(root: Path, env: dict[str, str], rounds: int, hit: float) -> None:
    """Measure papermill with the notebook at the store."""
    if not all(map(find_spec, ("papermill", "boto3"))):
        print("papermill or boto3 is not installed here: its part is skipped")
        return
    cells = (
        '{"cells": [{"cell_type": "code", "execution_count": null, "id": "a", "metadata": {}, "outputs": [],'
    )
    text = (
        cells + ' "source": "x = 1"}], "metadata": {"kernelspec": {"name": "python3", "display_name": "p"}},'
    )
    body = (text + ' "nbformat": 4, "nbformat_minor": 5}').encode()
    place, form = f"{env['AWS_ENDPOINT_URL']}/bench/in.ipynb", {"Content-Type": "application/json"}
    urlopen(Request(place, body, form, method="PUT"), timeout=30).close()
    words = [
        sys.executable,
        "-m",
        "papermill",
        "--no-progress-bar",
        "s3://bench/in.ipynb",
        "s3://bench/out.ipynb",
    ]
    least = told("papermill with S3, the least counts", [timed(words, root, env)[0] for _ in range(rounds)])
    bar(f"papermill at least {RATIO:g} times a hit ({least / hit:.1f})", least / hit >= RATIO)


def many(root: Path, env: dict[str, str], rounds: int, count: int) -> None:
    """Measure plan and upload of many tasks."""
    project = root / "many"
    project.mkdir()
    (project / "steps.py").write_text("def step(product, n):\n    product.write_text(str(n))\n")
    rows = f"  - {{source: steps.step, name: 'step-[[n]]', product: 'out/[[n]].txt', grid: {{n: {[*range(count)]}}}}}\n"
    (project / "pipeline.yaml").write_text(f"tasks:\n{rows}")
    seconds: list[Took] = []
    for number in range(rounds + 1):
        words = ["export", "airflow", "--remote", f"s3://bench/many{number}", "-o", "-"]
        took, _ = timed([*OCTAVO, *words], project, env)
        seconds += [took] if number else []
    least = told(f"plan and upload of {count} tasks, the least counts", seconds)
    bar(f"1,000 tasks at most {PLAN:g} s", least <= PLAN)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round, and 50 tasks")
    parser.add_argument("--rounds", type=int, default=7)
    asked = parser.parse_args()
    if not all(map(find_spec, ("moto", "flask", "obstore"))):
        print("moto[server] or obstore is not installed here: all is skipped; median (least–most)")
        return
    rounds = 1 if asked.quick else asked.rounds
    root = Path(tempfile.mkdtemp(prefix="octavo-deploy-"))
    try:
        with store() as env:
            hit = tasks(root, env, rounds)
            papermill(root, env, rounds, hit)
            many(root, env, min(rounds, 3), 50 if asked.quick else 1000)
    finally:
        shutil.rmtree(root)


if __name__ == "__main__":
    main()
