"""Runs on a real scheduler of Dask with two workers, each in a folder of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from projects import Folder

pytest.importorskip("distributed", reason="distributed is not installed: make test-engines does it")
pytestmark = pytest.mark.engines


@dataclass
class Cluster:
    address: str
    workers: list[subprocess.Popen[bytes]]


def free() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        number: int = found.getsockname()[1]
        return number


def started(folder: Path, *words: str) -> subprocess.Popen[bytes]:
    folder.mkdir()
    return subprocess.Popen(
        [sys.executable, "-m", "distributed.cli." + words[0], *words[1:]],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    port = str(free())
    address = f"tcp://127.0.0.1:{port}"
    usual = ["--nthreads", "1", "--no-dashboard", "--no-nanny", "--local-directory", "."]
    processes = [
        started(
            tmp_path / "scheduler", "dask_scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard"
        )
    ]
    try:
        for name, more in (("one", ()), ("two", ("--resources", "GPU=1"))):
            processes.append(started(tmp_path / name, "dask_worker", address, "--name", name, *usual, *more))
        distributed = pytest.importorskip("distributed")
        with distributed.Client(address, timeout="60s", set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)
        yield Cluster(address, processes[1:])
    finally:
        for process in reversed(processes):
            process.kill()
            process.wait()


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
