"""Tasks that use what others make or write without naming it: order, products that several write, and what is said."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from projects import Folder

SHARED = """
import sqlite3
from pathlib import Path

def rows(path, *statements):
    db = sqlite3.connect(path)
    with db:
        found = [db.execute(it).fetchall() for it in statements][-1]
    db.close()
    return found

def load(product):
    rows(product, "create table raw (x)", "insert into raw values (1)")

def add(product, upstream):
    rows(upstream["load"], "create table if not exists more (x)", "insert into more values (2)")
    product.write_text("done")
"""


@pytest.fixture
def shared(folder: Folder) -> Folder:
    folder.write(
        "pipeline.yaml",
        """
        tasks:
          - {source: steps.load, product: out/all.db}
          - {source: steps.add, product: out/add.txt}
        """,
    )
    folder.write("steps.py", SHARED)
    return folder


def added(folder: Folder) -> int:
    with closing(sqlite3.connect(folder.path / "out/all.db")) as database:
        return int(database.execute("select count(*) from more").fetchone()[0])


def told(folder: Folder, *words: str) -> str:
    done = folder.octavo(*words)
    return done.stdout + done.stderr


def test_two_that_write_one_database_are_done_and_then_fresh(shared: Folder) -> None:
    first = told(shared, "build")
    assert "2 done" in first
    assert "add: it writes out/all.db, a product of load" in first
    assert "all 2 tasks are fresh" in told(shared, "status")
    assert "2 tasks fresh" in told(shared, "build")


def test_what_a_hand_does_to_a_shared_product_is_noticed_and_can_be_accepted(shared: Folder) -> None:
    shared.octavo("build")
    database = shared.path / "out/all.db"
    database.write_bytes(database.read_bytes() + b"mine")
    assert "blocked  load  product out/all.db was changed by hand" in told(shared, "status")
    assert shared.octavo("build").returncode == 1
    assert shared.octavo("accept", "load").returncode == 0
    for _ in range(2):
        assert shared.octavo("build").returncode == 0
    assert "all 2 tasks are fresh" in told(shared, "status")
    assert database.read_bytes().endswith(b"mine")


def test_one_that_fails_after_writing_leaves_nothing_behind_for_the_next(shared: Folder) -> None:
    shared.write("steps.py", SHARED + "    raise ValueError\n")
    assert shared.octavo("build").returncode == 1
    shared.write("steps.py", SHARED)
    status = told(shared, "status")
    assert "blocked" not in status and "stale  load  out/all.db must be written into again" in status
    assert shared.octavo("build").returncode == 0
    assert "all 2 tasks are fresh" in told(shared, "status")
    assert added(shared) == 1


def test_one_that_is_forced_alone_is_put_right_by_the_next_build(shared: Folder) -> None:
    shared.octavo("build")
    done = shared.octavo("build", "--force", "add")
    assert (done.returncode, "load: add wrote into out/all.db more than once" in done.stdout) == (0, True)
    assert "stale  load" in told(shared, "status")
    assert shared.octavo("build").returncode == 0
    assert "all 2 tasks are fresh" in told(shared, "status")
    assert added(shared) == 1


def test_one_that_only_reads_a_database_does_not_write_it(shared: Folder) -> None:
    reads = SHARED.replace(
        '"create table if not exists more (x)", "insert into more values (2)"', '"select x from raw"'
    )
    shared.write("steps.py", reads)
    assert "writes" not in told(shared, "build")
    assert "all 2 tasks are fresh" in told(shared, "status")


def test_one_that_was_fresh_before_another_wrote_what_it_reads_is_told(shared: Folder) -> None:
    shared.write(
        "pipeline.yaml",
        "tasks:\n  - {source: steps.load, product: out/all.db}\n  - {source: steps.add, product: out/add.txt}\n"
        "  - {source: steps.look, product: out/look.txt}\n",
    )
    look = """
def look(product, upstream):
    product.write_text(str(rows(upstream["load"], "select name from sqlite_master order by name")))
"""
    fails = 'upstream["load"] / "later" if not Path("ready").exists() else upstream["load"]'
    shared.write("steps.py", SHARED.replace('upstream["load"]', fails) + look)
    assert "2 done, 1 failed" in told(shared, "build")
    shared.write("ready", "")
    again = shared.octavo("build")
    assert "look: it reads out/all.db, which add writes" in again.stdout
    assert "it is stale now, and the next build runs it" in again.stdout
    assert again.returncode == 1
    assert "done     look" in told(shared, "build")
    assert (shared.path / "out/look.txt").read_text() == "[('more',), ('raw',)]"
    assert "3 tasks fresh" in told(shared, "build")


def test_tasks_open_a_database_of_duckdb_one_after_the_other(folder: Folder) -> None:
    pytest.importorskip("duckdb")
    folder.write(
        "pipeline.yaml",
        "tasks:\n  - {source: steps.make, product: out/all.duckdb}\n  - {source: steps.one, product: out/1.txt}\n"
        "  - {source: steps.two, product: out/2.txt}\n  - {source: steps.last, product: out/3.txt}\n",
    )
    folder.write(
        "steps.py",
        """
        import time
        import duckdb

        def rows(path, statement):
            database = duckdb.connect(str(path))
            time.sleep(0.2)
            found = database.execute(statement).fetchall()
            database.close()
            return str(found)

        def make(product):
            rows(product, "create table raw as select 1 as x")

        def one(product, upstream):
            product.write_text(rows(upstream["make"], "create table more as select x + 1 as x from raw"))

        def two(product, upstream):
            product.write_text(rows(upstream["make"], "select x from raw"))

        def last(product, upstream):
            product.write_text(rows("out/all.duckdb", "select x from more" if upstream["one"] else ""))
        """,
    )
    assert "4 done" in told(folder, "build", "--jobs", "4")
    assert "4 tasks fresh" in told(folder, "build")


@pytest.mark.parametrize("product", ["csv", "db"])
def test_what_a_failed_attempt_wrote_is_not_there_twice_after_the_next_build(
    folder: Folder, tmp_path: Path, product: str
) -> None:
    folder.write(
        "pipeline.yaml",
        f"""
        tasks:
          - {{source: steps.make, product: out/all.{product}}}
          - {{source: steps.add, product: out/add.txt, retries: 1}}
        """,
    )
    once = tmp_path.parent / f"{tmp_path.name}-once"
    folder.write(
        "steps.py",
        f"""
        import os, sqlite3
        from contextlib import closing

        def write(path, words):
            if path.suffix == ".csv":
                with open(path, "a") as file:
                    file.write(words)
                return
            with closing(sqlite3.connect(path)) as db, db:
                db.execute("create table if not exists t (x)")
                db.execute("insert into t values (?)", [words])

        def make(product):
            write(product, "made")

        def add(product, upstream):
            write(upstream["make"], " added")
            if not os.path.exists({str(once)!r}):
                open({str(once)!r}, "w").close()
                raise ValueError("once")
            product.write_text("done")
        """,
    )

    def found() -> str:
        if product == "csv":
            return folder.read("out/all.csv")
        with closing(sqlite3.connect(folder.path / "out/all.db")) as db:
            return "".join(word for (word,) in db.execute("select x from t"))

    done = folder.octavo("build")
    note = f"make: add wrote into out/all.{product} more than once; it is stale now, and the next build makes it anew"
    assert "again in 1 s" in done.stdout and note in done.stdout
    assert done.returncode == 1, (
        "all tasks ended well, but what is in one product would not be there from nothing"
    )
    assert found() == "made added added"
    assert "out/all." in (said := told(folder, "status")) and "must be written into again" in said
    assert folder.octavo("build").returncode == 0
    assert found() == "made added"
    assert "2 tasks fresh" in told(folder, "build")


@pytest.mark.parametrize(
    ("arguments", "path"), [("product, upstream", "upstream['make']"), ("product", "'out/all.csv'")]
)
def test_what_a_killed_task_wrote_into_another_s_product_stops_nothing(
    folder: Folder, arguments: str, path: str
) -> None:
    tasks = "".join(
        f"  - {{source: steps.{name}, product: out/{name}.csv}}\n" for name in ("all", "add", "other")
    )
    folder.write("pipeline.yaml", f"tasks:\n{tasks}")
    folder.write(
        "steps.py",
        f"""
        import time
        from pathlib import Path

        def all(product):
            product.write_text("made")

        def add({arguments}):
            with open({path}, "a") as file:
                file.write(" added")
            while Path("wait").exists():
                time.sleep(0.02)
            product.write_text(Path("out/all.csv").read_text())

        def other(product):
            product.write_text("other")
        """.replace("'make'", "'all'"),
    )
    folder.write("wait", "")
    made = folder.path / "out/all.csv"
    with subprocess.Popen([sys.executable, "-m", "octavo", "build"], cwd=folder.path) as build:
        while not (made.exists() and made.read_text() == "made added"):
            time.sleep(0.02)
        build.send_signal(signal.SIGKILL)
    (folder.path / "wait").unlink()
    time.sleep(0.5)
    assert "product out/all.csv is new (add left it there)" in (said := told(folder, "status"))
    assert "by hand" not in said
    assert folder.octavo("build").returncode == 0
    assert folder.read("out/add.csv") == folder.read("out/all.csv") == "made added"
    assert "3 tasks fresh" in told(folder, "build")


UNNAMED = """
from pathlib import Path

def use(product):
    product.write_text(Path({path}).read_text())

def make(product):
    Path("between.txt").write_text("between")
    product.write_text("made")
"""


@pytest.fixture
def unnamed(folder: Folder) -> Folder:
    folder.write(
        "pipeline.yaml",
        """
        tasks:
          - {source: steps.use, product: out/use.txt}
          - {source: steps.make, product: out/made.txt}
        """,
    )
    return folder


def test_a_path_in_a_source_puts_the_tasks_in_order(unnamed: Folder) -> None:
    unnamed.write("steps.py", UNNAMED.format(path='"out/made.txt"'))
    said = told(unnamed, "build")
    assert "2 done" in said
    assert (
        'use: it reads out/made.txt, a product of make, without naming it: add "make" to its upstream' in said
    )
    assert "2 tasks fresh" in told(unnamed, "build")
    unnamed.write("steps.py", unnamed.read("steps.py").replace('"made"', '"new"'))
    assert "waits  use   waits for make" in told(unnamed, "status")
    assert "2 done" in told(unnamed, "build")
    assert unnamed.read("out/use.txt") == "new"


def test_a_path_in_a_notebook_puts_the_tasks_in_order(unnamed: Folder) -> None:
    unnamed.write("steps.py", UNNAMED.format(path='"x"'))
    cell: dict[str, Any] = {
        "cell_type": "code",
        "metadata": {},
        "outputs": [],
        "execution_count": None,
        "id": "a",
    }
    cell["source"] = 'print(open("out/made.txt").read())'
    data = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    unnamed.write("use.ipynb", json.dumps(data))
    unnamed.write(
        "pipeline.yaml",
        """
        tasks:
          - {source: use.ipynb, product: out/use.ipynb}
          - {source: steps.make, product: out/made.txt}
        """,
    )
    assert "2 done" in told(unnamed, "build")


def test_each_in_the_source_of_the_other_changes_no_order(unnamed: Folder) -> None:
    unnamed.write("steps.py", UNNAMED.format(path='"out/made.txt"') + "    print('out/use.txt')\n")
    assert "2 tasks are stale" in told(unnamed, "status")


def test_what_was_missing_puts_the_tasks_in_order_from_then_on(unnamed: Folder) -> None:
    unnamed.write("steps.py", UNNAMED.format(path='"out", "ma" + "de.txt"'))
    failed = told(unnamed, "build", "--jobs", "1")
    assert 'make makes out/made.txt: name "make" as upstream, then it runs first' in failed
    (unnamed.path / "out/made.txt").unlink()
    assert "2 done" in told(unnamed, "build", "--no-cache")
    assert "2 tasks fresh" in told(unnamed, "build")


def test_a_file_that_nobody_declares_puts_the_tasks_in_order_from_then_on(unnamed: Folder) -> None:
    unnamed.write("steps.py", UNNAMED.format(path='"between.txt"'))
    failed = told(unnamed, "build", "--jobs", "1")
    assert "FileNotFoundError" in failed
    note = 'use: it reads between.txt, which make writes, without naming it: add "make" to its upstream'
    assert note in failed and "it is stale now, and the next build runs it" in failed
    assert "1 done, 1 fresh" in told(unnamed, "build")
    unnamed.write("steps.py", unnamed.read("steps.py").replace('"between")', '"new")'))
    assert "waits  use   waits for make" in told(unnamed, "status")
    assert unnamed.octavo("build").returncode == 0
    assert unnamed.read("out/use.txt") == "new"
    assert "2 tasks fresh" in told(unnamed, "build")


def test_a_task_that_another_made_stale_is_told_at_the_end_of_the_build(unnamed: Folder) -> None:
    unnamed.write("steps.py", UNNAMED.format(path='"between" + ".txt"'))
    unnamed.write("between.txt", "before")
    done = unnamed.octavo("build", "--jobs", "1")
    note = 'use: it reads between.txt, which make writes, without naming it: add "make" to its upstream'
    assert f"{note}; it is stale now, and the next build runs it: octavo build" in done.stdout
    assert "2 done" in done.stdout
    assert done.returncode == 1, "all tasks ended well, but what use made is not from what is there now"
    done = unnamed.octavo("build")
    assert done.returncode == 0
    assert unnamed.read("out/use.txt") == "between"
    assert "2 tasks fresh" in told(unnamed, "build")


def test_what_is_used_and_nobody_s_product_comes_not_from_the_cache(unnamed: Folder) -> None:
    unnamed.write("steps.py", UNNAMED.format(path='"between.txt"'))
    for _ in range(2):
        unnamed.octavo("build", "--jobs", "1")
    before = unnamed.read("steps.py")
    for _ in range(2):
        unnamed.write("steps.py", before.replace('"between")', '"new")'))
        assert unnamed.octavo("build").returncode == 0
        assert unnamed.read("out/use.txt") == "new"
        unnamed.write("steps.py", before)
        assert unnamed.octavo("build").returncode == 0
        assert unnamed.read("out/use.txt") == "between"


def test_a_serial_pipeline_runs_one_after_the_other_in_the_order_of_the_file(folder: Folder) -> None:
    names = ["c", "a", "d", "b"]
    tasks = "\n".join(f"  - {{source: steps.{name}, product: out/{name}.txt}}" for name in names)
    folder.write("pipeline.yaml", f"executor: serial\ntasks:\n{tasks}\n")
    text = "import time\n\ndef run(product):\n    began = time.time()\n    time.sleep(0.05)\n"
    text += "    product.write_text(f'{began} {time.time()}')\n\n"
    folder.write("steps.py", text + "\n".join(f"def {name}(product):\n    run(product)\n" for name in names))
    said = told(folder, "build")
    assert "4 done" in said and "has no effect" not in said
    times = [float(it) for name in names for it in folder.read(f"out/{name}.txt").split()]
    assert times == sorted(times) and time.time() > times[-1]


def test_a_serial_pipeline_may_run_in_parallel_where_that_is_asked_for(folder: Folder) -> None:
    folder.write("pipeline.yaml", "executor: concurrent\ntasks:\n  - {source: steps.a, product: a.txt}\n")
    folder.write("steps.py", "def a(product):\n    product.write_text('a')\n")
    assert '"executor" has no effect: write "serial" for one task at a time' in told(folder, "build")
