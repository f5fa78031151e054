"""papermill with ``--engine octavo``: what papermill's own engine gives, and faster."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from oracles import peers
from projects import Folder

papermill = pytest.importorskip("papermill", reason="papermill is not installed")

ROOT = Path(__file__).parent.parent

#: Runs papermill's command line with our engine, as an installed entry point would make it known.
MAIN = """
import sys
from papermill.cli import papermill
from papermill.engines import papermill_engines
from octavo.compat.papermill_engine import OctavoEngine
papermill_engines.register("octavo", OctavoEngine)
papermill()
"""


def run(folder: Folder, engine: str | None, *words: str) -> subprocess.CompletedProcess[str]:
    chosen = ["--engine", engine] if engine else []
    return subprocess.run(
        [sys.executable, "-c", MAIN, *words, "--no-progress-bar", *chosen],
        cwd=folder.path,
        capture_output=True,
        text=True,
        timeout=120,
    )


def book(*sources: str, **tags: list[str]) -> str:
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells: list[dict[str, Any]] = []
    for number, source in enumerate(sources):
        metadata = {"tags": tags[f"c{number}"]} if f"c{number}" in tags else {}
        cell: dict[str, Any] = {
            "id": f"c{number}",
            "cell_type": "code",
            "metadata": metadata,
            "source": source,
        }
        if source.startswith("# "):
            cell["cell_type"] = "markdown"
        else:
            cell |= {"outputs": [], "execution_count": None}
        cells.append(cell)
    head = {"kernelspec": spec, "language_info": {"name": "python"}}
    return json.dumps({"cells": cells, "metadata": head, "nbformat": 4, "nbformat_minor": 5})


def load(folder: Folder, name: str) -> Any:
    return json.loads(folder.read(name))


def merged(outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return outputs without tracebacks, and streams as one: papermill cuts them in two where it saves."""
    found: list[dict[str, Any]] = []
    for output in outputs:
        output.pop("traceback", None)
        if "text" in output:
            output["text"] = "".join(output["text"])
        if found and output["output_type"] == "stream" and found[-1].get("name") == output["name"]:
            found[-1]["text"] += output["text"]
        else:
            found.append(output)
    return found


def settled(notebook: Any) -> Any:
    """Return an executed notebook without what differs from run to run: times, ids, resources, paths."""
    for cell in notebook["cells"]:
        cell.pop("id", None)
        metadata = cell["metadata"]
        metadata.pop("octavo", None)
        metadata["execution"] = sorted(metadata.get("execution", ()))
        note = metadata.get("papermill", {})
        metadata["papermill"] = {"status": note.get("status"), "exception": note.get("exception")}
        if "outputs" in cell:
            cell["outputs"] = merged(cell["outputs"])
    head = notebook["metadata"]["papermill"]
    for name in ("start_time", "end_time", "duration", "output_path"):
        head.pop(name)
    return notebook


def test_the_entry_point_is_the_engine() -> None:
    from papermill.engines import Engine

    declared = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["entry-points"]
    module, _, name = declared["papermill.engine"]["octavo"].partition(":")
    assert issubclass(getattr(import_module(module), name), Engine)


BOOKS = {
    "plain": book("# Words", "n = 1", "print(n)", "n", "# End", c1=["parameters"]),
    "failing": book("n = 1", "print('before')", "1 / 0", "print('never')", "# End", c0=["parameters"]),
    "exit": book("n = 1", "import sys\nsys.exit(0)", "print('never')", c0=["parameters"]),
    "display": book(
        "n = 1",
        "from IPython.display import display, HTML\nh = display('a', display_id=True)\ndisplay(HTML('<b>'))",
        "h.update('b')",
        "import sys; print('e', file=sys.stderr)",
        "print('o', end='')",
        "",
        c0=["parameters"],
    ),
}


@pytest.mark.parametrize("name", BOOKS)
def test_the_notebook_is_what_papermills_own_engine_makes(folder: Folder, name: str) -> None:
    folder.write("in.ipynb", BOOKS[name])
    theirs = run(folder, None, "in.ipynb", "theirs.ipynb", "-p", "n", "3")
    ours = run(folder, "octavo", "in.ipynb", "ours.ipynb", "-p", "n", "3")
    assert ours.returncode == theirs.returncode, ours.stderr
    assert settled(load(folder, "ours.ipynb")) == settled(load(folder, "theirs.ipynb"))


def collection() -> list[Path]:
    """Return papermill's own test notebooks, where its sources are at hand."""
    return sorted(
        path for path in peers("*.ipynb") if path.parts[-4:-1] == ("papermill", "tests", "notebooks")
    )


#: What papermill's tests use with other kernels, without one, or with a patched engine.
OTHER = {"blank-vscode", "keyboard_interrupt", "notimplemented_translator", "test_notebooknode_io"}


@pytest.mark.parametrize("path", collection(), ids=lambda it: it.stem)
def test_papermills_own_notebooks_come_out_the_same(folder: Folder, path: Path) -> None:
    if path.stem in OTHER:
        pytest.skip("papermill's own engine does not run it alone")
    theirs = run(folder, None, str(path), "theirs.ipynb", "-k", "python3")
    ours = run(folder, "octavo", str(path), "ours.ipynb", "-k", "python3")
    assert ours.returncode == theirs.returncode, ours.stderr
    if (folder.path / "theirs.ipynb").exists():
        assert settled(load(folder, "ours.ipynb")) == settled(load(folder, "theirs.ipynb"))


def test_a_failure_is_papermills_error_with_its_markers(folder: Folder) -> None:
    folder.write("in.ipynb", BOOKS["failing"])
    ended = run(folder, "octavo", "in.ipynb", "out.ipynb")
    assert ended.returncode == 1
    assert "papermill.exceptions.PapermillExecutionError" in ended.stderr
    assert "ZeroDivisionError: division by zero" in ended.stderr
    tagged = [it["metadata"].get("tags") for it in load(folder, "out.ipynb")["cells"]]
    assert tagged.count(["papermill-error-cell-tag"]) == 2


def test_a_worker_that_dies_is_a_dead_kernel(folder: Folder) -> None:
    folder.write("in.ipynb", book("print('first')", "import os\nos.kill(os.getpid(), 9)", "3"))
    ended = run(folder, "octavo", "in.ipynb", "out.ipynb")
    assert ended.returncode == 138, ended.stderr  # papermill's code for it
    assert "DeadKernelError: Kernel died" in ended.stderr
    first, second, _ = load(folder, "out.ipynb")["cells"]
    assert first["outputs"][0]["text"] == ["first\n"]
    assert second["metadata"]["papermill"]["status"] == "failed"


def test_a_cell_that_takes_too_long_is_a_timeout(folder: Folder) -> None:
    folder.write("in.ipynb", book("import time\nprint('before', flush=True)\ntime.sleep(60)"))
    ended = run(folder, "octavo", "in.ipynb", "out.ipynb", "--execution-timeout", "1")
    assert ended.returncode == 1
    assert "CellTimeoutError" in ended.stderr and "time.sleep(60)" in ended.stderr
    assert load(folder, "out.ipynb")["cells"][0]["outputs"][0]["text"] == ["before\n"]


def test_a_missing_kernel_says_so(folder: Folder) -> None:
    folder.write("in.ipynb", book("1"))
    ended = run(folder, "octavo", "in.ipynb", "out.ipynb", "-k", "no-such-kernel")
    assert ended.returncode == 1 and 'the kernel "no-such-kernel" is not installed' in ended.stderr


def test_options_of_papermill_reach_the_worker(folder: Folder) -> None:
    folder.write(
        "in.ipynb", book("import os, sys\nprint(os.getcwd())\nprint('bad', file=sys.stderr)", "6 * 7")
    )
    (folder.path / "inner").mkdir()
    words = ["--cwd", "inner", "--stdout-file", "o.txt", "--stderr-file", "e.txt", "--log-output"]
    ended = run(folder, "octavo", "in.ipynb", "out.ipynb", *words)
    assert ended.returncode == 0, ended.stderr
    assert folder.read("inner/o.txt") == f"{folder.path}/inner\n" and folder.read("inner/e.txt") == "bad\n"
    assert "\n42\n" in ended.stderr
    used = load(folder, "out.ipynb")["cells"][1]["metadata"]["octavo"]
    assert used["memory"] > 10_000_000 and used["seconds"] >= 0


def test_it_saves_by_time_and_not_for_each_cell(folder: Folder) -> None:
    folder.write("in.ipynb", book(*(f"x = {n}" for n in range(50))))
    code = """
import sys, papermill, papermill.engines
from octavo.compat.papermill_engine import OctavoEngine
saves = 0
write = papermill.engines.write_ipynb
def counted(*a, **k):
    global saves
    saves += 1
    return write(*a, **k)
papermill.engines.write_ipynb = counted
papermill.engines.papermill_engines.register("octavo", OctavoEngine)
papermill.execute_notebook("in.ipynb", "out.ipynb", engine_name=sys.argv[1], progress_bar=False)
print(saves)
"""
    counts = {}
    for engine in ("octavo", "nbclient"):
        done = subprocess.run(
            [sys.executable, "-c", code, engine], cwd=folder.path, capture_output=True, text=True, check=True
        )
        counts[engine] = int(done.stdout)
    assert counts["nbclient"] > 100 and counts["octavo"] < 10


def test_a_long_cell_is_saved_before_it_ends(folder: Folder) -> None:
    folder.write(
        "in.ipynb",
        book(
            "print('early')", "import time\ntime.sleep(3)\nprint('\"ear' + 'ly' in open('out.ipynb').read())"
        ),
    )
    assert run(folder, "octavo", "in.ipynb", "out.ipynb").returncode == 0
    assert load(folder, "out.ipynb")["cells"][1]["outputs"][0]["text"] == ["True\n"]
