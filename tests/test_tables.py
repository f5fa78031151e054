"""Tables as products: what is in a database decides what is stale, as with files."""

from __future__ import annotations

import itertools
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy

from databases import change, client, rows, sql
from octavo.clients import SQLAlchemyClient
from octavo.errors import ProductError
from octavo.model import HIDDEN, Call, Calls, Outcome, Product, Relation, Source, Task
from octavo.project import load
from octavo.tables import compare
from octavo.tables import databases as subject
from octavo.tables import settle as tables
from octavo.tables.connections import discreet
from octavo.tables.databases import examine, plain
from projects import Folder

NUMBERS = itertools.count()


@dataclass(frozen=True)
class Project(Folder):
    """A project of three tasks in one database: raw → clean → out.csv."""

    uri: str = ""
    log: list[str] = field(default_factory=list)

    @property
    def said(self) -> str:
        """Failures and notes of the last build or status."""
        return self.log[-1]

    def build(self, *targets: str, **how: Any) -> dict[str, str]:
        """Build, and return how tasks ended that were not fresh."""
        with load(self.path) as loaded:
            report = loaded.build(targets, **how)
            failures = [f"{it.failure}" for it in report.failures.values()]
            self.log.append("\n".join([*failures, *(it.message for it in report.notes), *loaded.notes]))
            return {name: it.value for name, it in report.outcomes.items() if it is not Outcome.FRESH}

    def stale(self) -> dict[str, str]:
        """Return the tasks that are stale, with their reasons."""
        with load(self.path) as loaded:
            steps = loaded.status()
            self.log.append("\n".join(loaded.notes))
            return {name: ", ".join(map(str, step.reasons)) for name, step in steps.items() if not step.fresh}

    def do(self, *statements: str) -> None:
        """Do something to the database that no task does."""
        engine = sqlalchemy.create_engine(self.uri)
        with closing(engine.raw_connection()) as connection:
            cursor = connection.cursor()
            for statement in statements:
                cursor.execute(statement)
            connection.commit()
            cursor.close()
        engine.dispose()


PIPELINE = """
clients:
  SQLScript: clients.get
  SQLDump: clients.get
tasks:
  - {source: raw.sql, product: [raw, table]}
  - {source: clean.sql, product: [clean, table]}
  - {source: out.sql, product: out.csv, chunksize: null}
"""


@pytest.fixture(params=["sqlite", "duckdb", "postgres"])
def project(request: pytest.FixtureRequest, folder: Folder) -> Iterator[Project]:
    if request.param == "postgres":
        server = request.getfixturevalue("postgres")
        name = f"tables_{next(NUMBERS)}"
        engine = sqlalchemy.create_engine(server, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        engine.dispose()
        uri = server.replace("/postgres?", f"/{name}?")
    else:
        uri = f"{request.param}:///{folder.path}/data.db"
    made = Project(folder.path, uri)
    client(made, uri)
    made.write("pipeline.yaml", PIPELINE)
    sql(made, "raw", "SELECT 1 AS a, 'x' AS b UNION ALL SELECT 2, NULL")
    sql(made, "clean", "SELECT * FROM {{upstream['raw']}} WHERE a > 1")
    made.write("out.sql", "SELECT * FROM {{upstream['clean']}}")
    yield made


ALL = {"raw": "done", "clean": "done", "out": "done"}


def test_a_build_makes_tables_and_the_next_one_has_nothing_to_do(project: Project) -> None:
    assert project.build() == ALL, project.said
    assert project.read("out.csv") == '"a","b"\n"2",""\n'
    assert project.build() == {}
    project.write("raw.sql", "-- why\n" + project.read("raw.sql").replace(" ", "  "))
    assert project.stale() == {}


def test_a_table_that_comes_out_the_same_leaves_the_rest_fresh(project: Project) -> None:
    project.build()
    sql(project, "raw", "SELECT 0 + 1 AS a, 'x' AS b UNION ALL SELECT 2, NULL")
    assert project.build() == {"raw": "done"}
    sql(project, "raw", "SELECT 0 + 1 AS a, 'y' AS b UNION ALL SELECT 2, NULL")
    assert project.build() == {"raw": "done", "clean": "done"}


def test_a_table_that_somebody_changed_is_not_overwritten_unasked_and_one_that_was_dropped_is_made(
    project: Project,
) -> None:
    project.build()
    assert project.stale() == {}  # and a look at the database does not change that
    project.do("UPDATE raw SET b = 'z' WHERE a = 1")
    assert project.stale()["raw"] == "product clients.get/raw was changed by hand"
    assert project.build()["raw"] == "blocked"
    with load(project.path) as loaded:
        loaded.accept(["raw"])
    assert project.build() == {"clean": "done"}, project.said  # its table comes out the same
    project.do("ALTER TABLE raw ADD COLUMN c INTEGER")
    assert "by hand" in project.stale()["raw"]
    assert project.build(force=True) == ALL
    project.do("DROP TABLE raw")
    assert project.stale()["raw"] == "product clients.get/raw is gone"
    assert project.build() == {"raw": "done"}


def test_a_database_that_is_gone_is_made_again(project: Project) -> None:
    if project.uri.startswith("postgres"):
        pytest.skip("a server has no file to delete")
    project.build()
    (project.path / "data.db").unlink()
    assert set(project.stale()) == {"raw", "clean", "out"}
    assert not (project.path / "data.db").exists()  # looking makes none
    assert project.build() == {"raw": "done", "clean": "done"}
    assert project.build() == {}


def test_a_view_is_known_by_its_definition_and_by_what_it_shows(project: Project) -> None:
    project.write("pipeline.yaml", PIPELINE.replace("[clean, table]", "[clean, view]"))
    sql(project, "clean", "SELECT a FROM {{upstream['raw']}} WHERE a > 1", "VIEW")
    project.write("raw.sql", "DELETE FROM {{product}};\nINSERT INTO {{product}} VALUES (1, 'x'), (2, 'y');")
    project.do("CREATE TABLE raw (a INTEGER, b TEXT)")
    assert project.build() == ALL, project.said
    # the view shows the same, so its reader is fresh
    project.write("raw.sql", "DELETE FROM {{product}};\nINSERT INTO {{product}} VALUES (0, 'x'), (2, 'y');")
    assert project.build() == {"raw": "done", "clean": "done"}, project.said
    # it shows something else, though it says the same
    project.write("raw.sql", "DELETE FROM {{product}};\nINSERT INTO {{product}} VALUES (3, 'x'), (2, 'y');")
    assert project.build("raw") == {"raw": "done"}
    assert "by hand" not in str(project.stale())
    assert project.build() == {"clean": "done", "out": "done"}
    assert project.build() == {}
    project.do("DROP VIEW clean", "CREATE VIEW clean AS SELECT 7 AS a")
    assert project.stale()["clean"] == "product clients.get/clean was changed by hand"


def test_a_script_that_makes_no_table_has_failed(project: Project) -> None:
    project.write("clean.sql", "SELECT 1 -- {{upstream['raw']}}")
    assert project.build() == {"raw": "done", "clean": "failed", "out": "blocked"}
    assert "there is no table clean in the database of clients.get" in project.said


def test_schemas_and_names_with_capitals_are_found(project: Project) -> None:
    if project.uri.startswith("sqlite"):
        pytest.skip("a schema of SQLite is a database that is attached")
    project.do("CREATE SCHEMA lake", 'CREATE SCHEMA "Deep Lake"')
    project.write(
        "pipeline.yaml",
        PIPELINE.replace("[raw, table]", "[lake, Raw, table]").replace(
            "[clean, table]", """['"Deep Lake"', '"Clean One"', table]"""
        ),
    )
    assert project.build() == ALL, project.said
    assert project.build() == {}
    project.do('UPDATE "Deep Lake"."Clean One" SET a = 9')
    assert "by hand" in project.stale()["clean"]
    assert "raw" not in project.stale()
    project.do("DROP TABLE lake.RAW")
    assert "gone" in project.stale()["raw"]


def test_tasks_that_write_one_database_take_turns(project: Project) -> None:
    names = [f"t{number}" for number in range(5)]
    tasks = "".join(f"\n  - {{source: {name}.sql, product: [{name}, table]}}" for name in names)
    project.write("pipeline.yaml", PIPELINE + tasks)
    for name in names:
        sql(project, name, "SELECT a FROM {{upstream['raw']}}")
    assert set(project.build(jobs=4).values()) == {"done"}, project.said
    assert project.build() == {}


def test_checks_that_work_with_a_file_of_duckdb_take_turns_with_tasks(folder: Folder) -> None:
    made = Project(folder.path, f"duckdb:///{folder.path}/data.db")
    client(made, made.uri)
    made.write(
        "checks.py",
        """
        import time

        def some(client, product):
            cursor = client.cursor()
            cursor.execute(f"SELECT count(*) FROM {product}")
            time.sleep(0.2)
            assert cursor.fetchone() == (1,)
        """,
    )
    names = [f"t{number}" for number in range(4)]
    tasks = "".join(
        f"\n  - {{source: {name}.sql, product: [{name}, table], on_finish: checks.some}}" for name in names
    )
    made.write("pipeline.yaml", f"clients: {{SQLScript: clients.get}}\ntasks:{tasks}\n")
    for name in names:
        sql(made, name, "SELECT 1 AS a")
    assert set(made.build(jobs=4).values()) == {"done"}, made.said


def test_two_clients_are_two_databases(folder: Folder) -> None:
    for name in ("one", "two"):
        client(folder, f"sqlite:///{name}.db", f"of_{name}")
        sql(folder, name, f"SELECT {len(name)} AS a, '{name}' AS b")
    folder.write(
        "pipeline.yaml",
        """
        tasks:
          - {source: one.sql, product: [same, table], client: of_one.get}
          - {source: two.sql, product: [same, table], client: of_two.get}
        """,
    )
    made = Project(folder.path)
    assert made.build() == {"one": "done", "two": "done"}, made.said
    change(folder.path / "two.db", "UPDATE same SET a = 0")
    assert list(made.stale()) == ["two"]
    assert rows(folder.path / "one.db", "SELECT * FROM same") == [(3, "one")]


def counting(folder: Folder, uri: str) -> Callable[[], int]:
    """Write a client that notes each time it is made; return what counts the notes."""
    folder.write(
        "clients.py",
        f"""
        import os
        from octavo.clients import SQLAlchemyClient

        def get():
            os.close(os.open(os.path.join("/", {str(folder.path.parent)!r}, "made-" + os.urandom(4).hex()), os.O_CREAT))
            return SQLAlchemyClient({uri!r})
        """,
    )
    return lambda: len(list(folder.path.parent.glob("made-*")))


def test_a_file_that_nobody_touched_is_not_opened(folder: Folder, tmp_path: Path) -> None:
    inner = Folder(tmp_path / "inner")
    made = Project(inner.path, f"sqlite:///{inner.path}/data.db")
    made.write("pipeline.yaml", PIPELINE)
    count = counting(made, made.uri)
    sql(made, "raw", "SELECT 1 AS a")
    sql(made, "clean", "SELECT * FROM {{upstream['raw']}}")
    made.write("out.sql", "SELECT * FROM {{upstream['clean']}}")
    assert made.build() == ALL, made.said
    made.build()
    known = count()
    assert known > 0
    assert made.build() == {}
    assert made.stale() == {}
    assert count() == known
    made.write("clients.py", made.read("clients.py") + "\n# another word\n")
    assert made.stale() == {}
    assert count() > known  # it may say now that the database is elsewhere


def test_a_project_may_have_a_module_named_as_one_that_octavo_uses(folder: Folder) -> None:
    made = Project(folder.path, f"sqlite:///{folder.path}/data.db")
    client(made, made.uri)
    made.write("json.py", "1 / 0\n")
    made.write("pipeline.yaml", "tasks:\n  - {source: raw.sql, product: [raw, table], client: clients.get}\n")
    sql(made, "raw", "SELECT 1 AS a")
    assert made.build() == {"raw": "done"}, made.said
    assert made.stale() == {}
    assert made.said == ""


def test_a_write_ahead_log_is_part_of_the_file(folder: Folder) -> None:
    made = Project(folder.path, f"sqlite:///{folder.path}/data.db")
    client(made, made.uri)
    made.write("pipeline.yaml", PIPELINE)
    sql(made, "raw", "SELECT 1 AS a")
    sql(made, "clean", "SELECT * FROM {{upstream['raw']}}")
    made.write("out.sql", "SELECT * FROM {{upstream['clean']}}")
    change(folder.path / "data.db", "PRAGMA journal_mode=WAL")
    assert made.build() == ALL, made.said
    assert made.build() == {}
    engine = sqlalchemy.create_engine(made.uri)
    with closing(engine.raw_connection()) as open_:  # which keeps what it wrote in the log
        open_.cursor().execute("UPDATE clean SET a = 5").close()
        open_.commit()
        assert "by hand" in made.stale()["clean"]
    engine.dispose()


def test_a_database_that_cannot_be_asked_leaves_things_as_they_were(folder: Folder) -> None:
    made = Project(folder.path, f"sqlite:///{folder.path}/data.db")
    client(made, made.uri)
    made.write("pipeline.yaml", PIPELINE)
    sql(made, "raw", "SELECT 1 AS a")
    sql(made, "clean", "SELECT * FROM {{upstream['raw']}}")
    made.write("out.sql", "SELECT * FROM {{upstream['clean']}}")
    assert made.build() == ALL, made.said
    shutil.copy(folder.path / "data.db", folder.path / "kept.db")
    (folder.path / "data.db").write_bytes(b"nothing of the kind " * 100)
    assert made.stale() == {}
    assert "clients.get: its tables count as unchanged: DatabaseError" in made.said
    os.replace(folder.path / "kept.db", folder.path / "data.db")
    assert made.stale() == {}


def test_a_database_in_memory_ends_with_its_task(folder: Folder) -> None:
    made = Project(folder.path)
    client(made, "sqlite://")
    made.write("pipeline.yaml", "tasks:\n  - {source: raw.sql, product: [raw, table], client: clients.get}\n")
    sql(made, "raw", "SELECT 1 AS a")
    assert made.build() == {"raw": "done"}, made.said
    assert "clients.get is an in-memory database" in made.said
    assert made.stale() == {}


def test_a_function_may_make_a_table(folder: Folder) -> None:
    made = Project(folder.path, f"sqlite:///{folder.path}/data.db")
    client(made, made.uri)
    made.write(
        "tasks.py",
        """
        from clients import get

        def raw(product):
            client = get()
            client.execute(f"DROP TABLE IF EXISTS {product}; CREATE TABLE {product} AS SELECT 1 AS a")
            client.close()
        """,
    )
    made.write(
        "pipeline.yaml",
        """
        clients: {SQLDump: clients.get, SQLiteRelation: clients.get}
        tasks:
          - {source: tasks.raw, product: [raw, table], product_class: SQLiteRelation}
          - {source: out.sql, product: out.csv, chunksize: null}
        """,
    )
    made.write("out.sql", "SELECT * FROM {{upstream['raw']}}")
    assert made.build() == {"raw": "done", "out": "done"}, made.said
    assert made.build() == {}
    change(folder.path / "data.db", "DROP TABLE raw")
    assert "gone" in made.stale()["raw"]


# ── proxy files


def settled(folder: Folder, monkeypatch: pytest.MonkeyPatch, maker: str = "SQLRelation") -> Callable[[], str]:
    """Return what settles a task with one table and returns what stands for it."""
    monkeypatch.chdir(folder.path)
    monkeypatch.syspath_prepend(str(folder.path))
    monkeypatch.delitem(sys.modules, "clients", raising=False)
    client(folder, "sqlite:///data.db")
    generic = maker == "GenericProduct"
    path = ".octavo/standing/" + ("generic/thing" if generic else "clients.get/seen")
    product = Product(path, relation=None if generic else Relation("seen"), maker=maker)
    task = Task("it", "sql", Source("it.sql"), (product,), calls=Calls(client=Call("clients.get")))

    def settling() -> str:
        tables.settle(task, str(folder.path))
        return folder.read(path)

    return settling


def test_a_table_that_is_too_large_counts_as_changed_by_each_run_and_by_nothing_else(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "MOST", 2)
    settling = settled(folder, monkeypatch)
    change(folder.path / "data.db", "CREATE TABLE seen (n)", "INSERT INTO seen VALUES (1), (2), (3)")
    first = settling()
    assert settling() != first
    first = settling()
    plain = {"path": ".octavo/standing/clients.get/seen", "name": "seen", "schema": None, "kind": "table"}

    def looked_at() -> str:
        compare._compared(Call("clients.get"), [plain], {}, str(folder.path))
        return folder.read(plain["path"] or "")

    assert looked_at() == first
    change(folder.path / "data.db", "INSERT INTO seen VALUES (4)")
    assert looked_at() != first


def test_a_thing_that_is_neither_file_nor_table_counts_as_changed_by_each_run(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    settling = settled(folder, monkeypatch, "GenericProduct")
    assert settling() != settling()


def test_a_table_that_did_not_change_keeps_its_file_over_another_run(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    settling = settled(folder, monkeypatch)
    change(folder.path / "data.db", "CREATE TABLE seen (n)")
    assert settling() == settling()
    change(folder.path / "data.db", "DROP TABLE seen")
    with pytest.raises(ProductError, match=r"there is no table seen in the database of clients\.get"):
        settling()
    assert not (folder.path / ".octavo/standing/clients.get/seen").exists()


# ── what a database says


@pytest.fixture(params=["sqlite", "duckdb", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SQLAlchemyClient]:
    uri = (
        request.getfixturevalue("postgres")
        if request.param == "postgres"
        else f"{request.param}:///{tmp_path}/data.db"
    )
    opened = SQLAlchemyClient(uri)
    try:
        yield opened
    finally:
        opened.close()


def remake(database: SQLAlchemyClient, *statements: str) -> None:
    for statement in ("DROP TABLE IF EXISTS seen", *statements):
        database.execute(statement)


def look(database: SQLAlchemyClient, **settings: Any) -> Any:
    return examine(database, Relation("seen"), **settings)


VALUES = [
    "(1, 'a'), (2, 'b')",
    "(1, 'b'), (2, 'a')",
    "(1, 'a')",
    "(1, 'a'), (1, 'a')",
    "(2, 'a'), (2, 'a')",
    "(1, 'a'), (2, NULL)",
    "(1, 'a'), (2, 'NULL')",
    "(1, 'a'), (2, '')",
]


def test_tables_of_other_rows_have_other_checksums(database: SQLAlchemyClient) -> None:
    found = []
    for values in VALUES:
        remake(database, "CREATE TABLE seen (n INTEGER, w TEXT)", f"INSERT INTO seen VALUES {values}")
        found.append(look(database))
        assert look(database) == found[-1]
    assert len({(it.rows, it.checksum) for it in found}) == len(VALUES)
    assert len({it.shape for it in found}) == 1


def test_columns_are_part_of_a_tables_shape(database: SQLAlchemyClient) -> None:
    shapes = set()
    for columns in ("n INTEGER", "m INTEGER", "n BIGINT", "n INTEGER NOT NULL", "n INTEGER, m INTEGER"):
        remake(database, f"CREATE TABLE seen ({columns})")
        shapes.add(look(database).shape)
    assert len(shapes) == 5


def test_a_column_may_have_any_name(database: SQLAlchemyClient) -> None:
    remake(
        database,
        'CREATE TABLE seen ("Seen" INTEGER, "select" TEXT, "a ""b" TEXT)',
        "INSERT INTO seen VALUES (1, 'x', 'y')",
    )
    assert look(database).rows == 1


def test_what_is_not_there_is_none(database: SQLAlchemyClient) -> None:
    remake(database)
    assert look(database) is None
    assert examine(database, Relation("seen", "no_such_schema")) is None


def test_no_rows_are_read_where_less_is_enough(database: SQLAlchemyClient) -> None:
    remake(database, "CREATE TABLE seen (n INTEGER)")
    table = look(database, enough=lambda table: True)
    assert (table.rows, table.checksum) == (None, None)


def test_postgres_tells_that_rows_changed_without_reading_them(postgres: str) -> None:
    database = SQLAlchemyClient(postgres)
    remake(database, "CREATE TABLE seen (n INTEGER)")
    database.close()  # what it did is counted then at the latest
    first = look(database)
    assert first.stamp == look(database).stamp
    stamps = {first.stamp}
    for statement in (
        "INSERT INTO seen VALUES (1)",
        "UPDATE seen SET n = 2",
        "DELETE FROM seen",
        "TRUNCATE seen",
    ):
        database.execute(statement)
        database.close()
        stamps.add(look(database).stamp)
    database.close()
    assert len(stamps) == 5


def test_a_huge_table_of_sqlite_is_counted_and_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(tmp_path / "data.db", "CREATE TABLE seen (n)", "INSERT INTO seen VALUES (1), (2), (3)")
    database = SQLAlchemyClient(f"sqlite:///{tmp_path}/data.db")
    assert look(database).checksum is not None
    monkeypatch.setattr(subject, "MOST", 2)
    assert (look(database).rows, look(database).checksum) == (3, None)
    database.close()


def test_text_that_is_not_utf8_is_counted_and_not_read(tmp_path: Path) -> None:
    change(tmp_path / "data.db", "CREATE TABLE seen (n)", "INSERT INTO seen VALUES (CAST(x'ff' AS TEXT))")
    database = SQLAlchemyClient(f"sqlite:///{tmp_path}/data.db")
    assert (look(database).rows, look(database).checksum) == (1, None)
    database.close()


def test_an_attached_database_is_a_schema_of_sqlite(tmp_path: Path) -> None:
    change(tmp_path / "other.db", "CREATE TABLE seen (n)")
    database = SQLAlchemyClient(f"sqlite:///{tmp_path}/data.db")
    database.connection.cursor().execute(f"ATTACH '{tmp_path}/other.db' AS other").close()
    assert examine(database, Relation("SEEN", "other")) is not None
    assert examine(database, Relation("seen", "main")) is None
    assert examine(database, Relation("seen")) is not None
    database.close()


class Cursor:
    """The cursor of a database that is none of the three, with tables ``there`` and no others."""

    arraysize = 1
    description = (("n", "NUMBER"),)

    def execute(self, statement: str, values: object = ()) -> None:
        if "FROM there" not in statement:
            raise ValueError("ORA-00942")

    def fetchone(self) -> tuple[int]:
        return (12,)

    def fetchmany(self, size: int) -> list[object]:
        raise AssertionError("no rows are read")

    def fetchall(self) -> list[object]:
        raise AssertionError("no rows are read")

    def close(self) -> None: ...


class Connection:
    def cursor(self) -> Cursor:
        return Cursor()

    def commit(self) -> None: ...
    def rollback(self) -> None: ...
    def close(self) -> None: ...


class Oracle:
    connection = Connection()

    def execute(self, code: str) -> None: ...
    def close(self) -> None: ...


def test_any_other_database_tells_columns_and_how_many_rows() -> None:
    found = examine(Oracle(), Relation("there"))
    assert found is not None
    assert (found.rows, found.checksum) == (12, None)
    assert examine(Oracle(), Relation("elsewhere")) is None


class RedshiftCursor(Cursor):
    """The cursor of a warehouse that speaks as PostgreSQL did, and knows no function of now."""

    def __init__(self) -> None:
        self.row: tuple[object, ...] = ()

    def execute(self, statement: str, values: object = ()) -> None:
        if "version()" not in statement:
            super().execute(statement)
        self.row = (
            ("PostgreSQL 8.0.2 on i686-pc-linux-gnu, Redshift 1.0",) if "version()" in statement else (12,)
        )

    def fetchone(self) -> tuple[int]:
        return self.row  # type: ignore[return-value]


def test_redshift_is_asked_as_other_warehouses_though_its_driver_is_that_of_postgres() -> None:
    class Redshift(Oracle):
        connection = type(
            "Psycopg",
            (Connection,),
            {"cursor": lambda self: RedshiftCursor(), "__module__": "psycopg2.extensions"},
        )()

    found = examine(Redshift(), Relation("there"))
    assert found is not None
    assert (found.rows, found.checksum) == (12, None)


@pytest.mark.parametrize(
    ("name", "text"), [("t", "t"), ('"My ""T"""', 'My "T"'), ("`t`", "t"), ("[a b]", "a b"), ('"', '"')]
)
def test_quotes_around_names_are_no_part_of_them(name: str, text: str) -> None:
    assert plain(name) == (text, name != text)


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://me:hushhush@host/db",
        "password=hushhush host=x",
        "PASSWORD = 'hushhush'",
        '{"passwd": "hushhush", "a": 1}',
        "pwd:hushhush;",
        "access_token=hushhush&x=1",
    ],
)
def test_what_looks_like_a_password_is_not_shown(text: str) -> None:
    assert "hushhush" not in discreet(text)
    assert HIDDEN in discreet(text)


def test_a_password_that_a_client_knows_is_not_shown() -> None:
    known = SQLAlchemyClient("postgresql+psycopg2://me:odd%20word@host/db")
    assert discreet("said: odd word", known) == f"said: {HIDDEN}"
