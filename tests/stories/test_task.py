"""octavo task: one task, run or looked at."""

from __future__ import annotations

import pytest

from projects import Folder

STEPS = '''
import json


def constant():
    return 1


def make(product, n=1):
    """Make a number."""
    product.write_text(json.dumps(n))


def after(product, upstream):
    product.write_text(upstream["make"].read_text())
'''


@pytest.fixture
def project(folder: Folder) -> Folder:
    folder.write(
        "pipeline.yaml",
        """
        tasks:
          - {source: steps.make, product: out/n.json, on_finish: checks.positive, params: {n: 1}}
          - {source: steps.after, product: out/after.json}
          - {source: look.py, product: out/look.ipynb}
        """,
    )
    folder.write("steps.py", STEPS)
    folder.write("look.py", '# %% tags=["parameters"]\nupstream = None\n\n# %%\nprint(1)\n')
    folder.write(
        "checks.py",
        """
        def positive(product):
            print("looking at", product)
            assert int(product.read_text()) > 0, "not positive"
        """,
    )
    return folder


def test_a_task_runs_alone_if_it_is_stale(project: Folder) -> None:
    done = project.octavo("task", "make")
    assert done.returncode == 0 and "done     make" in done.stdout and "after" not in done.stdout
    assert "1 task fresh" in project.octavo("task", "make").stdout
    assert "make: forced" in project.octavo("task", "make", "--force").stdout
    assert "make: forced" in project.octavo("task", "make", "--build", "--force").stdout


def test_its_code_is_printed_and_nothing_runs(project: Folder) -> None:
    done = project.octavo("task", "make", "--source")
    assert done.stdout.startswith("def make(product, n=1):") and "constant" not in done.stdout
    assert project.octavo("task", "look", "-s").stdout == project.read("look.py")
    assert not (project.path / "out").exists()


def test_a_template_is_printed_as_what_would_run(folder: Folder) -> None:
    folder.write(
        "pipeline.yaml",
        """
        tasks:
          - {source: get.sh, product: out/get.csv}
          - {source: copy.sh, product: out/copy.csv, params: {mode: -p}}
        """,
    )
    folder.write("get.sh", "echo 1 > {{product}}\n")
    folder.write("copy.sh", "cp {{mode}} {{upstream['get']}} {{product}}\n")
    folder.octavo("build", "get")
    said = folder.octavo("task", "copy", "--source").stdout
    assert said == f"cp -p {folder.path}/out/get.csv {folder.path}/out/copy.csv\n"
    assert not (folder.path / "out/copy.csv").exists()


def test_its_state_is_told_with_what_it_makes_and_needs(project: Folder) -> None:
    said = project.octavo("task", "after", "-st").stdout
    assert said.splitlines()[0] == "stale  after  first run"
    assert "makes    out/after.json" in said and "needs    make" in said and "steps.after" in said
    said = project.octavo("task", "make", "--status", "--build").stdout
    assert said.index("stale  make") < said.index("done     make")


def test_its_check_alone_is_called_on_what_is_there(project: Folder) -> None:
    gone = project.octavo("task", "make", "--on-finish")
    assert gone.returncode == 2 and "out/n.json is not there" in gone.stderr
    project.octavo("task", "make")
    good = project.octavo("task", "make", "-of")
    assert good.returncode == 0 and "looking at out/n.json" in good.stdout and "done" in good.stdout
    project.write("out/n.json", "-1")
    bad = project.octavo("task", "make", "-of")
    assert bad.returncode == 1 and "AssertionError" in bad.stdout and "not positive" in bad.stdout
    assert project.read("out/n.json") == "-1"
    none = project.octavo("task", "after", "-of")
    assert none.returncode == 2 and '"after" has no on_finish' in none.stderr


def test_one_task_is_meant_by_its_name(project: Folder) -> None:
    near = project.octavo("task", "mak")
    assert near.returncode == 2 and 'did you mean "make"?' in near.stderr
    assert 'there is no task "make+"' in project.octavo("task", "make+").stderr
    assert not (project.path / "out").exists()


def test_parameters_count_as_everywhere(project: Folder) -> None:
    assert project.octavo("task", "make", "-p", "n=5").returncode == 0
    assert project.read("out/n.json") == "5"
    assert "param n 5 → 1" in project.octavo("task", "make", "-st").stdout
