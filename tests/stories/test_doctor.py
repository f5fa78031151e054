"""What octavo says of a project before it is built: its tasks, and what the machine lacks for them."""

from __future__ import annotations

import fcntl
import json
import subprocess

import pytest

from projects import Folder


@pytest.fixture
def sound(folder: Folder) -> Folder:
    folder.write(
        "pipeline.yaml",
        """
        - {source: load.py, product: {nb: out/load.ipynb, data: out/data.txt}, tags: [daily]}
        - {source: tasks.fit, product: out/fit.txt, upstream: load}
        """,
    )
    folder.write(
        "load.py", '# %% tags=["parameters"]\nupstream = None\nproduct = None\n\n# %%\nimport json\n'
    )
    folder.write("tasks.py", "def fit(product, upstream):\n    pass\n")
    return folder


def found(folder: Folder) -> dict[str, list[tuple[str, str]]]:
    """Return what doctor says, by what it is about."""
    told: dict[str, list[tuple[str, str]]] = {}
    for one in json.loads(folder.octavo("doctor", "--json").stdout):
        told.setdefault(one["about"], []).append((one["state"], one["message"]))
    return told


def test_a_sound_project_is_said_to_be_so(sound: Folder) -> None:
    said = sound.octavo("doctor")
    assert said.returncode == 0, said.stdout
    assert "ok    pipeline  pipeline.yaml: 2 tasks" in said.stdout
    assert "ok    kernels   python3" in said.stdout
    assert "fail" not in said.stdout


def test_packages_and_kernels_that_are_missing_stand_in_the_way(sound: Folder) -> None:
    sound.write("load.py", "# %%\nimport nowhere_to_be_found.sub\nimport tasks\nimport os\n")
    spec = '"metadata": {"kernelspec": {"name": "no-such-kernel", "language": "python", "display_name": "x"}}'
    cell = '{"cell_type": "code", "metadata": {}, "source": "1", "outputs": [], "execution_count": null}'
    sound.write("other.ipynb", f'{{"cells": [{cell}], {spec}, "nbformat": 4, "nbformat_minor": 4}}')
    sound.write(
        "pipeline.yaml", sound.read("pipeline.yaml") + "- {source: other.ipynb, product: out/o.ipynb}\n"
    )
    said = sound.octavo("doctor")
    assert said.returncode == 1
    assert "fail  packages  load: nowhere_to_be_found is not installed" in said.stdout
    assert "tasks is not installed" not in said.stdout
    assert 'fail  kernels   other: the kernel "no-such-kernel" is not installed' in said.stdout


def test_a_broken_pipeline_is_a_finding(sound: Folder) -> None:
    sound.write("pipeline.yaml", "- {source: load.py, produkt: x}\n")
    said = sound.octavo("doctor")
    assert said.returncode == 1
    assert 'fail  pipeline  pipeline.yaml:1:21: task "load.py" has no key "produkt"' in said.stdout
    assert 'did you mean "product"?' in said.stdout


def test_state_in_git_is_told(sound: Folder) -> None:
    def git(*words: str) -> None:
        subprocess.run(["git", *words], cwd=sound.path, check=True, capture_output=True)

    git("init", "-q")
    good = [("ok", "the state of builds (.octavo) is not tracked")]
    assert found(sound)["git"] == good
    git("add", "-f", ".octavo")
    assert found(sound)["git"] == [("fail", "the state of builds (.octavo) is committed")]
    git("rm", "-rq", "--cached", ".octavo")
    assert found(sound)["git"] == good


def test_a_running_build_is_told(sound: Folder) -> None:
    sound.octavo("status")
    with (sound.path / ".octavo" / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert found(sound)["lock"] == [("note", "a build of this project is running")]
    assert found(sound)["lock"] == [("ok", "free")]


def test_what_is_wrong_with_the_lockfile_is_told(folder: Folder) -> None:
    folder.write("pipeline.yaml", "lock: true\ntasks:\n  - {source: tasks.get, product: a.txt}\n")
    folder.write("tasks.py", "def get(product):\n    product.write_text('a')\n")
    assert found(folder)["lockfile"] == [("note", "octavo.lock is not there: octavo build writes it")]
    assert folder.octavo("build").returncode == 0
    assert found(folder)["lockfile"] == [("ok", "octavo.lock is whole")]
    subprocess.run(["git", "init", "--quiet"], cwd=folder.path, check=True)
    assert found(folder)["lockfile"] == [("note", "octavo.lock is not in git, so clones lack it")]
    folder.write(".gitignore", "*.lock\n")
    assert found(folder)["lockfile"] == [("note", "git ignores octavo.lock, so clones lack it")]
    whole = folder.read("octavo.lock")
    folder.write("octavo.lock", whole.replace('"sum": "', '"sum": "0'))
    said = [message for state, message in found(folder)["lockfile"] if state == "note"]
    assert "octavo.lock:3 is not as octavo has written it: it is not believed" in said
    folder.write("octavo.lock", f"<<<<<<< HEAD\n{whole}")
    assert found(folder)["pipeline"] == [("fail", "octavo.lock:1:1: the file has merge conflict markers")]


def test_tasks_are_listed_in_the_order_in_which_they_run(sound: Folder) -> None:
    said = sound.octavo("list")
    assert said.stdout.splitlines() == [
        "load  notebook  load.py    → out/load.ipynb, out/data.txt  [daily]",
        "fit   function  tasks.fit  → out/fit.txt",
        "2 tasks",
    ]
    assert sound.octavo("list", "--names", "fit").stdout == "fit\n"
    (one,) = json.loads(sound.octavo("list", "--json", "tag:daily").stdout)
    assert (one["task"], one["products"], one["upstream"], one["tags"]) == (
        "load",
        ["out/load.ipynb", "out/data.txt"],
        [],
        ["daily"],
    )
    assert "there is no task" in sound.octavo("list", "nothing").stderr
