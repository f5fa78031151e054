"""A run of all cells in Jupyter as the result of a task: by a kernel that is spoken to as JupyterLab does."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from jupyter_kernel import Kernel, Said
from octavo import notebook as documents
from octavo.events import CellStarted, Event
from octavo.jupyter import cell as cells
from octavo.jupyter.taking import Taking
from octavo.jupyter.tasks import Pipelines
from octavo.model import Json
from octavo.spec import entry
from projects import Folder

SOURCE = """\
# %% tags=["parameters"]
upstream = None
product = None
rate = 1

# %%
import helpers
data = open("data.csv").read()

# %%
print("out of", len(data))
open(product["data"], "w").write(helpers.made(data) * rate)
rate
"""
PIPELINE = """
- source: nb/clean.py
  product: {nb: out/clean.ipynb, data: out/clean.txt}
  params: {rate: 2}
- {source: nb/fit.py, product: out/fit.ipynb}
"""


@pytest.fixture
def project(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path.resolve())
    folder.write("pipeline.yaml", PIPELINE)
    folder.write("nb/clean.py", SOURCE)
    folder.write("nb/fit.py", SOURCE.split("# %%\n")[0].replace("None", '["clean"]', 1) + "# %%\n1\n")
    folder.write("helpers.py", "def made(text):\n    return text.upper()\n")
    folder.write("data.csv", "abc")
    return folder


class Lab:
    """A notebook that is open in JupyterLab, as far as the server and the kernel see of it."""

    def __init__(self, project: Folder, task: str = "clean") -> None:
        self.file = project.path / f"nb/{task}.py"
        self.kernel = Kernel(self.file)
        self.taking = Taking(entry.find(project.path), task)
        self.told: list[Event] = []
        self._thread = threading.Thread(target=lambda: self.told.extend(self.taking.events()))
        self._thread.start()

    def begin(self) -> str:
        end = time.monotonic() + 60
        while not (self.taking.folder / "task").exists():
            assert self._thread.is_alive() and time.monotonic() < end, self.taking.said
            time.sleep(0.02)
        return self.kernel.silent(self.taking.code_before).failed

    def cells(self) -> list[Json]:
        found = Pipelines(self.file.parents[1]).of(self.file)
        injection = cells.injection(found, self.file)
        assert injection is not None
        return [
            cell
            for cell in cells.inserted(documents.read(self.file).data["cells"], injection.cell)
            if cell["cell_type"] == "code"
        ]

    def run(self, only: Sequence[int] | None = None) -> list[Said]:
        all_ = self.cells()
        return [
            self.kernel.run(all_[index]["source"], all_[index]["id"])
            for index in (range(len(all_)) if only is None else only)
        ]

    def sends(self, kind: str, content: Json, channel: str = "shell") -> None:
        """Send what is no cell, as a page may, and wait until it is handled."""
        client = self.kernel.client
        message = client.session.msg(kind, content)
        getattr(client, f"{channel}_channel").send(message)
        while True:
            said = client.get_iopub_msg(timeout=120)
            if said["parent_header"].get("msg_id") == message["header"]["msg_id"] and said["content"] == {
                "execution_state": "idle"
            }:
                return

    def end(self) -> int | None:
        self.kernel.silent(self.taking.code_after)
        return self.ended()

    def ended(self) -> int | None:
        self._thread.join(60)
        assert not self._thread.is_alive()
        return self.taking.code


@contextmanager
def lab(project: Folder, task: str = "clean") -> Iterator[Lab]:
    found = Lab(project, task)
    try:
        yield found
    finally:
        found.taking.cancel()
        found.kernel.close()
        found.ended()


def state(project: Folder, task: str = "clean") -> str:
    steps = {step["task"]: step for step in json.loads(project.octavo("status", "--json").stdout)}
    return ", ".join([steps[task]["state"], *(reason["text"] for reason in steps[task]["reasons"])])


def test_a_clean_run_of_all_cells_in_jupyter_is_the_result_of_the_task(
    project: Folder, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    startup = Folder(tmp_path_factory.mktemp("ipython"))
    startup.write("profile_default/startup/mine.py", "mine = 5\ndata = 'of a startup file'\n")
    monkeypatch.setenv("IPYTHONDIR", str(startup.path))
    project.write(
        "nb/clean.py", SOURCE.replace("import helpers", "import helpers\nassert 'mine' not in globals()")
    )
    with lab(project) as page:
        assert page.begin() == ""
        said = page.run()
        assert [one.failed for one in said] == ["", "", "", ""] and said[-1].out == "out of 3\n"
        assert page.end() == 0, page.taking.said
        # the kernel is an ordinary one again
        assert page.kernel.run("import os; print(os.getcwd())").out == f"{project.path}/nb\n"
        assert page.kernel.run("print(mine, data)").out == "5 abc\n"
    assert project.read("out/clean.txt") == "ABCABC"
    executed = documents.read(project.path / "out/clean.ipynb").data
    assert [cell["execution_count"] for cell in executed["cells"]] == [1, 2, 3, 4]
    assert executed["cells"][-1]["outputs"][0] == {
        "name": "stdout",
        "output_type": "stream",
        "text": "out of 3\n",
    }
    assert executed["cells"][-1]["outputs"][1]["data"] == {"text/plain": "2"}
    assert [event.number for event in page.told if isinstance(event, CellStarted)] == [1, 2, 3, 4]
    # the record: fresh, of all that a worker would have seen, and it says where it was made
    assert state(project) == "fresh"
    (run,) = json.loads("[" + project.octavo("log", "--json").stdout.strip().replace("\n", ",") + "]")
    assert run["run"].endswith("-jupyter") and run["outcomes"] == {"done": 1}
    assert "run in Jupyter" in (project.path / f".octavo/runs/{run['run']}.jsonl").read_text()
    for name, text in {"data.csv": "xyz", "helpers.py": "def made(text):\n    return text\n"}.items():
        was = project.read(name)
        project.write(name, text)
        assert state(project).startswith("stale") and name.partition(".")[0] in state(project)
        project.write(name, was)


@pytest.mark.nightly
def test_from_no_other_state_a_run_is_taken(project: Folder) -> None:
    project.write("out/clean.txt", "of an earlier run")
    assert project.octavo("build", "clean", "--force").returncode == 0
    made = project.read("out/clean.txt")
    project.write("data.csv", "another")

    def refused(play: str) -> str:
        with lab(project) as page:
            assert page.begin() == ""
            match play:
                case "not all cells":
                    page.run([0, 1, 2])
                case "another order":
                    page.run([0, 2, 1, 3])
                case "a cell twice":
                    page.run([0, 1, 2, 3, 3])
                case "edited":
                    page.run([0, 1, 2])
                    page.kernel.run('open(product["data"], "w").write("mine")')
                case "other values":
                    page.run([0])
                    page.kernel.run(
                        page.cells()[1]["source"].replace("rate = 2", "rate = 3"), "octavo-injected"
                    )
                    page.run([2, 3])
                case "seen by nobody":
                    page.run([0, 1])
                    page.kernel.silent("rate = 5")
                    page.run([2, 3])
                case "expressions of a page":
                    page.run([0, 1])
                    content = {"code": page.cells()[2]["source"], "user_expressions": {"x": "rate"}}
                    page.sends("execute_request", content | {"silent": False})
                    page.run([3])
                case "a debugger":
                    page.run([0, 1])
                    page.sends(
                        "debug_request", {"command": "setVariable", "arguments": {}, "seq": 1}, "control"
                    )
                    page.run([2, 3])
                case "a button":
                    page.run([0, 1])
                    page.sends("comm_msg", {"comm_id": "x", "data": {"method": "custom", "content": {}}})
                    page.run([2, 3])
                case "the kernel died":
                    page.run([0])
                    page.kernel.kill()
                    page.ended()
                case "cancelled":
                    page.run([0])
                    page.taking.cancel()
            code = page.ended() if play in ("the kernel died", "cancelled") else page.end()
            # as after any build that did not end: nobody takes what is there for the result
            assert play != "not all cells" or project.read("out/clean.txt") == made
            assert state(project) == "stale, its last run did not finish"
            return f"{code}: {' '.join(page.taking.said)}"

    no = "2: this run is not its result: "
    assert refused("not all cells") == no + "cell 4 has not run"
    assert (
        refused("another order")
        == no + "cell 2 is not as in nb/clean.py, or something else has run before it"
    )
    assert refused("a cell twice") == no + "something else has run after the last cell"
    assert refused("edited") == no + "cell 4 is not as in nb/clean.py, or something else has run before it"
    assert (
        refused("other values") == no + "cell 2 is not as in nb/clean.py, or something else has run before it"
    )
    assert refused("seen by nobody") == no + "something else has run in the kernel meanwhile"
    assert refused("expressions of a page") == no + "a page had expressions evaluated in the kernel"
    assert refused("a debugger") == no + "a debugger was at work"
    assert refused("a button") == no + "a widget was changed by hand"
    assert refused("the kernel died") == no + "the kernel has ended"
    assert refused("cancelled") == "130: "
    assert project.octavo("build", "clean").returncode == 0
    assert project.read("out/clean.txt") == "ANOTHERANOTHER"


def test_what_changes_on_disk_while_the_kernel_runs_makes_its_result_stale(project: Folder) -> None:
    def after(name: str, text: str) -> str:
        was = project.read(name)
        with lab(project) as page:
            assert page.begin() == ""
            page.run([0, 1, 2])
            project.write(name, text)
            page.run([3])
            assert page.end() == 0, page.taking.said
        found = state(project)
        project.write(name, was)
        return found

    assert after("data.csv", "wxyz") == "stale, file data.csv changed while it ran"
    assert after("helpers.py", "def made(text):\n    return 'x'\n") == (
        "stale, module helpers changed while it ran"
    )


def test_what_a_kernel_of_jupyter_would_do_otherwise_is_refused_before_it_runs(project: Folder) -> None:
    def said(task: str = "clean", pipeline: str = PIPELINE) -> str:
        project.write("pipeline.yaml", pipeline)
        taking = Taking(entry.find(project.path), task)
        assert list(taking.events()) == [] and taking.code == 2
        assert not taking.folder.exists()
        return " ".join(taking.said)

    assert "no real inputs yet: clean is stale" in said("fit")
    assert "nothing keeps its timeout and memory there" in said(
        pipeline=PIPELINE.replace("params", "timeout: 5\n  memory: 1GB\n  params")
    )
    assert "another kernel" in said(pipeline=PIPELINE.replace("params", "kernelspec_name: ir\n  params"))
    assert "claen" in said("claen")
    project.write("nb/clean.py", SOURCE.replace("# %%\nprint", '# %% tags=["skip-execution"]\nprint'))
    assert "a cell tagged skip-execution" in said()
    project.write("nb/clean.py", SOURCE)
    project.write("pipeline.yaml", PIPELINE)
    with lab(project) as page:
        page.kernel.run("x = 1")
        assert "not a fresh one: x" in page.begin()
    with lab(project) as page:
        assert page.begin() == ""
        failed = [*page.run([0, 1]), page.kernel.run(page.cells()[2]["source"].replace("data.csv", "gone"))]
        assert "gone" in failed[-1].failed
        assert page.end() == 2
    project.write("nb/clean.py", SOURCE.replace("data.csv", "gone.csv"))
    with lab(project) as page:
        assert page.begin() == ""
        page.run([0, 1, 2])
        assert page.end() == 1
    assert (
        json.loads(project.octavo("history", "clean", "--json").stdout.splitlines()[0])["outcome"] == "failed"
    )
