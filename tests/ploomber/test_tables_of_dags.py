"""DAGs of tables: made, up to date, loaded, and questioned, in SQLite; and templates from folders."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from octavo.ploomber import DAG, SourceLoader
from octavo.ploomber.clients import SQLAlchemyClient
from octavo.ploomber.exceptions import DAGBuildEarlyStop, RenderError, TaskRenderError
from octavo.ploomber.executors import Serial
from octavo.ploomber.placeholders import Placeholder
from octavo.ploomber.products import File, SQLiteRelation
from octavo.ploomber.spec import DAGSpec
from octavo.ploomber.tasks import PythonCallable, SQLDump, SQLScript, SQLTransfer, SQLUpload
from octavo.ploomber.testing import pandas as files
from octavo.ploomber.testing import sql
from octavo.ploomber.validators import data_frame_validator, validate_schema, validate_values
from octavo.process import finder

pandas = pytest.importorskip("pandas")
pytest.importorskip("sqlalchemy")


@pytest.fixture(autouse=True)
def here(tmp_path: Path) -> Iterator[Path]:
    """Work in a folder with a database of one table."""
    before = Path.cwd()
    os.chdir(tmp_path)
    with sqlite3.connect("my.db") as database:
        database.execute("CREATE TABLE source (id INTEGER, x REAL)")
        database.executemany("INSERT INTO source VALUES (?, ?)", [(1, 0.5), (2, 1.5), (2, None)])
    database.close()
    yield tmp_path
    os.chdir(before)


def plus_one(product: Any, upstream: Any) -> None:
    table = pandas.read_csv(str(upstream["dump"]))
    table["x"] += 1
    table.to_csv(str(product), index=False)


def ran(report: Any) -> list[str]:
    return [name for name, did in zip(report["name"], report["Ran?"], strict=True) if did]


def made() -> DAG:
    """Return a pipeline from a table through files to tables and views."""
    dag = DAG(executor=Serial(build_in_subprocess=False))
    client = SQLAlchemyClient("sqlite:///my.db")
    for where in (SQLDump, SQLUpload, SQLScript, SQLiteRelation):
        dag.clients[where] = client
    query = "SELECT * FROM source WHERE id >= {{low}}"
    dump = SQLDump(query, File("x.csv"), dag, name="dump", chunksize=None, params={"low": 1})
    more = PythonCallable(plus_one, File("y.csv"), dag, name="more")
    upload = SQLUpload(
        '{{upstream["more"]}}',
        SQLiteRelation((None, "raw", "table")),
        dag,
        name="upload",
        to_sql_kwargs={"if_exists": "replace", "index": False},
    )
    text = "DROP TABLE IF EXISTS {{product}};\n"
    text += "CREATE TABLE {{product}} AS SELECT * FROM {{upstream['upload']}} WHERE x > 2"
    clean = SQLScript(text, SQLiteRelation(("clean", "table")), dag, name="clean")
    dump >> more >> upload >> clean
    return dag


def test_tables_are_built_loaded_and_up_to_date(here: Path) -> None:
    dag = made()
    assert len(ran(dag.build(show_progress=False))) == 4
    assert dag["clean"].load()["x"].tolist() == [2.5]
    assert dag["dump"].load()["x"].tolist()[:2] == [0.5, 1.5]
    assert dag["clean"].product.exists()
    assert ran(made().build(show_progress=False)) == []
    dag["clean"].product.delete()
    assert not dag["clean"].product.exists()
    dag.close_clients()
    assert ran(made().build(show_progress=False)) == ["clean"]


def test_rendered_scripts_can_be_read(here: Path) -> None:
    dag = made()
    dag.render()
    assert "CREATE TABLE clean AS SELECT * FROM raw WHERE x > 2" in str(dag["clean"].source)
    assert str(dag["dump"].source).startswith("SELECT * FROM source WHERE id >= 1")
    dag.close_clients()


def test_a_table_is_transferred_to_another_database(here: Path) -> None:
    dag = DAG()
    dag.clients[SQLiteRelation] = SQLAlchemyClient("sqlite:///other.db")
    source = SQLAlchemyClient("sqlite:///my.db")
    SQLTransfer("SELECT id FROM source", SQLiteRelation(("ids", "table")), dag, name="ids", client=source)
    dag.build(show_progress=False)
    with sqlite3.connect("other.db") as database:
        assert database.execute("SELECT COUNT(*) FROM ids").fetchone() == (3,)
    database.close()


def test_dates_are_texts_in_templates(here: Path) -> None:
    dag = DAG()
    client = SQLAlchemyClient("sqlite:///my.db")
    query = "SELECT '{{day}}' AS day"
    SQLDump(
        query, File("d.csv"), dag, name="d", client=client, chunksize=None, params={"day": date(2020, 1, 2)}
    )
    dag.build(show_progress=False)
    assert "2020-01-02" in Path("d.csv").read_text()


def test_a_hook_may_end_a_build_early_and_well(here: Path) -> None:
    def enough() -> None:
        raise DAGBuildEarlyStop("nothing new")

    dag = made()
    dag["dump"].on_finish = enough
    dag.build(show_progress=False)
    assert Path("x.csv").exists() and not Path("y.csv").exists()


def test_a_loader_finds_templates_that_import_each_other(here: Path, tmp_path_factory: Any) -> None:
    folder = tmp_path_factory.mktemp("sql")
    (folder / "macros.sql").write_text("{% macro low(n) %}id >= {{n}}{% endmacro %}")
    (folder / "some.sql").write_text(
        "{% import 'macros.sql' as m %}CREATE TABLE {{product}} AS SELECT * FROM source WHERE {{m.low(2)}}"
    )
    loader = SourceLoader(folder)
    assert loader.get("nothing.sql") is None and loader.path_to("some.sql") == folder / "some.sql"
    dag = DAG()
    client = SQLAlchemyClient("sqlite:///my.db")
    dag.clients[SQLScript] = dag.clients[SQLiteRelation] = client
    task = SQLScript(loader["some.sql"], SQLiteRelation(("some", "table")), dag)
    assert task.name == "some"
    dag.build(show_progress=False)
    assert len(task.load()) == 2
    dag.close_clients()


def test_a_placeholder_without_a_value_is_told_with_its_task(here: Path) -> None:
    with pytest.raises(RenderError, match="nothing"):
        Placeholder("{{nothing}}").render({})
    dag = DAG()
    task = SQLScript("SELECT {{nothing}}", SQLiteRelation(("t", "table")), dag, name="t")
    dag.clients[SQLScript] = dag.clients[SQLiteRelation] = SQLAlchemyClient("sqlite:///my.db")
    with pytest.raises(TaskRenderError, match=r"t: .*nothing"):
        dag.render()
    assert task.exec_status is not None


def test_tables_can_be_questioned(here: Path) -> None:
    with SQLAlchemyClient("sqlite:///my.db") as client:
        assert sql.nulls_in_columns(client, ["id", "x"], "source")
        assert not sql.nulls_in_columns(client, "id", "source")
        assert sql.range_in_column(client, "id", "source") == (1, 2)
        assert sql.distinct_values_in_column(client, "id", "source") == {1, 2}
        assert sql.exists_row_where(client, "x > 1", "source")
        assert sql.duplicates_in_column(client, "id", "source")
        assert not sql.duplicates_in_column(client, ["id", "x"], "source")
        assert sql.duplicates_stats(client, "id", "source") == (3, 2, 1)
        sql.assert_no_duplicates_in_column(client, ["id", "x"], "source")
        with pytest.raises(AssertionError, match=r"2: 1 too many\n3 rows"):
            sql.assert_no_duplicates_in_column(client, "id", "source", stats=True)


def test_files_can_be_questioned(here: Path) -> None:
    Path("x.csv").write_text("id,x\n1,0.5\n2,1.5\n2,\n")
    assert files.nulls_in_columns(["x"], "x.csv") and files.no_nulls_in_columns(["id"], "x.csv")
    assert files.range_in_column("id", "x.csv") == (1, 2)
    assert files.distinct_values_in_column("id", "x.csv") == {1, 2}
    assert files.duplicates_in_column("id", "x.csv") and files.no_duplicates_in_column(["id", "x"], "x.csv")
    with pytest.raises(ValueError, match="no reader"):
        files.load_product("x.weird")


def test_validators_tell_all_that_does_not_hold() -> None:
    frame = pandas.DataFrame({"x": [1, 5], "kind": ["a", "b"]})
    schema = validate_schema(schema={"x": "int64", "kind": None})
    assert data_frame_validator(frame, [schema, validate_values(values={"x": ("range", (0, 5))})])
    values = validate_values(values={"x": ("range", (0, 2)), "kind": ("unique", ["a"])})
    with pytest.raises(AssertionError, match="3 errors") as error:
        data_frame_validator(frame, [validate_schema(schema=["x"]), values])
    assert "Unexpected columns {'kind'}" in str(error.value)
    with pytest.warns(UserWarning, match="Unexpected"):
        data_frame_validator(frame, [validate_schema(schema=["x"], on_unexpected_cols="warn")])


def test_a_client_that_a_file_names_is_made_once_and_when_it_is_needed(here: Path) -> None:
    Path("connect.py").write_text(
        "from ploomber.clients import SQLAlchemyClient\n\nmade = []\n\n"
        "def get():\n    made.append(1)\n    return SQLAlchemyClient('sqlite:///my.db')\n"
    )
    task = {"source": "q.sql", "product": "q.csv", "client": "connect.get", "chunksize": None}
    Path("q.sql").write_text("SELECT * FROM source")
    said = {"clients": {"SQLDump": "connect.get"}, "tasks": [task, {**task, "name": "r", "product": "r.csv"}]}
    dag = DAGSpec(said).to_dag()
    dag.build(show_progress=False)
    assert len(pandas.read_csv("q.csv")) == 3
    finder.install()
    sys.path.insert(0, str(here))
    try:
        import connect  # type: ignore[import-not-found]

        assert not connect.made
        assert dag["r"].client is dag["q"].client
        assert connect.made == [1]
        dag.close_clients()
    finally:
        sys.path.remove(str(here))
        del sys.modules["connect"]
