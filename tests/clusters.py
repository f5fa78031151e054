"""A real scheduler of Dask with two workers, each in a folder of its own."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass
class Cluster:
    address: str
    scheduler: subprocess.Popen[bytes]
    workers: list[subprocess.Popen[bytes]]


def free() -> int:
    """Return a port that nobody uses."""
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


@contextmanager
def cluster(above: Path) -> Iterator[Cluster]:
    """Start one below a folder: a worker that announces nothing, and one with a GPU."""
    distributed = pytest.importorskip("distributed", reason="it is not installed: make test-engines does it")
    port = str(free())
    address = f"tcp://127.0.0.1:{port}"
    usual = ["--nthreads", "1", "--no-dashboard", "--no-nanny", "--local-directory", "."]
    one = ["dask_scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard"]
    processes = [started(above / "scheduler", *one)]
    try:
        for name, more in (("one", ()), ("two", ("--resources", "GPU=1"))):
            processes.append(started(above / name, "dask_worker", address, "--name", name, *usual, *more))
        with distributed.Client(address, timeout="60s", set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)
        yield Cluster(address, processes[0], processes[1:])
    finally:
        for process in reversed(processes):
            process.kill()
            process.wait()
