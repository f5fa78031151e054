"""What tasks are seen to use: told when asked, and when they overreach."""

from __future__ import annotations

import pytest

from projects import Folder


@pytest.fixture
def project(folder: Folder) -> Folder:
    folder.write(
        "pipeline.yaml",
        """
        tasks:
          - {source: tasks.make, product: out/made.txt}
          - {source: ./use.py, product: {nb: out/use.ipynb, data: out/used.txt}}
        """,
    )
    folder.write("extra.csv", "1")
    folder.write("tasks.py", "def make(product):\n    product.write_text('made')\n")
    folder.write(
        "use.py",
        """
        # %% tags=["parameters"]
        upstream = ["make"]
        product = None

        # %%
        from pathlib import Path
        import sqlite3, subprocess
        text = Path(upstream["make"]).read_text() + Path("extra.csv").read_text()

        # %%
        sqlite3.connect("file.db").close()
        _ = subprocess.run(["true", "--quietly"])
        _ = Path(product["data"]).write_text(text)
        """,
    )
    return folder


def test_what_each_cell_used_is_listed_when_asked(project: Folder) -> None:
    said = project.octavo("build", "--explain-io")
    assert said.returncode == 0, said.stdout
    lines = [" ".join(line.split()) for line in said.stdout.splitlines()]
    for line in (
        "wrote out/made.txt",
        "cell 3 read out/made.txt",
        "cell 3 read extra.csv",
        "cell 4 opened file.db",
        "cell 4 started true --quietly",
        "cell 4 wrote out/used.txt",
    ):
        assert line in lines, said.stdout
    assert "cell 3" not in project.octavo("build", "--force").stdout


def test_a_file_that_was_read_makes_the_task_stale_when_it_changes(project: Folder) -> None:
    assert project.octavo("build").returncode == 0
    project.write("extra.csv", "2")
    assert "stale  use   file extra.csv changed" in project.octavo("status").stdout


def test_writing_the_product_of_another_task_is_told_and_strict_refuses_it(project: Folder) -> None:
    project.write(
        "tasks.py",
        "def make(product):\n    product.write_text('made')\n    open('out/used.txt', 'w').close()\n",
    )
    assert "note: make: it writes out/used.txt, a product of use" in project.octavo("build").stdout
    project.write("pipeline.yaml", "strict: true\n" + project.read("pipeline.yaml"))
    refused = project.octavo("build", "--force")
    assert refused.returncode == 1
    assert "it writes out/used.txt, a product of use" in refused.stdout


def test_reading_what_another_task_makes_without_naming_it_is_told(project: Folder) -> None:
    project.write(
        "use.py",
        project.read("use.py")
        .replace('upstream = ["make"]', "upstream = None")
        .replace('upstream["make"]', '"out/made.txt"'),
    )
    assert project.octavo("build", "make").returncode == 0
    said = project.octavo("build").stdout
    assert 'note: use: it reads out/made.txt, a product of make, without naming it: add "make" to' in said


def test_what_a_task_no_longer_uses_is_no_longer_a_reason(project: Folder) -> None:
    assert project.octavo("build").returncode == 0
    project.write("use.py", project.read("use.py").replace(' + Path("extra.csv").read_text()', ""))
    assert project.octavo("build").returncode == 0
    (project.path / "extra.csv").unlink()
    assert "all 2 tasks are fresh" in project.octavo("status").stdout


def test_a_task_that_reads_the_report_before_it_is_fresh_after_its_run(project: Folder) -> None:
    project.write(
        "pipeline.yaml",
        project.read("pipeline.yaml") + "  - {source: tasks.count, product: out/count.txt}\n",
    )
    project.write(
        "tasks.py",
        project.read("tasks.py")
        + "\ndef count(product, upstream):\n"
        + "    product.write_text(str(len(upstream['use']['nb'].read_text()) > 0))\n",
    )
    assert project.octavo("build").returncode == 0
    assert "all 3 tasks are fresh" in project.octavo("status").stdout
