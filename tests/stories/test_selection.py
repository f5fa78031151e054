"""A selection tells the truth: what it needs and leaves out, and what tasks use of each other without naming it."""

from __future__ import annotations

import json

import pytest

from projects import Folder

TASKS = """
from pathlib import Path


def first(product):
    Path(product).write_text("1")


def second(product, upstream):
    Path(product).write_text(Path(upstream["first"]).read_text() + "2")


def third(product, upstream):
    Path(product).write_text(Path(upstream["second"]).read_text() + "3")
"""


@pytest.fixture
def chain(folder: Folder) -> Folder:
    folder.write("tasks.py", TASKS)
    folder.write(
        "pipeline.yaml",
        """
        tasks:
          - {source: tasks.first, product: out/1}
          - {source: tasks.second, product: out/2}
          - {source: tasks.third, product: out/3}
        """,
    )
    assert folder.octavo("build").returncode == 0
    return folder


def test_a_selected_task_waits_for_a_stale_one_that_is_not(chain: Folder) -> None:
    chain.write("tasks.py", TASKS.replace('"1"', '"one"'))
    said = chain.octavo("status", "third", "--exit-code")
    assert said.returncode == 1
    assert "waits  third  waits for second (not selected)" in said.stdout
    assert "0 of 1 task are stale, 1 waits" in said.stdout
    assert chain.octavo("status", "third").returncode == 1
    assert chain.octavo("status").returncode == 0
    said = chain.octavo("status", "second", "third")
    assert "waits  second  waits for first (not selected)" in said.stdout
    assert "waits  third   waits for second\n" in said.stdout
    (third,) = json.loads(chain.octavo("status", "third", "--json").stdout)
    assert (third["state"], third["waits"]) == ("waits", ["second"])
    chain.write("tasks.py", TASKS.replace('"1"', '"one"').replace('"3"', '"three"'))
    said = chain.octavo("status", "third")
    assert "stale  third  source changed (third), waits for second (not selected)" in said.stdout
    assert said.returncode == 1


def test_a_build_of_a_selected_task_says_that_a_stale_one_was_left_out(chain: Folder) -> None:
    chain.write("tasks.py", TASKS.replace('"1"', '"one"'))
    said = chain.octavo("build", "third")
    assert said.returncode == 0
    assert "third: second, which it needs, is stale and not selected: octavo build +third" in said.stdout
    assert chain.read("out/3") == "123"
    assert "3 done" in chain.octavo("build", "+third").stdout
    assert chain.read("out/3") == "one23"


def test_where_nothing_before_it_is_stale_a_selected_task_is_fresh(chain: Folder) -> None:
    assert "all tasks are fresh" in chain.octavo("status", "third").stdout
    assert "note" not in chain.octavo("build", "third").stdout
    chain.write("tasks.py", TASKS.replace('"3"', '"three"'))
    said = chain.octavo("build", "third").stdout
    assert "1 done" in said and "not selected" not in said


def test_a_task_that_waits_is_shown_alone_without_talk_of_a_selection(chain: Folder) -> None:
    chain.write("tasks.py", TASKS.replace('"1"', '"one"'))
    said = chain.octavo("task", "third", "--status").stdout
    assert "waits for second\n" in said and "not selected" not in said


# ── what tasks use of each other


@pytest.fixture
def sideways(folder: Folder) -> Folder:
    """A project in which the task that reads x.csv runs before the one that writes it, and neither says so."""
    folder.write(
        "tasks.py",
        """
        import time
        from pathlib import Path


        def reads(product):
            Path(product).write_text(Path("x.csv").read_text())


        def writes(product):
            time.sleep(0.2)
            Path("x.csv").write_text("new")
            Path(product).write_text("")
        """,
    )
    folder.write(
        "pipeline.yaml",
        """
        tasks:
          - {source: tasks.reads, product: out/a}
          - {source: tasks.writes, product: out/b}
        """,
    )
    return folder


MISSING = 'reads: it reads x.csv, which writes writes, without naming it: add "writes" to its upstream'


def test_a_file_that_another_task_writes_afterwards_names_the_missing_upstream(sideways: Folder) -> None:
    sideways.write("x.csv", "old")
    said = sideways.octavo("build", "-j", "1")
    assert "2 done" in said.stdout
    assert MISSING in said.stdout
    assert "file x.csv changed" in sideways.octavo("status").stdout


def test_a_task_that_was_fresh_before_the_file_was_written_is_told_too(sideways: Folder) -> None:
    sideways.write("x.csv", "old")
    sideways.octavo("build", "-j", "1", "reads")
    said = sideways.octavo("build", "-j", "1")
    assert "1 done" in said.stdout
    assert MISSING in said.stdout


def test_a_task_that_failed_because_the_file_was_not_there_yet_is_told(sideways: Folder) -> None:
    said = sideways.octavo("build", "-j", "1")
    assert "1 failed" in said.stdout
    assert MISSING in said.stdout


def test_a_failure_for_want_of_anothers_product_says_who_makes_it(sideways: Folder) -> None:
    sideways.write(
        "tasks.py", sideways.read("tasks.py").replace('Path("x.csv").read', 'Path("x" + ".csv").read')
    )
    sideways.write(
        "pipeline.yaml",
        """
        tasks:
          - {source: tasks.reads, product: out/a}
          - {source: tasks.writes, product: {log: out/b, data: x.csv}}
        """,
    )
    said = sideways.octavo("build", "-j", "1").stdout
    assert 'writes makes x.csv: name "writes" as upstream, then it runs first' in said


def test_with_the_upstream_named_there_is_nothing_to_say(sideways: Folder) -> None:
    text = sideways.read("pipeline.yaml").replace("product: out/a}", "product: out/a, upstream: writes}")
    sideways.write("pipeline.yaml", text)
    said = sideways.octavo("build", "-j", "1")
    assert "2 done" in said.stdout and "note" not in said.stdout
    assert "all 2 tasks are fresh" in sideways.octavo("status").stdout
