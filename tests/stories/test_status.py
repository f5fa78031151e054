"""``octavo status``: what is stale, and why, in plain words."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from projects import Folder

PIPELINE = """
tasks:
  - source: steps.get
    product: out/get.txt
    params: {n: 1, city: Bern}
  - source: steps.clean
    product: out/clean.txt
    upstream: [get]
"""
STEPS = """
from pathlib import Path


def get(product, n, city):
    Path(product).write_text(city * n)


def clean(product, upstream):
    Path(product).write_text(Path(upstream["get"]).read_text().strip())
"""


@pytest.fixture
def project(folder: Folder) -> Folder:
    folder.write("pipeline.yaml", PIPELINE)
    folder.write("steps.py", STEPS)
    return folder


def test_everything_is_stale_at_first_and_fresh_after_a_build(project: Folder) -> None:
    assert project.octavo("status").stdout == (
        "stale  get    first run\nstale  clean  first run\n2 of 2 tasks are stale\n"
    )
    project.octavo("build")
    assert project.octavo("status").stdout == "fresh  get\nfresh  clean\nall 2 tasks are fresh\n"


def test_a_changed_parameter_is_a_reason_and_the_next_task_waits(project: Folder) -> None:
    project.octavo("build")
    project.write("pipeline.yaml", PIPELINE.replace("n: 1", "n: 2"))
    assert project.octavo("status").stdout == (
        "stale  get    param n 1 → 2\nwaits  clean  waits for get\n1 of 2 tasks is stale, 1 waits\n"
    )


def test_several_reasons_stand_in_one_line_or_verbose_in_one_each(project: Folder) -> None:
    project.octavo("build")
    project.write("pipeline.yaml", PIPELINE.replace("{n: 1, city: Bern}", "{n: 2, city: Wien}"))
    (project.path / "out/get.txt").unlink()
    line = project.octavo("status", "get").stdout.splitlines()[0]
    assert line == 'stale  get  param city "Bern" → "Wien", param n 1 → 2, product out/get.txt is gone'
    assert project.octavo("status", "-v", "get").stdout.splitlines()[:3] == [
        'stale  get  param city "Bern" → "Wien"',
        "            param n 1 → 2",
        "            product out/get.txt is gone",
    ]


def test_json_is_a_list_of_tasks_with_their_reasons(project: Folder) -> None:
    project.octavo("build")
    project.write("pipeline.yaml", PIPELINE.replace("n: 1", "n: 2"))
    get, clean = json.loads(project.octavo("status", "--json").stdout)
    assert get["state"] == "stale"
    assert get["reasons"] == [{"part": "param n", "was": "1", "now": "2", "text": "param n 1 → 2"}]
    assert (clean["state"], clean["waits"], clean["products"]) == ("waits", ["get"], ["out/clean.txt"])
    assert clean["source"] == "steps.clean"


def test_exit_code_tells_a_script_whether_something_is_stale(project: Folder) -> None:
    assert project.octavo("status").returncode == 0
    assert project.octavo("status", "--exit-code").returncode == 1
    project.octavo("build")
    assert project.octavo("status", "--exit-code").returncode == 0


def test_a_selection_and_another_folder(project: Folder) -> None:
    (project.path / "deep").mkdir()
    said = project.octavo("status", "clean", "--file", "..", cwd="deep")
    assert said.stdout == "stale  clean  first run, waits for get (not selected)\n1 of 1 task is stale\n"


def test_an_unknown_task_is_a_mistake_with_a_hint(project: Folder) -> None:
    said = project.octavo("status", "claen")
    assert said.returncode == 2
    assert said.stderr == 'error: there is no task "claen"\n  hint: did you mean "clean"?\n'


def test_colour_is_for_those_who_want_it(project: Folder) -> None:
    assert "\x1b[" not in project.octavo("status", env={"NO_COLOR": ""}).stdout
    assert "\x1b[33mstale" in project.octavo("status", env={"NO_COLOR": "", "FORCE_COLOR": "1"}).stdout
    assert "\x1b[" not in project.octavo("status", env={"FORCE_COLOR": "1"}).stdout


def test_a_reader_who_leaves_early_is_no_error(project: Folder) -> None:
    command = f'"{sys.executable}" -m octavo status | true'
    ended = subprocess.run(command, shell=True, cwd=project.path, capture_output=True, text=True, check=False)
    assert ended.stderr == ""
