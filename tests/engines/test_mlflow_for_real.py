"""octavo mlflow against a real server of MLflow, on loopback."""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from projects import Folder

pytestmark = [
    pytest.mark.engines,
    pytest.mark.skipif(importlib.util.find_spec("mlflow") is None, reason="wants: pip install mlflow"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("mlflow")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    words += [
        "--backend-store-uri",
        f"sqlite:///{folder}/runs.db",
        "--artifacts-destination",
        str(folder / "files"),
    ]
    url = f"http://127.0.0.1:{port}"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", *words],
            stdout=log,
            stderr=log,
            cwd=folder,
            start_new_session=True,
        )
        try:
            for _ in range(600):
                try:
                    urllib.request.urlopen(f"{url}/health", timeout=5).close()
                    break
                except OSError:
                    assert process.poll() is None, (folder / "log").read_text()
                    time.sleep(0.2)
            yield url
        finally:
            os.killpg(process.pid, 9)
            process.wait()


@pytest.fixture
def measured(folder: Folder) -> Folder:
    folder.write(
        "pipeline.yaml",
        """
        tasks:
          - source: fit.py
            product: {nb: out/fit.ipynb, model: out/model.txt}
            params: {depth: 3, token: secret-word}
        """,
    )
    folder.write(
        "fit.py",
        """
        # %% tags=["parameters"]
        depth, token, product = None, None, None

        # %%
        import octavo
        from pathlib import Path

        octavo.log({"test accuracy": depth / 4, "n": 7})
        Path(product["model"]).write_text("a model")
        """,
    )
    assert folder.octavo("build").returncode == 0
    return folder


def client(server: str) -> Any:  # of a package that need not be there
    return importlib.import_module("mlflow").MlflowClient(tracking_uri=server)


def test_runs_are_handed_over_once_with_what_they_made(measured: Folder, server: str, tmp_path: Path) -> None:
    pushed = measured.octavo("mlflow", "push", "--server", server, "--experiment", "shop")
    assert pushed.returncode == 0, pushed.stderr
    again = measured.octavo("mlflow", "push", "--server", server, "--experiment", "shop")
    assert "there already" in again.stdout
    there = client(server)
    (run,) = there.search_runs([there.get_experiment_by_name("shop").experiment_id])
    assert (run.info.status, run.data.metrics) == ("FINISHED", {"test accuracy": 0.75, "n": 7.0})
    assert run.data.params == {"depth": "3", "token": "•••"}
    assert run.data.tags["octavo.task"] == "fit"
    for name in ("out/fit.ipynb", "out/model.txt"):
        got = Path(there.download_artifacts(run.info.run_id, name, str(tmp_path)))
        assert got.read_bytes() == (measured.path / name).read_bytes()
    pulled = measured.octavo("mlflow", "pull", "--server", server, "--experiment", "shop")
    assert pulled.stdout == "0 runs taken in\n", "they are here already"


def test_what_a_product_was_comes_from_the_cache(measured: Folder, server: str) -> None:
    (run,) = json.loads(measured.octavo("runs", "--json").stdout)
    measured.write("pipeline.yaml", measured.read("pipeline.yaml").replace("depth: 3", "depth: 1"))
    assert measured.octavo("build").returncode == 0
    pushed = measured.octavo("mlflow", "push", run["run"], "--server", server, "--experiment", "older")
    assert pushed.returncode == 0 and pushed.stderr == "", pushed.stderr
    there = client(server)
    (found,) = there.search_runs([there.get_experiment_by_name("older").experiment_id])
    files = [one.path for one in there.list_artifacts(found.info.run_id, "out")]
    assert files == ["out/fit.ipynb", "out/model.txt"]


def test_runs_of_others_are_taken_in_and_compared(measured: Folder, server: str) -> None:
    there = client(server)
    experiment = there.create_experiment("theirs")
    for rate, accuracy in ((0.1, 0.5), (0.2, float("nan"))):
        run = there.create_run(experiment, run_name="train")
        there.log_param(run.info.run_id, "rate", rate)
        there.log_metric(run.info.run_id, "accuracy", accuracy)
        there.log_metric(run.info.run_id, "loss", 1 - rate)
        there.set_terminated(run.info.run_id)
    there.create_run(experiment, run_name="still running")
    for _ in range(2):
        pulled = measured.octavo(
            "mlflow", "pull", "--experiment", "theirs", env={"MLFLOW_TRACKING_URI": server}
        )
        assert pulled.stdout == "2 runs taken in\n", pulled.stderr
    found = json.loads(measured.octavo("runs", "--where", "loss > 0", "--json").stdout)
    assert sorted((row["task"], row["params"]["rate"]) for row in found) == [("train", 0.1), ("train", 0.2)]
    assert [row["metrics"].get("accuracy") for row in found if row["params"]["rate"] == 0.2] == [None]


def test_what_goes_wrong_is_told(measured: Folder, server: str) -> None:
    nowhere = measured.octavo("mlflow", "push", "--server", "http://127.0.0.1:9")
    assert (nowhere.returncode, "cannot be reached" in nowhere.stderr) == (2, True)
    unknown = measured.octavo("mlflow", "pull", "--server", server, "--experiment", "nope")
    assert (unknown.returncode, 'there is no experiment "nope"' in unknown.stderr) == (2, True)
    missing = measured.octavo("mlflow", "push", "--server", server, "-t", "fti")
    assert (missing.returncode, 'did you mean "fit"?' in missing.stderr) == (2, True)
