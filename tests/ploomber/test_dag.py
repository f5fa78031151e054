"""DAGs made in Python: built by octavo's engine, up to date by octavo's rules, shown as Ploomber shows them."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from programs import program

from octavo.ploomber import DAG, DAGConfigurator
from octavo.ploomber.constants import TaskStatus
from octavo.ploomber.exceptions import DAGBuildError, DAGCycle, DAGRenderError, TaskInitializationError
from octavo.ploomber.executors import Parallel, Serial
from octavo.ploomber.products import File, SQLiteRelation
from octavo.ploomber.tasks import Input, NotebookRunner, PythonCallable, ShellScript, TaskGroup


@pytest.fixture(autouse=True)
def here(tmp_path: Path) -> Iterator[Path]:
    """Work in a folder of one's own."""
    before = Path.cwd()
    os.chdir(tmp_path)
    yield tmp_path
    os.chdir(before)


def write(product: Any, text: str = "text") -> None:
    """Write a text."""
    Path(product).write_text(text)


def join(product: Any, upstream: Any) -> None:
    Path(str(product)).write_text("".join(Path(str(upstream[name])).read_text() for name in upstream))


def fail(product: Any) -> None:
    raise ZeroDivisionError("no way")


def ran(report: Any) -> list[str]:
    return [name for name, did in zip(report["name"], report["Ran?"], strict=True) if did]


def three(executor: Any = "serial") -> DAG:
    """Return two tasks that write, and one that joins what they wrote."""
    dag = DAG(executor=executor)
    a = PythonCallable(write, File("a.txt"), dag, name="a", params={"text": "A"})
    b = PythonCallable(write, File("b.txt"), dag, name="b", params={"text": "B"})
    (a + b) >> PythonCallable(join, File("c.txt"), dag, name="c")
    return dag


@pytest.mark.parametrize(
    "executor", ["serial", Parallel(processes=2), Serial(build_in_subprocess=False)], ids=repr
)
def test_a_build_runs_what_is_stale_and_reports_it_as_a_table(here: Path, executor: Any) -> None:
    dag = three(executor)
    report = dag.build(show_progress=False)
    assert sorted(report["name"]) == ["a", "b", "c"] and all(report["Ran?"])
    assert list(report) == ["name", "Ran?", "Elapsed (s)", "Percentage"]
    assert Path("c.txt").read_text() == "AB"
    assert ran(three().build(show_progress=False)) == []


def test_a_changed_parameter_runs_its_task_and_what_gets_other_bytes(here: Path) -> None:
    three().build(show_progress=False)
    dag = three()
    dag["a"]._params["text"] = "X"
    assert ran(dag.build(show_progress=False)) == ["a", "c"]
    assert Path("c.txt").read_text() == "XB"


def test_statuses_follow_render_and_build(here: Path) -> None:
    dag = three()
    assert dag["a"].exec_status == TaskStatus.WaitingRender
    dag.render()
    assert [task.exec_status for task in dag.values()] == [
        TaskStatus.WaitingExecution,
        TaskStatus.WaitingExecution,
        TaskStatus.WaitingUpstream,
    ]
    dag.build(show_progress=False)
    assert {task.exec_status for task in dag.values()} == {TaskStatus.Executed}
    dag.render()
    assert {task.exec_status for task in dag.values()} == {TaskStatus.Skipped}


def test_the_status_is_a_table_that_says_why(here: Path) -> None:
    dag = three()
    assert dag.status()["Last run"] == ["Has not been run"] * 3
    dag.build(show_progress=False)
    Path("a.txt").unlink()
    table = dag.status()
    assert table["Outdated?"] == ["product a.txt is gone", "False", "upstream a changed"]
    assert table["Doc (short)"][0] == "Write a text."
    assert "test_dag.py" in table["Location"][0]
    assert "<td>a.txt</td>" in table._repr_html_()


def test_a_failed_task_stops_what_follows_and_is_told_with_its_traceback(here: Path) -> None:
    dag = DAG()
    bad = PythonCallable(fail, File("a.txt"), dag, name="bad")
    bad >> PythonCallable(join, File("b.txt"), dag, name="after")
    with pytest.raises(DAGBuildError) as error:
        dag.build(show_progress=False)
    assert 'raise ZeroDivisionError("no way")' in str(error.value)
    assert "not run: after" in str(error.value)
    assert bad.exec_status is TaskStatus.Errored
    assert dag["after"].exec_status is TaskStatus.Aborted


def test_exceptions_that_are_not_to_be_caught_are_raised_as_they_are(here: Path) -> None:
    dag = DAG(executor=Serial(build_in_subprocess=False, catch_exceptions=False))
    PythonCallable(fail, File("a.txt"), dag)
    with pytest.raises(ZeroDivisionError, match="no way"):
        dag.build(show_progress=False)


def test_functions_that_nobody_can_import_run_too(here: Path) -> None:
    seen = here / "seen"

    def closure(product: Any) -> None:
        seen.write_text("here")
        Path(product).write_text("closure")

    dag = DAG()
    PythonCallable(closure, File("a.txt"), dag)
    PythonCallable(lambda product: Path(product).write_text("lambda"), File("b.txt"), dag, name="b")
    PythonCallable(functools.partial(write, text="partial"), File("c.txt"), dag, name="c")
    dag.build(show_progress=False)
    assert [Path(name).read_text() for name in ("a.txt", "b.txt", "c.txt")] == [
        "closure",
        "lambda",
        "partial",
    ]
    assert seen.read_text() == "here"
    assert ran(dag.build(show_progress=False)) == []


def test_parameters_that_no_file_could_say_reach_the_function(here: Path) -> None:
    def name_of(product: Any, kind: type, number: int) -> None:
        Path(product).write_text(f"{kind.__name__} {number}")

    def made() -> DAG:
        dag = DAG()
        PythonCallable(name_of, File("a.txt"), dag, params={"kind": dict, "number": 2})
        return dag

    made().build(show_progress=False)
    assert Path("a.txt").read_text() == "dict 2"
    assert ran(made().build(show_progress=False)) == []


def test_hooks_are_called_where_they_belong(here: Path) -> None:
    said: list[str] = []
    dag = three(Serial(build_in_subprocess=False))
    dag["a"].on_finish = lambda task, product: said.append(f"{task.name} made {Path(str(product)).name}")
    dag.on_render = lambda dag: said.append(f"{len(dag)} tasks")
    dag.on_finish = lambda report: said.append(f"{len(report)} ended")
    dag.build(show_progress=False)
    assert said == ["3 tasks", "a made a.txt", "3 ended"]


def test_a_task_whose_on_finish_raises_has_failed(here: Path) -> None:
    dag = three()

    def refuse() -> None:
        raise ValueError("not as it should be")

    failed: list[str] = []
    dag["a"].on_finish = refuse
    dag.on_failure = lambda traceback: failed.append(traceback["build"])
    with pytest.raises(DAGBuildError, match="not as it should be"):
        dag.build(show_progress=False)
    assert dag["a"].exec_status is TaskStatus.Errored
    assert "not as it should be" in failed[0]


def test_a_notebook_may_be_a_text(here: Path) -> None:
    dag = DAG()
    first = PythonCallable(write, File("a.txt"), dag, name="first")
    code = "# + tags=['parameters']\nupstream = None\nproduct = None\nn = None\n"
    code += "\n# +\nprint(n, open(upstream['first']).read())\n"
    nb = NotebookRunner(code, File("out/nb.ipynb"), dag, name="nb", params={"n": 7}, ext_in="py")
    first >> nb
    dag.build(show_progress=False)
    assert "7 text" in Path("out/nb.ipynb").read_text()


def test_templates_are_rendered_with_products_and_upstream(here: Path) -> None:
    dag = DAG()
    first = PythonCallable(write, File("a.txt"), dag, name="first")
    shell = ShellScript("cat {{upstream['first']}} > {{product}}", File("b.txt"), dag, name="shell")
    first >> shell
    assert "{{product}}" in str(shell.source)
    dag.render()
    assert str(shell.source) == "cat a.txt > b.txt"


def test_partial_builds_run_a_task_and_what_it_needs(here: Path) -> None:
    dag = three()
    assert sorted(dag.build_partially("a", show_progress=False)["name"]) == ["a"]
    assert ran(dag["c"].build()) == ["b", "c"]
    assert ran(dag["c"].build(force=True)) == ["c"]
    assert sorted(ran(dag.build_partially("c", force=True, show_progress=False))) == ["a", "b", "c"]
    assert ran(dag.build_partially("c", force=True, skip_upstream=True, show_progress=False)) == ["c"]


def test_tasks_can_be_taken_away(here: Path) -> None:
    dag = three()
    with pytest.raises(RuntimeError, match="c wait for it"):
        dag.pop("a")
    del dag["a"]
    assert list(dag["c"].upstream) == ["b"]
    dag.build(show_progress=False)
    assert Path("c.txt").read_text() == "B" and not Path("a.txt").exists()


def test_a_task_whose_status_is_set_to_skipped_does_not_run(here: Path) -> None:
    Path("a.txt").write_text("mine")
    dag = three()
    dag.render()
    dag["a"]._exec_status = TaskStatus.Skipped
    dag._params.cache_rendered_status = True
    dag.build(show_progress=False)
    assert Path("c.txt").read_text() == "mineB"


def test_an_input_is_a_file_from_elsewhere(here: Path) -> None:
    Path("data.txt").write_text("one")

    def made() -> DAG:
        dag = DAG()
        Input(File("data.txt"), dag, "data") >> PythonCallable(join, File("c.txt"), dag, name="c")
        return dag

    made().build(show_progress=False)
    Path("data.txt").write_text("two")
    assert "c" in ran(made().build(show_progress=False))
    assert Path("c.txt").read_text() == "two"


def test_groups_are_named_and_numbered_as_in_grids(here: Path) -> None:
    dag = DAG()
    group = TaskGroup.from_grid(
        PythonCallable, File, "out/x.y.txt", {"source": write}, dag, grid={"text": ["p", "q"]}, name="t"
    )
    last = PythonCallable(join, File("c.txt"), dag, name="c")
    group >> last
    assert [(task.name, str(task.product)) for task in group] == [
        ("t0", "out/x-0.y.txt"),
        ("t1", "out/x-1.y.txt"),
    ]
    Path("out").mkdir()
    dag.build(show_progress=False)
    assert Path("c.txt").read_text() == "pq"


def test_products_are_paths_and_relations_are_names(here: Path) -> None:
    dag = three()
    assert str(dag["a"]) == "a.txt" and os.fspath(dag["a"].product) == "a.txt"
    assert str(SQLiteRelation(("s", "t", "table"))) == "s.t"
    assert repr(SQLiteRelation((None, "t", "view"))) == "SQLiteRelation(t)"
    with pytest.raises(ValueError, match="table or view"):
        SQLiteRelation(("a", "b", "c"))


def test_mistakes_are_found_where_they_are_made(here: Path) -> None:
    dag = three()
    with pytest.raises(ValueError, match="already has a task"):
        PythonCallable(write, File("z.txt"), dag, name="a")
    with pytest.raises(TypeError, match=r"did you mean \"serializer\""):
        PythonCallable(write, File("z.txt"), dag, name="z", serialiser=None)
    with pytest.raises(TypeError, match=r"File\('z.txt'\)"):
        PythonCallable(write, "z.txt", dag, name="z")
    with pytest.raises(AttributeError, match="did you mean"):
        DAGConfigurator({"hot_relod": True})
    with pytest.raises(KeyError, match="did you mean"):
        three_names = DAG()
        PythonCallable(write, File("z.txt"), three_names, name="clean")
        three_names["clear"]


def test_a_circle_is_an_error(here: Path) -> None:
    dag = three()
    dag["a"].set_upstream(dag["c"])
    with pytest.raises(DAGCycle):
        list(dag)


def test_two_makers_of_one_product_are_a_render_error(here: Path) -> None:
    dag = three()
    PythonCallable(write, File("a.txt"), dag, name="d")
    with pytest.raises(DAGRenderError, match=r"a\.txt"):
        dag.render()


def test_a_spec_for_other_processes_has_only_what_they_can_import(here: Path) -> None:
    dag = DAG()
    PythonCallable(lambda product: None, File("a.txt"), dag, name="a")
    with pytest.raises(TaskInitializationError, match="define it at the top of a module"):
        dag.to_spec()


def test_plots_are_pictures_or_files(here: Path) -> None:
    dag = three()
    assert dag.plot()._repr_svg_().startswith("<svg")
    assert dag.plot("graph.html") == "graph.html"
    assert "<html" in Path("graph.html").read_text()


def test_a_program_builds_its_own_functions_and_leaves_its_farewells_to_itself(tmp_path: Path) -> None:
    code = """
import atexit
from pathlib import Path
from ploomber import DAG
from ploomber.products import File
from ploomber.tasks import PythonCallable

N = 2

@atexit.register
def bye():
    print("bye")

def helper():
    return str(N)

def one(product):
    Path(product).write_text(helper())

dag = DAG()
PythonCallable(one, File("one.txt"), dag)

if __name__ == "__main__":
    report = dag.build(show_progress=False)
    print(report["Ran?"])
"""
    assert program(tmp_path, code).split() == ["[True]", "bye"]
    assert program(tmp_path, code).split() == ["[False]", "bye"]
    assert program(tmp_path, code.replace("return str(N)", "return str(N + 1)")).split() == ["[True]", "bye"]
    assert (tmp_path / "one.txt").read_text() == "3"


def test_upstream_may_come_as_a_group(here: Path) -> None:
    def gather(product: Any, upstream: Any) -> None:
        Path(product).write_text("".join(Path(path).read_text() for path in upstream["w-*"].values()))

    dag = DAG()
    last = PythonCallable(gather, File("c.txt"), dag, name="c")
    for text in ("p", "q"):
        task = PythonCallable(write, File(f"{text}.txt"), dag, name=f"w-{text}", params={"text": text})
        last.set_upstream(task, group_name="w-*")
    dag.build(show_progress=False)
    assert Path("c.txt").read_text() == "pq"


def test_several_products_have_names_or_numbers(here: Path) -> None:
    def both(product: Any) -> None:
        for key in product:
            Path(product[key]).write_text(str(key))

    dag = DAG()
    task = PythonCallable(both, {"x": File("x.txt"), "y": File("y.txt")}, dag)
    assert task.product["y"] == File("y.txt") and task.product.first == File("x.txt")
    dag.build(show_progress=False)
    assert Path("y.txt").read_text() == "y" and task.product.exists()


def test_products_outside_of_the_project_are_products(here: Path, tmp_path_factory: Any) -> None:
    other = tmp_path_factory.mktemp("other") / "a.txt"
    dag = DAG()
    PythonCallable(write, File(other), dag, name="a")
    dag.build(show_progress=False)
    assert other.read_text() == "text"
    assert ran(dag.build(show_progress=False)) == []


def test_builds_log_where_the_configuration_says(here: Path) -> None:
    import logging

    def factory(name: str) -> logging.Handler:
        return logging.FileHandler(f"{name}.log")

    configurator = DAGConfigurator()
    configurator.params.logging_factory = factory
    dag = configurator.create(name="mine", executor=Serial(build_in_subprocess=False))
    PythonCallable(lambda product: Path(product).touch(), File("a.txt"), dag, name="a")
    dag["a"].on_finish = lambda: logging.getLogger("ploomber").warning("made it")
    dag.build(show_progress=False)
    assert Path("mine.log").read_text() == "made it\n"


def test_a_helper_that_the_program_imported_is_part_of_what_a_task_depends_on(tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text("def word():\n    return 'a'\n")
    code = """
from pathlib import Path
import helper
from ploomber import DAG
from ploomber.products import File
from ploomber.tasks import PythonCallable

def one(product):
    Path(product).write_text(helper.word())

dag = DAG()
PythonCallable(one, File("one.txt"), dag)
print(dag.build(show_progress=False)["Ran?"])
"""
    assert program(tmp_path, code).strip() == "[True]"
    assert program(tmp_path, code).strip() == "[False]"
    (tmp_path / "helper.py").write_text("def word():\n    return 'b'\n")
    assert program(tmp_path, code).strip() == "[True]"
    assert (tmp_path / "one.txt").read_text() == "b"


def test_tasks_of_another_dag_are_refused(here: Path) -> None:
    one, other = three(), three()
    with pytest.raises(TaskInitializationError, match="different DAGs"):
        one["c"].set_upstream(other["a"])


def test_where_processes_cannot_be_forked_functions_run_in_the_program(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("octavo.ploomber.forking.CAN_FORK", False)
    seen: list[int] = []

    def look(product: Any) -> None:
        seen.append(1)
        Path(product).touch()

    dag = DAG()
    PythonCallable(look, File("a.txt"), dag, name="a")
    dag.build(show_progress=False)
    assert seen == [1]


def test_hooks_of_the_dag_that_raise_fail_the_build(here: Path) -> None:
    def refuse() -> None:
        raise ValueError("not today")

    told: list[Any] = []
    dag = three()
    dag.on_finish, dag.on_failure = refuse, lambda traceback: told.append(traceback["on_finish"])
    with pytest.raises(DAGBuildError, match=r"on_finish of the DAG .*not today"):
        dag.build(show_progress=False)
    assert "refuse" in told[0]
    dag.on_render = refuse
    with pytest.raises(DAGRenderError, match="on_render of the DAG"):
        dag.build(show_progress=False)
