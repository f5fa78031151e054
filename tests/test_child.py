"""Every process of a project finds the project's modules, and takes none of them for Python's own."""

from __future__ import annotations

import ast
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pexpect  # type: ignore[import-untyped, unused-ignore]
import pytest

import octavo
from octavo.ploomber.spec import DAGSpec
from octavo.process import child
from projects import Folder

SRC = Path(octavo.__file__).parent
#: What Python itself, octavo and libraries import; a project may call its own modules so.
NAMES = ("json.py", "random.py", "types.py")
#: What ipykernel and jupyter_client import of other packages.
OTHERS = ("six.py", "traitlets.py", "dateutil.py", "zmq.py")


class Layout:
    """A project whose modules are in a folder of it, and what is done there by the command line."""

    def __init__(self, folder: Folder, modules: str, own: bool) -> None:
        self.folder = folder
        self.modules = modules
        if modules:
            folder.write("pyproject.toml", "[project]\nname = 'own'\n")
        if own:
            for name in NAMES:
                for place in {"", modules}:
                    folder.write(f"{place}{name}", "raise SystemExit('this is not the module of Python')\n")

    def module(self, name: str, text: str) -> None:
        self.folder.write(f"{self.modules}{name}", text)

    def write(self, name: str, text: str) -> None:
        self.folder.write(name, text)

    def octavo(self, *arguments: str, code: int = 0) -> str:
        """Run octavo as the command does: without a look at the folder where it is typed."""
        done = subprocess.run(
            [sys.executable, "-P", "-m", "octavo", *arguments],
            cwd=self.folder.path,
            env={**os.environ, "NO_COLOR": "1", "COLUMNS": "200"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture(params=["src", "own modules", "src with own modules"])
def layout(request: pytest.FixtureRequest, folder: Folder) -> Layout:
    return Layout(folder, "src/" if "src" in request.param else "", "own" in request.param)


CLIENTS = """
    import random
    from octavo.clients import SQLAlchemyClient

    def get():
        return SQLAlchemyClient("sqlite:///data.db")
    """
TASKS = """
    import json, random, types

    def make(product, rows=0):
        random.random(), types.SimpleNamespace()
        product.write_text(json.dumps({"rows": rows}))
    """
NOTEBOOK = """
    # %% tags=["parameters"]
    upstream = None
    product = None

    # %%
    import json, random, types
    import clients
    print(json.dumps(clients.__name__), random.random() < 1)
    """
MORE = """
    # %% [markdown]
    # What it means
    """


def test_a_table_that_is_dropped_by_hand_is_stale(layout: Layout) -> None:
    layout.module("clients.py", CLIENTS)
    layout.write("raw.sql", "DROP TABLE IF EXISTS {{product}}; CREATE TABLE {{product}} AS SELECT 1 AS a")
    layout.write("pipeline.yaml", "tasks: [{source: raw.sql, product: [raw, table], client: clients.get}]")
    layout.octavo("build")
    assert "all tasks are fresh" in layout.octavo("status")
    with closing(sqlite3.connect(layout.folder.path / "data.db")) as connection:
        connection.execute("DROP TABLE raw")
    said = layout.octavo("status")
    assert "stale" in said and "taken as they were" not in said
    assert "1 done" in layout.octavo("build")


def test_new_comments_reach_a_page(layout: Layout) -> None:
    layout.module("clients.py", CLIENTS)
    layout.write("look.py", NOTEBOOK)
    layout.write("pipeline.yaml", "tasks: [{source: look.py, product: look.html}]")
    layout.octavo("build")
    layout.write("look.py", NOTEBOOK + MORE)
    assert "1 task fresh" in layout.octavo("build")
    assert "What it means" in layout.folder.read("look.html")


def test_tasks_run_in_every_executor(layout: Layout) -> None:
    layout.module("tasks.py", TASKS)
    layout.module("clients.py", CLIENTS)
    layout.write("look.py", NOTEBOOK)
    layout.write(
        "pipeline.yaml",
        "tasks: [{source: tasks.make, product: made.txt}, {source: look.py, product: look.ipynb}]",
    )
    for arguments in ((), ("--executor", "inline")):
        assert "2 done" in layout.octavo("build", "--force", *arguments)
        assert layout.folder.read("made.txt") == '{"rows": 0}'
        shown = json.loads(layout.folder.read("look.ipynb"))["cells"][-1]["outputs"][0]["text"]
        assert "".join(shown) == '"clients" True\n'


def test_hooks_and_values_are_found(layout: Layout) -> None:
    layout.module("tasks.py", TASKS)
    layout.module(
        "around.py",
        """
        import json, random, types
        from pathlib import Path

        def rows():
            return 4

        def after(report):
            Path("after.txt").write_text(json.dumps("called"))

        def check(product):
            assert json.loads(product.read_text()) == {"rows": 4}
        """,
    )
    layout.write(
        "pipeline.yaml",
        """
        on_finish: around.after
        tasks:
          - source: tasks.make
            product: made.txt
            params: {rows: "around::rows"}
            on_finish: around.check
        """,
    )
    layout.octavo("build")
    assert layout.folder.read("after.txt") == '"called"'
    layout.octavo("task", "make", "--on-finish")


def test_a_factory_makes_the_pipeline(layout: Layout) -> None:
    layout.module("tasks.py", TASKS)
    layout.module(
        "factory.py",
        """
        import json, random, types
        from ploomber import DAG
        from ploomber.products import File
        from ploomber.tasks import PythonCallable
        import tasks

        def pipeline():
            dag = DAG()
            PythonCallable(tasks.make, File("made.txt"), dag)
            return dag
        """,
    )
    layout.write("pipeline.yaml", "location: factory.pipeline")
    layout.octavo("build")
    assert layout.folder.read("made.txt") == '{"rows": 0}'


def test_what_ploomber_noted_of_a_table_is_found(layout: Layout) -> None:
    layout.module("clients.py", CLIENTS)
    layout.write("raw.sql", "CREATE TABLE {{product}} AS SELECT 1 AS a")
    layout.write(
        "pipeline.yaml",
        """
        tasks:
          - source: raw.sql
            product: [raw, table]
            product_class: SQLiteRelation
            product_client: clients.get
            client: clients.get
        """,
    )
    note = json.dumps({"timestamp": time.time(), "stored_source_code": "CREATE TABLE raw AS SELECT 1 AS a"})
    with closing(sqlite3.connect(layout.folder.path / "data.db")) as connection:
        connection.execute("CREATE TABLE raw AS SELECT 1 AS a")
        connection.execute("CREATE TABLE _metadata (name TEXT, schema TEXT, metadata BLOB)")
        connection.execute("INSERT INTO _metadata (name, metadata) VALUES ('raw', ?)", (note.encode(),))
        connection.commit()
    assert "could not be asked" not in (said := layout.octavo("build", "--adopt"))
    assert "adopted" in said


def test_interact_finds_the_modules(layout: Layout) -> None:
    layout.module("clients.py", CLIENTS)
    layout.module("tasks.py", TASKS)
    layout.write("pipeline.yaml", "tasks: [{source: tasks.make, product: made.txt}]")
    session = pexpect.spawn(
        sys.executable,
        ["-P", "-m", "octavo", "interact"],
        cwd=str(layout.folder.path),
        env={**os.environ, "NO_COLOR": "1", "TERM": "dumb", "IPYTHONDIR": str(layout.folder.path / "ip")},
        encoding="utf-8",
        timeout=60,
    )
    try:
        session.expect_exact("In [1]:")
        session.sendline("import clients; print('found', clients.get().__class__.__name__)")
        session.expect_exact("found SQLAlchemyClient")
    finally:
        session.close(force=True)


def test_modules_may_be_called_as_those_of_the_packages_that_octavo_needs(folder: Folder) -> None:
    for name in OTHERS:
        folder.write(name, "raise SystemExit('this is not the package')\n")
    folder.write("alone.py", "print(1)\n")
    folder.write("pipeline.yaml", "tasks: [{source: alone.py, product: alone.ipynb}]")
    layout = Layout(folder, "", own=False)
    assert "wrote out.ipynb" in layout.octavo("run", "alone.py", "out.ipynb")
    assert "1 done" in layout.octavo("build")


def test_a_notebook_runs_alone(layout: Layout) -> None:
    layout.write("alone.py", "import json, random, types\nprint(json.dumps(1), random.random() < 1)\n")
    assert "wrote out.ipynb" in layout.octavo("run", "alone.py", "out.ipynb")


def test_a_pipeline_made_in_python_finds_its_factory(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    layout = Layout(folder, "src/", own=False)
    layout.module(
        "factory_in_src.py",
        "from ploomber import DAG\n\ndef pipeline():\n    return DAG('made in src')\n",
    )
    layout.write("pipeline.yaml", "location: factory_in_src.pipeline")
    monkeypatch.chdir(folder.path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert DAGSpec("pipeline.yaml").to_dag().name == "made in src"


def test_the_command_is_the_same_by_its_module(folder: Folder) -> None:
    folder.write("json.py", "raise SystemExit('this is not the module of Python')\n")
    folder.write("tasks.py", TASKS)
    folder.write("pipeline.yaml", "tasks: [{source: tasks.make, product: made.txt}]")
    done = folder.octavo("build")
    assert done.returncode == 0, done.stderr


# ── failures of what is asked


EXPORTER = """
    import os
    from nbconvert import HTMLExporter

    class Own(HTMLExporter):
        def __init__(self, **given):
            assert not os.environ.get("BROKEN"), "not today"
            super().__init__(**given)
    """


def test_a_refresh_that_fails_is_told_and_tried_again(folder: Folder) -> None:
    folder.write("look.py", NOTEBOOK.replace("import clients", "import sys as clients"))
    folder.write("exporters.py", EXPORTER)
    folder.write(
        "pipeline.yaml",
        "tasks: [{source: look.py, product: look.html, nbconvert_exporter_name: exporters.Own}]",
    )
    assert folder.octavo("build").returncode == 0
    folder.write("look.py", NOTEBOOK.replace("import clients", "import sys as clients") + MORE)
    for _ in range(2):
        said = folder.octavo("build", env={"BROKEN": "yes"})
        assert said.returncode == 0, said.stdout
        assert (
            "its executed notebook could not be updated with new comments and markdown"
            in said.stdout + said.stderr
        )
        assert "not today" in said.stdout + said.stderr
        assert "What it means" not in folder.read("look.html")
    assert folder.octavo("build").returncode == 0
    assert "What it means" in folder.read("look.html")


@pytest.fixture
def asked(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], child.Answer]:
    """Ask a child that runs a text and answers with what it calls ``value``."""
    module = folder.write(
        "asking/asked_child.py",
        """
        from octavo.process import child

        def work(text):
            names = {}
            exec(text, names)
            return names.get("value")

        def main():
            child.answer(work)
        """,
    )
    monkeypatch.setenv("PYTHONPATH", str(module.parent))
    return lambda text: child.ask("asked_child", text, str(folder.path), 60)


def test_a_child_answers_in_words_of_json_and_what_it_prints_is_no_answer(
    asked: Callable[[str], child.Answer],
) -> None:
    done = asked(
        "import os; print('[1]', flush=True); os.write(1, b'[2]'); value = {'a': [None, 'ü\\udc80']}"
    )
    assert done.answered and done.value == {"a": [None, "ü\udc80"]}
    assert done.output.split() == ["[1]", "[2]"]


def test_a_child_is_not_waited_for_longer_than_it_lives(asked: Callable[[str], child.Answer]) -> None:
    text = "import subprocess; value = subprocess.Popen(['sleep', '600']).pid"
    done = asked(text)
    assert done.answered
    deadline = time.monotonic() + 5
    while Path(f"/proc/{done.value}").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not Path(f"/proc/{done.value}").exists()


@pytest.mark.parametrize(
    ("text", "code"),
    [("import os; os._exit(3)", 3), ("import os; os.abort()", -6), ("raise SystemExit(0)", 0)],
)
def test_a_child_that_ends_without_an_answer_has_not_answered(
    asked: Callable[[str], child.Answer], text: str, code: int
) -> None:
    done = asked(text)
    assert (done.answered, done.code) == (False, code)


def test_a_child_has_its_time(asked: Callable[[str], child.Answer], folder: Folder) -> None:
    with pytest.raises(TimeoutError, match="did not answer in 1 s"):
        child.ask("asked_child", "import time; time.sleep(600)", str(folder.path), 1.0)


# ── one way


def test_nothing_else_starts_python_or_arranges_its_path() -> None:
    """Names of ``sys`` that only ``process/child.py`` needs; the others are said here, with their reasons."""
    reasons = {
        "process/child.py": {"executable", "path", "argv"},
        "worker/server.py": {"argv"},  # its own arguments
        "worker/spawned.py": {"argv"},
        "cli/__init__.py": {"argv"},
        "cli/interact.py": {"argv"},
        "cli/lab.py": {"executable"},
        "cli/doctor.py": {"executable"},  # told only
        "cli/git.py": {"executable"},  # octavo itself, as git starts it
        "cli/schedule.py": {"executable"},  # octavo itself, as timers start it
        "testing/in_process.py": {"path"},  # what a cell did to it is undone
        "deploy/here.py": {"executable"},  # octavo itself, as engines start it
        "airflow/__init__.py": {"executable"},  # octavo itself, as Airflow starts it
        "checks/ruff.py": {"executable"},  # ruff stands beside it
        "plugins.py": {"path"},  # looked at only
        "jupyter/building.py": {"executable"},  # octavo itself
        "jupyter/watched.py": {"path", "argv"},  # a kernel while it stands in for a worker; put back after it
        "ploomber/command.py": {"argv"},
        "kernels/native.py": {"path", "argv"},  # a kernel's process, which the worker becomes
        "kernels/attach.py": {"path"},
        "kernels/process.py": {"executable", "path"},  # other kernels
        "kernels/specs.py": {"executable"},  # whether a kernelspec starts this very Python
        "kinds/pause.py": {"path"},  # looked at only
        "reading/folders.py": {"path"},
        "environment.py": {"path"},
        "venvs/making.py": {"executable"},  # from which environments are made
        "parts/__init__.py": {"path"},
        "worker/observe/imports.py": {"path"},
        "calls.py": {"path"},
        "executors/ahead.py": {"executable", "path"},  # looked at only
        "review/branch_run.py": {"path"},  # looked at only: what of it leads into the repository
        "ploomber/building.py": {"path"},  # the program's own process
        "ploomber/__main__.py": {"path", "argv"},
        "__main__.py": {"path"},
    }
    found: dict[str, set[str]] = {}
    for path in SRC.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Attribute(ast.Name("sys"), "executable" | "path" | "argv" as name):
                    found.setdefault(str(path.relative_to(SRC)), set()).add(name)
    assert found == reasons
