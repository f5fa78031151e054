"""Runs elsewhere: what octavo run-task costs beside a task, against an S3 on loopback, and to send 1,000 tasks there.

Bars: a cache hit takes at most 0.35 s, a tiny notebook at most 1 s, papermill at least 5 times as long as a hit,
plan and upload of 1,000 tasks at most 5 s, an export of as many whose code is at the store at most 2 s.

    python benchmarks/bench_deploy.py --only dask     six tasks on two workers: at most 1.5 times a build here and 2 s
    python benchmarks/bench_deploy.py --only slurm    the same on a SLURM of one node, as root: at most 4 s more
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
HIT, TINY, RATIO, PLAN, FILE = 0.35, 1.0, 5.0, 5.0, 2.0
DASK, DASK_MORE, SLURM_MORE = 1.5, 2.0, 4.0
PARTS = ("tasks", "papermill", "many", "exports", "dask", "slurm")
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


def exports(root: Path, env: dict[str, str], rounds: int, count: int) -> None:
    """Measure the file of each scheduler for many tasks, whose code and plan the store has already."""
    project, store = root / "files", str(root / "files-store")
    project.mkdir()
    (project / "steps.py").write_text("def step(product, n):\n    product.write_text(str(n))\n")
    rows = f"  - {{source: steps.step, name: 'step-[[n]]', product: 'out/[[n]].txt', grid: {{n: {[*range(count)]}}}}}\n"
    (project / "pipeline.yaml").write_text(f"tasks:\n{rows}")
    for engine in ("airflow", "argo", "json", "kubeflow", "kubernetes"):
        words = [*OCTAVO, "export", engine, "--image", "i", "--remote", store, "-o", f"{engine}.out"]
        took = [timed(words, project, env)[0] for _ in range(rounds + 1)]
        least = told(f"export {engine} of {count} tasks, the least counts", took[1:])
        bar(f"1,000 tasks as a file at most {FILE:g} s", least <= FILE)


def six(root: Path) -> Path:
    """Write a pipeline of six notebooks: one, four after it, and one after these."""
    project = root / "six"
    project.mkdir()
    for name, before in (("load", None), ("fit", ["load"]), ("total", ["fit-*"])):
        text = f'# %% tags=["parameters"]\nupstream = {before}\nproduct = None\nk = 0\n# %%\nprint(k)\n'
        (project / f"{name}.py").write_text(text)
    rows = [
        "{source: load.py, product: out/load.ipynb}",
        "{source: fit.py, name: 'fit-[[k]]', product: 'out/fit-[[k]].ipynb', grid: {k: [1, 2, 3, 4]}}",
        "{source: total.py, product: out/total.ipynb}",
    ]
    (project / "pipeline.yaml").write_text("tasks:\n" + "".join(f"  - {row}\n" for row in rows))
    return project


def here(project: Path, env: dict[str, str], rounds: int) -> float:
    """Measure the build of six tasks on this machine."""
    words = [*OCTAVO, "build", "--force", "--no-cache", "--jobs", "2", "--quiet"]
    times = [timed(words, project, env)[0] for _ in range(rounds + 1)]
    return told("six tasks, built here, the least counts", times[1:])


def dask(root: Path, env: dict[str, str], rounds: int) -> None:
    """Measure six tasks on a scheduler of Dask with two workers."""
    if not find_spec("distributed"):
        print("distributed is not installed here: its part is skipped")
        return
    project = six(root)
    local = here(project, env, rounds)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    address = f"tcp://127.0.0.1:{port}"
    usual = ["--nthreads", "1", "--no-dashboard", "--no-nanny", "--local-directory", str(root)]
    commands = [["dask_scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard"]]
    commands += [["dask_worker", address, "--name", name, *usual] for name in ("one", "two")]
    quiet = subprocess.DEVNULL
    started = [
        subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.{module}", *words], stdout=quiet, stderr=quiet, env=env
        )
        for module, *words in commands
    ]
    try:
        ready = (
            f"from distributed import Client; Client('{address}', timeout=60).wait_for_workers(2, timeout=60)"
        )
        timed([sys.executable, "-c", ready], root, env)
        most = DASK * local + DASK_MORE
        build = [*OCTAVO, "build", "--force", "--no-cache", "--executor", f"dask={address}", "--quiet"]
        submit = [*OCTAVO, "submit", "--force", "--to", "dask", "--option", f"scheduler={address}", "--json"]
        for name, words in (("build --executor dask", build), ("submit --to dask", submit)):
            stores = [
                ["--remote", str(root / f"dask{n}")] if "submit" in name else [] for n in range(rounds + 1)
            ]
            times = [timed([*words, *store], project, env)[0] for store in stores]
            least = told(f"six tasks, {name}, the least counts", times[1:])
            bar(f"{name} at most {DASK:g} x {local:.2f} s + {DASK_MORE:g} s = {most:.2f} s", least <= most)
    finally:
        for process in reversed(started):
            process.kill()
            process.wait()


def slurm(root: Path, env: dict[str, str], rounds: int) -> None:
    """Measure six tasks on a SLURM of one node, which this starts and stops."""
    if shutil.which("slurmctld") is None or os.geteuid() != 0:
        print("SLURM needs root, and Debian's slurm-wlm and munge: its part is skipped")
        return
    project = six(root)
    local = here(project, env, rounds)
    script = ROOT / "tests" / "engines" / "slurm.sh"
    subprocess.run(["sh", script, "start"], check=True)
    try:
        words = [*OCTAVO, "submit", "--force", "--to", "slurm", "--wait", "--json", "--remote"]
        times = [timed([*words, str(root / f"slurm{n}")], project, env)[0] for n in range(rounds + 1)]
    finally:
        subprocess.run(["sh", script, "stop"], check=True)
    least = told("six tasks, submit --to slurm, the least counts", times[1:])
    bar(f"SLURM at most {local:.2f} s + {SLURM_MORE:g} s", least <= local + SLURM_MORE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round, and 50 tasks")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", choices=PARTS, help="measure this alone; dask and slurm only so")
    asked = parser.parse_args()
    if not all(map(find_spec, ("moto", "flask", "obstore"))):
        print("moto[server] or obstore is not installed here: all is skipped; median (least–most)")
        return
    rounds = 1 if asked.quick else asked.rounds
    root = Path(tempfile.mkdtemp(prefix="octavo-deploy-"))
    parts = (asked.only,) if asked.only else PARTS[:4]
    count, plain = 50 if asked.quick else 1000, {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    try:
        if "dask" in parts:
            dask(root, plain, min(rounds, 3))
        if "slurm" in parts:
            slurm(root, plain, min(rounds, 3))
        if "exports" in parts and not (asked.quick and not asked.only):
            exports(root, plain, min(rounds, 3), count)
        if {*parts} & {"tasks", "papermill", "many"}:
            with store() as env:
                hit = tasks(root, env, rounds) if {*parts} & {"tasks", "papermill"} else 0.0
                if "papermill" in parts:
                    papermill(root, env, rounds, hit)
                if "many" in parts:
                    many(root, env, min(rounds, 3), count)
    finally:
        shutil.rmtree(root)


if __name__ == "__main__":
    main()
