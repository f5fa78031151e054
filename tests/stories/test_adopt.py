"""octavo build --adopt: what Ploomber made is taken as fresh, where nothing has changed since."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from projects import Folder

PIPELINE = """
    tasks:
      - source: steps.get
        product: out/raw.csv
        params: {n: 2}
      - source: clean.py
        product: {nb: out/clean.ipynb, data: out/clean.csv}
      - source: count.sh
        product: out/count.txt
    """
GET = '''
def get(product, n):
    """Make numbers."""
    with open(product, "w") as file:
        file.write("\\n".join(map(str, range(n))))
'''
STEPS = f"import json\n\n\ndef helper():\n    return json\n\n{GET}"
PROSE = "# A title\n\nof two paragraphs"
CODE = [
    "upstream = ['get']\nproduct = None",
    "# what there is\nwith open(upstream['get']) as file:\n    text = file.read()",
    "with open(product['data'], 'w') as file:\n    file.write(text)",
]
SHELL = "# count lines\nwc -l {{upstream.clean.data}} > {{product}}"


def percent(prose: str, code: list[str]) -> str:
    """Return a notebook as a percent script."""
    text = "# %% [markdown]\n" + "".join(f"# {line}".rstrip() + "\n" for line in prose.split("\n"))
    first, *others = code
    text += f'\n# %% tags=["parameters"]\n{first}\n'
    return text + "".join(f"\n# %%\n{it}\n" for it in others)


@pytest.fixture
def left(once: Folder, tmp_path: Path) -> Folder:
    """A project as Ploomber leaves it: its results, and a file beside each that tells how it was made."""
    shutil.copytree(once.path, tmp_path / "project")
    return Folder(tmp_path / "project")


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    folder = Folder(tmp_path_factory.mktemp("ploomber"))
    folder.write("pipeline.yaml", PIPELINE)
    folder.write("steps.py", STEPS)
    (folder.path / "clean.py").write_text(percent(PROSE, CODE))
    (folder.path / "count.sh").write_text(SHELL)
    done = folder.octavo("build")
    assert done.returncode == 0, done.stdout + done.stderr
    shutil.rmtree(folder.path / ".octavo")
    tell(folder, "out/raw.csv", GET.lstrip("\n"), {"n": 2}, 1000.5)
    tell(folder, "out/clean.ipynb", "\n".join([PROSE, *CODE]), {}, 1001)
    tell(folder, "out/clean.csv", "\n".join([PROSE, *CODE]), {}, 1001.25)
    rendered = SHELL.replace("{{upstream.clean.data}}", "/then/out/clean.csv").replace(
        "{{product}}", "/then/out/count.txt"
    )
    tell(folder, "out/count.txt", rendered, {}, 1002)
    return folder


def tell(folder: Folder, path: str, code: str, params: dict[str, Any] | None, at: float) -> None:
    """Write what Ploomber keeps beside a product."""
    said = {"timestamp": at, "stored_source_code": code, "params": params}
    file = folder.path / path
    file.with_name(f".{file.name}.metadata").write_text(json.dumps(said))


def adopted(folder: Folder, *options: str) -> dict[str, str]:
    """Return what a rehearsal says of each task: why it is not adopted, or nothing."""
    done = folder.octavo("build", "--adopt", "--dry-run", *options)
    assert done.returncode == 0, done.stderr
    found = {}
    for line in done.stdout.splitlines():
        word, _, rest = line.partition(" ")
        if word in ("adopted", "not"):
            name, _, why = rest.strip().partition("  ")
            found[name] = "" if word == "adopted" else why
    return found


def test_what_nothing_speaks_against_is_fresh_without_a_run(left: Folder) -> None:
    done = left.octavo("build", "--adopt")
    assert "3 of 3 tasks adopted" in done.stdout and "3 tasks fresh" in done.stdout, done.stdout
    assert "all 3 tasks are fresh" in left.octavo("status").stdout
    assert "there is nothing to adopt" in left.octavo("build", "--adopt").stdout


def test_what_is_adopted_is_stale_when_it_changes_afterwards(left: Folder) -> None:
    left.octavo("build", "--adopt")
    (left.path / "clean.py").write_text(percent(PROSE, [*CODE, "more = 1"]))
    said = left.octavo("status").stdout
    assert "stale  clean  source changed" in said and "fresh  get" in said
    left.write("out/raw.csv", "by hand")
    assert "out/raw.csv was changed by hand" in left.octavo("status", "get").stdout


def test_a_rehearsal_adopts_nothing(left: Folder) -> None:
    done = left.octavo("build", "--adopt", "--dry-run")
    assert "3 of 3 tasks would be adopted" in done.stdout and "nothing would run" in done.stdout
    assert "3 of 3 tasks are stale" in left.octavo("status").stdout


def test_without_the_option_nothing_is_adopted(left: Folder) -> None:
    assert "3 of 3 tasks are stale" in left.octavo("status").stdout
    assert "first run" in left.octavo("build", "--dry-run").stdout


def test_comments_docstrings_and_other_functions_do_not_count(left: Folder) -> None:
    left.write(
        "steps.py", STEPS.replace("Make numbers", "Make many numbers").replace("return json", "return 1")
    )
    code = [it.replace("# what there is", "# take what there is\n\n") for it in CODE]
    (left.path / "clean.py").write_text(percent(PROSE, code))
    (left.path / "count.sh").write_text("# another comment\n" + SHELL)
    assert adopted(left) == {"get": "", "clean": "", "count": ""}


@pytest.mark.parametrize("name", ["get", "clean", "count"])
def test_other_code_is_never_adopted_and_nothing_after_it(left: Folder, name: str) -> None:
    if name == "get":
        left.write("steps.py", STEPS.replace("range(n)", "range(n + 1)"))
    elif name == "clean":
        (left.path / "clean.py").write_text(
            percent(PROSE, [*CODE[:-1], CODE[-1].replace("text", "text + '1'")])
        )
    else:
        (left.path / "count.sh").write_text(SHELL.replace("-l", "-c"))
    found = adopted(left)
    assert found[name] == "its code has changed since"
    after = {"get": "clean", "clean": "count"}.get(name)
    assert not after or found[after] == f"{name}, which it needs, is not adopted"


def test_prose_that_changed_with_the_code_is_not_guessed_at(left: Folder) -> None:
    (left.path / "clean.py").write_text(percent("# Another title", CODE))
    assert adopted(left)["clean"] == "its code has changed since"


def test_a_blank_line_in_a_string_is_code(left: Folder) -> None:
    said = ["text = '''a\n\nb'''", *CODE]
    tell(left, "out/clean.ipynb", "\n".join([PROSE, *said]), {}, 1001)
    tell(left, "out/clean.csv", "\n".join([PROSE, *said]), {}, 1001)
    (left.path / "clean.py").write_text(percent(PROSE, ["text = '''a\nb'''", *CODE]))
    assert adopted(left)["clean"] == "its code has changed since"


@pytest.mark.parametrize(
    ("params", "why"),
    [
        ({"n": 3}, "its parameter n was 3"),
        ({"n": 2.0}, "its parameter n was 2.0"),
        ({"n": True}, "its parameter n was true"),
        ({}, "its parameter n is new"),
        (None, "its parameter n is new"),
        ({"n": 2, "m": 1}, "its parameter m was removed"),
    ],
)
def test_other_parameters_are_never_adopted(left: Folder, params: dict[str, Any] | None, why: str) -> None:
    tell(left, "out/raw.csv", GET, params, 1000)
    assert adopted(left)["get"] == why


def test_files_among_the_parameters_count_by_their_contents(left: Folder) -> None:
    left.write("pipeline.yaml", PIPELINE.replace("{n: 2}", "{n: 2, resources_: {words: words.txt}}"))
    left.write("steps.py", STEPS.replace("product, n)", "product, n, resources_)"))
    left.write("words.txt", "some words")
    md5 = hashlib.md5(b"some words").hexdigest()
    code = GET.replace("product, n)", "product, n, resources_)")
    tell(left, "out/raw.csv", code, {"n": 2, "resources_": {"words": md5}}, 1000)
    assert adopted(left)["get"] == ""
    left.write("words.txt", "other words")
    assert adopted(left)["get"].startswith("its parameter resources_ was")


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (None, "out/.clean.csv.metadata is not there"),
        ("{", "out/.clean.csv.metadata cannot be read"),
        ("[]", "out/.clean.csv.metadata is damaged"),
        ('{"timestamp": null, "stored_source_code": "", "params": {}}', "out/.clean.csv.metadata is damaged"),
        ('{"timestamp": 1, "stored_source_code": null, "params": {}}', "out/.clean.csv.metadata is damaged"),
        ('{"timestamp": 1, "stored_source_code": "", "params": [1]}', "out/.clean.csv.metadata is damaged"),
        ("\udcff", "out/.clean.csv.metadata cannot be read"),
    ],
)
def test_what_is_not_told_is_not_adopted(left: Folder, damage: str | None, why: str) -> None:
    beside = left.path / "out/.clean.csv.metadata"
    if damage is None:
        beside.unlink()
    else:
        beside.write_bytes(damage.encode("utf-8", "surrogateescape"))
    found = adopted(left)
    assert found["get"] == "" and found["clean"].startswith(why)
    assert found["count"] == "clean, which it needs, is not adopted"


def test_a_product_that_is_gone_is_made_again(left: Folder) -> None:
    (left.path / "out/clean.csv").unlink()
    assert adopted(left)["clean"] == "out/clean.csv is not there"
    done = left.octavo("build", "--adopt")
    assert "1 of 3 tasks adopted" in done.stdout and "done     clean" in done.stdout, done.stdout
    assert "done     get" not in done.stdout


def test_what_was_made_before_what_it_needs_is_not_adopted(left: Folder) -> None:
    tell(left, "out/raw.csv", GET, {"n": 2}, 1001.1)
    assert adopted(left)["clean"] == "get, which it needs, was made later"


def test_what_was_written_after_ploomber_told_of_it_is_not_adopted(left: Folder) -> None:
    beside, product = left.path / "out/.raw.csv.metadata", left.path / "out/raw.csv"
    os.utime(beside, (1000.6, 1000.6))
    os.utime(product, (1000.4, 1000.4))
    assert adopted(left)["get"] == ""
    os.utime(product, (2000, 2000))
    assert adopted(left)["get"] == "out/raw.csv was changed after Ploomber had made it"
    os.utime(beside, (3000, 3000))  # a copy of the project: its times say nothing
    assert adopted(left)["get"] == ""


def test_only_what_is_selected_is_adopted_and_the_rest_can_follow_later(left: Folder) -> None:
    assert set(adopted(left, "get")) == {"get"}
    left.octavo("build", "--adopt", "get")
    assert re.search("fresh +get", left.octavo("status").stdout)
    done = left.octavo("build", "--adopt")
    assert "2 of 2 tasks adopted" in done.stdout and "3 tasks fresh" in done.stdout


def test_what_octavo_ran_itself_is_not_adopted(left: Folder) -> None:
    left.octavo("build", "--force", "get")
    found = adopted(left)
    assert found == {
        "clean": "get, which it needs, is not adopted",
        "count": "clean, which it needs, is not adopted",
    }


def test_events_stay_alone_on_standard_output(left: Folder) -> None:
    done = left.octavo("build", "--adopt", "--json")
    assert all(json.loads(line)["event"] for line in done.stdout.splitlines())
    assert "3 of 3 tasks adopted" in done.stderr


# ── tables, of which Ploomber notes in their own database

TABLES = """
    meta: {product_default_class: {SQLScript: SQLiteRelation}}
    clients: {SQLScript: db.client, SQLDump: db.client, SQLiteRelation: db.client}
    tasks:
      - {source: first.sql, product: [numbers, table]}
      - {source: second.sql, product: [doubled, view]}
      - {source: dump.sql, product: out/doubled.csv, chunksize: null}
    """
FIRST = "DROP TABLE IF EXISTS {{product}};\nCREATE TABLE {{product}} AS SELECT 1 AS n UNION SELECT 2;"
SECOND = (
    "DROP VIEW IF EXISTS {{product}};\nCREATE VIEW {{product}} AS SELECT 2 * n AS m FROM {{upstream.first}};"
)
DUMP = "SELECT * FROM {{upstream['second']}}"


@pytest.fixture(scope="module")
def once_with_tables(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    folder = Folder(tmp_path_factory.mktemp("tables"))
    folder.write("pipeline.yaml", TABLES)
    folder.write(
        "db.py",
        """
        import sqlite3

        from ploomber.clients import DBAPIClient


        def client():
            return DBAPIClient(sqlite3.connect, {"database": "data.db"}, split_source=";")
        """,
    )
    for name, text in (("first", FIRST), ("second", SECOND), ("dump", DUMP)):
        (folder.path / f"{name}.sql").write_text(text)
    done = folder.octavo("build")
    assert done.returncode == 0, done.stdout + done.stderr
    shutil.rmtree(folder.path / ".octavo")
    with closing(sqlite3.connect(folder.path / "data.db")) as db:
        db.execute(
            "CREATE TABLE _metadata (name TEXT NOT NULL, schema TEXT, metadata BLOB, UNIQUE(schema, name))"
        )
        for name, text, at in (("numbers", FIRST, 1000), ("doubled", SECOND, 1001)):
            text = text.replace("{{product}}", name).replace("{{upstream.first}}", "numbers")
            said = json.dumps({"timestamp": at, "stored_source_code": text, "params": {}})
            db.execute("INSERT INTO _metadata (metadata, name) VALUES (?, ?)", (said.encode(), name))
        db.commit()
    tell(folder, "out/doubled.csv", "SELECT *   FROM doubled -- all", {}, 1002)
    return folder


@pytest.fixture
def tables(once_with_tables: Folder, tmp_path: Path) -> Folder:
    shutil.copytree(once_with_tables.path, tmp_path / "project")
    return Folder(tmp_path / "project")


def test_tables_are_adopted_by_what_is_noted_in_their_database(tables: Folder) -> None:
    assert "3 of 3 tasks would be adopted" in tables.octavo("build", "--adopt", "-n").stdout
    assert not (tables.path / ".octavo/standing").exists()
    done = tables.octavo("build", "--adopt")
    assert "3 of 3 tasks adopted" in done.stdout and "3 tasks fresh" in done.stdout, done.stdout
    assert "all 3 tasks are fresh" in tables.octavo("status").stdout
    with closing(sqlite3.connect(tables.path / "data.db")) as db:
        db.execute("DELETE FROM numbers")
        db.commit()
    assert "numbers was changed by hand" in tables.octavo("status").stdout


def test_a_table_that_is_gone_or_of_other_sql_is_made_again(tables: Folder) -> None:
    (tables.path / "second.sql").write_text(SECOND.replace("2 * n", "3 * n"))
    found = adopted(tables)
    assert found["first"] == "" and found["second"] == "its code has changed since"
    assert found["dump"] == "second, which it needs, is not adopted"
    with closing(sqlite3.connect(tables.path / "data.db")) as db:
        db.execute("DROP TABLE numbers")
        db.commit()
    assert adopted(tables)["first"] == "nothing is noted of the table numbers in its database"
    (tables.path / "data.db").unlink()
    assert adopted(tables)["first"].startswith("nothing is noted of the table numbers")
    assert not (tables.path / "data.db").exists()


def test_damaged_notes_and_databases_that_do_not_answer_adopt_nothing(tables: Folder) -> None:
    with closing(sqlite3.connect(tables.path / "data.db")) as db:
        db.execute("UPDATE _metadata SET metadata = ? WHERE name = 'numbers'", (b'{"timestamp": "soon"}',))
        db.commit()
    assert adopted(tables)["first"] == "what is noted of the table numbers is damaged"
    tables.write("db.py", "def client():\n    raise ConnectionError('nobody there')\n")
    done = tables.octavo("build", "--adopt", "--dry-run")
    assert "not      first  ConnectionError: nobody there" in done.stdout
