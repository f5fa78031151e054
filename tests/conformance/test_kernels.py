"""Every kernel gives the outputs that Jupyter gives; nbclient is the judge."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from kernel_cases import CASES, Case

from octavo.events import Event, Note, TaskFinished
from octavo.executed.writer import ExecutedNotebook
from octavo.executors.local import Local
from octavo.executors.running import Running
from octavo.kinds.notebook import KIND
from octavo.model import Outcome, Source, Task
from tasks import with_options

Outputs = list[dict[str, Any]]

PYTHON = ("native", "jupyter")
OPTIONS: dict[str, dict[str, Any]] = {
    "native": {},
    "jupyter": {"isolated": True, "kernel": "python3"},
    "bash": {"kernel": "octavo-test-bash"},
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

    kernel: str
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
        self.local.prepare(("octavo.kinds.notebook", "octavo.kernels.native", "octavo.kernels.jupyter"))

    def __call__(
        self, kernel: str, *cells: str, tags: dict[int, list[str]] | None = None, **options: Any
    ) -> Ran:
        text = json.dumps(notebook(cells, tags or {}, "bash" if kernel == "bash" else "python3"))
        source = Source("test.ipynb")
        source = Source(
            "test.ipynb", text=text, facts=KIND.facts(source, text.encode("utf-8", "surrogatepass"))
        )
        cwd = tempfile.mkdtemp(dir=self.root)
        running = Running(self.local)
        running.start(
            with_options(Task("test", "notebook", source), **{"cwd": cwd, **OPTIONS[kernel], **options}), None
        )
        fold, events = ExecutedNotebook(), list[Event]()
        while running:
            events += running.next()
        event = events.pop()
        assert isinstance(event, TaskFinished)
        for each in events:
            fold(each)
        data = fold.finished()
        assert data is not None, event.failure
        return Ran(kernel, data, event, events)


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
    spec = root / "jupyter" / "kernels" / "octavo-test-bash" / "kernel.json"
    spec.parent.mkdir(parents=True)
    argv = [sys.executable, "-m", "bash_kernel", "-f", "{connection_file}"]
    # a home of its own: what somebody's .bashrc does is no matter of ours
    env = {"HOME": str(root)}
    spec.write_text(json.dumps({"argv": argv, "display_name": "Bash", "language": "bash", "env": env}))
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
    if isinstance(value, str) and len(value) < 100_000:  # the patterns are slow
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
    seen = short(ran.outputs(PLACES[name][-1]))
    if not case.ordered or (ran.kernel != "native" and all(row[0] == "stream" for row in seen)):
        # two threads of a Jupyter kernel send the two streams
        seen = tuple(sorted(seen, reverse=True))
    assert seen == case.seen


def test_an_update_changes_the_cell_that_showed_it(ran: Ran) -> None:
    first = PLACES["a display is updated from another cell"][0]
    assert short(ran.outputs(first)) == (("display_data", "'three'"),)


def test_counts_run_without_gaps(ran: Ran) -> None:
    assert [cell["execution_count"] for cell in ran.notebook["cells"]] == list(range(1, len(CELLS) + 1))


# ── notebooks that end early, one by one


@pytest.mark.parametrize("kernel", PYTHON)
def test_the_first_error_ends_the_notebook_and_says_where(kernel: str, run: Runner) -> None:
    done = run(kernel, "x = 1", "y = 2\n\nprint('before')\n1 / 0", "print('never')")
    failure = done.finished.failure
    assert done.finished.outcome is Outcome.FAILED
    assert failure is not None
    assert (failure.kind, failure.message) == ("ZeroDivisionError", "division by zero")
    assert (failure.cell, failure.number, failure.line) == (1, 2, 4)
    assert short(done.outputs(1)) == (
        ("stream", "stdout", "before\n"),
        ("error", "ZeroDivisionError", "division by zero"),
    )
    assert done.outputs(2) == []
    assert done.notebook["cells"][2]["execution_count"] is None


@pytest.mark.parametrize("kernel", PYTHON)
def test_errors_can_be_allowed(kernel: str, run: Runner) -> None:
    done = run(kernel, "1 / 0", "print('after')", allow_errors=True)
    assert done.finished.outcome is Outcome.DONE
    assert short(done.outputs(1)) == (("stream", "stdout", "after\n"),)


@pytest.mark.parametrize("kernel", PYTHON)
@pytest.mark.parametrize("leave", ["quit()", "exit", "import sys\nsys.exit()", "import sys\nsys.exit(0)"])
def test_leaving_without_an_error_ends_the_notebook_well(kernel: str, leave: str, run: Runner) -> None:
    done = run(kernel, "print('before')", leave, "print('never')")
    assert done.finished.outcome is Outcome.DONE
    assert any(isinstance(event, Note) and "ended the notebook" in event.message for event in done.events)
    assert done.text(0) == "before\n"
    assert done.outputs(2) == []


@pytest.mark.parametrize("kernel", PYTHON)
def test_leaving_with_a_code_is_a_failure(kernel: str, run: Runner) -> None:
    done = run(kernel, "import sys\nsys.exit(3)", "print('never')")
    assert done.finished.failure is not None
    assert (done.finished.failure.kind, done.finished.failure.message) == ("SystemExit", "3")
    assert done.outputs(1) == []


@pytest.mark.parametrize("kernel", PYTHON)
@pytest.mark.parametrize(
    ("blow", "words"),
    [
        ("os._exit(3)", "code 3"),
        ("os.kill(os.getpid(), 11)", "SIGSEGV"),
        ("os.kill(os.getpid(), 9)", "SIGKILL"),
    ],
)
def test_a_kernel_that_dies_fails_the_task_and_says_how(
    kernel: str, blow: str, words: str, run: Runner
) -> None:
    done = run(kernel, "print('kept')", f"import os\nprint('last', flush=True)\n{blow}", "print('never')")
    assert done.finished.outcome is Outcome.FAILED
    assert done.finished.failure is not None
    assert done.finished.failure.kind in ("WorkerDied", "DeadKernel")
    assert words in done.finished.failure.message
    assert done.text(0) == "kept\n"
    assert done.outputs(2) == []


def test_a_cell_that_lets_nothing_be_opened_any_more_fails_nothing_but_its_own(run: Runner) -> None:
    forbid = "import sys\ndef forbid(event, _):\n    if event == 'open': raise OSError(event)\nsys.addaudithook(forbid)"
    done = run("native", forbid, "print('after')")
    assert done.finished.outcome is Outcome.DONE, done.finished.failure
    assert done.text(1) == "after\n"
    notes = [event.message for event in done.events if isinstance(event, Note)]
    assert notes == ["what it used could not be observed, so it runs in each build: OSError: open"]


@pytest.mark.parametrize("kernel", PYTHON)
def test_exit_handlers_run(kernel: str, run: Runner) -> None:
    cell = "import atexit, os, pathlib\natexit.register(pathlib.Path('left').write_text, 'bye')\nprint(os.getcwd())"
    done = run(kernel, cell)
    assert Path(done.text().strip(), "left").read_text() == "bye"


@pytest.mark.parametrize("kernel", PYTHON)
def test_the_notebook_says_what_ran_it(kernel: str, run: Runner) -> None:
    metadata = run(kernel, "1").notebook["metadata"]
    assert metadata["kernelspec"] == {
        "name": "python3",
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
    }
    assert metadata["language_info"]["name"] == "python"
    assert metadata["language_info"]["version"] == ".".join(map(str, sys.version_info[:3]))


@pytest.mark.parametrize("kernel", PYTHON)
def test_states_of_widgets_are_kept(kernel: str, run: Runner) -> None:
    pytest.importorskip("ipywidgets")
    done = run(
        kernel,
        "import ipywidgets\ns = ipywidgets.IntSlider(value=3)\ns",
        "s.value = 7",
        "i = ipywidgets.Image(value=b'\\x00\\xff', format='png')",
        "b = ipywidgets.Button(description='press')\nb.close()",
    )
    widgets = done.notebook["metadata"]["widgets"]["application/vnd.jupyter.widget-state+json"]
    models = {it["model_name"]: it for it in widgets["state"].values()}
    assert models["IntSliderModel"]["state"]["value"] == 7
    assert models["IntSliderModel"]["model_module"] == "@jupyter-widgets/controls"
    assert models["ImageModel"]["buffers"] == [{"data": "AP8=", "encoding": "base64", "path": ["value"]}]
    view = done.outputs(0)[-1]["data"]["application/vnd.jupyter.widget-view+json"]
    assert widgets["state"][view["model_id"]]["model_name"] == "IntSliderModel"


@pytest.mark.parametrize("kernel", PYTHON)
def test_an_output_widget_keeps_what_is_shown_in_it(kernel: str, run: Runner) -> None:
    pytest.importorskip("ipywidgets")
    done = run(
        kernel,
        "import ipywidgets\no = ipywidgets.Output()\nwith o:\n    print('inside')\n    display(1)\nprint('outside')",
    )
    assert done.text() == "outside\n"
    state = done.notebook["metadata"]["widgets"]["application/vnd.jupyter.widget-state+json"]["state"]
    (output,) = (it["state"] for it in state.values() if it["model_name"] == "OutputModel")
    assert short(output["outputs"]) == (("stream", "stdout", "inside\n"), ("display_data", "1"))


@pytest.mark.parametrize("kernel", PYTHON)
def test_the_kernel_knows_in_the_next_cell_what_an_output_widget_shows(kernel: str, run: Runner) -> None:
    pytest.importorskip("ipywidgets")
    done = run(
        kernel,
        "import ipywidgets\no = ipywidgets.Output()\nwith o:\n    print('a')\n    display(1)\nprint(len(o.outputs))",
        "print([list(output) for output in o.outputs])\no.append_stdout('more')",
        "print(len(o.outputs))\no.observe(lambda change: print('changed'), 'outputs')\nwith o:\n    1 / 0",
        "print(o.outputs[-1]['ename'])\no.clear_output()",
        "print(o.outputs)",
    )
    keys = [["output_type", "name", "text"], ["output_type", "metadata", "data"]]
    said = ["0\n", f"{keys}\n", "3\n", "ZeroDivisionError\n", "()\n"]
    assert [done.text(cell) for cell in range(5)] == said
    state = done.notebook["metadata"]["widgets"]["application/vnd.jupyter.widget-state+json"]["state"]
    (output,) = (it["state"] for it in state.values() if it["model_name"] == "OutputModel")
    assert output["outputs"] == []


@pytest.mark.parametrize("kernel", PYTHON)
@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_a_stream_that_a_cell_has_closed_is_closed(kernel: str, name: str, run: Runner) -> None:
    done = run(
        kernel,
        f"import sys\nsys.{name}.close()",
        "1 + 1",
        f"print('lost', file=sys.{name})",
        "print('never')",
    )
    assert done.finished.failure is not None
    assert done.finished.failure.kind == "ValueError"
    assert done.finished.failure.message == "I/O operation on closed file"
    assert short(done.outputs(1)) == (("execute_result", "2"),)


@pytest.mark.parametrize("kernel", PYTHON)
def test_streams_of_a_kernel_have_no_bytes_below_them(kernel: str, run: Runner) -> None:
    done = run(kernel, "import sys\nsys.stdout.buffer")
    assert done.finished.failure is not None
    assert done.finished.failure.message == "'OutStream' object has no attribute 'buffer'"


# ── kernels of other languages


def test_bash_keeps_its_variables_and_its_streams(run: Runner) -> None:
    done = run("bash", "echo hello; x=5", "echo $x", "echo bad >&2")
    assert done.finished.outcome is Outcome.DONE, done.finished.failure
    assert done.text(0).strip() == "hello"
    assert done.text(1).strip() == "5"
    assert "bad" in done.text(2)
    assert done.notebook["metadata"]["kernelspec"]["name"] == "octavo-test-bash"
    assert done.notebook["metadata"]["language_info"]["name"] == "bash"
    assert [cell["execution_count"] for cell in done.notebook["cells"]] == [1, 2, 3]


def test_bash_fails_by_its_exit_code(run: Runner) -> None:
    done = run("bash", "echo before; (exit 4)", "echo never")
    assert done.finished.failure is not None
    assert done.finished.failure.message == "4"
    assert done.text(0).strip() == "before"
    assert done.outputs(1) == []
