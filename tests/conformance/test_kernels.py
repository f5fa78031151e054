"""Every kernel gives the outputs that Jupyter gives; nbclient is the judge."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from kernel_cases import CASES, Case

from quire.events import CellFinished, Event, Note, TaskFinished
from quire.executors.local import Local
from quire.kinds.notebook import KIND
from quire.model import Outcome, Source, Task
from quire.notebook.writer import ExecutedNotebook

Outputs = list[dict[str, Any]]

PYTHON = ("native", "jupyter")
OPTIONS: dict[str, dict[str, Any]] = {
    "native": {},
    "jupyter": {"isolated": True, "kernel": "python3"},
    "bash": {"kernel": "quire-test-bash"},
}
NBCLIENT = """
import sys, nbformat, nbclient
notebook = nbformat.read(sys.argv[1], 4)
try:
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
finally:
    nbformat.write(notebook, sys.argv[1])
"""
VARIES = [
    (re.compile(r"0x[0-9a-fA-F]{6,}"), "0xADDRESS"),
    (re.compile(r"\S*ipykernel_\d+/\d+\.py"), "CELL.py"),
    (re.compile(r"(CPU times|Wall time): .*"), r"\1"),
    (re.compile(r"/\S*/lib/python3\.\d+/"), "LIB/"),
]


@dataclass
class Ran:
    """What is seen of a notebook that ran."""

    notebook: dict[str, Any]
    finished: TaskFinished
    events: list[Event] = field(default_factory=list)

    def outputs(self, cell: int = -1) -> Outputs:
        found: Outputs = self.notebook["cells"][cell]["outputs"]
        return found

    def text(self, cell: int = -1) -> str:
        return "".join(output.get("text", "") for output in self.outputs(cell))


class Runner:
    """Runs notebooks as tasks of the local executor."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.local = Local(str(root), jobs=1)
        self.local.prepare(("quire.kinds.notebook", "quire.kernels.native", "quire.kernels.jupyter"))

    def __call__(self, kernel: str, *cells: str, tags: dict[int, list[str]] | None = None, **options: Any) -> Ran:
        text = json.dumps(notebook(cells, tags or {}, "bash" if kernel == "bash" else "python3"))
        source = Source("test.ipynb")
        source = Source("test.ipynb", text=text, facts=KIND.facts(source, text.encode("utf-8", "surrogatepass")))
        cwd = tempfile.mkdtemp(dir=self.root)
        self.local.submit(Task("test", "notebook", source, options={"cwd": cwd, **OPTIONS[kernel], **options}))
        fold, events = ExecutedNotebook(), list[Event]()
        while not isinstance(event := self.local.next(), TaskFinished):
            fold(event)
            events.append(event)
        data = fold.finished()
        assert data is not None, event.failure
        return Ran(data, event, events)


def notebook(cells: tuple[str, ...], tags: dict[int, list[str]], kernel: str = "python3") -> dict[str, Any]:
    return {
        "cells": [
            {
                "cell_type": "code",
                "id": f"c{n}",
                "metadata": {"tags": tags[n]} if n in tags else {},
                "source": source,
                "outputs": [],
                "execution_count": None,
            }
            for n, source in enumerate(cells)
        ],
        "metadata": {"kernelspec": {"name": kernel, "display_name": kernel, "language": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    root = tmp_path_factory.mktemp("kernels")
    spec = root / "jupyter" / "kernels" / "quire-test-bash" / "kernel.json"
    spec.parent.mkdir(parents=True)
    argv = [sys.executable, "-m", "bash_kernel", "-f", "{connection_file}"]
    spec.write_text(json.dumps({"argv": argv, "display_name": "Bash", "language": "bash"}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(root / "jupyter"))
        patch.delenv("PYTEST_CURRENT_TEST")  # where it is set, ipykernel leaves the file descriptors alone
        runner = Runner(root)
        yield runner
        runner.local.close()


def all_cases() -> tuple[tuple[str, ...], dict[int, list[str]], dict[str, range]]:
    """Return the cells of all cases as one notebook, its tags, and where each case stands in it."""
    cells, tags, places = list[str](), dict[int, list[str]](), dict[str, range]()
    for name, case in CASES.items():
        places[name] = range(len(cells), len(cells) + len(case.cells))
        cells.extend(case.cells)
        if case.raises:
            tags[len(cells) - 1] = ["raises-exception"]
    return tuple(cells), tags, places


CELLS, TAGS, PLACES = all_cases()


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> list[Outputs]:
    """What nbclient gives for all cases."""
    path = tmp_path_factory.mktemp("nbclient") / "test.ipynb"
    path.write_text(json.dumps(notebook(CELLS, TAGS)))
    env = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    command = [sys.executable, "-c", NBCLIENT, path.name]
    subprocess.run(command, cwd=path.parent, env=env, check=True, capture_output=True)
    return [cell["outputs"] for cell in json.loads(path.read_text())["cells"]]


@pytest.fixture(scope="module", params=PYTHON)
def ran(request: pytest.FixtureRequest, run: Runner) -> Ran:
    """What a kernel of ours gives for all cases."""
    done: Ran = run(request.param, *CELLS, tags=TAGS)
    assert done.finished.outcome is Outcome.DONE, done.finished.failure
    return done


def plain(value: Any) -> Any:
    """Return text without what differs from run to run."""
    if isinstance(value, dict):
        return {key: plain(it) for key, it in value.items()}
    if isinstance(value, list) and all(isinstance(it, str) for it in value):
        value = "".join(value)
    if isinstance(value, str):
        for pattern, by in VARIES:
            value = pattern.sub(by, value)
    return value


def comparable(outputs: Outputs) -> list[Any]:
    """Return outputs with each stream as a whole: Jupyter promises no order between the two of them."""
    streams: dict[str, str] = {}
    rest = []
    for output in outputs:
        if output["output_type"] == "stream":
            streams[output["name"]] = streams.get(output["name"], "") + "".join(output["text"])
        elif output["output_type"] == "error":
            # lines, as writing and reading a notebook may split them in other places
            rest.append({**output, "traceback": "\n".join(output["traceback"]), "evalue": output["evalue"]})
        else:
            rest.append({**output})
    return [plain(it) for it in [streams, *rest]]


def short(outputs: Outputs) -> tuple[tuple[Any, ...], ...]:
    rows: list[tuple[Any, ...]] = []
    for output in outputs:
        match output["output_type"]:
            case "stream":
                rows.append(("stream", output["name"], "".join(output["text"])))
            case "error":
                rows.append(("error", output["ename"], output["evalue"]))
            case kind:
                rows.append((kind, "".join(output["data"]["text/plain"])))
    return tuple(rows)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.oracle])
def test_outputs_are_those_of_nbclient(name: str, ran: Ran, judged: list[Outputs]) -> None:
    for cell in PLACES[name]:
        assert comparable(ran.outputs(cell)) == comparable(judged[cell])


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.seen is not None])
def test_outputs_are_what_they_should_be(name: str, ran: Ran) -> None:
    case: Case = CASES[name]
    assert short(ran.outputs(PLACES[name][-1])) == case.seen


def test_an_update_changes_the_cell_that_showed_it(ran: Ran) -> None:
    first = PLACES["a display is updated from another cell"][0]
    assert short(ran.outputs(first)) == (("display_data", "'three'"),)


def test_counts_run_without_gaps(ran: Ran) -> None:
    assert [cell["execution_count"] for cell in ran.notebook["cells"]] == list(range(1, len(CELLS) + 1))
