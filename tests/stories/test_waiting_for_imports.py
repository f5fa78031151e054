"""What is seen of a build while libraries are imported for its first task."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from octavo.events import Importing, RunStarted, TaskStarted, decode, encode
from octavo.executors.local import CAN_FORK
from octavo.show.live import Live
from octavo.show.screen import Screen
from projects import Folder

FUNCTION = "tasks:\n  - {source: tasks.make, product: out.txt}\n"
CODE = """
    import slow.part
    import slow

    def make(product):
        open(str(product), "w").write("x")
"""


def events(folder: Folder, env: dict[str, str]) -> list[dict[str, Any]]:
    done = folder.octavo("build", "--json", env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.skipif(not CAN_FORK, reason="nothing is imported ahead where forking is not safe")
def test_a_build_says_what_it_imports_before_its_first_task_and_not_again(folder: Folder) -> None:
    folder.write("env/site-packages/slow/__init__.py", "import time\ntime.sleep(0.5)\n")
    folder.write("env/site-packages/slow/part.py", "")
    folder.write("pipeline.yaml", FUNCTION)
    folder.write("tasks.py", CODE)
    said = events(folder, {"PYTHONPATH": str(folder.path / "env/site-packages")})
    kinds = [event["event"] for event in said]
    begun, over = (event for event in said if event["event"] == "Importing")
    assert kinds[1:4] == ["TaskStarted", "Importing", "Importing"]
    assert begun["task"] == over["task"] == "make"
    assert set(begun["modules"]) >= {"slow"}
    assert begun["seconds"] is None and over["seconds"] > 0


def test_a_build_that_imports_nothing_says_nothing_of_it(folder: Folder) -> None:
    folder.write("pipeline.yaml", FUNCTION)
    folder.write("tasks.py", "def make(product):\n    open(str(product), 'w').write('x')\n")
    assert "Importing" not in {event["event"] for event in events(folder, {})}


def test_the_live_table_names_the_packages_and_then_counts_the_task_alone() -> None:
    now = [100.0]
    live = Live(Screen(io.StringIO(), live=True), lambda: now[0])
    live.console.width = 80
    for event in (
        RunStarted("r", ("get",), ("get",), 0.0),
        TaskStarted("get", (), 0.0),
        Importing("get", ("pandas", "sklearn.svm", "sklearn.tree")),
    ):
        live(event)
    live.live.stop()
    now[0] += 14.8

    def row() -> str:
        return live._line(live.rows["get"], now[0], 80, [*live.rows.values()])

    assert row().split() == ["waiting", "get", "14.8", "s", "importing", "pandas,", "sklearn", "…"]
    live(Importing("get", ("pandas", "sklearn.svm", "sklearn.tree"), 14.8))
    now[0] += 0.5
    assert row().split() == ["running", "get", "0.50", "s"]


def test_what_is_imported_comes_back_from_the_log_as_it_was() -> None:
    event = Importing("get", ("pandas", "numpy"), 1.5)
    assert decode(encode(event)) == event
