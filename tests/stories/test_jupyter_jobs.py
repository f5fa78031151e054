"""Jobs of the real jupyter-scheduler that octavo runs: notebooks with parameters, and whole pipelines."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from labs import CLEAN, FIT, PIPELINE, Server, lab
from octavo.model import Json
from projects import Folder

pytest.importorskip("jupyter_server")

pytestmark = pytest.mark.nightly

MANAGER = "octavo.jupyter.jobs.OctavoExecutionManager"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("jobs")
    options = [
        f"--Scheduler.execution_manager_class={MANAGER}",
        f"--SchedulerApp.db_url=sqlite:///{home}/jobs.sqlite",
    ]
    found = Server(home, "jupyter_server", *options, python=lab("newest"))
    yield found
    found.close()


def done(server: Server, input_uri: str, **more: object) -> Json:
    """Run a job to its end."""
    body = {"name": "job", "input_uri": input_uri, "runtime_environment_name": "python", **more}
    job = server.call("scheduler/jobs", body)["job_id"]
    end = time.monotonic() + 120
    while (found := server.call(f"scheduler/jobs/{job}"))["status"] not in (
        "COMPLETED",
        "FAILED",
    ):  # at first STOPPED
        assert time.monotonic() < end, server.log.read_text()
        time.sleep(0.2)
    return found


def output(server: Server, job: Json, form: str) -> str:
    """Return an output of a job: where it is staged until a person fetches it."""
    (found,) = (
        path
        for path in server.log.parent.rglob(f"{job['job_id']}/*.{form}")
        if path.name != job["input_filename"]
    )
    return found.read_text()


def test_a_notebook_is_a_job_with_parameters(server: Server) -> None:
    code: Json = {"cell_type": "code", "execution_count": None, "outputs": []}
    tagged = {"tags": ["parameters"]}
    notebook: Json = {
        "cells": [
            {**code, "id": "a", "metadata": tagged, "source": "n, word = 1, ''"},
            {
                **code,
                "id": "b",
                "metadata": {},
                "source": "print(word * n); open('side.txt', 'w').write('x')",
            },
        ],
        "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    server.project.write("a.ipynb", json.dumps(notebook))
    job = done(server, "a.ipynb", parameters={"n": "3", "word": "ab"}, output_formats=["ipynb", "html"])
    assert (job["status"], job["status_message"]) == ("COMPLETED", None)
    assert "ababab" in output(server, job, "ipynb") and "ababab" in output(server, job, "html")
    assert "side.txt" in job["packaged_files"]
    failed = done(server, "a.ipynb", parameters={"n": "'x'"})
    assert failed["status"] == "FAILED" and "n" in failed["status_message"]
    notebook["cells"][1]["source"] = "import time; time.sleep(600)"
    server.project.write("slow.ipynb", json.dumps(notebook))
    late = done(server, "slow.ipynb", runtime_environment_parameters={"timeout": 2})
    assert late["status"] == "FAILED" and "2" in late["status_message"]
    wrong = done(server, "slow.ipynb", runtime_environment_parameters={"timeot": 2})
    assert "timeot" in wrong["status_message"]


def test_a_pipeline_is_a_job(server: Server) -> None:
    project = Folder(server.project.path / "p")
    project.write("pipeline.yaml", PIPELINE)
    project.write("nb/clean.py", CLEAN)
    project.write("nb/fit.py", FIT)
    where: Json = {"pipeline": "p/pipeline.yaml"}
    job = done(server, "p/pipeline.yaml", runtime_environment_parameters=where, output_formats=["html"])
    assert (job["status"], job["status_message"]) == ("COMPLETED", None)
    assert project.read("out/n.txt") == "1"
    assert "fit" in output(server, job, "html")
    project.write(
        "nb/fit.py",
        FIT + "\n# %%\nif not __import__('os').path.exists('again'):\n    open('again', 'w')\n    1 / 0\n",
    )
    failed = done(server, "p/pipeline.yaml", runtime_environment_parameters=where)
    assert failed["status_message"] == "fit: ZeroDivisionError: division by zero"
    (project.path / "again").unlink()
    again = done(
        server, "p/pipeline.yaml", runtime_environment_parameters={**where, "retries": 1, "targets": "fit"}
    )
    assert again["status"] == "COMPLETED"
    project.write("nb/fit.py", FIT + "\n# %%\nimport time\ntime.sleep(600)\n")
    late = done(server, "p/pipeline.yaml", runtime_environment_parameters={**where, "timeout": 2})
    assert late["status_message"] == "the pipeline took longer than 2 s"
    lost = done(server, "p/pipeline.yaml")
    assert "there is no pipeline" in lost["status_message"]
    project.write("pipeline.yaml", PIPELINE.replace("source", "sauce"))
    assert "sauce" in done(server, "p/pipeline.yaml", runtime_environment_parameters=where)["status_message"]
