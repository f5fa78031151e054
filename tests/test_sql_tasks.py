"""Tasks in SQL on a database, each kind for itself: what it makes, and what it says when it cannot."""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pandas  # type: ignore[import-untyped]
import pyarrow.parquet  # type: ignore[import-untyped]
import pytest
import sqlalchemy

from databases import change, client, rows
from octavo.kinds import members
from octavo.model import Call, Failure, Product, Relation, Source, Task
from projects import Folder
from tasks import with_options

CALL = Call("clients.get")


@pytest.fixture
def here(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> Folder:
    """A project folder that is worked in, as a worker does, with a client of SQLite."""
    monkeypatch.chdir(folder.path)
    monkeypatch.syspath_prepend(str(folder.path))
    client(folder, "sqlite:///my.db")
    return folder


@pytest.fixture(autouse=True)
def _no_modules_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("clients", "other", "handlers"):
        monkeypatch.delitem(sys.modules, name, raising=False)


def run(
    kind: str,
    text: str = "",
    product: str | Relation = "out.csv",
    source: str = "task.sql",
    inputs: Mapping[str, Any] | None = None,
    **options: Any,
) -> Failure | None:
    made = (
        Product(f".octavo/standing/clients.get/{product}", relation=product)
        if isinstance(product, Relation)
        else Product(product)
    )
    bare = Task("it", kind, Source(source, text=text), (made,), {}, (), inputs or {})
    task = with_options(bare, **{"client": CALL, **options})
    failure: Failure | None = members.kind(kind).run(task, lambda event: None)
    return failure


def table(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))


# ── scripts


def test_a_script_makes_a_table_of_several_statements(here: Folder) -> None:
    text = """
        DROP TABLE IF EXISTS {{product}};
        CREATE TABLE {{product}} AS SELECT 1 AS a, 'one;two' AS b; -- a comment; with a semicolon
        INSERT INTO {{product}} VALUES (2, 'it''s');
        CREATE TRIGGER t AFTER INSERT ON {{product}} BEGIN DELETE FROM {{product}}; SELECT 1; END;
    """
    for _ in range(2):
        assert run("sql", text, Relation("t")) is None
        assert rows(here.path / "my.db", "SELECT * FROM t") == [(1, "one;two"), (2, "it's")]


def test_nothing_is_dropped_that_the_script_does_not_drop(here: Folder) -> None:
    change(here.path / "my.db", "CREATE TABLE t (a)", "INSERT INTO t VALUES (7)")
    failure = run("sql", "CREATE TABLE {{product}} AS SELECT 1 AS a", Relation("t"))
    assert failure is not None
    assert "already exists" in failure.message
    assert failure.hint == "start the script with DROP TABLE IF EXISTS {{product}};"
    assert rows(here.path / "my.db", "SELECT * FROM t") == [(7,)]


def test_a_failing_statement_is_shown_as_it_was_sent_with_its_line(here: Folder) -> None:
    text = "CREATE TABLE {{product}} (a);\n\n-- second\nINSERT INTO {{product}}\nSELECT a\nFORM {{upstream['x']}};"
    failure = run("sql", text, Relation("t"), inputs={"x": Relation("u")})
    assert failure is not None
    assert (failure.kind, failure.path, failure.line) == ("OperationalError", "task.sql", 6)
    assert failure.code.splitlines()[5] == "FORM u;"
    assert 'near "u": syntax error' in failure.message


def test_lines_count_in_the_rendered_script_where_a_loop_made_more_of_them(here: Folder) -> None:
    text = "{% for n in range(3) %}\nSELECT {{n}};\n{% endfor %}\nSELECT nowhere_;"
    failure = run("sql", text, Relation("t"))
    assert failure is not None
    assert failure.path == "task.sql (rendered)"
    assert failure.line is not None
    assert failure.code.splitlines()[failure.line - 1] == "SELECT nowhere_;"


def test_a_table_that_is_not_there_suggests_to_name_its_task(here: Folder) -> None:
    failure = run("sql", "CREATE TABLE {{product}} AS\nSELECT *\nFROM sales", Relation("t"))
    assert failure is not None
    assert failure.line == 3
    assert "no such table: sales" in failure.message
    assert "{{upstream['NAME']}}" in failure.hint


def test_a_failing_script_leaves_no_rows_of_its_own(here: Folder) -> None:
    change(here.path / "my.db", "CREATE TABLE t (a)")
    assert run("sql", "INSERT INTO t VALUES (1); SELECT nowhere", Relation("t")) is not None
    assert rows(here.path / "my.db", "SELECT * FROM t") == []


def test_a_mistake_in_a_template_is_a_failure_with_its_line(here: Folder) -> None:
    failure = run("sql", "SELECT 1\nFROM {{ nowhere }}", Relation("t"))
    assert failure is not None
    assert (failure.kind, failure.path, failure.line) == ("ParameterError", "task.sql", 2)


# ── clients


def test_without_a_client_the_hint_shows_how_to_name_one(here: Folder) -> None:
    failure = run("sql", "SELECT 1", Relation("t"), client=None)
    assert failure is not None
    assert "has no client" in failure.message
    assert "SQLScript: module.function" in failure.hint


def test_a_client_that_cannot_connect_is_named_and_its_password_is_not_shown(here: Folder) -> None:
    client(here, "postgresql+psycopg2://me:s3cret-word@127.0.0.1:9/db")
    failure = run("sql", "SELECT 1", Relation("t"))
    assert failure is not None
    assert failure.message.startswith("clients.get cannot connect to its database: ")
    assert "is the server running" in failure.hint
    assert "s3cret-word" not in repr(failure)


def test_a_password_in_a_failing_function_is_not_shown(here: Folder) -> None:
    here.write("clients.py", "def get():\n    uri = connect('postgresql://me:s3cret-word@host/db')\n")
    failure = run("sql", "SELECT 1", Relation("t"))
    assert failure is not None
    assert failure.kind == "NameError"
    assert "clients.py" in "".join(failure.traceback)
    assert "s3cret-word" not in repr(failure)


def test_a_driver_that_is_not_installed_is_told_with_what_to_install(here: Folder) -> None:
    client(here, "mysql+pymysql://me:x@host/db")
    failure = run("sql", "SELECT 1", Relation("t"))
    assert failure is not None
    assert failure.kind == "MissingExtra"
    assert failure.hint == "pip install pymysql"


def test_what_is_no_client_is_told(here: Folder) -> None:
    here.write("clients.py", "def get():\n    return 7\n")
    failure = run("sql", "SELECT 1", Relation("t"))
    assert failure is not None
    assert "clients.get returned 7, which is not a database client" in failure.message


def test_what_a_client_raises_shows_the_projects_own_lines_only(here: Folder) -> None:
    here.write("clients.py", "def get():\n    raise RuntimeError('no database today')\n")
    failure = run("sql", "SELECT 1", Relation("t"))
    assert failure is not None and failure.message == "no database today"
    files = [line for line in "".join(failure.traceback).splitlines() if line.lstrip().startswith("File ")]
    assert [line.split('"')[1] for line in files] == [str(here.path / "clients.py")]


def test_a_client_that_only_executes_is_given_the_whole_script(here: Folder) -> None:
    """Ploomber's own clients, and those that people wrote after them."""
    here.write(
        "clients.py",
        """
        import sqlite3

        class Client:
            connection = sqlite3.connect("my.db")
            def execute(self, code):
                self.connection.executescript(code)
            def close(self):
                pass

        get = Client
        """,
    )
    assert run("sql", "CREATE TABLE {{product}} (a); INSERT INTO t VALUES (1);", Relation("t")) is None
    assert rows(here.path / "my.db", "SELECT * FROM t") == [(1,)]
    failure = run("sql", "SELECT 1;\nSELECT nowhere;", Relation("t"))
    assert failure is not None
    assert "no such column: nowhere" in failure.message
    assert failure.line == 2


def test_a_plain_driver_is_enough(here: Folder) -> None:
    here.write(
        "clients.py",
        """
        import sqlite3
        from octavo.clients import DBAPIClient

        def get():
            return DBAPIClient(sqlite3.connect, {"database": "my.db"}, split_source=";")
        """,
    )
    assert run("sql", "CREATE TABLE {{product}} (a); INSERT INTO t VALUES (1);", Relation("t")) is None
    assert run("dump", "SELECT * FROM t", "out.csv", chunksize=None) is None
    assert here.read("out.csv") == '"a"\n"1"\n'
    here.write("in.csv", "a\n5\n")
    assert run("upload", "", Relation("u"), "in.csv") is None
    assert rows(here.path / "my.db", "SELECT a FROM u") == [(5,)]


@pytest.mark.parametrize(
    ("kind", "source", "missing", "hint"),
    [
        ("upload", "in.csv", "pandas", 'pip install "octavo[ploomber]"'),
        ("dump", "task.sql", "pyarrow", "pip install pyarrow"),
        ("dump", "task.sql", "sqlalchemy", 'pip install "octavo[sql]"'),
        ("transfer", "task.sql", "pandas", 'pip install "octavo[ploomber]"'),
    ],
)
def test_a_package_that_is_not_installed_is_told_with_what_to_install(
    here: Folder, monkeypatch: pytest.MonkeyPatch, kind: str, source: str, missing: str, hint: str
) -> None:
    here.write("in.csv", "a\n1\n")
    for name in [name for name in sys.modules if name.partition(".")[0] == missing]:
        monkeypatch.setitem(sys.modules, name, None)
    product = "out.parquet" if kind == "dump" else Relation("t")
    failure = run(kind, "SELECT 1 AS a", product, source)
    assert failure is not None
    assert (failure.kind, failure.hint) == ("MissingExtra", hint)
    assert missing in failure.message


# ── dumps


@pytest.fixture
def numbers(here: Folder) -> Folder:
    change(
        here.path / "my.db",
        "CREATE TABLE numbers (n INTEGER, word TEXT)",
        *(f"INSERT INTO numbers VALUES ({n}, {'NULL' if n < 3 else repr(str(n))})" for n in range(5)),
    )
    return here


def test_a_dump_in_one_file_quotes_everything(numbers: Folder) -> None:
    assert run("dump", "SELECT * FROM numbers WHERE n > 2", "deep/out.csv", chunksize=None) is None
    assert (numbers.path / "deep/out.csv").read_bytes() == b'"n","word"\n"3","3"\n"4","4"\n'
    assert os.listdir(numbers.path / "deep") == ["out.csv"]


@pytest.mark.parametrize("name", ["out.xlsx", "out.JSON"])
def test_a_dump_is_not_called_what_it_is_not(numbers: Folder, name: str) -> None:
    failure = run("dump", "SELECT * FROM numbers", name, chunksize=None)
    assert failure is not None
    assert f"{name} must end in .csv or .parquet" in failure.message
    assert not (numbers.path / name).exists()


def test_a_dump_in_chunks_is_a_folder_of_numbered_files(numbers: Folder) -> None:
    assert run("dump", "SELECT n FROM numbers", "out", chunksize=2) is None
    found = {path.name: table(path) for path in (numbers.path / "out").iterdir()}
    assert found == {"0.csv": [["n"], ["0"], ["1"]], "1.csv": [["n"], ["2"], ["3"]], "2.csv": [["n"], ["4"]]}
    assert run("dump", "SELECT n FROM numbers WHERE n < 2", "out", chunksize=2) is None
    assert os.listdir(numbers.path / "out") == ["0.csv"]  # nothing is left of the last time


def test_a_dump_has_chunks_of_ten_thousand_rows_if_nothing_is_said(here: Folder) -> None:
    query = "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 10001) SELECT n FROM s"
    assert run("dump", query, "out.csv") is None
    assert [len(table(here.path / "out.csv" / name)) for name in ("0.csv", "1.csv")] == [10_001, 2]


@pytest.mark.parametrize("chunksize", [None, 2])
def test_a_dump_replaces_what_was_there_in_the_other_form(numbers: Folder, chunksize: int | None) -> None:
    if chunksize is None:
        numbers.write("out.csv/0.csv", "old")
    else:
        numbers.write("out.csv", "old")
    assert run("dump", "SELECT n FROM numbers", "out.csv", chunksize=chunksize) is None
    assert (numbers.path / "out.csv").is_dir() == (chunksize is not None)


def test_a_dump_to_parquet_keeps_types_over_chunks(numbers: Folder) -> None:
    assert run("dump", "SELECT * FROM numbers ORDER BY n DESC", "out.parquet", chunksize=2) is None
    read = [pyarrow.parquet.read_table(numbers.path / f"out.parquet/{n}.parquet") for n in range(3)]
    assert [str(it.schema.types) for it in read] == ["[DataType(int64), DataType(string)]"] * 3
    assert [row for it in read for row in it.column("word").to_pylist()] == ["4", "3", None, None, None]


def test_a_dump_of_no_rows_has_its_headings(numbers: Folder) -> None:
    assert run("dump", "SELECT * FROM numbers WHERE n > 9", "out.csv", chunksize=None) is None
    assert numbers.read("out.csv") == '"n","word"\n'
    assert run("dump", "SELECT * FROM numbers WHERE n > 9", "out.parquet", chunksize=None) is None
    assert pyarrow.parquet.read_table(numbers.path / "out.parquet").column_names == ["n", "word"]


@pytest.mark.parametrize("said", ["ParquetIO", {"dotted_path": "ploomber.io.ParquetIO"}, "parquet"])
def test_the_form_of_a_dump_can_be_said(numbers: Folder, said: Any) -> None:
    assert run("dump", "SELECT n FROM numbers", "out.data", chunksize=None, io_handler=said) is None
    assert pyarrow.parquet.read_table(numbers.path / "out.data").num_rows == 5


def test_a_project_may_write_dumps_in_its_own_way(numbers: Folder) -> None:
    numbers.write(
        "handlers.py",
        """
        class Lines:
            def __init__(self, path, chunked):
                self.path = path
            def write(self, data, headers):
                self.path.write_text(f"{headers} {len(data)}")
        """,
    )
    said = {"dotted_path": "handlers.Lines"}
    assert run("dump", "SELECT n FROM numbers", "out.txt", chunksize=None, io_handler=said) is None
    assert numbers.read("out.txt") == "['n'] 5"


def test_a_dump_that_fails_leaves_the_old_file(numbers: Folder) -> None:
    numbers.write("out.csv", "old")
    failure = run("dump", "SELECT nowhere FROM numbers", "out.csv", chunksize=None)
    assert failure is not None
    assert failure.code == "SELECT nowhere FROM numbers"
    assert numbers.read("out.csv") == "old"


def test_a_dump_of_a_script_without_rows_is_a_mistake(numbers: Folder) -> None:
    failure = run("dump", "CREATE TABLE x (a)", "out.csv", chunksize=None)
    assert failure is not None
    assert "returns no rows" in failure.message


# ── uploads


def test_an_upload_writes_the_index_as_pandas_does_and_minds_what_is_there(here: Folder) -> None:
    here.write("in.csv", "a,b\n1,x\n2,y\n")
    assert run("upload", "", Relation("t"), "in.csv") is None
    assert rows(here.path / "my.db", 'SELECT "index", a, b FROM t') == [(0, 1, "x"), (1, 2, "y")]
    failure = run("upload", "", Relation("t"), "in.csv")
    assert failure is not None
    assert failure.message == "the table t already exists"
    assert "if_exists: replace" in failure.hint
    settings = {"if_exists": "append", "index": False}
    assert run("upload", "", Relation("t"), "in.csv", to_sql_kwargs=settings) is None
    assert rows(here.path / "my.db", "SELECT count(*) FROM t") == [(4,)]
    assert run("upload", "", Relation("t"), "in.csv", to_sql_kwargs={"if_exists": "replace"}) is None
    assert rows(here.path / "my.db", "SELECT count(*) FROM t") == [(2,)]


def test_an_upload_reads_parquet_and_files_that_a_template_names(here: Folder) -> None:
    pandas.DataFrame({"a": [1, 2]}).to_parquet("in.parquet")
    source = "{{ upstream['get'] }}"
    settings = {"index": False}
    inputs = {"get": "in.parquet"}
    assert run("upload", "", Relation("t"), source, inputs, to_sql_kwargs=settings) is None
    assert rows(here.path / "my.db", "SELECT * FROM t") == [(1,), (2,)]


def test_an_upload_reads_other_files_by_a_function(here: Folder) -> None:
    here.write("in.txt", "a b\n1 2\n")
    here.write(
        "handlers.py", "import pandas\n\ndef words(path):\n    return pandas.read_csv(path, sep=' ')\n"
    )
    failure = run("upload", "", Relation("t"), "in.txt")
    assert failure is not None
    assert "neither .csv nor .parquet" in failure.message
    assert run("upload", "", Relation("t"), "in.txt", io_handler={"dotted_path": "handlers.words"}) is None
    assert rows(here.path / "my.db", "SELECT a, b FROM t") == [(1, 2)]


@pytest.mark.parametrize(
    ("source", "settings", "words"),
    [
        ("gone.csv", {}, "there is no gone.csv"),
        ("in.csv", {"if_exists": "replce"}, "if_exists is not 'replce'"),
    ],
)
def test_an_upload_says_what_is_wrong(
    here: Folder, source: str, settings: dict[str, Any], words: str
) -> None:
    here.write("in.csv", "a\n1\n")
    failure = run("upload", "", Relation("t"), source, to_sql_kwargs=settings)
    assert failure is not None
    assert words in failure.message


# ── transfers


def test_a_transfer_goes_to_the_database_of_the_product(numbers: Folder) -> None:
    client(numbers, "sqlite:///other.db", "other")
    change(numbers.path / "other.db", "CREATE TABLE t (old)", "INSERT INTO t VALUES (0)")
    there = Call("other.get")
    for size in (2, 10_000, None):
        assert (
            run("transfer", "SELECT n FROM numbers", Relation("t"), product_client=there, chunksize=size)
            is None
        )
        assert rows(numbers.path / "other.db", "SELECT * FROM t") == [(n,) for n in range(5)]


def test_a_transfer_of_no_rows_leaves_an_empty_table(numbers: Folder) -> None:
    client(numbers, "sqlite:///other.db", "other")
    there = Call("other.get")
    assert run("transfer", "SELECT n FROM numbers WHERE n > 9", Relation("t"), product_client=there) is None
    assert rows(numbers.path / "other.db", "SELECT * FROM t") == []


def test_a_transfer_within_one_file_does_not_wait_for_itself(numbers: Folder) -> None:
    client(numbers, "sqlite:///./my.db", "other")
    for call in (CALL, Call("other.get")):
        assert (
            run("transfer", "SELECT n FROM numbers", Relation("t"), product_client=call, chunksize=2) is None
        )
        assert rows(numbers.path / "my.db", "SELECT count(*) FROM t") == [(5,)]


def test_a_query_that_fails_in_a_transfer_is_shown(numbers: Folder) -> None:
    failure = run("transfer", "SELECT nowhere\nFROM numbers", Relation("t"))
    assert failure is not None
    assert failure.code == "SELECT nowhere\nFROM numbers"
    assert "no such column: nowhere" in failure.message


# ── DuckDB


def test_duckdb_runs_scripts_dumps_uploads_and_transfers(here: Folder) -> None:
    client(here, "duckdb:///my.duckdb")
    here.write("in.csv", "a,b\n1,x\n2,\n")
    text = "DROP TABLE IF EXISTS {{product}};\nCREATE TABLE {{product}} AS SELECT * FROM 'in.csv';"
    assert run("sql", text, Relation("t")) is None
    assert run("dump", "SELECT * FROM t ORDER BY a", "out.csv", chunksize=None) is None
    assert here.read("out.csv") == '"a","b"\n"1","x"\n"2",""\n'
    settings = {"if_exists": "replace", "index": False}
    for _ in range(2):
        assert run("upload", "", Relation("u"), "in.csv", to_sql_kwargs=settings) is None
        assert run("transfer", "SELECT a FROM t", Relation("v", "main")) is None
    with closing(duckdb.connect(str(here.path / "my.duckdb"))) as connection:
        assert connection.execute("SELECT count(*) FROM u").fetchall() == [(2,)]
        assert connection.execute("SELECT * FROM v").fetchall() == [(1,), (2,)]


def test_duckdb_tells_the_line_of_a_mistake(here: Folder) -> None:
    client(here, "duckdb:///my.duckdb")
    failure = run("sql", "CREATE TABLE {{product}} AS\nSELECT a\nFROM nowhere", Relation("t"))
    assert failure is not None
    assert (failure.kind, failure.line) == ("CatalogException", 3)


# ── PostgreSQL


def test_postgres_runs_scripts_dumps_uploads_transfers_and_copies(here: Folder, postgres: str) -> None:
    client(here, postgres)
    text = "DROP TABLE IF EXISTS {{product}};\nCREATE TABLE {{product}} AS SELECT 1 AS a, 'x;y' AS b;"
    for _ in range(2):
        assert run("sql", text, Relation("t")) is None
    assert run("dump", "SELECT * FROM t WHERE b LIKE 'x%'", "out.csv", chunksize=None) is None
    assert here.read("out.csv") == '"a","b"\n"1","x;y"\n'
    here.write("in.csv", "a\n7\n")
    settings = {"if_exists": "replace", "index": False}
    assert run("upload", "", Relation("u"), "in.csv", to_sql_kwargs=settings) is None
    for _ in range(2):
        assert run("transfer", "SELECT a FROM u", Relation("v", "public")) is None
    frame = pandas.DataFrame({"n": [1, None], "Text": ['tab\t "q" \\N\n\'', ""], "none": ["x", None]})
    frame.to_parquet("in.parquet")
    for _ in range(2):
        assert run("copy_from", "", Relation("copied"), "in.parquet") is None
    engine = sqlalchemy.create_engine(postgres)
    with closing(engine.raw_connection()) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT * FROM u, v")
        assert cursor.fetchall() == [(7, 7)]
        cursor.execute("SELECT * FROM copied")
        assert cursor.fetchall() == [(1.0, 'tab\t "q" \\N\n\'', "x"), (None, "", None)]
    engine.dispose()


def test_an_address_without_a_driver_gets_one_that_is_installed(here: Folder, postgres: str) -> None:
    client(here, postgres.replace("+psycopg2", ""))
    assert run("dump", "SELECT 1 AS a", "out.csv", chunksize=None) is None


def test_only_some_columns_can_be_copied(here: Folder, postgres: str) -> None:
    client(here, postgres)
    here.write("in.csv", "a,b\n1,x\n")
    assert run("copy_from", "", Relation("chosen"), "in.csv", columns=["b"]) is None
    assert run("dump", "SELECT * FROM chosen", "out.csv", chunksize=None) is None
    assert here.read("out.csv") == '"a","b"\n"","x"\n'
    failure = run("copy_from", "", Relation("chosen"), "in.csv", columns=["bb"])
    assert failure is not None
    assert failure.message == "the data has no column bb"


def test_copy_is_for_postgres_only(here: Folder) -> None:
    here.write("in.csv", "a\n1\n")
    failure = run("copy_from", "", Relation("t"), "in.csv")
    assert failure is not None
    assert "COPY requires a PostgreSQL client" in failure.message


def test_postgres_tells_line_and_words_of_a_mistake(here: Folder, postgres: str) -> None:
    client(here, postgres)
    failure = run("sql", "SELECT 1;\nSELECT a\nFROM nowhere", Relation("t"))
    assert failure is not None
    assert (failure.kind, failure.line) == ("UndefinedTable", 3)
    assert failure.message.startswith('relation "nowhere" does not exist')
    assert "upstream" in failure.hint
