"""octavo interact: IPython with the pipeline in it."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pexpect  # type: ignore[import-untyped, unused-ignore]
import pytest

from projects import Folder

STEPS = """
def make(product):
    product.write_text("a,b\\n1,2\\n")


def after(product, upstream):
    product["data"].write_text(upstream["make"].read_text())
"""
_CODES = re.compile(r"\x1b(\[[0-9;?]*[a-zA-Z]|\][^\x07]*\x07)")


@pytest.fixture
def project(folder: Folder) -> Folder:
    folder.write(
        "pipeline.yaml",
        """
        tasks:
          - {source: steps.make, product: out/made.csv}
          - {source: steps.after, product: {data: out/after.csv}}
        """,
    )
    folder.write("steps.py", STEPS)
    return folder


def typed(project: Folder, *lines: str, cwd: str = ".") -> str:
    """Type lines into ``octavo interact`` and return what it says."""
    done = subprocess.run(
        [sys.executable, "-m", "octavo", "interact"],
        input="".join(line + "\n" for line in lines),
        cwd=project.path / cwd,
        env={**os.environ, "NO_COLOR": "1", "IPYTHONDIR": str(project.path / ".ipython")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return _CODES.sub("", done.stdout + done.stderr)


def test_tasks_are_there_by_name_and_can_be_built_and_loaded(project: Folder) -> None:
    said = typed(
        project,
        "dag",
        "dag.status()",
        "dag['make'].build()",
        "dag['make'].load()['b'][0] + 40",
        "dag.build_partially('after')",
        "dag['after'].load('data').shape",
        "dag['after'].status()",
    )
    assert ": make, after>" in said
    assert "2 of 2 tasks are stale" in said and "done     make" in said and "42" in said
    assert "1 done, 1 fresh" in said and "(1, 2)" in said and "all tasks are fresh" in said
    assert project.read("out/after.csv") == "a,b\n1,2\n"


def test_a_task_shows_its_source_products_and_what_comes_before_it(project: Folder) -> None:
    said = typed(
        project,
        "print(dag['make'].source)",
        "dag['after'].product",
        "list(dag['after'].upstream)",
        "dag['make'].exec_status.name",
        "import steps; steps.make.__name__.upper()",
    )
    assert "def make(product):" in said and "def after" not in said
    assert "out/after.csv" in said and "['make']" in said and "WaitingExecution" in said and "MAKE" in said


def test_what_is_edited_counts_with_the_next_line(project: Folder) -> None:
    said = typed(
        project,
        "dag.build();",
        "_ = open('steps.py', 'a').write('\\n\\ndef more(product):\\n    product.touch()\\n')",
        "_ = open('pipeline.yaml', 'a').write('  - {source: steps.more, product: out/more}\\n')",
        "len(dag) * 111",
        "dag.status('more')",
    )
    assert "333" in said and "1 of 1 task is stale" in said


def test_mistakes_are_told_as_on_the_command_line(project: Folder) -> None:
    said = typed(
        project,
        "dag.build('mak')",
        "dag['mak']",
        "_ = open('pipeline.yaml', 'a').write('taks: 1\\n')",
        "dag.status()",
    )
    assert 'did you mean "make"?' in said
    assert 'there is no task "mak"; there are: make, after' in said
    assert 'has no key "taks"' in said


def test_it_works_in_the_folder_of_the_project(project: Folder) -> None:
    (project.path / "sub").mkdir()
    said = typed(project, "dag['make'].build();", "dag['make'].product.exists()", cwd="sub")
    assert f"you are in {project.path}" in said and "True" in said


def test_a_person_at_a_terminal_builds_and_leaves(project: Folder) -> None:
    env = {**os.environ, "TERM": "xterm-256color", "IPYTHONDIR": str(project.path / ".ipython")}
    child = pexpect.spawn(
        sys.executable,
        ["-m", "octavo", "interact"],
        cwd=str(project.path),
        env=env,
        encoding="utf-8",
        timeout=60,
    )
    try:
        child.expect("2 tasks in dag")
        child.expect(r"In \[")
        child.send("dag.build()\r")
        child.expect("2 done")
        child.expect(r"In \[")
        child.send("dag['af\t")  # names complete
        child.expect("after")
        child.send("\x03")
        child.sendeof()
        child.expect(pexpect.EOF)
        child.close()
    finally:
        child.terminate(force=True)
    assert child.exitstatus == 0
