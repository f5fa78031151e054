"""Runs on a SLURM of one node, which these tests start and stop."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from projects import Folder

pytestmark = pytest.mark.engines

SCRIPT = Path(__file__).parent / "slurm.sh"


@pytest.fixture(scope="module", autouse=True)
def slurm() -> Iterator[None]:
    if shutil.which("slurmctld") is None or os.geteuid() != 0:
        pytest.skip("SLURM needs root, and Debian's slurm-wlm and munge")
    try:
        subprocess.run(["sh", SCRIPT, "start"], check=True, timeout=60)
        yield
    finally:
        subprocess.run(["sh", SCRIPT, "stop"], check=True, timeout=60)


def project(folder: Folder, body: str = "pass") -> Folder:
    folder.write(
        "steps.py",
        f"""
        import time


        def load(product):
            product.write_text("5")


        def fit(product, upstream, k):
            {body}
            product.write_text(str(int(upstream["load"].read_text()) * k))


        def total(product, upstream):
            product.write_text(str(sum(int(path.read_text()) for path in upstream["fit-*"].values())))
        """,
    )
    folder.write(
        "pipeline.yaml",
        """
        tasks:
          - {source: steps.load, product: out/load.txt, memory: 100MB}
          - source: steps.fit
            name: fit-[[k]]
            product: out/fit-[[k]].txt
            upstream: load
            grid: {k: [1, 2, 3, 4]}
          - {source: steps.total, product: out/total.txt, upstream: fit-*, timeout: 60}
        """,
    )
    return folder


def submit(folder: Folder, *words: str, code: int = 0) -> str:
    ended = folder.octavo("submit", "--to", "slurm", "--remote", "../store", "--json", *words)
    assert ended.returncode == code, ended.stderr
    return str(json.loads(ended.stdout)["run"])


def states(folder: Folder, run: str) -> dict[str, str]:
    ended = folder.octavo("status", run, "--remote", "../store", "--json")
    return {row["task"]: row["state"] for row in json.loads(ended.stdout)}


def queue() -> str:
    return subprocess.run(["squeue", "-h"], capture_output=True, text=True, check=True).stdout.strip()


def wait_for(what: str, folder: Folder, run: str, state: str) -> None:
    until = time.monotonic() + 60
    while states(folder, run)[what] != state:
        assert time.monotonic() < until, (states(folder, run), queue())
        time.sleep(0.2)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "project")


def test_a_grid_runs_as_arrays_and_its_results_come_back(folder: Folder) -> None:
    run = submit(project(folder), "--wait")
    assert {*states(folder, run).values()} == {"done"}
    assert folder.octavo("fetch", run, "--remote", "../store").returncode == 0
    assert folder.read("out/total.txt") == "50"
    assert folder.octavo("status", "--exit-code").returncode == 0
    # an array has at most three jobs there
    names = sorted(path.name for path in (folder.path / ".octavo" / "slurm" / run).iterdir())
    assert [name[:5] for name in names] == ["fit-1", "fit-1", "fit-1", "fit-4", "load-", "total"]


def test_after_a_failure_nothing_that_needs_it_runs_and_nothing_waits(folder: Folder) -> None:
    run = submit(project(folder, "assert k != 3"), "--wait", code=1)
    found = states(folder, run)
    assert (found["load"], found["total"]) == ("done", "blocked")
    assert sorted(found.values()).count("failed") == 1
    until = time.monotonic() + 60
    while queue():
        assert time.monotonic() < until
        time.sleep(0.2)
    # mended, only what has no result runs
    project(folder)
    again = submit(folder, "--wait")
    assert (states(folder, again)["load"], states(folder, again)["total"]) == ("restored", "done")


def test_a_run_is_cancelled_at_the_store_and_in_the_queue(folder: Folder) -> None:
    run = submit(project(folder, "time.sleep(600)"))
    wait_for("fit-1", folder, run, "running")
    assert folder.octavo("cancel", run, "--remote", "../store").returncode == 0
    wait_for("fit-1", folder, run, "cancelled")
    assert states(folder, run)["total"] == "cancelled"
    until = time.monotonic() + 60
    while queue():
        assert time.monotonic() < until
        time.sleep(0.2)


def test_what_no_node_has_is_refused_with_slurms_own_words(folder: Folder) -> None:
    project(folder)
    for option in ("partition=gpu", "mem=99G", "gres=gpu:1"):
        ended = folder.octavo("submit", "--to", "slurm", "--remote", "../store", "--option", option)
        assert ended.returncode == 2
        assert 'sbatch refuses "' in ended.stderr
    assert queue() == ""


def test_a_resource_that_no_node_has_is_told_before_any_job_waits(folder: Folder) -> None:
    text = project(folder).read("pipeline.yaml")
    more = {
        "gpus: 1": "Invalid generic resource",
        "engines: {slurm: --partition=none}": "invalid partition",
    }
    for said, words in more.items():
        folder.write("pipeline.yaml", text.replace("upstream: fit-*", f"upstream: fit-*, {said}"))
        ended = folder.octavo("submit", "--to", "slurm", "--remote", "../store")
        assert ended.returncode == 2
        assert 'sbatch refuses "total"' in ended.stderr
        assert words in ended.stderr, ended.stderr
        assert not [*(folder.path / ".octavo" / "slurm").glob("*/*")]  # no job has begun
    folder.write("pipeline.yaml", text.replace("upstream: fit-*", "upstream: fit-*, cpus: 1.5"))
    assert {*states(folder, submit(folder, "--wait")).values()} == {"done"}
