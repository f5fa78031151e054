"""What a warm command line loads: few modules, and none of the heavy ones. Counting is stable, timing is not."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence

import pytest

from databases import client, sql
from projects import Folder

HEAVY = {
    *["nbformat", "jupytext", "yaml", "IPython", "ipykernel", "jupyter_client", "zmq", "traitlets"],
    *["rich", "fsspec", "pandas", "sqlalchemy", "jinja2", "asyncio", "multiprocessing", "subprocess"],
    *["tempfile", "shutil", "logging", "threading", "email", "importlib.metadata", "difflib"],
}

#: More than an interpreter that does nothing. A few are in reserve, for other versions of Python.
MOST = {"import": 60, "help": 60, "status": 125, "build": 125}


def loaded(code: str, folder: Folder | None = None) -> set[str]:
    """Return the modules that an interpreter has loaded after running some code."""
    code += "\nimport sys, json; print(); print(json.dumps(sorted(sys.modules)))"
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder.path if folder else None,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return set(json.loads(ended.stdout.splitlines()[-1]))


def command(arguments: Sequence[str]) -> str:
    return f"from octavo.cli import main; main({list(arguments)!r})"


@pytest.fixture
def warm(folder: Folder) -> Folder:
    """A project that was built and then looked at once more."""
    folder.write("tasks.py", "def make(product):\n    open(product, 'w').write('made')\n")
    folder.write(
        "pipeline.yaml",
        """
        tasks:
          - source: tasks.make
            product: out/made.txt
          - source: tasks.make
            name: again
            product: out/again.txt
        """,
    )
    assert folder.octavo("build").returncode == 0
    assert folder.octavo("status").returncode == 0
    return folder


def nothing() -> set[str]:
    return loaded("pass")


def within(found: set[str], most: int) -> None:
    """Check that no module is heavy, and that there are not too many."""
    new = found - nothing()
    assert not HEAVY & new
    assert len(new) <= most, sorted(new)


def test_importing_the_command_line_loads_no_verb_and_nothing_heavy() -> None:
    found = loaded("import octavo.cli")
    assert {name for name in found if name.startswith("octavo.cli.")} == set()
    assert "argparse" not in found
    within(found, MOST["import"])


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]], ids=lambda it: it[0])
def test_help_and_version_load_no_verb(arguments: list[str]) -> None:
    found = loaded(command(arguments))
    assert {name for name in found if name.startswith("octavo.cli.")} == set()
    within(found, MOST["help"])


def test_a_warm_status_loads_nothing_heavy(warm: Folder) -> None:
    found = loaded(command(["status"]), warm)
    assert "octavo.project" in found
    within(found, MOST["status"])


def test_a_warm_build_with_nothing_to_do_loads_nothing_heavy(warm: Folder) -> None:
    found = loaded(command(["build"]), warm)
    assert "octavo.engine" in found
    assert not {"octavo.show.live", "octavo.show.failures", "octavo.executors.local", "octavo.cache"} & found
    within(found, MOST["build"])


def test_a_warm_build_of_tables_in_a_file_loads_nothing_heavy_either(folder: Folder) -> None:
    client(folder, "sqlite:///data.db")
    sql(folder, "made", "SELECT 1 AS a")
    folder.write(
        "pipeline.yaml", "tasks:\n  - {source: made.sql, product: [made, table], client: clients.get}\n"
    )
    for _ in range(2):
        assert folder.octavo("build").returncode == 0
    found = loaded(command(["build"]), folder)
    assert "octavo.tables.proxies" in found
    assert not {"octavo.tables.settle", "octavo.tables.connections", "octavo.calls"} & found
    within(found, MOST["build"])


def test_names_in_placeholders_need_no_templates(folder: Folder) -> None:
    folder.write("tasks.py", "def make(product, n): ...\n")
    folder.write("env.yaml", "out: made\nn: 3\n")
    folder.write(
        "pipeline.yaml", "- {source: tasks.make, product: '{{out}}/{{ n }}.txt', params: {n: '{{n}}'}}\n"
    )
    found = loaded(command(["status"]), folder)
    assert "yaml" in found
    assert "jinja2" not in found
    folder.write("env.yaml", "out: made\nn: '{{ 1 + 2 }}'\n")
    assert "jinja2" in loaded(command(["status"]), folder)


@pytest.mark.parametrize("verb", ["strip", "cat", "diff", "merge"])
def test_review_of_notebooks_loads_no_library_of_jupyters(verb: str, folder: Folder) -> None:
    folder.write("a.ipynb", '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    folder.write("b.py", "# %%\nx = 1\n")
    words = {"strip": ["a.ipynb"], "cat": ["b.py"], "diff": ["a.ipynb", "a.ipynb"], "merge": ["a.ipynb"] * 3}
    found = loaded(command([verb, *words[verb]]), folder)
    assert "octavo.review" in found
    allowed = {"subprocess", "threading", "difflib"}  # for git, and for words in a line
    assert not ((HEAVY | {"jsonschema"}) & (found - nothing())) - allowed


def test_a_task_elsewhere_whose_result_is_known_loads_nothing_that_runs_tasks(folder: Folder) -> None:
    folder.write("steps.py", "def make(product):\n    product.write_text('made')\n")
    folder.write(
        "pipeline.yaml",
        """
        executor: {name: dask, scheduler: tcp://127.0.0.1:1}  # where builds run; a task elsewhere runs there
        tasks: [{source: steps.make, product: out/made.txt}]
        """,
    )
    store = folder.path.parent / "store"
    made = folder.octavo("export", "json", "--remote", str(store), "-o", "-")
    plan = json.loads(made.stdout)["plan"]
    words = ["run-task", "make", "--remote", str(store), "--plan", plan, "--run"]
    ran, known = (loaded(command([*words, run]), folder) for run in ("first", "second"))
    runs = {"octavo.executors.local", "octavo.worker.worker"}
    assert runs <= ran
    assert not runs & known
    assert not {"http.client", "zoneinfo", "octavo.executors.dask"} & known
