"""The exported file with Kubeflow's SDK: what it writes is read strictly, and its containers run here."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from graphlib import TopologicalSorter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import yaml

from octavo.model import Json
from projects import Folder

pytestmark = pytest.mark.engines

PYTHON = Path(__file__).parent.parent.parent / ".venv-engines" / "kubeflow" / "bin" / "python"
#: What Kubeflow itself would not know is an error here: of the pipeline, and of what is Kubernetes' own.
STRICT = """
import sys, yaml
from google.protobuf import json_format
from kfp.kubernetes import kubernetes_executor_config_pb2 as own
from kfp.pipeline_spec import pipeline_spec_pb2 as spec
pipeline, platform = yaml.safe_load_all(open(sys.argv[1]))
json_format.ParseDict(pipeline, spec.PipelineSpec())
json_format.ParseDict(platform, spec.PlatformSpec())
for executor in platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"].values():
    json_format.ParseDict(executor, own.KubernetesExecutorConfig())
"""


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Folder, Path]:
    """Return a project, and the file for kfp, which has a schedule, a secret and limits of memory."""
    if not PYTHON.exists():
        pytest.skip("Kubeflow's SDK is not installed: make test-engines does it")
    folder = Folder(tmp_path_factory.mktemp("kubeflow") / "sales")
    folder.write(
        "steps.py",
        """
        def draw(product, k):
            product.write_text(str(k))


        def total(product, upstream):
            product.write_text(str(sum(int(path.read_text()) for path in upstream["draw-*"].values())))
        """,
    )
    folder.write(
        "pipeline.yaml",
        """
        schedule: {cron: "30 6 * * mon-fri"}
        tasks:
          - {source: steps.draw, name: "draw-[[k]]", product: "out/draw-[[k]].txt", grid: {k: [1, 2]}, memory: 1GB}
          - {source: steps.total, name: "in all", product: out/total.txt, upstream: draw-*}
        """,
    )
    made = folder.octavo(
        "export", "kubeflow", "--remote", "../store", "--image", "team:3", "--secret", "creds"
    )
    assert made.stdout == "sales_kubeflow.py: 3 tasks\n", made.stderr
    return folder, folder.path / "sales_kubeflow.py"


def compiled(file: Path, *words: str) -> Path:
    subprocess.run([PYTHON, file, *words], check=True, capture_output=True, timeout=300)
    return file.with_suffix(".yaml")


def test_what_kfp_writes_is_read_strictly_and_runs(exported: tuple[Folder, Path], tmp_path: Path) -> None:
    folder, file = exported
    written = compiled(file)
    subprocess.run([PYTHON, "-c", STRICT, written], check=True, timeout=120)
    pipeline, platform = yaml.safe_load_all(written.read_text())
    executors = pipeline["deploymentSpec"]["executors"]
    assert platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"].keys() == executors.keys()
    steps = pipeline["root"]["dag"]["tasks"]
    order = TopologicalSorter({name: step.get("dependentTasks", []) for name, step in steps.items()})
    limits = set()
    for number, name in enumerate(order.static_order()):
        task = steps[name]["inputs"]["parameters"]["task"]["runtimeValue"]["constant"]
        label = pipeline["components"][steps[name]["componentRef"]["name"]]["executorLabel"]
        container = executors[label]["container"]
        limits.add(container.get("resources", {}).get("resourceMemoryLimit"))
        values = {"{{$.inputs.parameters['task']}}": task, "{{$.pipeline_job_uuid}}": "a-uuid"}
        words = [values.get(word, word) for word in container["args"]]
        assert container["command"] == ["octavo"]
        assert not any("{{" in word for word in words)
        (tmp_path / str(number)).mkdir()
        ran = Folder(tmp_path / str(number)).octavo(*words)
        assert ran.returncode == 0, ran.stderr
    assert limits == {str(3 << 29), None}
    assert (
        folder.octavo("fetch", "a-uuid", "--remote", "../store", "--to", str(tmp_path / "away")).returncode
        == 0
    )
    assert (tmp_path / "away" / "out" / "total.txt").read_text() == "3"


@contextmanager
def server(heard: list[tuple[str, Json]]) -> Iterator[str]:
    """Answer as much of Kubeflow's API as is asked here, and note what was sent."""

    class Api(BaseHTTPRequestHandler):
        def answer(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            if self.command == "POST":
                heard.append((self.path.rpartition("/")[2], json.loads(self.rfile.read(size))))
            said = json.dumps({"experiment_id": "1", "recurring_run_id": "1", "run_id": "1"}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        do_GET = do_POST = answer

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Api) as http:
        thread = Thread(target=http.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{http.server_port}"
        finally:
            http.shutdown()
            thread.join()


def test_a_server_is_given_the_pipeline_with_its_schedule(
    exported: tuple[Folder, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("HOME", os.environ.get("TMPDIR", "/tmp"))  # the SDK reads settings there
    heard: list[tuple[str, Json]] = []
    with server(heard) as host:
        compiled(exported[1], host)
    (asked,) = [said for what, said in heard if what == "recurringruns"]
    assert asked["trigger"]["cron_schedule"]["cron"] == "0 30 6 * * MON-FRI"
    assert asked["no_catchup"] is True
    assert {*asked["pipeline_spec"]["pipeline_spec"]["root"]["dag"]["tasks"]} == {
        "octavo",
        "octavo-2",
        "octavo-3",
    }
