"""What children that a task forks read, write, list and ask for."""

from __future__ import annotations

from collections.abc import Mapping

from . import Files, Scenario
from .native import _parquet

_TOP = """
import glob, multiprocessing, os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

FORK = multiprocessing.get_context("fork")


def read(path):
    return Path(path).read_text()


def parquet(path):
    import pyarrow.parquet
    return pyarrow.parquet.read_table(path).to_pydict()


def put(read, path, queue):
    queue.put(read(path))


def process(read, path):
    queue = FORK.Queue()
    child = FORK.Process(target=put, args=(read, path, queue))
    child.start()
    it = queue.get()
    child.join()
    return it


def pool(read, paths):
    with FORK.Pool(2) as workers:
        return workers.map(read, paths)


def executor(read, paths):
    with ProcessPoolExecutor(2, FORK) as workers:
        return [*workers.map(read, paths)]


def forked(read, path):
    ends = os.pipe()
    if not (pid := os.fork()):
        os.write(ends[1], str(read(path)).encode())
        os._exit(0)
    os.waitpid(pid, 0)
    return os.read(ends[0], 9999)


"""
_DATA: Files = {"data/a": "1", "data/b": "2", "data/a.parquet": _parquet(1), "data/b.parquet": _parquet(2)}


def _of(expression: str, change: Files, runs: bool = True) -> Scenario:
    steps = f"{_TOP}def make(product):\n    product.write_text(repr({expression}))\n"
    return Scenario({**_DATA, "steps.py": steps}, change, ("make",) if runs else ())


_NEW: Files = {"data/b": "3"}
_BELOW: Files = {"data/b.parquet": _parquet(3)}
SCENARIOS: Mapping[str, Scenario] = {
    "a process": _of("process(read, 'data/b')", _NEW),
    "a process that reads below Python": _of("process(parquet, 'data/b.parquet')", _BELOW),
    "a pool": _of("pool(read, ['data/a', 'data/b'])", _NEW),
    "a pool that reads below Python": _of("pool(parquet, sorted(glob.glob('data/*.parquet')))", _BELOW),
    "an executor": _of("executor(read, ['data/a', 'data/b'])", _NEW),
    "an executor that reads below Python": _of("executor(parquet, ['data/b.parquet'])", _BELOW),
    "a bare fork": _of("forked(read, 'data/b')", _NEW),
    "a question": _of("process(os.path.exists, 'data/c')", {"data/c": ""}),
    "a size": _of("process(os.path.getsize, 'data/b')", {"data/b": "22"}),
    "a listing": _of("process(os.listdir, 'data') and sorted(os.listdir('data'))", {"data/c": ""}),
    "a listing of a child alone": _of("sorted(process(os.listdir, 'data'))", {"data/c": ""}),
    "a pattern": _of("sorted(process(glob.glob, 'data/*.csv'))", {"data/c.csv": ""}),
    "what a child writes and its parent reads": _of(
        "process(Path('scratch').write_text, read('data/b')) and read('scratch')", {"data/b": "33"}
    ),
    "what a child writes and another reads": _of(
        "pool(Path('scratch').write_text, [read('data/b')]) and pool(read, ['scratch'])", {"data/b": "33"}
    ),
    "a file that no child reads": _of("pool(read, ['data/a'])", _NEW, runs=False),
    "an executor that chooses by a pattern": _of(
        "executor(read, sorted(glob.glob('data/?')))", {"data/c": "4"}
    ),
}
