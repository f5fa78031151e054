"""Runs on a real scheduler of Dask with two workers, each in a folder of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import clusters
from clusters import Cluster, free
from projects import Folder
from stages import gone

pytest.importorskip("distributed", reason="distributed is not installed: make test-engines does it")
pytestmark = pytest.mark.engines


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with clusters.cluster(tmp_path) as made:
        yield made


def project(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path / "project")
    folder.write(
        "steps.py",
        """
        import os
        import time
        from pathlib import Path


        def load(product):
            product.write_text("5")


        def fit(product, upstream, k, slow=""):
            if slow and k == 1 and not Path(slow).exists():
                Path(slow).write_text(os.environ["OCTAVO_PARENT"])
                time.sleep(600)
            product.write_text(str(int(upstream["load"].read_text()) * k))


        def total(product, upstream):
            product.write_text(str(sum(int(path.read_text()) for path in upstream["fit-*"].values())))
        """,
    )
    folder.write(
        "pipeline.yaml",
        """
        tasks:
          - {source: steps.load, product: out/load.txt}
          - source: steps.fit
            name: fit-[[k]]
            product: out/fit-[[k]].txt
            upstream: load
            grid: {k: [1, 2, 3, 4]}
          - {source: steps.total, product: out/total.txt, upstream: fit-*}
        """,
    )
    return folder


def test_tasks_run_on_the_workers_and_a_worker_that_dies_is_replaced(
    tmp_path: Path, cluster: Cluster
) -> None:
    folder = project(tmp_path)
    mark = tmp_path / "mark"
    words = ["submit", "--to", "dask", "--option", f"scheduler={cluster.address}", "--remote", "../store"]
    with subprocess.Popen(
        [sys.executable, "-m", "octavo", *words, "-p", f"slow={mark}", "--json"],
        cwd=folder.path,
        stdout=subprocess.PIPE,
        text=True,
    ) as submitted:
        until = time.monotonic() + 60
        while not (mark.exists() and mark.read_text()):
            assert time.monotonic() < until
            assert submitted.poll() is None
            time.sleep(0.1)
        worker = int(mark.read_text())
        assert worker in [process.pid for process in cluster.workers]
        os.kill(worker, signal.SIGKILL)
        said, _ = submitted.communicate(timeout=120)
    assert submitted.returncode == 0
    run = json.loads(said)["run"]
    told = folder.octavo("status", run, "--remote", "../store", "--json").stdout
    rows = {row["task"]: row for row in json.loads(told)}
    assert {row["state"] for row in rows.values()} == {"done"}
    assert rows["fit-1"]["attempt"] == 2
    assert folder.octavo("fetch", run, "--remote", "../store", "--to", "away").returncode == 0
    assert folder.read("away/out/total.txt") == "50"


def test_what_no_worker_has_is_told_at_once(tmp_path: Path, cluster: Cluster) -> None:
    folder = project(tmp_path)
    words = ["submit", "--to", "dask", "--remote", "../store", "--option", f"scheduler={cluster.address}"]
    refused = folder.octavo(*words, "--option", "resources=GPU=2")
    assert (refused.returncode, "no worker of Dask has GPU=2" in refused.stderr) == (2, True), refused.stderr
    assert "they have: GPU=1" in refused.stderr
    assert folder.octavo(*words, "--option", "resources=GPU=1").returncode == 0
    nobody = folder.octavo(*words[:-1], f"scheduler=tcp://127.0.0.1:{free()}")
    assert (nobody.returncode, "there is no scheduler of Dask" in nobody.stderr) == (2, True), nobody.stderr


def said(folder: Folder, address: str, more: str = "") -> None:
    """Let pipeline.yaml name the scheduler."""
    rest = folder.read("pipeline.yaml")
    folder.write("pipeline.yaml", f"executor:\n  name: dask\n  scheduler: {address}\n{more}{rest}")


def building(folder: Folder, *words: str) -> subprocess.Popen[str]:
    """Start a build, all that it says in one stream."""
    return subprocess.Popen(
        [sys.executable, "-m", "octavo", "build", *words],
        cwd=folder.path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def waiting(mark: Path, build: subprocess.Popen[str]) -> int:
    """Return the process that a slow task says it belongs to."""
    until = time.monotonic() + 60
    while not (mark.exists() and mark.read_text()):
        assert time.monotonic() < until
        assert build.poll() is None
        time.sleep(0.1)
    return int(mark.read_text())


def test_a_build_runs_on_the_workers_and_outlives_one_of_them(tmp_path: Path, cluster: Cluster) -> None:
    folder = project(tmp_path)
    said(folder, cluster.address, "  workers: {load: two}\n")
    source = folder.read("steps.py").replace('os.environ["OCTAVO_PARENT"]', "str(os.getpid())")
    folder.write(
        "steps.py", source.replace('product.write_text("5")', 'print("loading")\n    product.write_text("5")')
    )
    mark = tmp_path / "mark"
    with building(folder, "-v", "-p", f"slow={mark}") as build:
        running = waiting(mark, build)
        stat = Path(f"/proc/{running}/stat").read_text().rpartition(")")[2].split()
        worker = int(stat[1])
        assert worker in [process.pid for process in cluster.workers]
        os.kill(worker, signal.SIGKILL)
        told, _ = build.communicate(timeout=120)
    assert build.returncode == 0, told
    assert "loading" in told
    assert "its worker was lost: it starts again on another one" in told
    assert folder.read("out/total.txt") == "50"
    assert folder.octavo("build", "-p", f"slow={mark}").stdout.startswith("6 tasks fresh")
    assert [*(folder.path / ".octavo/dask").iterdir()] == []


def test_what_no_worker_can_run_is_told_before_anything_has_run(tmp_path: Path, cluster: Cluster) -> None:
    folder = project(tmp_path)
    said(folder, cluster.address, "  resources: {fit-*: {GPU: 2}}\n")
    refused = folder.octavo("build")
    assert refused.returncode == 2
    assert '"fit-1" cannot run: no worker of Dask has GPU=2' in refused.stderr
    assert "they have: GPU=1" in refused.stderr
    assert not (folder.path / "out/load.txt").exists()
    folder.write("pipeline.yaml", folder.read("pipeline.yaml").replace("GPU: 2", "GPU: 1"))
    assert folder.octavo("build").returncode == 0
    nobody = folder.octavo("build", "--force", "--executor", f"dask=tcp://127.0.0.1:{free()}")
    assert (nobody.returncode, "there is no scheduler of Dask" in nobody.stderr) == (2, True), nobody.stderr
    assert nobody.stderr.count("there is no scheduler of Dask") == 1, "for all tasks at once"


def test_a_build_whose_scheduler_or_driver_dies_leaves_nothing_running(
    tmp_path: Path, cluster: Cluster
) -> None:
    folder = project(tmp_path)
    said(folder, cluster.address)
    folder.write(
        "steps.py", folder.read("steps.py").replace('os.environ["OCTAVO_PARENT"]', "str(os.getpid())")
    )
    for number, name in ((signal.SIGINT, "first"), (None, "second")):
        mark = tmp_path / name
        with building(folder, "-p", f"slow={mark}") as build:
            running = waiting(mark, build)
            if number is not None:
                build.send_signal(number)
            else:
                cluster.scheduler.kill()
            told, _ = build.communicate(timeout=120)
        assert build.returncode == (130 if number else 1), told
        assert number or "the scheduler of Dask" in told
        gone(running)
