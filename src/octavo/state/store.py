"""The state database in .octavo/: records, digests by stamp, and other cached readings.

Deleting it costs time, never correctness: it has a schema number and no migrations.
"""

from __future__ import annotations

import json
import os
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import digests, products
from ..errors import ProductError, StateError
from ..model import Manifest, Record
from .filesystem import networked

SCHEMA = 9
_TABLES = """
CREATE TABLE IF NOT EXISTS records (
    key TEXT PRIMARY KEY, task TEXT, manifest TEXT, products TEXT, discovered TEXT,
    run TEXT, seconds REAL, state TEXT, raw TEXT
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS digests (path TEXT PRIMARY KEY, stamp TEXT, digest TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS history (
    task TEXT, run TEXT, at REAL, outcome TEXT, seconds REAL, manifest TEXT, PRIMARY KEY (task, run)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS results (
    key TEXT, digest TEXT, number INTEGER, record BLOB, PRIMARY KEY (key, digest)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS memos (
    space TEXT, key TEXT, stamp TEXT, value BLOB, PRIMARY KEY (space, key)
) WITHOUT ROWID;
"""
#: A row of any of the tables: SQLite's columns have no types that Python could know.
_Row = tuple[Any, ...]
#: So many results of each task are known, besides the last.
_RESULTS = 50
#: The space of memos in which the listings of folders are that tasks made, of folders with no longer ones.
_LISTINGS, _LONGEST = "listing", 1 << 20
_COLUMNS = "task, manifest, products, discovered, run, seconds, state, raw"


@dataclass(frozen=True, slots=True)
class PastRun:
    """One run of a task that is over."""

    run: str
    at: float
    outcome: str
    seconds: float
    manifest: Manifest


class Store:
    """The state of one project. Not for use by two threads or across a fork."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.folder = folder
        self.root = root
        self._base = os.fspath(root)  # joining a Path is slow
        self._digests: dict[str, tuple[str, str]] | None = None
        self._known: dict[str, tuple[str, str | None]] = {}
        self._fresh: dict[str, tuple[str, str]] = {}
        self._listings: dict[str, tuple[str, bytes]] = {}
        self._path = folder / "state.db"
        try:
            self._db = self._open()
        except (OSError, sqlite3.Error) as error:
            raise StateError(
                f"cannot open the state of the project: {error}",
                str(self._path),
                "is the folder writable, or the disk full?",
            ) from error

    def _open(self) -> sqlite3.Connection:
        self.folder.mkdir(parents=True, exist_ok=True)
        ignore = self.folder / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
        try:
            return self._connect()
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise  # locked, or the disk is full: what is known is not lost
            # damaged, or of another version: it only ever saves time
            for suffix in ("", "-wal", "-shm"):
                Path(f"{self._path}{suffix}").unlink(missing_ok=True)
            return self._connect()

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, timeout=30, isolation_level=None)
        try:
            (version,) = db.execute("PRAGMA user_version").fetchone()
            if networked(os.path.dirname(self._path)):
                # WAL needs memory that all who use the file share; two machines have none
                db.execute("PRAGMA journal_mode=TRUNCATE")
            elif version != SCHEMA:
                db.execute("PRAGMA journal_mode=WAL")
            if version != SCHEMA:
                if version:
                    raise sqlite3.DatabaseError("another schema")
                db.executescript(_TABLES)
                db.execute(f"PRAGMA user_version={SCHEMA}")
            db.execute("PRAGMA synchronous=NORMAL")
        except BaseException:
            db.close()
            raise
        return db

    # ── records

    def records(self) -> dict[str, Record]:
        """Return all records, by ``key``."""
        rows = self._rows(f"SELECT key, {_COLUMNS} FROM records")
        return {row[0]: _record(row[1:]) for row in rows}

    def record(self, key: str) -> Record | None:
        """Return one record."""
        rows = self._rows(f"SELECT {_COLUMNS} FROM records WHERE key = ?", (key,))
        return _record(rows[0]) if rows else None

    def durations(self) -> dict[str, float]:
        """Return the seconds that each recorded task took, by the keys of the records."""
        return dict(self._rows("SELECT key, seconds FROM records"))

    def begin(self, task: str, paths: Iterable[str]) -> None:
        """Note that a task is about to run: until its success is committed, its products are not to be trusted."""
        row = (key(task, paths), task, "{}", "{}", "{}", "", 0.0, "begun", "")
        self._many(
            f"INSERT INTO records (key, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (key) DO UPDATE SET state = 'begun'",
            [row],
        )

    def fail(self, task: str, paths: Iterable[str]) -> None:
        """Note that the run of a task that was begun has failed, if there is room: it will run again anyway."""
        self._spare("UPDATE records SET state = 'failed' WHERE key = ?", [(key(task, paths),)])

    def commit(self, record: Record) -> None:
        """Keep the record of a success, and as one of the last 50 results that are known of its task.

        So a product that comes back, by ``git checkout`` say, is known for what it is.
        """
        row = (
            key(record.task, record.products),
            record.task,
            json.dumps(record.manifest),
            json.dumps(record.products),
            json.dumps(record.discovered),
            record.run,
            record.seconds,
            record.state,
            record.raw,
        )
        self._many(
            f"INSERT OR REPLACE INTO records (key, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", [row]
        )
        self._keep_result(row[0], record, json.dumps(row[1:]))

    def _keep_result(self, name: str, record: Record, said: str) -> None:
        """Keep a success among the results that are known of its task, if there is room."""
        same = digests.digest(json.dumps([sorted(record.manifest.items()), sorted(record.products.items())]))
        self._spare(
            "INSERT OR REPLACE INTO results VALUES"
            " (?1, ?2, (SELECT coalesce(max(number), 0) + 1 FROM results WHERE key = ?1), ?3)",
            [(name, same, zlib.compress(said.encode("utf-8", "surrogatepass"), 1))],
        )
        self._spare(
            "DELETE FROM results WHERE key = ? AND number <= (SELECT max(number) FROM results WHERE key = ?) - ?",
            [(name, name, _RESULTS)],
        )
        self.keep(
            _LISTINGS,
            [
                (path, listed[0], zlib.compress(listed[1]))
                for path, made in record.products.items()
                if (listed := self._listings.get(path)) and listed[0] == made
            ],
        )

    def results(self, key: str) -> list[Record]:
        """Return what is known of a task's results, the newest first."""
        rows = self._rows("SELECT record FROM results WHERE key = ? ORDER BY number DESC", (key,))
        return [_record(json.loads(zlib.decompress(row[0]))) for row in rows]

    # ── history

    def add_to_history(
        self, task: str, run: str, at: float, outcome: str, seconds: float, manifest: Manifest
    ) -> None:
        """Keep how a run of a task ended, and what it was made from; the last 50 of each task, if there is room."""
        self._spare(
            "INSERT OR REPLACE INTO history VALUES (?, ?, ?, ?, ?, ?)",
            [(task, run, at, outcome, seconds, json.dumps(manifest))],
        )
        self._spare(
            "DELETE FROM history WHERE task = ? AND at < (SELECT at FROM history WHERE task = ? "
            "ORDER BY at DESC LIMIT 1 OFFSET 49)",
            [(task, task)],
        )

    def history(self, task: str) -> list[PastRun]:
        """Return the runs of a task, the newest first."""
        rows = self._rows(
            "SELECT run, at, outcome, seconds, manifest FROM history WHERE task = ? ORDER BY at DESC", (task,)
        )
        return [
            PastRun(run, at, outcome, seconds, json.loads(table)) for run, at, outcome, seconds, table in rows
        ]

    # ── digests by stamp

    def digest(self, path: str) -> str | None:
        """Return the digest of a file or folder (relative to the project), reading it only when its stamp is new."""
        return self.memoised(path, path, lambda full: self._digest(path, full))

    def _digest(self, path: str, full: str) -> str | None:
        if not os.path.isdir(full):
            return products.digest(full)
        listed = products.listing(full)
        found = products.tree_digest(listed)
        self.listed(path, found, listed)
        return found

    def listed(self, path: str, found: str, listing: bytes) -> None:
        """Take how a folder is listed that has a digest, to tell later what in it changed."""
        if len(listing) <= _LONGEST:
            self._listings[path] = found, listing

    def listings(self, path: str, was: str, now: str) -> tuple[bytes, bytes] | None:
        """Return how a folder that a task made was listed, by its digest, and how it is now; None if not known."""
        packed = self.memo(_LISTINGS, path, was)
        if self._listings.get(path, ("",))[0] != now:
            try:
                self._digest(path, os.path.join(self._base, path))
            except OSError:
                return None
        known = self._listings.get(path)
        if packed is None or known is None or known[0] != now:
            return None
        return zlib.decompress(packed), known[1]

    def memoised(self, path: str, key: str, compute: Callable[[str], str | None]) -> str | None:
        """Return ``compute(full path)``, remembered under ``key`` for as long as the path's stamp stays the same."""
        full = os.path.join(self._base, path)
        now = products.stamp(full)
        if now is None:
            return None
        if self._digests is None:
            self._digests = {row[0]: (row[1], row[2]) for row in self._rows("SELECT * FROM digests")}
        memo = self._digests.get(key)
        if memo and memo[0] == now:
            return memo[1]
        young = products.racy(full)
        try:
            found = compute(full)
        except FileNotFoundError:
            return None  # it has just gone
        except OSError as error:
            raise ProductError(f"it cannot be read: {error.strerror}", path) from error
        if found is not None and not young:
            self._digests[key] = self._fresh[key] = (now, found)
        return found

    # ── what was read once

    def memo(self, space: str, key: str, stamp: str) -> bytes | None:
        """Return what was kept under a key, if it was kept for this very stamp."""
        rows = self._rows(
            "SELECT value FROM memos WHERE space = ? AND key = ? AND stamp = ?", (space, key, stamp)
        )
        return rows[0][0] if rows else None

    def keys(self, space: str) -> dict[str, str]:
        """Return the keys of what was kept, with their stamps."""
        return dict(self._rows("SELECT key, stamp FROM memos WHERE space = ?", (space,)))

    def keep(self, space: str, rows: Iterable[tuple[str, str, bytes]]) -> None:
        """Keep (key, stamp, value) rows for ``memo``, if there is room."""
        self._spare("INSERT OR REPLACE INTO memos VALUES (?, ?, ?, ?)", [(space, *row) for row in rows])

    def flush(self) -> None:
        """Write the digests found since the last time, if there is room. Without it they are found again."""
        rows = [(key, *value) for key, value in self._fresh.items()]
        self._fresh.clear()
        if rows:
            self._spare("INSERT OR REPLACE INTO digests VALUES (?, ?, ?)", rows)

    def close(self) -> None:
        try:
            self.flush()
        finally:
            self._db.close()

    def _rows(self, statement: str, values: tuple[object, ...] = ()) -> list[_Row]:
        try:
            return self._db.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            hint = f"delete {self._path}: the next build takes longer, but nothing is lost"
            raise StateError(
                f"cannot read the state of the project: {error}", str(self._path), hint
            ) from error

    def _spare(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        """Write rows that can be lost: a full disk is no reason to stop."""
        try:
            self._many(statement, rows)
        except StateError:
            pass

    def _many(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany(statement, rows)
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise StateError(
                f"cannot write the state of the project: {error}", str(self._path), "is the disk full?"
            ) from error


def key(task: str, paths: Iterable[str]) -> str:
    """Return what a record is kept under: the task and where its products go.

    So a smoke test, whose products go elsewhere, does not make the real ones stale.
    """
    return "\n".join([task, *sorted(paths)])


def _record(row: _Row) -> Record:
    task, manifest, digests, discovered, *rest = row
    return Record(task, json.loads(manifest), json.loads(digests), json.loads(discovered), *rest)
