"""What tasks use of each other without naming it: products that several write, products and files that others make."""

from __future__ import annotations

from collections.abc import Mapping

from . import Files, Scenario, versions

_DATABASE = """
import sqlite3
from pathlib import Path

def run(path, *statements):
    db = sqlite3.connect(path)
    with db:
        rows = [db.execute(it).fetchall() for it in statements][-1]
    db.close()
    return rows

def make(product):
    number = Path("number.txt").read_text()
    run(product, "create table raw (x)", f"insert into raw values ({number})")

def look(product, upstream):
    product.write_text(str(run(upstream["make"], "select x from raw")))

def add(product, upstream):
    run(upstream["make"], "create table if not exists more (x)", "insert into more select x + ADDED from raw")
    product.write_text("done")

def last(product, upstream):
    upstream["add"]
    product.write_text(str(run("out/all.db", "select x from raw", "select x from more order by x")))
"""
_TASKS = """
tasks:
  - {source: steps.make, product: out/all.db}
  - {source: steps.look, product: out/look.txt}
  - {source: steps.add, product: out/add.txt}
  - {source: steps.last, product: out/last.txt}
"""
_SHARED: Files = {
    "pipeline.yaml": _TASKS,
    "number.txt": "1",
    "steps.py": _DATABASE.replace("ADDED", "5"),
}
_APPENDED: Files = {
    "pipeline.yaml": """
    tasks:
      - {source: steps.make, product: out/all.csv}
      - {source: steps.add, product: out/add.txt}
      - {source: steps.end, product: out/end.txt}
    """,
    "number.txt": "1",
    "steps.py": """
    from pathlib import Path

    def make(product):
        product.write_text("made " + Path("number.txt").read_text())

    def add(product, upstream):
        with open(upstream["make"], "a") as file:
            file.write(" added")
        product.write_text(upstream["make"].read_text())

    def end(product, upstream):
        upstream["add"]
        with open("out/all.csv", "a") as file:
            file.write(" ended")
        product.write_text(Path("out/all.csv").read_text())
    """,
}
_UNNAMED: Files = {
    "pipeline.yaml": """
    tasks:
      - {source: steps.use, product: out/use.txt}
      - {source: steps.make, product: out/made.txt}
    """,
    "number.txt": "1",
    "steps.py": """
    from pathlib import Path

    def use(product):
        product.write_text(Path("out/made.txt").read_text())

    def make(product):
        product.write_text(Path("number.txt").read_text())
    """,
}


def _with(files: Files, old: str, new: str) -> dict[str, str | bytes | None]:
    text = files["steps.py"]
    assert isinstance(text, str) and old in text
    return {"steps.py": text.replace(old, new)}


#: A file that is nobody's product, and that both tasks read and write in place.
_CHANGED_BY_BOTH: Files = {
    "pipeline.yaml": """
    tasks:
      - {source: steps.first, product: out/first.txt}
      - {source: steps.second, product: out/second.txt, upstream: [first]}
    """,
    "both.txt": "........",
    "number.txt": "1",
    "steps.py": """
    from pathlib import Path

    def first(product):
        with open("both.txt", "r+") as file:
            file.write(Path("number.txt").read_text())
        product.write_text(Path("number.txt").read_text())

    def second(product, upstream):
        with open("both.txt", "r+") as file:
            product.write_text(file.read(4))
            file.seek(5)
            file.write("+")
    """,
}
SCENARIOS: Mapping[str, Scenario] = {
    "a database that several write: what it is made from": Scenario(
        _SHARED, {"number.txt": "2"}, runs=("make", "look", "add", "last")
    ),
    "a database that several write: the code of one of them": Scenario(
        _SHARED, _with(_SHARED, "+ 5", "+ 6"), runs=("make", "add", "last"), says="source changed (add)"
    ),
    "a database that several write: the code of one that only reads": Scenario(
        _SHARED,
        _with(_SHARED, '"select x from raw")))\n\ndef add', '"select x + 1 from raw")))\n\ndef add'),
        runs=("look",),
    ),
    "a database that several write: the code of the last": Scenario(
        _SHARED, _with(_SHARED, "order by x", "order by x desc limit 0"), runs=("last",)
    ),
    "a product that others append to: what it is made from": Scenario(
        _APPENDED, {"number.txt": "2"}, runs=("make", "add", "end")
    ),
    "a product that others append to: the code of the first of them": Scenario(
        _APPENDED, _with(_APPENDED, '" added"', '" put"'), runs=("make", "add", "end")
    ),
    "a product that others append to: the code of the last of them": Scenario(
        _APPENDED, _with(_APPENDED, '" ended"', '" over"'), runs=("make", "add", "end")
    ),
    "a product that is read unnamed, by a task that stands before": Scenario(
        _UNNAMED, {"number.txt": "2"}, runs=("use", "make")
    ),
    "a product that is read unnamed, where its path is put together": Scenario(
        {
            **_UNNAMED,
            "pipeline.yaml": """
            executor: serial
            tasks:
              - {source: steps.make, product: out/made.txt}
              - {source: steps.use, product: out/use.txt}
            """,
            **_with(_UNNAMED, 'Path("out/made.txt")', 'Path("out", "ma" + "de.txt")'),
        },
        {"number.txt": "2"},
        runs=("use", "make"),
    ),
    "a file that nobody declares, in the order of the file": versions(
        {
            "pipeline.yaml": """
            executor: serial
            tasks:
              - {source: steps.make, product: out/make.txt}
              - {source: steps.use, product: out/use.txt}
            """,
            "number.txt": "@@",
            "steps.py": """
            from pathlib import Path

            def make(product):
                Path("out/between.txt").write_text(Path("number.txt").read_text())
                product.write_text("done")

            def use(product):
                product.write_text(Path("out/between.txt").read_text())
            """,
        },
        runs=("make", "use"),
    ),
    "a file of nobody that two tasks change in place": Scenario(
        _CHANGED_BY_BOTH, {"number.txt": "2"}, ("first", "second")
    ),
}
