"""The state of a project: kept, forgotten, damaged, and never trusted further than a stamp reaches."""

from __future__ import annotations

import os
import sqlite3
import struct
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from octavo import products
from octavo.errors import Place, StateError
from octavo.model import Facts, Parameter, Record, Resources, RunOptions, Source, Task
from octavo.state.frozen import freeze, thaw
from octavo.state.store import Store, key

RECORD = Record("fit", {"source": "a", "param n": "1"}, {"out.csv": "b"}, {"module m": "m.py"}, "run", 1.5)
KEY = key("fit", ["out.csv"])


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / ".octavo", tmp_path)


def old(path: Path) -> None:
    """Let a file grow old enough to be believed: when it was put there cannot be set back."""
    while products.racy(str(path)):
        time.sleep(0.005)


def test_a_record_comes_back_as_it_was(store: Store, tmp_path: Path) -> None:
    store.commit(RECORD)
    store.close()
    again = Store(tmp_path / ".octavo", tmp_path)
    assert again.record(KEY) == RECORD
    assert again.records() == {KEY: RECORD}
    again.close()


def test_between_start_and_success_a_record_is_not_complete(store: Store) -> None:
    store.commit(RECORD)
    store.begin("fit", ["out.csv"])
    assert store.record(KEY) == replace(RECORD, state="begun")
    store.fail("fit", ["out.csv"])
    assert store.record(KEY) == replace(RECORD, state="failed")
    store.commit(RECORD)
    assert store.record(KEY) == RECORD
    store.close()


def test_a_digest_is_computed_once_per_stamp(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("one")
    old(file)
    calls = []

    def compute(path: str) -> str:
        calls.append(path)
        return "digest"

    for _ in range(3):
        assert store.memoised("a.csv", "a.csv", compute) == "digest"
    assert len(calls) == 1
    file.write_text("two")
    store.memoised("a.csv", "a.csv", compute)
    assert len(calls) == 2
    store.close()


def test_a_file_that_was_just_written_is_looked_at_again(store: Store, tmp_path: Path) -> None:
    # a second write within the clock's grain leaves the same size and time, and another digest
    file = tmp_path / "a.csv"
    file.write_text("one")
    first, stamp = store.digest("a.csv"), file.stat()
    file.write_text("two")
    os.utime(file, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert store.digest("a.csv") != first
    store.close()


def test_digests_are_remembered_over_a_restart(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("one")
    old(file)
    found = store.digest("a.csv")
    store.close()
    again = Store(tmp_path / ".octavo", tmp_path)
    assert again.memoised("a.csv", "a.csv", lambda path: pytest.fail("computed again")) == found
    again.close()


def test_a_folder_is_digested_as_a_tree(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    folder.mkdir()
    (folder / "1.csv").write_text("one")
    first = store.digest("parts")
    (folder / "2.csv").write_text("two")
    second = store.digest("parts")
    (folder / "2.csv").rename(folder / "3.csv")
    third = store.digest("parts")
    assert len({first, second, third}) == 3
    assert store.digest("nothing") is None
    store.close()


@pytest.mark.parametrize("damage", [b"", b"this is no database", b"SQLite format 3\0" + b"x" * 4096])
def test_a_damaged_state_is_begun_anew(tmp_path: Path, damage: bytes) -> None:
    state = tmp_path / ".octavo"
    state.mkdir()
    (state / "state.db").write_bytes(damage)
    store = Store(state, tmp_path)
    store.commit(RECORD)
    assert store.records() == {KEY: RECORD}
    store.close()


def test_the_state_of_another_version_is_begun_anew(tmp_path: Path) -> None:
    state = tmp_path / ".octavo"
    state.mkdir()
    with closing(sqlite3.connect(state / "state.db")) as db, db:
        db.execute("CREATE TABLE records (other TEXT)")
        db.execute("PRAGMA user_version=999")
    db.close()
    store = Store(state, tmp_path)
    assert store.records() == {}
    store.close()


@pytest.mark.parametrize(
    "theirs",
    [
        "CREATE TABLE theirs (a); INSERT INTO theirs VALUES ('precious'); PRAGMA user_version=0",
        "CREATE TRIGGER it AFTER INSERT ON records BEGIN DELETE FROM others; END",
        "DROP TABLE records; CREATE VIEW records AS SELECT 'out.csv' AS products, 'done' AS state",
    ],
)
def test_the_database_of_another_program_is_not_used_and_stays_as_it_is(theirs: str, tmp_path: Path) -> None:
    state = tmp_path / ".octavo" / "state.db"
    Store(tmp_path / ".octavo", tmp_path).close()
    with closing(sqlite3.connect(state)) as db:
        db.executescript(theirs)
    before = state.read_bytes()
    store = Store(tmp_path / ".octavo", tmp_path)
    store.keep("space", [("key", "stamp", b"value")])
    assert store.notes == ("the state of the project is a database of another program: it is not used",)
    assert state.read_bytes() == before
    with store.written():
        store.commit(RECORD)
    store.close()
    (kept,) = state.parent.glob("state.db.foreign-*")
    assert kept.read_bytes() == before
    again = Store(tmp_path / ".octavo", tmp_path)
    assert (again.records(), again.notes) == ({KEY: RECORD}, ())
    again.close()


@pytest.mark.parametrize("change", ["DROP TABLE others", "ALTER TABLE records RENAME COLUMN key TO name"])
def test_a_state_without_its_tables_counts_as_damaged(change: str, tmp_path: Path) -> None:
    Store(tmp_path / ".octavo", tmp_path).close()
    with closing(sqlite3.connect(tmp_path / ".octavo" / "state.db")) as db:
        db.execute(change)
    store = Store(tmp_path / ".octavo", tmp_path)
    (tmp_path / "data").mkdir()
    assert (store.record(KEY), store.others("data")) == (None, None)
    assert store.notes == ("the state of the project is damaged: it is not used",)
    with store.written():
        store.keep_others("data", {"theirs.csv"})
        store.commit(RECORD)
    store.close()
    assert [*tmp_path.glob(".octavo/state.db.damaged-*")]
    again = Store(tmp_path / ".octavo", tmp_path)
    assert (again.record(KEY), again.others("data")) == (RECORD, {"theirs.csv"})
    again.close()


def test_a_state_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / ".octavo").write_text("a file where the folder should be")
    with pytest.raises(StateError) as caught:
        Store(tmp_path / ".octavo", tmp_path)
    assert ".octavo" in str(caught.value)
    assert caught.value.hint


def test_the_state_ignores_itself_in_git(store: Store, tmp_path: Path) -> None:
    assert (tmp_path / ".octavo" / ".gitignore").read_text() == "*\n"
    store.close()


@pytest.mark.parametrize("bits", ["7ff8000000000000", "fff8000000000000", "7ff8000000000001"])
def test_a_number_that_is_none_keeps_its_bits(bits: str) -> None:
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    (found,) = thaw(freeze((number,)))
    assert struct.pack(">d", found).hex() == bits


def test_what_is_frozen_thaws_and_nothing_else_does() -> None:
    facts = Facts("d", params=(Parameter("n", "1", None, 1, True),), mistakes=(("wrong", Place("a.py", 1)),))
    task = Task("t", "notebook", Source("a.py", facts=facts), params={"x": (1, 2.5, {"a"}, None)})
    assert thaw(freeze((task, {"a": 1}))) == (task, {"a": 1})
    assert b"RunOptions" not in freeze(task)
    hasty = replace(task, run=RunOptions(timeout=1.5), resources=Resources(memory=2))
    assert thaw(freeze(hasty)) == hasty
    with pytest.raises(Exception, match="no place"):
        thaw(freeze(os.system))


def test_a_state_that_only_another_user_may_look_at_is_not_used(tmp_path: Path) -> None:
    Store(tmp_path / ".octavo", tmp_path).close()
    (tmp_path / ".octavo").chmod(0)
    if was_root := os.geteuid() == 0:  # to whom nothing is forbidden
        os.seteuid(12345)
    try:
        with closing(Store(tmp_path / ".octavo", tmp_path)) as store:
            assert store.records() == {}
            assert store.notes == (
                "the state of the project cannot be read: Permission denied: it is not used",
            )
            with pytest.raises(StateError, match="Permission denied"), store.written():
                pass
    finally:
        if was_root:
            os.seteuid(0)
        (tmp_path / ".octavo").chmod(0o700)
