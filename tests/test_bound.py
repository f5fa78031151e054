"""The filter ``bind`` of templates: values go to the driver beside the SQL, in whichever style it takes them."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from databases import client, rows
from octavo.kinds import members
from octavo.kinds.bound import Query
from octavo.model import Call, Failure, Product, Relation, Source, Task
from octavo.reading.quoting import Binding
from octavo.reading.templates import facts, pasted, render
from projects import Folder
from tasks import with_options

HOSTILE = "it's; DROP TABLE t; -- \ufdd0 % %s ? :b1 \n {{x}} é"
MEMORY = """
from octavo.clients import DBAPIClient
def get():
    return DBAPIClient("{driver}.connect", {{"database": "my.db"}})
"""


@pytest.fixture
def here(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> Iterator[Folder]:
    monkeypatch.chdir(folder.path)
    monkeypatch.syspath_prepend(str(folder.path))
    monkeypatch.delitem(sys.modules, "clients", raising=False)
    yield folder
    for name in ("clients", "other"):
        sys.modules.pop(name, None)


def run(kind: str, text: str, product: str | Relation, **params: object) -> Failure | None:
    made = Product("out.csv") if isinstance(product, str) else Product(".octavo/standing/t", relation=product)
    bare = Task("it", kind, Source("task.sql", text=text), (made,), params)
    failure: Failure | None = members.kind(kind).run(
        with_options(bare, client=Call("clients.get"), **({"chunksize": None} if kind == "dump" else {})),
        lambda event: None,
    )
    return failure


@pytest.mark.parametrize("driver", ["sqlite:///my.db", "sqlite3", "duckdb"])
def test_a_database_gets_the_very_values(here: Folder, driver: str) -> None:
    if ":" in driver:
        client(here, driver)
    else:
        here.write("clients.py", MEMORY.format(driver=driver))
    script = """
        -- not now: {{word | bind}}
        CREATE TABLE t (a VARCHAR, n INTEGER, z INTEGER);
        INSERT INTO t VALUES ({{word | bind}}, {{n | bind}}, {{none | bind}}), ('10 %', 4, 1);
    """
    assert run("sql", script, Relation("t"), word=HOSTILE, n=3, none=None) is None
    query = "SELECT a, n FROM t WHERE n IN ({{several | bind}}) AND a LIKE '%' || {{end | upper | bind}} ORDER BY n"
    assert run("dump", query, "out.csv", several=[3, "4"], end="%") is None
    said = Path("out.csv").read_text(encoding="utf-8")
    assert said.startswith('"a","n"\n"' + HOSTILE)
    assert '"10 %","4"' in said
    assert run("dump", "SELECT n FROM t WHERE n IN ({{several | bind}})", "out.csv", several=[]) is None
    assert Path("out.csv").read_text() == '"n"\n'


@pytest.mark.parametrize(
    ("style", "sent"),
    [
        ("qmark", "a = ? AND '%' <> ?"),
        ("numeric", "a = :1 AND '%' <> :2"),
        ("named", "a = :b1 AND '%' <> :b2"),
        ("format", "a = %s AND '%%' <> %s"),
        ("pyformat", "a = %(b1)s AND '%%' <> %(b2)s"),
    ],
)
def test_each_style_of_a_driver_is_met(style: str, sent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bound = Binding()
    query = Query(f"a = {bound(1)} AND '%' <> {bound('x')}", bound)
    taken = {"b1": 1, "b2": "x"} if style in ("named", "pyformat") else (1, "x")
    with driven(style, monkeypatch) as opened:
        assert query.sent(opened) == (sent, (taken,))
        assert query.sent(opened, "a LIKE '%'") == ("a LIKE '%'", ())
        assert query.shown(opened) == sent.replace("%%", "%")


def test_a_driver_by_names_gets_the_very_values(here: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    driven("named", monkeypatch).close()
    here.write("clients.py", MEMORY.format(driver="of_a_style"))
    assert (
        run("sql", "CREATE TABLE t AS SELECT {{x | bind}} AS a, {{x | bind}} AS b", Relation("t"), x=HOSTILE)
        is None
    )
    assert rows(Path("my.db"), "SELECT a, b FROM t") == [(HOSTILE, HOSTILE)]


def test_a_driver_that_does_not_say_how_it_takes_values_is_told(
    here: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    driven("by smoke signs", monkeypatch).close()
    here.write("clients.py", MEMORY.format(driver="of_a_style"))
    failure = run("sql", "SELECT {{x | bind}}", Relation("t"), x=1)
    assert failure is not None
    assert "does not say how it takes values" in failure.message
    assert "{{name | quote}}" in failure.hint
    assert run("sql", "CREATE TABLE t AS SELECT {{x | quote}} AS x", Relation("t"), x=1) is None


@pytest.mark.parametrize(
    ("text", "words", "hint"),
    [
        ("SELECT 1,\n'{{x | bind}}'", "stands in quotes", "remove the quotes"),
        ('SELECT 1,\n"{{x | bind}}"', "stands in quotes", "remove the quotes"),
        (
            "SELECT 1,\n{{x | bind | replace('\\ufdd1', '')}}",
            "no filter can follow bind",
            "upper | bind",
        ),
        ("SELECT 1,\n{{ {'a': x} | bind}}", "a mapping cannot be bound", ""),
        ("CREATE VIEW v AS SELECT 1,\n{{x | bind}} AS x", "parameters are not allowed in views", "| quote}}"),
        ("SELECT 1,\nnothing.more({{x | bind}})", "syntax error", ""),
    ],
)
def test_where_nothing_can_be_bound_there_is_a_hint(here: Folder, text: str, words: str, hint: str) -> None:
    client(here, "sqlite:///my.db")
    failure = run("sql", text, Relation("t"), x="0123456789" * 9)
    assert failure is not None
    assert words in failure.message
    assert hint in failure.hint
    assert "\ufdd0" not in failure.code


def test_what_only_people_read_has_literals() -> None:
    text = "SELECT {{x | bind}}"
    assert render(Task("t", "sql", Source("t.sql", text=text), params={"x": "it's"}), ".") == "SELECT 'it''s'"
    assert [parameter.name for parameter in facts(text, "t.sql").params] == ["x"]
    assert not list(pasted(text, {"x"}))


def test_a_filter_that_follows_is_a_mistake_with_its_line() -> None:
    ((message, place),) = facts("SELECT 1,\n{{x | bind | upper}}", "t.sql").mistakes
    assert "no filter can follow bind" in message
    assert str(place) == "t.sql:2"


def test_a_shell_binds_nothing() -> None:
    ((message, _),) = facts("echo {{x | bind}}", "t.sh", "sh").mistakes
    assert "No filter named 'bind'" in message


def test_a_value_that_looks_like_a_mark_is_a_value() -> None:
    bound = Binding()
    mark = bound("secret")
    assert not Binding().marks(mark)
    assert bound.replaced(f"{mark}, {Binding()(1)}", lambda value, at: str(value)).startswith(
        "secret, \ufdd0"
    )


class Connection(sqlite3.Connection):
    """A connection of a driver that says some style; that of SQLite takes names too."""


class Opened:
    """A client with a connection of the driver."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def execute(self, code: str) -> None:
        self.connection.executescript(code)

    def close(self) -> None:
        self.connection.close()

    def __enter__(self) -> Opened:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def driven(style: str, monkeypatch: pytest.MonkeyPatch) -> Opened:
    """Return a client of a driver of a style; the driver can be imported while the test runs."""

    class Other(Connection):
        __module__ = "of_a_style"

    module = ModuleType("of_a_style")
    vars(module).update(paramstyle=style, connect=lambda database: sqlite3.connect(database, factory=Other))
    monkeypatch.setitem(sys.modules, "of_a_style", module)
    return Opened(Other(":memory:"))


def test_postgresql_gets_the_very_values(here: Folder, postgres: str) -> None:
    client(here, postgres)
    script = """
        -- not now: {{word | bind}}
        DROP TABLE IF EXISTS bound_t;
        CREATE TABLE bound_t AS SELECT {{word | bind}}::text AS a, {{n | bind}}::int AS n;
        INSERT INTO bound_t SELECT '10 %', 4 WHERE 'x' LIKE '%';
    """
    assert run("sql", script, Relation("bound_t"), word=HOSTILE, n=3) is None
    query = "SELECT a FROM bound_t WHERE n = {{n | bind}} OR a LIKE '% %' AND n = {{n | bind}} + 1 ORDER BY n"
    assert run("dump", query, "out.csv", n=3) is None
    assert Path("out.csv").read_text(encoding="utf-8").startswith('"a"\n"' + HOSTILE)
    failure = run("sql", "SELECT 'x' LIKE '%',\nnothing({{n | bind}})", Relation("bound_t"), n=3)
    assert failure is not None
    assert failure.line == 2
    assert "LIKE '%'" in failure.code


def test_a_transfer_binds(here: Folder) -> None:
    client(here, "sqlite:///my.db")
    client(here, "sqlite:///other.db", "other")
    assert run("sql", "CREATE TABLE t AS SELECT {{x | bind}} AS a", Relation("t"), x=HOSTILE) is None
    made = Product(".octavo/standing/t", relation=Relation("copy"))
    text = "SELECT a FROM t WHERE a = {{x | bind}}"
    task = Task("it", "transfer", Source("task.sql", text=text), (made,), {"x": HOSTILE})
    calls = {"client": Call("clients.get"), "product_client": Call("other.get")}
    assert members.kind("transfer").run(with_options(task, **calls), lambda event: None) is None
    assert rows(Path("other.db"), "SELECT a FROM copy") == [(HOSTILE,)]
