"""Tables made from the command line: templates, macros, chunks, parameters, and what a failure shows."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from databases import client, rows, sql
from projects import Folder

PIPELINE = """
meta:
  extract_product: false
  source_loader: {path: macros}
clients: {SQLScript: clients.get, SQLDump: clients.get}
tasks:
  - {source: sql/many.sql, product: [many, table], params: {most: 5}}
  - {source: sql/out.sql, product: out, class: SQLDump, chunksize: 2}
"""


@pytest.fixture
def shop(folder: Folder) -> Folder:
    client(folder, "sqlite:///data.db")
    folder.write("pipeline.yaml", PIPELINE)
    folder.write(
        "macros/count.sql",
        "{% macro up_to(n) %}{% for i in range(n) %}({{i}}),{% endfor %}({{n}}){% endmacro %}",
    )
    folder.write(
        "sql/many.sql",
        """
        {% import "count.sql" as count %}
        DROP TABLE IF EXISTS {{product}};
        CREATE TABLE {{product}} (n INTEGER);
        INSERT INTO {{product}} VALUES {{ count.up_to(most) }};
        """,
    )
    folder.write("sql/out.sql", "SELECT n FROM {{upstream.many}} ORDER BY n")
    return folder


def chunks(folder: Path) -> list[str]:
    return sorted(os.listdir(folder / "out"))


def test_a_macro_is_part_of_what_makes_a_table(shop: Folder) -> None:
    assert shop.octavo("build").returncode == 0
    assert rows(shop.path / "data.db", "SELECT count(*) FROM many") == [(6,)]
    assert chunks(shop.path) == ["0.csv", "1.csv", "2.csv"]
    shop.write("macros/count.sql", "{% macro up_to(n) %}(0), (1){% endmacro %}")
    assert "macros/count.sql changed" in shop.octavo("status").stdout
    assert shop.octavo("build").returncode == 0
    assert chunks(shop.path) == ["0.csv"]


def test_a_parameter_of_a_script_is_given_on_the_command_line(shop: Folder) -> None:
    assert shop.octavo("build", "-p", "most=1").returncode == 0
    assert rows(shop.path / "data.db", "SELECT * FROM many") == [(0,), (1,)]
    assert "param most" in shop.octavo("status").stdout


def test_a_product_can_be_said_in_the_script(folder: Folder) -> None:
    client(folder, "sqlite:///data.db")
    folder.write(
        "pipeline.yaml",
        """
        meta: {extract_product: true}
        clients: {SQLScript: clients.get}
        tasks:
          - source: made.sql
        """,
    )
    sql(folder, "made", "SELECT 1 AS a")
    folder.write("made.sql", "{% set product = SQLRelation(['made', 'table']) %}\n" + folder.read("made.sql"))
    done = folder.octavo("build")
    assert done.returncode == 0, done.stdout + done.stderr
    assert rows(folder.path / "data.db", "SELECT * FROM made") == [(1,)]
    assert "1 task fresh" in folder.octavo("build").stdout


def test_a_template_that_cannot_be_read_is_told_before_anything_runs(shop: Folder) -> None:
    shop.write("sql/out.sql", "SELECT n\nFROM {{upstream.many}")
    done = shop.octavo("build")
    assert done.returncode == 2
    assert "sql/out.sql:2: the template cannot be read" in done.stderr
    assert not (shop.path / "data.db").exists()


def test_cleaning_leaves_tables_and_says_so(shop: Folder) -> None:
    assert shop.octavo("build").returncode == 0
    said = shop.octavo("clean", "--yes").stdout
    assert "  stays:  clients.get/many (no file)" in said
    assert "removed 1 product," in said
    assert rows(shop.path / "data.db", "SELECT count(*) FROM many") == [(6,)]
    assert "fresh  many" in shop.octavo("status").stdout


def test_what_octavo_itself_writes_is_not_listed_as_used(shop: Folder) -> None:
    said = shop.octavo("build", "--explain-io").stdout
    assert "2 done" in said
    assert ".octavo" not in said


def test_a_password_is_shown_nowhere(shop: Folder) -> None:
    client(shop, "postgresql+psycopg2://me:s3cret-word@127.0.0.1:9/db")
    done = shop.octavo("build")
    assert done.returncode == 1
    assert "clients.get cannot connect to its database" in done.stdout
    said = done.stdout + done.stderr + shop.octavo("status", "-v").stdout + shop.octavo("log", "many").stdout
    logs = (path.read_text("utf-8", "replace") for path in (shop.path / ".octavo/runs").iterdir())
    assert not [text for text in (said, *logs) if "s3cret-word" in text]
