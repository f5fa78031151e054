"""Pipelines of files as DAGs, factories, environments: and that both doors lead to the same state."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from octavo.ploomber.env import Env, load_env, with_env
from octavo.ploomber.exceptions import DAGBuildError, DAGSpecInitializationError, DAGSpecInvalidError
from octavo.ploomber.executors import Parallel
from octavo.ploomber.spec import DAGSpec, lazily_load_entry_point
from octavo.project import Project, load
from octavo.spec.entry import EntryPoint
from octavo.spec.evaluated import pipeline
from projects import Folder

PIPELINE = """
    executor: parallel
    tasks:
      - source: steps.one
        product: "{{out}}/one.txt"
        params: {text: "{{text}}"}
      - source: steps.two
        product: "{{out}}/two.txt"
"""
STEPS = '''
    from pathlib import Path

    def one(product, text):
        """Write the text."""
        Path(product).parent.mkdir(parents=True, exist_ok=True)
        Path(product).write_text(text)

    def two(upstream, product):
        Path(product).write_text(Path(upstream["one"]).read_text() + "!")

    def all(upstream, product):
        pass

    def check():
        pass
'''


@pytest.fixture
def project(folder: Folder) -> Iterator[Folder]:
    """Work in a project of two functions with an environment."""
    folder.write("pipeline.yaml", PIPELINE)
    folder.write("steps.py", STEPS)
    folder.write("env.yaml", "out: out\ntext: hello")
    before = Path.cwd()
    os.chdir(folder.path)
    sys.path.insert(0, str(folder.path))
    yield folder
    os.chdir(before)
    sys.path.remove(str(folder.path))
    for name in ("steps", "pipeline", "factory"):
        sys.modules.pop(name, None)


def test_a_spec_becomes_a_dag_of_its_tasks(project: Folder) -> None:
    dag = DAGSpec("pipeline.yaml").to_dag()
    assert list(dag) == ["one", "two"]
    assert str(dag["one"].product) == "out/one.txt" and dag["one"].params["text"] == "hello"
    assert list(dag["two"].upstream) == ["one"]
    assert isinstance(dag.executor, Parallel)
    assert dag["one"].source.primitive.__name__ == "one" and dag["one"].source.doc == "Write the text."


def test_the_environment_can_be_given(project: Folder) -> None:
    dag = DAGSpec("pipeline.yaml", env={"text": "bye"}).to_dag()
    assert dag["one"].params["text"] == "bye" and str(dag["one"]) == "out/one.txt"


def test_what_a_program_built_is_up_to_date_for_the_command_line(project: Folder) -> None:
    DAGSpec("pipeline.yaml").to_dag().build(show_progress=False)
    assert project.read("out/two.txt") == "hello!"
    assert "2 tasks fresh" in project.octavo("build").stdout


def test_a_changed_dag_is_built_as_it_is_now(project: Folder) -> None:
    dag = DAGSpec.find().to_dag()
    del dag["two"]
    said: list[str] = []
    dag["one"].on_finish = lambda product: Path("said").write_text(str(product))
    dag.on_finish = lambda: said.append("all")
    dag.build(show_progress=False)
    assert project.read("said").endswith("out/one.txt") and said == ["all"]
    assert not Path("out/two.txt").exists()


def test_data_is_a_spec_too(project: Folder) -> None:
    spec = DAGSpec([{"source": "steps.one", "product": "x.txt", "params": {"text": "{{t}}"}}], env={"t": "T"})
    assert spec["tasks"][0]["params"] == {"text": "T"}
    spec.to_dag().build(show_progress=False)
    assert project.read("x.txt") == "T"


def test_mistakes_are_initialization_errors(project: Folder) -> None:
    with pytest.raises(DAGSpecInvalidError, match=r"nowhere\.yaml"):
        DAGSpec("nowhere.yaml")
    with pytest.raises(DAGSpecInitializationError, match="has no key"):
        DAGSpec({"tasks": [{"source": "steps.one", "produkt": "x"}]}).to_dag()
    with pytest.raises(DAGSpecInitializationError, match="nothing_such"):
        DAGSpec([{"source": "steps.one", "product": "{{nothing_such}}"}])


def test_notebooks_of_a_folder_are_a_pipeline(project: Folder) -> None:
    project.write("nbs/a.py", '# %% tags=["parameters"]\nupstream = None\nproduct = "a.ipynb"\n')
    project.write("nbs/b.py", '# %% tags=["parameters"]\nupstream = ["a"]\nproduct = "b.ipynb"\n')
    assert list(DAGSpec.from_directory("nbs").to_dag()) == ["a", "b"]
    assert list(DAGSpec.from_files("nbs/*.py").to_dag()) == ["a", "b"]
    assert list(lazily_load_entry_point("nbs")) == ["a", "b"]


FACTORY = """
    from pathlib import Path
    from ploomber import DAG, SourceLoader, with_env
    from ploomber.products import File
    from ploomber.tasks import NotebookRunner, PythonCallable
    import steps

    @with_env({"path": {"out": "made"}, "text": "env"})
    def make(env, last="two"):
        print("this is no answer")
        dag = DAG(executor="parallel")
        Path(env.path.out).mkdir(exist_ok=True)
        one = PythonCallable(steps.one, File(env.path.out / "one.txt"), dag, params={"text": env.text})
        one.on_finish = check
        two = PythonCallable(steps.two, File(env.path.out / "two.txt"), dag, name=last)
        one >> two
        return dag

    def check(product):
        assert Path(product).exists()

    def inner():
        def task(product):
            pass
        dag = DAG()
        PythonCallable(task, File("x.txt"), dag)
        return dag
"""


def test_a_location_is_built_by_the_command_line(project: Folder) -> None:
    project.write("factory.py", FACTORY)
    project.write("pipeline.yaml", "location: factory.make")
    (project.path / "env.yaml").unlink()
    done = project.octavo("build")
    assert done.returncode == 0, done.stderr
    assert project.read("made/two.txt") == "env!"
    assert "2 tasks fresh" in project.octavo("build").stdout


def test_a_factory_takes_keys_of_its_environment_and_its_arguments(project: Folder) -> None:
    project.write("factory.py", FACTORY)
    settings = {"text": "other", "path.out": "there", "last": "end"}
    one, two = pipeline(("factory.make", settings), str(project.path))["tasks"]
    assert (
        one["source"] == "steps.one"
        and one["product"] == "there/one.txt"
        and one["params"] == {"text": "other"}
    )
    assert one["on_finish"] == {"dotted_path": "factory.check"}
    assert two["name"] == "end" and two["upstream"] == ["one"]


def test_a_factory_whose_functions_only_it_knows_is_a_mistake(project: Folder) -> None:
    project.write("factory.py", FACTORY)
    project.write("pipeline.yaml", "location: factory.inner")
    done = project.octavo("build")
    assert done.returncode == 2
    assert "define it at the top of a module" in done.stderr


# ── environments


def test_an_environment_has_attributes_items_and_paths(project: Folder) -> None:
    with Env({"path": {"data": "{{here}}/d/"}, "db": {"uri": "x"}, "n": 1}) as env:
        assert env.path.data == project.path / "d" and env.db.uri == "x" and env["n"] == 1
        assert (project.path / "d").is_dir()
        assert dict(env)["n"] == 1 and Env.load() is env
        with pytest.raises(RuntimeError, match="already started"):
            Env({})
        with pytest.raises(RuntimeError, match="read-only"):
            env.n = 2
        with pytest.raises(AttributeError, match="has no m; there is"):
            _ = env.m
    with pytest.raises(RuntimeError, match="not been set"):
        Env.load()


def test_decorated_functions_get_the_environment(project: Folder) -> None:
    @load_env
    def inner(env: Env, word: str) -> str:
        return f"{env.text} {word}"

    @with_env
    def make(env: Env, word: str) -> str:
        return str(inner(word))

    assert make("world") == "hello world"
    assert make("world", env__text="bye") == "bye world"
    with pytest.raises(RuntimeError, match='must be "env"'):
        with_env(lambda x: x)


EVERYTHING = """
    meta: {extract_upstream: false, import_tasks_from: more/tasks.yaml, source_loader: {path: sql}}
    clients: {SQLScript: connect.get, SQLDump: connect.get, SQLiteRelation: connect.get}
    tasks:
      - {source: steps.one, product: out/one.txt, params: {text: x}, on_finish: steps.check, tags: [daily]}
      - source: nb.py
        name: nb-
        product: out/nb.ipynb
        grid: {n: [1, 2]}
        timeout: 30
      - {source: steps.all, product: {a: out/a.txt, b: out/b.txt}, upstream: ["nb-*", one]}
      - {source: table.sql, product: [clean, table], product_class: SQLiteRelation, upstream: [one]}
      - {source: dump.sql, product: out/d.csv, chunksize: null, upstream: [table]}
"""


def test_a_pipeline_that_was_read_is_said_as_it_was(project: Folder) -> None:
    project.write("pipeline.yaml", EVERYTHING)
    project.write("connect.py", "def get():\n    raise AssertionError('nobody asked')\n")
    project.write("nb.py", "# %% tags=['parameters']\nupstream = None\nproduct = None\nn = None\n")
    project.write("more/other.py", "# %% tags=['parameters']\nupstream = None\nproduct = None\n")
    project.write("more/tasks.yaml", "- {source: other.py, product: out/other.ipynb}")
    project.write("sql/table.sql", "CREATE TABLE {{product}} AS SELECT 1 AS x")
    project.write("sql/dump.sql", "SELECT * FROM {{upstream['table']}}")
    with load(project.path) as real:
        wanted = {task.name: replace(task, where=None) for task in real.graph}
    dag = DAGSpec("pipeline.yaml").to_dag()
    with Project(EntryPoint(project.path / "said", project.path, dag.to_spec(alive=True)), {}) as again:
        found = {task.name: replace(task, where=None) for task in again.graph}
    assert found == wanted


def test_a_source_that_cannot_run_is_an_error_of_the_build(project: Folder) -> None:
    dag = DAGSpec({"tasks": [{"source": "steps.three", "product": "out/three.txt"}]}).to_dag()
    with pytest.raises(DAGBuildError, match=r'there is no function "three" in steps\.py'):
        dag.build()
