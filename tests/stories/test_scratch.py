"""Trying things out: the notebook of a task with its real parameters, in an editor."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from projects import Folder


@pytest.fixture
def fits(folder: Folder) -> Folder:
    folder.write(
        "pipeline.yaml",
        """
        - {source: nb/load.py, product: {nb: out/load.ipynb, data: out/data.txt}, params: {n: 3}}
        - {source: nb/fit.py, product: out/fit.ipynb, upstream: load, local_execution: true}
        - {source: tasks.send, product: out/sent.txt, upstream: fit}
        """,
    )
    folder.write("tasks.py", "def send(product, upstream):\n    pass\n")
    folder.write(
        "nb/load.py",
        """
        # %% tags=["parameters"]
        upstream = None
        product = None
        n = 1

        # %%
        with open(product["data"], "w") as file:
            file.write("x" * n)
        """,
    )
    folder.write(
        "nb/fit.py",
        """
        # %% tags=["parameters"]
        upstream = ["load"]
        product = None

        # %%
        print(open(upstream["load"]["data"]).read())
        """,
    )
    return folder


def code(folder: Folder, name: str) -> list[str]:
    return [
        cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])
        for cell in json.loads(folder.read(name))["cells"]
    ]


def test_a_prepared_notebook_has_the_real_values_and_runs_where_it_stands(fits: Folder) -> None:
    source = fits.read("nb/load.py")
    said = fits.octavo("task", "load", "--prepare")
    assert (said.returncode, said.stdout) == (
        0,
        "load.scratch.ipynb written; nb/load.py stays as it is\n",
    )
    assert "n = 3" in code(fits, "load.scratch.ipynb")[1]
    assert fits.read("nb/load.py") == source
    (fits.path / "out").mkdir()
    assert fits.octavo("run", "load.scratch.ipynb", "done.ipynb").returncode == 0
    assert fits.read("out/data.txt") == "xxx"


def test_a_task_that_runs_in_its_folder_is_prepared_there_and_says_what_is_missing(fits: Folder) -> None:
    said = fits.octavo("task", "fit", "--prepare").stdout
    assert said == (
        "nb/fit.scratch.ipynb written; nb/fit.py stays as it is\n"
        "out/load.ipynb is not there yet: octavo build +fit makes it\n"
        "out/data.txt is not there yet: octavo build +fit makes it\n"
    )
    fits.octavo("build", "load")
    assert "not there" not in fits.octavo("task", "fit", "--prepare").stdout
    ran = fits.octavo("run", "fit.scratch.ipynb", "done.ipynb", cwd="nb")
    assert ran.returncode == 0, ran.stderr
    assert "xxx" in fits.read("nb/done.ipynb")


def test_what_was_tried_out_is_not_overwritten_unasked(fits: Folder) -> None:
    fits.octavo("task", "load", "--prepare")
    assert fits.octavo("task", "load", "--prepare").returncode == 0, "nothing was edited"
    notebook = json.loads(fits.read("load.scratch.ipynb"))
    notebook["cells"][-1]["source"] = "my work"
    fits.write("load.scratch.ipynb", json.dumps(notebook))
    said = fits.octavo("task", "load", "--prepare")
    assert said.returncode == 2
    assert "--force overwrites it" in said.stderr
    assert "my work" in fits.read("load.scratch.ipynb")
    assert fits.octavo("task", "load", "--prepare", "--force").returncode == 0
    assert "my work" not in fits.read("load.scratch.ipynb")
    assert not (fits.path / "out").exists(), "nothing was built"


def test_a_function_has_no_notebook(fits: Folder) -> None:
    said = fits.octavo("task", "send", "--prepare")
    assert said.returncode == 2
    assert '"send" is no notebook but a function' in said.stderr


def editors(folder: Folder, *names: str) -> dict[str, str]:
    """Return an environment with commands of these names that write down how they were called."""
    bin = folder.path / "bin"
    bin.mkdir()
    for name in names:
        (bin / name).write_text(f'#!/bin/sh\necho "{name} $@ in $(pwd)" > "{folder.path}/called"\nexit 3\n')
        (bin / name).chmod(0o755)
    return {"PATH": f"{bin}{os.pathsep}{os.environ['PATH']}", "TERM_PROGRAM": ""}


def installed() -> bool:
    import sys

    return Path(sys.executable).with_name("jupyter-lab").exists()


@pytest.mark.skipif(installed(), reason="a real JupyterLab is installed, and would be started")
def test_a_prepared_notebook_is_opened_where_the_person_works(fits: Folder) -> None:
    env = editors(fits, "jupyter-lab", "code")
    opened = fits.octavo("task", "load", "--open", env=env)
    assert opened.returncode == 3
    assert "jupyter-lab is of another environment, whose kernels may lack" in opened.stderr
    assert fits.read("called") == f"jupyter-lab {fits.path}/load.scratch.ipynb in {fits.path}\n"
    fits.octavo("task", "load", "--open", env={**env, "TERM_PROGRAM": "vscode"})
    assert fits.read("called") == f"code --reuse-window {fits.path}/load.scratch.ipynb in {fits.path}\n"
    assert fits.octavo("lab", "--", "--no-browser", "--port", "1", env=env, cwd="nb").returncode == 3
    assert fits.read("called") == f"jupyter-lab --no-browser --port 1 in {fits.path}\n"


@pytest.mark.skipif(installed(), reason="JupyterLab is installed")
def test_a_missing_jupyterlab_names_the_extra(fits: Folder) -> None:
    said = fits.octavo("lab", env={"PATH": "/nowhere"})
    assert said.returncode == 2
    assert 'pip install "octavo[jupyter]"' in said.stderr
