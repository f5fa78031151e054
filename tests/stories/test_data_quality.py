"""Data that is not as its task's checks say: what fails, what is kept, and where it is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from octavo.events import TaskFinished
from octavo.model import Outcome, Product, Record, Source, Task
from octavo.plan import key_of
from octavo.quality import again
from octavo.state.store import Store
from projects import Folder

pytest.importorskip("pandas", reason="checks of files need pandas")

GOOD, BAD = "id,price\n1,2.5\n2,3.0\n", "id,price\n1,2.5\n1,-3.0\n"
PIPELINE = """
tasks:
  - source: shop.orders
    product: {{data: out/orders.csv, more: out/more}}
    checks:
      - unique: id
      - range: {{price: {{min: {least}}}}}
      - rows: {{min: 5}}
        severity: warn
  - source: shop.report
    upstream: [orders]
    product: out/report.txt
"""
SHOP = """
import os, shutil

def orders(product):
    shutil.copy("raw.csv", product["data"])
    os.makedirs(product["more"], exist_ok=True)
    open(os.path.join(product["more"], "part.txt"), "w").write(open("raw.csv").read())

def report(product, upstream):
    open(product, "w").write("made")
"""


def events(folder: Folder) -> list[dict[str, object]]:
    found = [json.loads(line) for line in folder.octavo("log", "last", "--json").stdout.splitlines()]
    return [event for event in found if event["event"] == "CheckFinished"]


def test_bad_data_fails_its_task_and_is_kept_as_evidence(folder: Folder) -> None:
    folder.write("pipeline.yaml", PIPELINE.format(least=0))
    folder.write("shop.py", SHOP)
    raw, product = folder.path / "raw.csv", folder.path / "out/orders.csv"
    raw.write_text(GOOD)
    folder.write("out/more/mine.txt", "a person's")
    done = folder.octavo("build")
    assert done.returncode == 0
    assert "note: orders: check rows: 2 rows, less than 5" in done.stdout
    assert [(it["check"], it["good"]) for it in events(folder)] == [
        ("unique id", True),
        ("range price", True),
        ("rows", False),
    ]

    raw.write_text(BAD)
    failed = folder.octavo("build", "--junit", "junit.xml")
    assert failed.returncode == 1
    assert "2 of 3 checks failed: unique id; range price" in failed.stdout
    assert "row 2: id 1, price -3.0" in failed.stdout
    assert "blocked report: orders failed" in failed.stdout
    (evidence,) = (folder.path / ".octavo/evidence/orders").iterdir()
    assert f"its products are kept as evidence: .octavo/evidence/orders/{evidence.name}" in failed.stdout
    assert (evidence / "out/orders.csv").read_text() == BAD
    assert (evidence / "out/more/part.txt").read_text() == BAD
    assert product.read_text() == GOOD
    assert {it.name for it in (folder.path / "out/more").iterdir()} == {"part.txt", "mine.txt"}
    junit = folder.read("junit.xml")
    assert 'name="range price" classname="octavo.orders"' in junit and 'failures="3"' in junit
    status = folder.octavo("status")
    assert "orders: check unique id failed: 2 of 2 rows are not the only ones with their id" in status.stderr
    assert "orders: check rows warned: 2 rows, less than 5" in status.stderr
    assert "not passed: unique id; range price; rows" in folder.octavo("history", "orders").stdout

    raw.write_text(GOOD)  # the cache has what was made of this, and its checks were made then
    again = folder.octavo("build")
    assert again.returncode == 0, again.stdout
    folder.write("pipeline.yaml", PIPELINE.format(least=3))
    changed = folder.octavo("build")
    assert changed.returncode == 1
    assert "start    orders: check range price changed" in changed.stdout
    assert product.read_text() == GOOD


@pytest.mark.nightly
def test_the_time_limit_of_a_task_holds_for_its_checks(folder: Folder) -> None:
    folder.write(
        "pipeline.yaml",
        """
        tasks:
          - source: slow.make
            product: out/data.pkl
            timeout: 4
            checks: [{rows: 1}]
        """,
    )
    folder.write(
        "slow.py",
        """
        import pickle, time

        class Slow:
            def __reduce__(self):
                return time.sleep, (600,)

        def make(product):
            with open(product, "wb") as file:
                pickle.dump(Slow(), file)
        """,
    )
    done = folder.octavo("build")
    assert done.returncode == 1
    assert "Timeout" in done.stdout
    assert "its last run failed" in folder.octavo("status").stdout


@pytest.mark.nightly
def test_tables_are_checked_by_their_database_and_drift_from_the_last_good_run(folder: Folder) -> None:
    folder.write(
        "pipeline.yaml",
        """
        clients:
          SQLScript: db.client
        tasks:
          - source: keys.sql
            product: [keys, table]
          - source: items.sql
            product: [items, table]
            upstream: [keys]
            params: {shift: 0}
            checks:
              - unique: id
              - foreign_key: {columns: k, task: keys, keys: id}
              - drift: x
        """,
    )
    folder.write(
        "db.py",
        """
        import sqlite3
        from octavo.clients import DBAPIClient

        def client():
            return DBAPIClient(sqlite3.connect, {"database": "all.db"}, split_source=";")
        """,
    )
    numbers = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 299)"
    folder.write("keys.sql", "DROP TABLE IF EXISTS {{product}}; CREATE TABLE {{product}} AS SELECT 1 AS id")
    text = f"DROP TABLE IF EXISTS {{{{product}}}}; CREATE TABLE {{{{product}}}} AS {numbers} "
    folder.write("items.sql", text + "SELECT i AS id, 1 AS k, i + {{shift}} AS x FROM n")
    assert folder.octavo("build").returncode == 0
    pipeline = folder.read("pipeline.yaml")
    Path(folder.path / "pipeline.yaml").write_text(pipeline.replace("shift: 0", "shift: 200"))
    done = folder.octavo("build")
    assert done.returncode == 1
    assert "drift x: it is 0.5" in done.stdout
    assert "the table stays as the task has left it" in done.stdout
    Path(folder.path / "pipeline.yaml").write_text(pipeline.replace("shift: 0", "shift: 1"))
    assert folder.octavo("build").returncode == 0


def test_changed_checks_are_made_of_what_is_there_and_the_task_is_not_run(folder: Folder) -> None:
    def pipeline(*checks: str, n: int = 1) -> None:
        lines = "".join(f"\n      - {check}" for check in checks)
        said = f"\n    checks:{lines}" if checks else ""
        text = f"""
tasks:
  - source: shop.orders
    product: out/orders.csv
    params: {{n: {n}}}{said}
  - source: shop.report
    upstream: [orders]
    product: out/report.txt
"""
        folder.write("pipeline.yaml", text)

    def built(code: int = 0) -> tuple[list[str], str]:
        done = folder.octavo("build")
        assert done.returncode == code, done.stdout + done.stderr
        ran = folder.read("ran.txt").split()
        (folder.path / "ran.txt").write_text("")
        return ran, done.stdout

    folder.write(
        "shop.py",
        """
        def orders(product, n):
            print("orders", file=open("ran.txt", "a"))
            product.write_text(f"id,price\\n1,{n}\\n")

        def report(product, upstream):
            print("report", file=open("ran.txt", "a"))
            product.write_text("made")
        """,
    )
    pipeline("rows: {min: 1}")
    assert built()[0] == ["orders", "report"]
    pipeline("rows: {min: 1, max: 1}", "unique: id")
    assert "check unique id is new" in folder.octavo("status").stdout
    ran, said = built()
    assert ran == [] and "2 tasks fresh" in said
    assert [(it["check"], it["good"]) for it in events(folder)] == [("rows", True), ("unique id", True)]
    assert "all 2 tasks are fresh" in folder.octavo("status").stdout

    pipeline("rows: {min: 5}")
    ran, said = built(1)
    assert ran == [] and "rows: 1 row, less than 5" in said and "octavo build --force orders runs it" in said
    assert "blocked report: orders failed" in said
    assert (
        folder.read("out/orders.csv") == "id,price\n1,1\n" and not (folder.path / ".octavo/evidence").exists()
    )
    assert built(1)[0] == [], "it is as stale as before"
    pipeline("rows: {min: 1}", n=2)
    assert built()[0] == ["orders", "report"], "something else has changed, too"
    pipeline(n=2)
    assert built()[0] == [] and "all 2 tasks are fresh" in folder.octavo("status").stdout
    pipeline("rows: {min: 1}", n=2)
    folder.write("out/orders.csv", "id,price\n7,7\n")
    assert "changed by hand" in built(1)[1]


def test_checks_of_what_changed_in_the_meantime_prove_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / ".octavo", tmp_path)
    (tmp_path / "a.csv").write_text("x\n1\n")
    task = Task("a", "function", Source("a.py"), (Product("a.csv"),), own={"checks": []})
    record = Record(
        "a", {"check old": "1", "source": "s"}, {"a.csv": store.digest("a.csv") or ""}, {}, "1", 0.1
    )
    store.commit(record)
    now = {"check new": "2", "source": "s"}
    good = TaskFinished("a", Outcome.DONE)
    (tmp_path / "a.csv").write_text("x\n1\n2\n")
    (ended,) = again.ended(store, "2", 0.0, task, record, now, good)
    assert isinstance(ended, TaskFinished) and ended.outcome is Outcome.FAILED
    assert ended.failure is not None and ended.failure.message == "a.csv: changed while the checks were made"
    assert store.record(key_of(task)) == record
    (tmp_path / "a.csv").write_text("x\n1\n")
    (ended,) = again.ended(store, "3", 0.0, task, record, now, good, {"module m": ("m.py", "d")})
    assert isinstance(ended, TaskFinished) and ended.outcome is Outcome.FRESH
    known = store.record(key_of(task))
    assert known is not None and known.manifest == {**now, "module m": "d"} and known.run == "1"
    assert known.discovered == {"module m": "m.py"}
    store.close()
