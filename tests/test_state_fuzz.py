"""States and caches that are damaged or made up get an answer: never a bug of octavo's, never a lost file."""

from __future__ import annotations

import json
import pickle
import random
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import fields
from itertools import permutations
from pathlib import Path

import pytest

import octavo
import ownership_world as world
from answers import bounded
from octavo import products
from octavo.errors import Error, Errors
from octavo.events import Event
from octavo.executors import Executor
from octavo.model import RunOptions
from octavo.state import runlog
from octavo.state.frozen import thaw

OPTIONS = [field.name for field in fields(RunOptions)]
#: What is put into a column, besides noise.
VALUES: tuple[object, ...] = (
    *(None, 0, -1, 2**62, 1e308, float("inf"), "", "x", "\x00", "é" * 10, b"", b"\xff\xfe", b"\x80\x05."),
    *(
        "{}",
        "[]",
        "null",
        "[[[[",
        '{"a": {}}',
        '{"a": 1}',
        '{"out/c.csv": "x"}',
        "[" * 5000,
        '"' * 3,
        "begun",
        "failed",
    ),
    *(b"{" + b"0" * 40, pickle.dumps({"a": 1}), b"x\x9c" + b"\0" * 8),
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that was built, failed and was built again, with a file of somebody's in its product folder."""
    root = tmp_path_factory.mktemp("whole")
    world.describe(root, 2, "one", "a.csv")
    (root / "data").mkdir()
    (root / "data" / "raw.csv").write_text("user")
    world.build(root)
    world.describe(root, 1, "one", "a.csv")
    world.build(root, "fail")
    world.build(root)
    with closing(sqlite3.connect(root / ".octavo" / "state.db")) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.execute("PRAGMA journal_mode=DELETE")
    return root


def noise(path: Path, chance: random.Random) -> None:
    """Change some bytes of a file, cut it off, or put something in it."""
    data = bytearray(path.read_bytes())
    match chance.randrange(4):
        case 0:
            del data[chance.randrange(len(data) + 1) :]
        case 1:
            at = chance.randrange(len(data) + 1)
            data[at : at + chance.randrange(200)] = chance.randbytes(chance.randrange(200))
        case _:
            for _ in range(chance.choice([1, 5, 100])):
                if data:
                    data[chance.randrange(len(data))] = chance.randrange(256)
    path.write_bytes(data)


def forged(state: Path, chance: random.Random) -> None:
    """Put values into columns of a database that is whole, as somebody would who wants to find a weak place."""
    with closing(sqlite3.connect(state, isolation_level=None)) as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for _ in range(chance.randrange(1, 4)):
            table = chance.choice(tables)
            columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
            column, value = chance.choice(columns), chance.choice(VALUES)
            try:
                db.execute(f"UPDATE {table} SET {column} = ?", (value,))
            except sqlite3.IntegrityError:  # two rows may not be the same
                continue


def looked_at(root: Path) -> None:
    """Do with a project what people do; mistakes that are said are no failure."""

    def make(root: str, jobs: int | None = None, *, log: str | None = None) -> Executor:
        return world.Direct(Path(root), "")

    for force in (False, True):
        try:
            with octavo.load(root / "pipeline.yaml") as project:
                for name, step in project.status().items():
                    project.differences(step)
                    project.history(name)
                project.drift()
                project.leftovers()
                project.build(force=force, executor=make)
                assert all(isinstance(note, str) for note in project.notes)
        except (Error, Errors) as error:
            assert str(error)


def fuzz(whole: Path, folder: Path, seed: int, spoil: Callable[[Path, random.Random], None]) -> None:
    root = folder / str(seed)
    shutil.copytree(whole, root)
    spoil(root, random.Random(seed))
    with bounded((seed, spoil.__name__)):
        looked_at(root)
    assert (root / "data" / "raw.csv").read_text() == "user"
    shutil.rmtree(root)


def of_state(root: Path, chance: random.Random) -> None:
    state = root / ".octavo" / "state.db"
    (forged if chance.random() < 0.6 else noise)(state, chance)


def of_cache(root: Path, chance: random.Random) -> None:
    (root / "a.csv").unlink()
    (root / "out" / "c.csv").unlink()
    for suffix in ("", "-wal", "-shm"):
        (root / ".octavo" / f"state.db{suffix}").unlink(missing_ok=True)
    files = sorted(path for path in (root / ".octavo" / "cache").rglob("*") if path.is_file())
    assert files
    for path in chance.sample(files, min(3, len(files))):
        path.chmod(0o644)
        noise(path, chance)


def of_logs(root: Path, chance: random.Random) -> None:
    for path in (root / ".octavo" / "runs").glob("*.jsonl"):
        noise(path, chance)
        runlog.overview(path)
        events: list[Event] = list(runlog.replay(path))
        assert len(events) < 1000


SPOILING = [of_state, of_state, of_cache, of_logs]


@pytest.mark.parametrize("seed", range(8))
def test_a_state_that_is_damaged_or_made_up_gets_an_answer(seed: int, whole: Path, tmp_path: Path) -> None:
    for number in range(12):
        fuzz(whole, tmp_path, seed * 1000 + number, SPOILING[number % len(SPOILING)])


def test_a_folder_whose_row_is_not_found_any_more_loses_no_file(whole: Path, tmp_path: Path) -> None:
    root = tmp_path / "project"
    shutil.copytree(whole, root)
    with closing(sqlite3.connect(root / ".octavo" / "state.db", isolation_level=None)) as db:
        db.execute("UPDATE others SET path = 'dat'")
    looked_at(root)
    assert (root / "data" / "raw.csv").read_text() == "user"


def test_damage_that_a_build_meets_midway_costs_nobody_a_file(whole: Path, tmp_path: Path) -> None:
    root = tmp_path / "project"
    shutil.copytree(whole, root)
    state = root / ".octavo" / "state.db"
    with closing(sqlite3.connect(state)) as db:
        ((size,),) = db.execute("PRAGMA page_size")
        ((page,),) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'history'")
    data = bytearray(state.read_bytes())
    data[(page - 1) * size : page * size] = b"\xff" * size  # it is written into when the first task has ended
    state.write_bytes(data)
    world.describe(root, 3, "one", "a.csv")
    looked_at(root)
    assert list((root / ".octavo").glob("state.db.damaged-*"))
    assert (root / "data" / "raw.csv").read_text() == "user"


@pytest.mark.nightly
def test_two_thousand_states_that_are_damaged_or_made_up_get_an_answer(whole: Path, tmp_path: Path) -> None:
    for number in range(2000):
        fuzz(whole, tmp_path, 100_000 + number, SPOILING[number % len(SPOILING)])


@pytest.mark.parametrize(
    "data",
    [
        pickle.dumps(eval),
        b'{"builtins.eval": ["1"]}',
        b'{"os.system": "true"}',
        b'{"Task.__init__.__globals__": []}',
        b'{"Task name.__class__": ["x"]}',
        b'{"Task name name": ["x", "y"]}',
        b'{"Place path=print(1)": ["x"]}',
        b'{"Place path": ["x", "y"]}',
        json.dumps(
            [{" ".join(["RunOptions", *them]): [0] * 4} for them in permutations(OPTIONS, 4)]
        ).encode(),
        b'{"t": 3}',
        b'{"d": [1]}',
        b'{"b": "zz"}',
        b'{"D": "yesterday"}',
        b"{}",
        b"[" * 100_000,
        b'{"Task": []}',
        b'{"R": [1, 2]}',
        b"\xff",
    ],
)
def test_bytes_that_are_made_up_build_nothing(data: bytes) -> None:
    with pytest.raises(ValueError):
        print(thaw(data))


def test_what_is_kept_of_a_pipeline_is_json(whole: Path) -> None:
    while any(products.racy(str(whole / name)) for name in ("pipeline.yaml", "tasks.py")):
        time.sleep(0.01)
    octavo.load(whole / "pipeline.yaml").close()
    with closing(sqlite3.connect(whole / ".octavo" / "state.db")) as db:
        rows = db.execute("SELECT value FROM memos WHERE space IN ('pipeline', 'facts')").fetchall()
    assert rows
    assert all(json.loads(value[16:]) for (value,) in rows)
