"""What was imported ahead for other tasks is seen by none: each case prints the same in three kinds of processes.

These are a plain kernel of Jupyter, driven by nbclient; the new interpreter of ``octavo run``; and a worker of
``octavo build``, beside a task that has everything imported ahead.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from parked_cases import BESIDE, CORE, CORE_BESIDE, GROUPS, INSTALLED, Cells

from octavo.executors.local import CAN_FORK
from projects import Folder

pytestmark = pytest.mark.skipif(not CAN_FORK, reason="nothing is imported ahead where forking is not safe")

NBCLIENT = """
import sys, nbformat, nbclient
for name in sys.argv[1:]:
    notebook = nbformat.read(name, 4)
    try:
        nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3", allow_errors=True).execute()
    finally:
        nbformat.write(notebook, name)
"""
#: What differs by nature: places in files and memory.
VARIES = [
    (re.compile(r"0x[0-9a-f]{6,}"), "0xADDRESS"),
    (re.compile(r"\S*ipykernel_\d+/\d+\.py"), "CELL.py"),
    (re.compile(r"\x1b\[[\d;]*m"), ""),
    (re.compile(r"\S*/env/site-packages/"), ""),
]
MEANT = frozenset({"image/png", "application/vnd.jupyter.widget-view+json"})


def notebook(cells: Cells) -> dict[str, Any]:
    made: list[dict[str, Any]] = [
        {
            "cell_type": "code",
            "id": f"c{n}",
            "source": it,
            "metadata": {"tags": ["raises-exception"]},
            "outputs": [],
            "execution_count": None,
        }
        for n, it in enumerate(cells)
    ]
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"cells": made, "metadata": {"kernelspec": spec}, "nbformat": 4, "nbformat_minor": 5}


def prepare(path: Path, cases: dict[str, Cells]) -> tuple[Folder, dict[str, str]]:
    """Write the cases, and what is installed for them; return the folder and its environment."""
    folder = Folder(path)
    for name, text in INSTALLED.items():
        folder.write(f"env/site-packages/{name}", text)
    for name, cells in cases.items():
        folder.write(f"work/{name}.ipynb", json.dumps(notebook(cells)))
    return folder, {"PYTHONPATH": str(path / "env/site-packages"), "PYTHONWARNDEFAULTENCODING": ""}


def outputs(path: Path) -> list[list[Any]]:
    """Return what the cells of an executed notebook show, as far as it can be compared."""
    cells = json.loads(path.read_text())["cells"]
    return [
        _streams(cell["outputs"]) for cell in cells if "injected-parameters" not in cell["metadata"]["tags"]
    ]


def _streams(shown: list[dict[str, Any]]) -> list[Any]:
    found: list[Any] = []
    for name in ("stdout", "stderr"):
        if text := "".join("".join(it["text"]) for it in shown if it.get("name") == name):
            found.append((name, _plain(text)))
    for it in shown:
        if it["output_type"] == "error":
            found.append(("error", it["ename"], _plain(it["evalue"])))
        elif "data" in it:
            found.append(
                sorted(
                    (kind, "" if kind in MEANT else _plain("".join(text)))
                    for kind, text in it["data"].items()
                )
            )
    return found


def _plain(text: str) -> str:
    for pattern, by in VARIES:
        text = pattern.sub(by, text)
    return text


def by_nbclient(path: Path, cases: dict[str, Cells]) -> dict[str, Any]:
    folder, env = prepare(path, cases)
    work = folder.path / "work"
    command = [sys.executable, "-c", NBCLIENT, *(f"{name}.ipynb" for name in cases)]
    subprocess.run(command, cwd=work, env={**os.environ, **env}, check=True, capture_output=True, timeout=580)
    return {name: outputs(work / f"{name}.ipynb") for name in cases}


def by_run(path: Path, cases: dict[str, Cells]) -> dict[str, Any]:
    folder, env = prepare(path, cases)
    for name in cases:
        folder.octavo("run", f"{name}.ipynb", f"../{name}.ipynb", env=env, cwd="work")
    return {name: outputs(path / f"{name}.ipynb") for name in cases}


def by_build(path: Path, cases: dict[str, Cells], beside: list[str]) -> dict[str, Any]:
    folder, env = prepare(path, cases)
    folder.write("work/beside.py", "# %%\n" + "\n".join(f"import {name}" for name in beside))
    tasks = ["{source: beside.py, product: out/beside.ipynb}"]
    tasks += [f"{{source: {name}.ipynb, product: out/{name}.ipynb}}" for name in cases]
    folder.write("work/pipeline.yaml", "tasks:\n" + "".join(f"  - {it}\n" for it in tasks))
    done = folder.octavo("build", "--jobs", "2", env=env, cwd="work", timeout=580)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "tasks start cold" not in done.stdout + done.stderr
    return {name: outputs(path / f"work/out/{name}.ipynb") for name in cases}


def test_what_most_notebooks_depend_on_is_as_in_jupyter(tmp_path: Path) -> None:
    cases = {name: cells for group in GROUPS.values() for name, cells in group.items() if name in CORE}
    assert len(cases) == len(CORE)
    fresh = by_nbclient(tmp_path / "fresh", cases)
    built = by_build(tmp_path / "built", cases, CORE_BESIDE)
    assert {name: (it, fresh[name]) for name, it in built.items() if it != fresh[name]} == {}


@pytest.mark.nightly
@pytest.mark.parametrize("group", GROUPS)
def test_a_task_sees_nothing_of_what_was_imported_ahead(group: str, tmp_path: Path) -> None:
    cases = GROUPS[group]
    with ThreadPoolExecutor() as pool:
        ways = [pool.submit(way, tmp_path / way.__name__, cases) for way in (by_nbclient, by_run)]
        fresh, run = (it.result() for it in ways)
    built = by_build(tmp_path / "by_build", cases, BESIDE)
    assert {name: (it, fresh[name]) for name, it in run.items() if it != fresh[name]} == {}
    assert {name: (it, fresh[name]) for name, it in built.items() if it != fresh[name]} == {}
