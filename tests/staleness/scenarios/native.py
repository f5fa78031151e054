"""What libraries read and write below Python, in C, C++ and Rust."""

from __future__ import annotations

import importlib.util
import io
import sqlite3
from collections.abc import Mapping

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from . import Files, Scenario

_TOP = """
import os, sqlite3
from pathlib import Path


def rows(sql):
    import duckdb
    return duckdb.sql(sql).fetchall()


def parquet(path):
    import pyarrow.parquet
    return pyarrow.parquet.read_table(path).to_pydict()


def arrow(number, path):
    import pyarrow, pyarrow.parquet
    pyarrow.parquet.write_table(pyarrow.table({"x": [number]}), path)


"""


def _parquet(*numbers: int) -> bytes:
    whole = io.BytesIO()
    pq.write_table(pa.table({"x": list(numbers)}), whole)
    return whole.getvalue()


def _database(number: int) -> bytes:
    db = sqlite3.connect(":memory:")
    db.executescript(f"create table t (x); insert into t values ({number});")
    return db.serialize()


def _hdf5(number: int) -> bytes:
    h5py, whole = importlib.import_module("h5py"), io.BytesIO()
    with h5py.File(whole, "w") as file:
        file["x"] = number
    return whole.getvalue()


_DATA: Files = {"data/a.parquet": _parquet(1), "data/ds/0.parquet": _parquet(0), "data/t.csv": "x\n1\n"}


def _of(
    code: str, change: Files, files: Files | None = None, runs: bool = True, alike: bool = False
) -> Scenario:
    body = "".join(f"    {line}\n" for line in code.splitlines())
    steps = f"{_TOP}def make(product):\n{body}    product.write_text(repr(it))\n"
    return Scenario(
        {**_DATA, **(files or {}), "steps.py": steps}, change, ("make",) if runs else (), alike=alike
    )


_NEW: Files = {"data/a.parquet": _parquet(2)}
_MORE: Files = {"data/ds/1.parquet": _parquet(7)}
SCENARIOS: Mapping[str, Scenario] = {
    "pyarrow": _of("it = parquet('data/a.parquet')", _NEW),
    "pyarrow of an absolute path": _of("it = parquet(os.path.abspath('data/a.parquet'))", _NEW),
    "pyarrow in a thread": _of(
        "from concurrent.futures import ThreadPoolExecutor\n"
        "it = [*ThreadPoolExecutor(2).map(parquet, ['data/a.parquet'])]",
        _NEW,
    ),
    "pyarrow of a folder": _of("it = parquet('data/ds')", _MORE),
    "pyarrow of a folder's file": _of("it = parquet('data/ds')", {"data/ds/0.parquet": _parquet(9)}),
    "pyarrow mapped into memory": _of(
        "import pyarrow\nit = len(pyarrow.memory_map('data/a.parquet').read())",
        {"data/a.parquet": _parquet(1, 2)},
    ),
    "pyarrow of csv": _of(
        "import pyarrow.csv\nit = pyarrow.csv.read_csv('data/t.csv').to_pydict()", {"data/t.csv": "x\n2\n"}
    ),
    "pandas": _of("import pandas\nit = pandas.read_parquet('data/a.parquet').x.sum()", _NEW),
    "duckdb of parquet": _of("it = rows(\"from 'data/a.parquet'\")", _NEW),
    "duckdb of csv": _of("it = rows(\"from 'data/t.csv'\")", {"data/t.csv": "x\n2\n"}),
    "duckdb of a pattern": _of("it = rows(\"from 'data/ds/*.parquet' order by 1\")", _MORE),
    "duckdb of a pattern's file": _of(
        "it = rows(\"from 'data/ds/*.parquet'\")", {"data/ds/0.parquet": _parquet(9)}
    ),
    "SQLite attached": _of(
        "db = sqlite3.connect(':memory:')\ndb.execute(\"attach 'data/db' as d\")\n"
        "it = db.execute('select x from d.t').fetchall()",
        {"data/db": _database(2)},
        {"data/db": _database(1)},
    ),
    "a file that is written below Python and read again": _of(
        "arrow(os.path.getsize('data/t.csv'), 'scratch.parquet')\nit = rows(\"from 'scratch.parquet'\")",
        {"data/t.csv": "x\n10\n"},
    ),
    "a file that duckdb writes and pyarrow reads": _of(
        "rows(\"copy (from 'data/t.csv') to 'scratch.parquet' (format parquet)\")\n"
        "it = parquet('scratch.parquet')",
        {"data/t.csv": "x\n10\n"},
    ),
    "a file that is written below Python, moved and read": _of(
        "arrow(os.path.getsize('data/t.csv'), 'scratch.tmp')\nos.replace('scratch.tmp', 'scratch.parquet')\n"
        "it = parquet('scratch.parquet')",
        {"data/t.csv": "x\n10\n"},
    ),
    "a file beside the one that is read": _of(
        "it = parquet('data/a.parquet')", {"data/b.parquet": _parquet(9)}, runs=False
    ),
    "a file that nobody reads": _of("it = rows(\"from 'data/t.csv'\")", _NEW, runs=False),
}
if importlib.util.find_spec("h5py"):
    SCENARIOS = {
        **SCENARIOS,
        "HDF5 that is read and changed in place": _of(
            "import h5py\nwith h5py.File('data/x.h5', 'r+') as f:\n    it = f['x'][()]\n    f.attrs['seen'] = 1",
            {"data/x.h5": _hdf5(2)},
            {"data/x.h5": _hdf5(1)},
        ),
    }
if importlib.util.find_spec("polars"):
    SCENARIOS = {
        **SCENARIOS,
        "polars": _of("import polars\nit = polars.read_parquet('data/a.parquet').to_dicts()", _NEW),
        "polars of a pattern": _of(
            "import polars\nit = polars.scan_parquet('data/ds/*.parquet').collect().to_dicts()", _MORE
        ),
        "polars of csv": _of(
            "import polars\nit = polars.read_csv('data/t.csv').to_dicts()", {"data/t.csv": "x\n2\n"}
        ),
    }
