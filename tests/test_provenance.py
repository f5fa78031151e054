"""The metadata of executed notebooks: papermill's names, formats and meanings, and what each cell used."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from octavo.events import CellFinished, CellStarted, Event, KernelReady, NotebookOpened, Output, TaskFinished
from octavo.executed.provenance import VERSION, Provenance
from octavo.executed.writer import ExecutedNotebook
from octavo.model import Outcome
from octavo.reading.ran import code as digest_of_code
from projects import Folder

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00")


def ticking() -> Callable[[], float]:
    """Return a clock that goes on by a hundred seconds each time it is looked at."""
    times = count(1000, 100)
    return lambda: float(next(times))


def code(source: str = "x", *tags: str) -> dict[str, Any]:
    cell: dict[str, Any] = {"cell_type": "code", "metadata": {"tags": list(tags)} if tags else {}}
    return cell | {"source": source, "outputs": [], "execution_count": None}


def markdown() -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": "# Words"}


def fold(
    cells: list[dict[str, Any]],
    outcome: Outcome | None,
    *events: Event,
    metadata: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the notebook of these cells after these events; the outcome None is that it still runs."""
    notebook = ExecutedNotebook(Provenance("in.py", "out.ipynb", ticking()))
    data = {"cells": cells, "metadata": metadata or {}, "nbformat": 4, "nbformat_minor": 5}
    for event in (NotebookOpened("t", data, {"n": 1}), KernelReady("t", {}, {"name": "python3"}), *events):
        notebook(event)
    done = notebook.finished() if outcome is None else notebook.end(outcome)
    assert done is not None
    return done


def ran(cell: int, failed: bool = False) -> tuple[Event, Event]:
    finished = CellFinished("t", cell, 1010.5 + cell, 0.5, cell + 1, failed, 0.25, 4096)
    return CellStarted("t", cell, cell + 1, 9, 1010.0 + cell), finished


def left(cell: int, said: str = "0") -> Event:
    content = {"ename": "SystemExit", "evalue": said, "traceback": []}
    return Output("t", cell, "error", content)


def states(data: dict[str, Any]) -> list[tuple[str, bool | None]]:
    notes = [cell["metadata"]["papermill"] for cell in data["cells"]]
    return [(note["status"], note["exception"]) for note in notes]


def test_a_notebook_that_went_well_is_complete_with_its_times() -> None:
    done = fold([markdown(), code(), markdown()], Outcome.DONE, *ran(1))
    assert done["metadata"]["papermill"] == {
        "default_parameters": {},
        "duration": 100.0,
        "end_time": "1970-01-01T00:18:20.000000+00:00",
        "environment_variables": {},
        "exception": None,
        "input_path": "in.py",
        "output_path": "out.ipynb",
        "parameters": {"n": 1},
        "start_time": "1970-01-01T00:16:40.000000+00:00",
        "version": VERSION,
    }
    assert states(done) == [("completed", False)] * 3
    assert done["cells"][1]["metadata"]["papermill"] == {
        "duration": 0.5,
        "end_time": "1970-01-01T00:16:51.500000+00:00",
        "exception": False,
        "start_time": "1970-01-01T00:16:51.000000+00:00",
        "status": "completed",
    }
    assert done["cells"][0]["metadata"]["papermill"]["duration"] == 0.0
    used = {"seconds": 0.5, "cpu": 0.25, "memory": 4096, "code": digest_of_code(done["cells"][1]["source"])}
    assert done["cells"][1]["metadata"]["octavo"] == used


def test_files_of_the_project_that_cells_used_stand_with_them() -> None:
    touched = ((1, "read", "a.csv"), (1, "read", "a.csv"), (1, "wrote", "b.csv"), (None, "read", "c"))
    others = ((1, "read", "/elsewhere"), (1, "connected", "host:1"), (9, "read", "d"))
    ended = TaskFinished("t", Outcome.DONE, touched=touched + others)
    done = fold([markdown(), code()], Outcome.DONE, *ran(1), ended)
    used = done["cells"][1]["metadata"]["octavo"]
    assert (used["reads"], used["writes"]) == (["a.csv"], ["b.csv"])
    assert "octavo" not in done["cells"][0]["metadata"]


def test_what_still_runs_is_running_and_has_no_end() -> None:
    done = fold([markdown(), code(), code()], None, ran(1)[0])
    assert states(done) == [("completed", False), ("running", False), ("pending", None)]
    assert done["metadata"]["papermill"]["end_time"] is None
    assert done["cells"][1]["metadata"]["papermill"]["duration"] is None


@pytest.mark.parametrize("ends", [True, False], ids=["raised", "died"])
def test_a_failure_is_that_of_its_cell_and_what_comes_after_stays_pending(ends: bool) -> None:
    events = ran(0, failed=True) if ends else ran(0)[:1]
    done = fold([code(), markdown(), code()], Outcome.FAILED, *events)
    assert states(done) == [("failed", True), ("pending", None), ("pending", None)]
    assert done["metadata"]["papermill"]["exception"] is True
    assert done["cells"][0]["metadata"]["papermill"]["end_time"] is not None


def test_an_expected_error_is_none() -> None:
    done = fold([code("1/0", "raises-exception"), code()], Outcome.DONE, *ran(0, failed=True), *ran(1))
    assert states(done) == [("completed", False)] * 2
    assert done["metadata"]["papermill"]["exception"] is None


def test_an_allowed_error_is_one_though_the_run_went_on() -> None:
    done = fold([code(), code()], Outcome.DONE, *ran(0, failed=True), *ran(1))
    assert states(done) == [("failed", True), ("completed", False)]
    assert done["metadata"]["papermill"]["exception"] is True


def test_a_notebook_that_ends_itself_is_fine_and_what_it_left_out_is_pending() -> None:
    start, end = ran(0, failed=True)
    done = fold([code(), markdown(), code(), code("x", "skip-execution")], Outcome.DONE, start, left(0), end)
    expected = [("completed", False), ("completed", False), ("pending", None), ("completed", False)]
    assert states(done) == expected
    assert done["metadata"]["papermill"]["exception"] is None


def test_the_end_of_a_cell_whose_start_was_lost_in_an_interrupt_is_noted_all_the_same() -> None:
    done = fold([code("1"), code("2")], Outcome.CANCELLED, *ran(0), ran(1)[1])
    note = done["cells"][1]["metadata"]["papermill"]
    assert note["status"] == "completed"
    assert note["duration"] == 0.5


def test_what_an_earlier_run_noted_is_forgotten_but_for_what_is_the_users() -> None:
    old = {
        "papermill": {"default_parameters": {"n": 0}, "environment_variables": {"A": "b"}, "exception": True}
    }
    cell = code()
    cell["metadata"] = {"papermill": {"status": "failed"}, "octavo": {"seconds": 5}, "mine": 1}
    data = fold([cell], Outcome.CANCELLED, metadata=old)
    note = data["metadata"]["papermill"]
    assert (note["default_parameters"], note["environment_variables"]) == ({"n": 0}, {"A": "b"})
    assert "octavo" not in data["cells"][0]["metadata"] and data["cells"][0]["metadata"]["mine"] == 1
    assert states(data) == [("pending", None)]


def test_a_second_attempt_starts_from_nothing() -> None:
    notebook = ExecutedNotebook(Provenance("in.py", "out.ipynb", ticking()))
    opened = NotebookOpened("t", {"cells": [code()], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    for event in (opened, *ran(0, failed=True), opened):
        notebook(event)
    assert notebook.data is not None and states(notebook.data) == [("pending", None)]
    assert opened.notebook["cells"] == [code()], "the event was changed"


def test_metadata_of_any_shape_is_put_up_with() -> None:
    cells = [{**code(), "metadata": None}, {**code(), "metadata": {"papermill": "yes", "tags": 3}}]
    assert states(fold(cells, Outcome.DONE, *ran(0), *ran(1))) == [("completed", False)] * 2


# ── whole runs


def build(folder: Folder) -> dict[str, Any]:
    folder.write("a.py", '# %% tags=["parameters"]\nupstream = None\nproduct = None\n\n# %%\nprint(1)\n')
    folder.write("pipeline.yaml", "tasks:\n- source: a.py\n  product: out/a.ipynb\n")
    assert folder.octavo("build", "--force").returncode == 0
    found: dict[str, Any] = json.loads(folder.read("out/a.ipynb"))
    return found


def timeless(value: Any) -> Any:
    """Return a notebook without what is measured: times, durations, resources."""
    measured = ("duration", "start_time", "end_time", "octavo", "execution")
    if isinstance(value, dict):
        return {key: timeless(item) for key, item in value.items() if key not in measured}
    return [timeless(item) for item in value] if isinstance(value, list) else value


def test_builds_note_relative_paths_and_differ_in_their_times_only(tmp_path: Path) -> None:
    folders = [Folder(tmp_path / name) for name in ("one", "two/deeper")]
    for folder in folders:
        folder.path.mkdir(parents=True)
    one, two = map(build, folders)
    assert timeless(one) == timeless(two)
    note = one["metadata"]["papermill"]
    assert (note["input_path"], note["output_path"]) == ("a.py", "out/a.ipynb")
    assert note["parameters"] == {"product": "out/a.ipynb"}
    assert TIME.fullmatch(note["start_time"]) and 0 < note["duration"] < 60
    used = one["cells"][-1]["metadata"]["octavo"]
    assert used["seconds"] > 0 and used["cpu"] > 0 and 10e6 < used["memory"] < 1e9


def test_memory_is_the_peak_so_far(folder: Folder) -> None:
    folder.write("in.py", "# %%\n1\n\n# %%\nx = b'x' * 200_000_000\ndel x\n\n# %%\n2\n")
    assert folder.octavo("run", "in.py", "out.ipynb").returncode == 0
    before, peak, after = (
        it["metadata"]["octavo"]["memory"] for it in json.loads(folder.read("out.ipynb"))["cells"]
    )
    assert peak > before + 150_000_000 and after == peak


def test_resources_of_another_kernel_are_those_of_its_process(folder: Folder) -> None:
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = json.dumps({"argv": argv, "display_name": "other", "language": "python"})
    folder.write("jupyter/kernels/other/kernel.json", spec)
    folder.write("in.py", "# %%\nx = b'x' * 200_000_000\n\n# %%\nsum(range(5_000_000))\n")
    ended = folder.octavo(
        "run", "in.py", "out.ipynb", "-k", "other", env={"JUPYTER_PATH": str(folder.path / "jupyter")}
    )
    assert ended.returncode == 0, ended.stdout
    first, second = (it["metadata"]["octavo"] for it in json.loads(folder.read("out.ipynb"))["cells"])
    assert first["memory"] > 200_000_000 and second["cpu"] >= 0.03


def shape(value: Any) -> Any:
    """Return types in place of values, and the form of times."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, str):
        return "time" if TIME.fullmatch(value) else "text"
    return type(value).__name__


@pytest.mark.skipif(find_spec("papermill") is None, reason="papermill is not installed")
@pytest.mark.parametrize("fails", [False, True], ids=["well", "failing"])
def test_papermill_itself_writes_the_same(folder: Folder, fails: bool) -> None:
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    metadata = {"kernelspec": spec, "language_info": {"name": "python"}}
    sources = ["n = 1", "print(n)", "1 / 0" if fails else "2", "3"]
    cells = [code(source, *(["parameters"] if source == "n = 1" else [])) for source in sources]
    for number, cell in enumerate(cells := [markdown(), *cells, markdown()]):
        cell["id"] = f"cell-{number}"
    notebook = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    folder.write("in.ipynb", json.dumps(notebook))
    for words in (["papermill", "--no-progress-bar"], ["octavo", "run"]):
        command = [sys.executable, "-m", *words, "in.ipynb", f"{words[0]}.ipynb", "-p", "n", "2"]
        done = subprocess.run(command, cwd=folder.path, capture_output=True, text=True, timeout=120)
        assert done.returncode == int(fails), done.stderr
    theirs, ours = (json.loads(folder.read(f"{name}.ipynb")) for name in ("papermill", "octavo"))
    head = [data["metadata"].pop("papermill") for data in (theirs, ours)]
    assert shape(head[0]) == shape(head[1])
    assert head[0]["parameters"] == head[1]["parameters"] and head[0]["exception"] == head[1]["exception"]
    notes = [
        [
            cell["metadata"]["papermill"]
            for cell in data["cells"]
            if "papermill-error-cell-tag" not in cell["metadata"].get("tags", ())
        ]
        for data in (theirs, ours)
    ]
    assert [note["status"] for note in notes[0]] == [note["status"] for note in notes[1]]
    # papermill gives the last markdown cell times of its own; here nothing runs it, so the end of the run is its time
    assert shape(dict(enumerate(notes[0]))) == shape(dict(enumerate(notes[1])))
