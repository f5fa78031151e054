"""``executor_params`` and ``papermill_params``: what papermill's execute_notebook would have been given."""

from __future__ import annotations

import json

import pytest

from projects import Folder

HEAD = '# %% tags=["parameters"]\nupstream = None\nproduct = None\n# %%\n'


def test_errors_are_allowed_and_code_is_hidden(folder: Folder) -> None:
    folder.write("a.py", f"{HEAD}1 / 0\n# %%\nprint('after')\n")
    folder.write(
        "pipeline.yaml",
        "- {source: a.py, product: a.ipynb, executor_params: {allow_errors: true, report_mode: true}}\n",
    )
    said = folder.octavo("build")
    assert said.returncode == 0, said.stdout + said.stderr
    assert said.stderr == ""
    cells = json.loads(folder.read("a.ipynb"))["cells"]
    assert "after" in json.dumps(cells[-1]["outputs"])
    assert cells[-1]["metadata"]["jupyter"] == {"source_hidden": True}


def test_cells_and_kernels_have_the_time_that_is_said(folder: Folder) -> None:
    folder.write("a.py", f"{HEAD}import time\ntime.sleep(60)\n")
    folder.write(
        "pipeline.yaml",
        "- {source: a.py, product: a.ipynb, papermill_params: {execution_timeout: 1, start_timeout: 50}}\n",
    )
    said = folder.octavo("build")
    assert said.returncode == 1
    assert "longer than its limit of 1 s" in said.stdout
    folder.write("a.py", f"{HEAD}print(1)\n")
    assert folder.octavo("build").returncode == 0
    folder.write(
        "pipeline.yaml", "- {source: a.py, product: a.ipynb, executor_params: {start_timeout: 40}}\n"
    )
    assert folder.octavo("status").stdout == "fresh  a\nall tasks are fresh\n"


@pytest.mark.parametrize("key", ["papermill_params", "executor_params"])
def test_a_kernel_is_chosen_by_name(key: str, folder: Folder) -> None:
    folder.write("a.py", f"{HEAD}print(1)\n")
    folder.write("pipeline.yaml", f"- {{source: a.py, product: a.ipynb, {key}: {{kernel_name: nosuch}}}}\n")
    said = folder.octavo("build")
    assert said.returncode == 2
    assert 'the kernel "nosuch" is not installed' in said.stderr


def test_what_has_no_effect_is_said_by_every_command(folder: Folder) -> None:
    folder.write("a.py", f"{HEAD}print(1)\n")
    folder.write(
        "pipeline.yaml", "- {source: a.py, product: a.ipynb, papermill_params: {engine_name: my_engine}}\n"
    )
    note = '"papermill_params.engine_name" has no effect: octavo runs the cells itself'
    for command in ("build", "status"):
        said = folder.octavo(command)
        assert note in said.stdout + said.stderr
