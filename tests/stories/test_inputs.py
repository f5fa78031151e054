"""Files that a task declares to read, and those that it reads without saying so."""

from __future__ import annotations

import pytest

from projects import Folder


@pytest.fixture
def project(folder: Folder) -> Folder:
    """A function that sums up what is in some files."""
    folder.write(
        "tasks.py",
        """
        from pathlib import Path

        def total(product):
            files = [Path("extra.txt"), *sorted(Path("data").glob("*.csv"))]
            product.write_text(str(sum(int(file.read_text()) for file in files if file.exists())))
        """,
    )
    folder.write("data/a.csv", "1")
    folder.write("pipeline.yaml", "- {source: tasks.total, product: total.txt, inputs: ['data/*.csv']}\n")
    return folder


def test_declared_inputs_count_and_a_new_one_is_a_reason(project: Folder) -> None:
    assert project.octavo("build").returncode == 0
    assert project.octavo("status").stdout == "fresh  total\nall tasks are fresh\n"
    project.write("data/b.csv", "20")
    assert "total  file data/b.csv is new" in project.octavo("status").stdout
    assert project.octavo("build").returncode == 0
    assert project.read("total.txt") == "21"
    project.write("data/a.csv", "2")
    assert "total  file data/a.csv changed" in project.octavo("status").stdout
    (project.path / "data/a.csv").unlink()
    assert "total  file data/a.csv is gone" in project.octavo("status").stdout


def test_a_file_that_is_no_declared_input_is_told_with_the_fix(project: Folder) -> None:
    project.write("extra.txt", "5")
    said = project.octavo("build")
    assert said.returncode == 0
    assert 'total: it reads extra.txt, which is not in its "inputs": add it there' in said.stdout


def test_a_file_that_is_no_declared_input_fails_a_strict_pipeline(project: Folder) -> None:
    project.write("extra.txt", "5")
    project.write("pipeline.yaml", "strict: true\ntasks: [{source: tasks.total, product: total.txt}]\n")
    said = project.octavo("build")
    assert said.returncode == 1
    assert "it reads extra.txt, which is not in its" in said.stdout
    assert "it reads data/a.csv, which is not in its" in said.stdout
    project.write(
        "pipeline.yaml",
        "strict: true\ntasks: [{source: tasks.total, product: total.txt, inputs: [extra.txt, data]}]\n",
    )
    assert project.octavo("build").returncode == 0


def test_without_inputs_nobody_is_told_what_is_read(project: Folder) -> None:
    project.write("extra.txt", "5")
    project.write("pipeline.yaml", "- {source: tasks.total, product: total.txt}\n")
    said = project.octavo("build")
    assert said.returncode == 0
    assert "it reads" not in said.stdout


def test_a_resource_that_changes_makes_its_task_stale(folder: Folder) -> None:
    folder.write("tasks.py", "def make(product, resources_):\n    product.write_text(repr(resources_))\n")
    folder.write("a.json", "1")
    folder.write(
        "pipeline.yaml", "- {source: tasks.make, product: a.txt, params: {resources_: {a: a.json}}}\n"
    )
    assert folder.octavo("build").returncode == 0
    assert folder.read("a.txt") == repr({"a": str(folder.path / "a.json")})
    folder.write("a.json", "2")
    assert "make  file a.json changed" in folder.octavo("status").stdout


def test_a_grid_of_functions_feeds_a_pattern_and_a_lost_member_is_a_reason(folder: Folder) -> None:
    folder.write(
        "tasks.py",
        """
        def make(product, rows):
            product.write_text(str(rows))

        def use(product, upstream):
            product.write_text(" ".join(path.read_text() for path in upstream["make-*"].values()))
        """,
    )
    text = """
    - {source: tasks.make, name: "make-[[rows]]", product: "out/m-[[rows]].txt", grid: {rows: ROWS}}
    - {source: tasks.use, product: out/use.txt}
    """
    folder.write("pipeline.yaml", text.replace("ROWS", "[1, 2, 3]"))
    assert folder.octavo("build").returncode == 0
    assert folder.read("out/use.txt") == "1 2 3"
    assert (folder.path / "out/m-3-2.txt").exists()
    folder.write("pipeline.yaml", text.replace("ROWS", "[1, 2]"))
    assert "upstream make-3 was removed" in folder.octavo("status").stdout
    assert folder.octavo("build").returncode == 0
    assert folder.read("out/use.txt") == "1 2"
