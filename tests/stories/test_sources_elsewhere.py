"""Sources that lie beside or above the folder of pipeline.yaml, in what is checked out as one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from projects import Folder

NOTEBOOK = """
    # %% tags=["parameters"]
    upstream = None
    product = None
    # %%
    import sys
    sys.path.append("../src")
    from pathlib import Path
    from helpers import double
    Path(product["data"]).write_text(str(double(int(Path("../data/x.txt").read_text()))))
"""


@pytest.fixture(params=[".git/HEAD", "pyproject.toml", "setup.py"])
def project(folder: Folder, request: pytest.FixtureRequest) -> Folder:
    """A pipeline in conf/, its notebooks and modules in src/, its data and products beside these."""
    folder.write(request.param, "")
    folder.write("src/a.py", NOTEBOOK)
    folder.write("src/helpers.py", "def double(x):\n    return 2 * x\n")
    folder.write("data/x.txt", "1")
    folder.write(
        "conf/pipeline.yaml",
        "- {source: ../src/a.py, product: {nb: ../out/a.ipynb, data: ../out/a.txt}}\n",
    )
    return folder


def test_they_run_from_anywhere_and_what_they_use_is_noticed(project: Folder) -> None:
    assert project.octavo("build", "-e", "conf/pipeline.yaml").returncode == 0
    assert project.read("out/a.txt") == "2"
    assert project.octavo("status", cwd="conf").stdout == "fresh  a\nall tasks are fresh\n"
    project.write("src/helpers.py", "def double(x):\n    return 20 * x\n")
    said = project.octavo("status", cwd="conf").stdout
    assert said.startswith("stale  a  ") and "module helpers changed (double)" in said
    assert project.octavo("build", cwd="conf").returncode == 0
    assert project.read("out/a.txt") == "20"
    project.write("data/x.txt", "2")
    assert "stale  a  file ../data/x.txt changed" in project.octavo("status", cwd="conf").stdout
    project.write("src/a.py", NOTEBOOK.replace("str(double", "str(3 + double"))
    assert "source changed" in project.octavo("status", "-e", "conf/pipeline.yaml").stdout


def test_results_come_from_the_cache_in_another_checkout(project: Folder, tmp_path: Path) -> None:
    yaml = project.read("conf/pipeline.yaml")
    project.write("conf/pipeline.yaml", f"cache: {{folder: {tmp_path}/cache}}\ntasks:\n{yaml}")
    assert project.octavo("build", cwd="conf").returncode == 0
    other = Folder(tmp_path / "other")
    other.path.mkdir()
    for name in ("conf", "src", "data", ".git", "pyproject.toml", "setup.py"):
        if (from_ := project.path / name).exists():
            (shutil.copytree if from_.is_dir() else shutil.copy)(from_, other.path / name)
    shutil.rmtree(other.path / "conf" / ".octavo")
    said = other.octavo("build", cwd="conf")
    assert "restored a" in said.stdout
    assert other.read("out/a.txt") == "2"


def test_the_place_of_an_error_in_their_modules_is_relative(project: Folder) -> None:
    project.write("src/helpers.py", "def double(x):\n    return x / 0\n")
    said = project.octavo("build", cwd="conf")
    assert said.returncode == 1
    assert "../src/helpers.py" in said.stdout
    assert f"{project.path}/src" not in said.stdout


def test_functions_of_a_package_beside_the_pipeline_are_followed(project: Folder) -> None:
    project.write("src/pkg/__init__.py", "")
    project.write(
        "src/pkg/jobs.py", "from .words import word\n\ndef make(product):\n    product.write_text(word())\n"
    )
    project.write("src/pkg/words.py", "def word():\n    return 'one'\n")
    project.write("conf/pipeline.yaml", "- {source: pkg.jobs.make, product: made.txt}\n")
    env = {"PYTHONPATH": str(project.path / "src")}
    assert project.octavo("build", cwd="conf", env=env).returncode == 0
    project.write("src/pkg/words.py", "def word():\n    return 'two'\n")
    assert "stale  make  module pkg.words changed" in project.octavo("status", cwd="conf", env=env).stdout
    assert project.octavo("build", cwd="conf", env=env).returncode == 0
    assert project.read("conf/made.txt") == "two"


def test_a_script_runs_in_the_folder_of_its_source_with_the_project_on_its_path(project: Folder) -> None:
    project.write("conf/settings.py", "word = 'set'\n")
    project.write(
        "src/b.py",
        """
        # %% tags=["parameters"]
        upstream = None
        product = None
        # %%
        import os
        from pathlib import Path
        from settings import word
        Path(product).write_text(f"{word} {os.path.basename(os.getcwd())}")
        """,
    )
    project.write("conf/pipeline.yaml", "- {source: ../src/b.py, product: b.txt, class: ScriptRunner}\n")
    said = project.octavo("build", cwd="conf")
    assert said.returncode == 0, said.stdout + said.stderr
    assert project.read("conf/b.txt") == "set src"


def test_without_a_mark_above_both_they_are_refused(folder: Folder) -> None:
    folder.write("src/a.py", NOTEBOOK)
    folder.write("conf/pyproject.toml", "")
    folder.write("conf/pipeline.yaml", "- {source: ../src/a.py, product: {nb: a.ipynb, data: a.txt}}\n")
    said = folder.octavo("build", cwd="conf")
    assert said.returncode == 2
    assert "the source ../src/a.py is outside the project" in said.stderr
