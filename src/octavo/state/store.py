"""The state database in .octavo/: records, digests by stamp, and other cached readings.

Deleting it costs time, never correctness: it has a schema number and no migrations.
"""

from __future__ import annotations

import json
import os
import sqlite3
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from .. import digests, products
from ..dataclass import dataclass
from ..errors import ProductError
from ..model import Manifest, Record
from . import database, frozen
from .connection import Row, StateConnection

SCHEMA = 11
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
CREATE TABLE IF NOT EXISTS others (path TEXT PRIMARY KEY, names BLOB) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS left_by_runs (path TEXT PRIMARY KEY, stamp TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS made (path TEXT, digest TEXT, PRIMARY KEY (path, digest)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS memos (
    space TEXT, key TEXT, stamp TEXT, value BLOB, PRIMARY KEY (space, key)
) WITHOUT ROWID;
"""
#: The space of memos that tell what the last run of each task read and wrote, for people.
TOUCHED = "touched"
#: So many results of each task are known, besides the last.
_RESULTS = 50
#: The space of memos in which the listings of folders are that tasks made, of folders with no longer ones.
_LISTINGS, _LONGEST = "listing", 1 << 20
_KEEP_OTHERS = "INSERT OR REPLACE INTO others VALUES (?, ?)"
_COLUMNS = "task, manifest, products, discovered, run, seconds, state, raw"


@dataclass(frozen=True, slots=True)
class PastRun:
    """One run of a task that is over."""

    run: str
    at: float
    outcome: str
    seconds: float
    manifest: Manifest


class Claims(Protocol):
    """Results that are known from elsewhere than the runs of this project: they count as far as they still hold."""

    def keys(self) -> Iterable[str]:
        """Return the keys of records for which there is something."""
        ...

    def records(self, key: str) -> list[Record]:
        """Return what is known of a task's results, the last one being the likeliest."""
        ...

    def unproven(self, key: str) -> str:
        """Return why nothing can be said of a task; "" where that is not known."""
        ...


class Store:
    """The state of one project. Not for use by two threads or across a fork."""

    def __init__(self, folder: Path, root: Path, say: Callable[[str], None] | None = None) -> None:
        """``say`` is told of another process that has locked the state, while it is waited for."""
        self.folder = folder
        self.root = root
        self._base = os.fspath(root)  # joining a Path is slow
        self._digests: dict[str, tuple[str, str]] | None = None
        self._known: dict[str, tuple[str, str | None]] = {}
        self._fresh: dict[str, tuple[str, str]] = {}
        self._listings: dict[str, tuple[str, bytes]] = {}
        self._damaged: dict[str, None] = {}
        self._stray: frozenset[str] | None = None
        #: What is known of results besides the records, and stands for those that are not there.
        self.claims: Claims | None = None
        self._told: dict[str, tuple[str, bytes]] = {}
        self._db = StateConnection(folder, root, _TABLES, SCHEMA, self._salvage, say)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know of the state: what of it is not used, and where it went."""
        lost = (f"what is known of {task} is damaged: it counts as never run" for task in self._damaged)
        return (*self._db.notes, *lost)

    def written(self) -> AbstractContextManager[None]:
        """Make sure that what is written stays, for as long as the caller holds the project."""
        return self._db.written()

    def made(self, path: str) -> set[str]:
        """Return the digests of what may be replaced at a path, by what an earlier state or another tool says."""
        return {row[0] for row in self._db.rows("SELECT digest FROM made WHERE path = ?", (path,))}

    def keep_made(self, path: str, digest: str) -> None:
        """Note that what has a digest may be replaced: another tool has made it, and the user has let it go."""
        self._db.many("INSERT OR IGNORE INTO made VALUES (?, ?)", [(path, digest)])

    def others(self, path: str) -> set[str] | None:
        """Return what in the folder that is a product was not made by its task, by its names there.

        None where that is damaged, or was known to an earlier state only: then nothing in the folder is known to be
        the task's.
        """
        rows = self._db.rows("SELECT names FROM others WHERE path = ?", (path,))
        if not rows:
            # records that were read before the damage was met may say that there is a product
            known = self._strays().isdisjoint((path, "")) and not self._db.lost and not self.made(path)
            return set() if known or not os.path.isdir(os.path.join(self._base, path)) else None
        own, *names = frozen.names(rows[0][0])
        return {*names} if own == path else None

    def _strays(self) -> frozenset[str]:
        """Return the paths of rows of ``others`` that are not found by them; "" for one that cannot be read."""
        if self._stray is None:
            rows = self._db.rows("SELECT path, names FROM others")
            owners = ((path, frozen.names(data)[0]) for path, data in rows)
            self._stray = frozenset(own for path, own in owners if own != path)
        return self._stray

    def keep_others(self, path: str, names: Collection[str]) -> None:
        """Note what in a folder its task has not made. This must be there before the task runs."""
        if names or self.others(path) != set():
            self._told[path] = path, frozen.named([path, *sorted(names)])
            self._db.many(_KEEP_OTHERS, [self._told[path]])

    def leave(self, stamps: Mapping[str, str]) -> None:
        """Note how a run that did not end well has left what is at some paths, if there is room."""
        self._db.spare("INSERT OR REPLACE INTO left_by_runs VALUES (?, ?)", [*stamps.items()])

    def has_left(self, path: str, stamp: str | None) -> bool:
        """Return whether a run that did not end well has left what has a stamp now."""
        rows = self._db.rows("SELECT stamp FROM left_by_runs WHERE path = ?", (path,))
        return stamp is not None and rows == [(stamp,)]

    # ── records

    def records(self) -> dict[str, Record]:
        """Return all records, by ``key``."""
        rows = self._db.rows(f"SELECT key, {_COLUMNS} FROM records")
        found = {row[0]: self._record(row) for row in rows}
        for name in self.claims.keys() if self.claims else ():
            if name not in found:
                found[name] = self._claimed(name)
        return {name: record for name, record in found.items() if record is not None}

    def record(self, key: str) -> Record | None:
        """Return one record."""
        rows = self._db.rows(f"SELECT key, {_COLUMNS} FROM records WHERE key = ?", (key,))
        return self._record(rows[0]) if rows else self._claimed(key)

    def _claimed(self, key: str) -> Record | None:
        return next(reversed(self.claims.records(key)), None) if self.claims else None

    def unproven(self, key: str) -> str:
        """Return why what is known from elsewhere tells nothing of a task."""
        return self.claims.unproven(key) if self.claims else ""

    def durations(self) -> dict[str, float]:
        """Return the seconds that each recorded task took, by the keys of the records."""
        rows = self._db.rows("SELECT key, seconds FROM records")
        return {name: seconds for name, seconds in rows if isinstance(seconds, float)}

    def begin(self, task: str, paths: Iterable[str]) -> None:
        """Note that a task is about to run: until its success is committed, its products are not to be trusted."""
        row = (key(task, paths), task, "{}", "{}", "{}", "", 0.0, "begun", "")
        self._db.many(
            f"INSERT INTO records (key, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (key) DO UPDATE SET state = 'begun'",
            [row],
        )

    def fail(self, task: str, paths: Iterable[str]) -> None:
        """Note that the run of a task that was begun has failed, if there is room: it will run again anyway."""
        self._db.spare("UPDATE records SET state = 'failed' WHERE key = ?", [(key(task, paths),)])

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
        self._db.many(
            f"INSERT OR REPLACE INTO records (key, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", [row]
        )
        self._keep_result(row[0], record, json.dumps(row[1:]))

    def _keep_result(self, name: str, record: Record, data: str) -> None:
        """Keep a success among the results that are known of its task, if there is room."""
        same = digests.digest(json.dumps([sorted(record.manifest.items()), sorted(record.products.items())]))
        self._db.spare(
            "INSERT OR REPLACE INTO results VALUES"
            " (?1, ?2, (SELECT coalesce(max(number), 0) + 1 FROM results WHERE key = ?1), ?3)",
            [(name, same, zlib.compress(data.encode("utf-8", "surrogatepass"), 1))],
        )
        self._db.spare(
            "DELETE FROM results WHERE key = ? AND number <= (SELECT max(number) FROM results WHERE key = ?) - ?",
            [(name, name, _RESULTS)],
        )
        self.keep(
            _LISTINGS,
            [
                (path, listed[0], zlib.compress(listed[1]))
                for path, digest in record.products.items()
                if (listed := self._listings.get(path)) and listed[0] == digest
            ],
        )

    def results(self, key: str) -> list[Record]:
        """Return what is known of a task's results, the newest first."""
        rows = self._db.rows("SELECT record FROM results WHERE key = ? ORDER BY number DESC", (key,))
        known = [found for row in rows if (found := frozen.result(row[0])) is not None]
        return [*(self.claims.records(key) if self.claims else ()), *known]

    def earlier(self, records: Iterable[Record]) -> Iterator[Record]:
        """Yield what is known of the results of the tasks of some records."""
        for record in records:
            yield from self.results(key(record.task, record.products))

    # ── history

    def add_to_history(
        self, task: str, run: str, at: float, outcome: str, seconds: float, manifest: Manifest
    ) -> None:
        """Keep how a run of a task ended, and what it was made from; the last 50 of each task, if there is room."""
        self._db.spare(
            "INSERT OR REPLACE INTO history VALUES (?, ?, ?, ?, ?, ?)",
            [(task, run, at, outcome, seconds, json.dumps(manifest))],
        )
        self._db.spare(
            "DELETE FROM history WHERE task = ? AND at < (SELECT at FROM history WHERE task = ? "
            "ORDER BY at DESC LIMIT 1 OFFSET 49)",
            [(task, task)],
        )

    def history(self, task: str) -> list[PastRun]:
        """Return the runs of a task, the newest first."""
        rows = self._db.rows(
            "SELECT run, at, outcome, seconds, manifest FROM history WHERE task = ? ORDER BY at DESC", (task,)
        )
        return [
            PastRun(run, at, outcome, seconds, known)
            for run, at, outcome, seconds, table in rows
            if frozen.are((run, outcome), str)
            and frozen.are((at, seconds), float)
            and (known := frozen.table(table)) is not None
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

    def listing(self, path: str, digest: str) -> bytes | None:
        """Return how a folder that a task made was listed when it had a digest; None if not known."""
        packed = self.memo(_LISTINGS, path, digest)
        return None if packed is None else frozen.unpacked(packed)

    def listings(self, path: str, was: str, now: str) -> tuple[bytes, bytes] | None:
        """Return how a folder that a task made was listed, by its digest, and how it is now; None if not known."""
        was_listed = self.listing(path, was)
        if self._listings.get(path, ("",))[0] != now:
            try:
                self._digest(path, os.path.join(self._base, path))
            except OSError:
                return None
        known = self._listings.get(path)
        if was_listed is None or known is None or known[0] != now:
            return None
        return was_listed, known[1]

    def memoised(self, path: str, key: str, compute: Callable[[str], str | None]) -> str | None:
        """Return ``compute(full path)``, remembered under ``key`` for as long as the path's stamp stays the same."""
        full = os.path.join(self._base, path)
        now = products.stamp(full)
        if now is None:
            return None
        if self._digests is None:
            rows = self._db.rows("SELECT * FROM digests")
            self._digests = {row[0]: (row[1], row[2]) for row in rows if frozen.are(row, str)}
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
        """Return what was kept under a key, if it was kept for this very stamp and is whole."""
        rows = self._db.rows(
            "SELECT value FROM memos WHERE space = ? AND key = ? AND stamp = ?", (space, key, stamp)
        )
        return frozen.whole(rows[0][0]) if rows else None

    def keeps(self, space: str, key: str) -> bool:
        """Return whether something is kept under a key."""
        return bool(self._db.rows("SELECT 1 FROM memos WHERE space = ? AND key = ?", (space, key)))

    def keys(self, space: str) -> dict[str, str]:
        """Return the keys of what was kept, with their stamps."""
        rows = self._db.rows("SELECT key, stamp FROM memos WHERE space = ?", (space,))
        return {row[0]: row[1] for row in rows if frozen.are(row, str)}

    def values(self, space: str) -> dict[str, bytes]:
        """Return what was kept and is whole, by its keys."""
        rows = self._db.rows("SELECT key, value FROM memos WHERE space = ?", (space,))
        values = {row[0]: frozen.whole(row[1]) for row in rows if isinstance(row[0], str)}
        return {name: value for name, value in values.items() if value is not None}

    def keep(self, space: str, rows: Iterable[tuple[str, str, bytes]]) -> None:
        """Keep (key, stamp, value) rows for ``memo``, if there is room."""
        summed = [(space, name, stamp, frozen.checksum(value) + value) for name, stamp, value in rows]
        self._db.spare("INSERT OR REPLACE INTO memos VALUES (?, ?, ?, ?)", summed)

    def flush(self) -> None:
        """Write the digests found since the last time, if there is room. Without it they are found again."""
        rows = [(key, *value) for key, value in self._fresh.items()]
        self._fresh.clear()
        if rows:
            self._db.spare("INSERT OR REPLACE INTO digests VALUES (?, ?, ?)", rows)

    def close(self) -> None:
        try:
            self.flush()
        finally:
            self._db.close()

    def _salvage(self, db: sqlite3.Connection, path: Path) -> None:
        """Keep which files tasks have made, by a database that is not used, and what those that run now have found."""
        for table, state in database.salvaged(path):
            if state == "done" and (found := frozen.table(table)) is not None:
                db.executemany("INSERT OR IGNORE INTO made VALUES (?, ?)", found.items())
        db.executemany(_KEEP_OTHERS, self._told.values())

    def _record(self, row: Row) -> Record | None:
        """Return the record of a row; None for one that is damaged, which is noted, and no record."""
        found = frozen.record(row[1:])
        if found is None:
            self._damaged[str(row[0]).partition("\n")[0]] = None
        return found


def key(task: str, paths: Iterable[str]) -> str:
    """Return what a record is kept under: the task and where its products go.

    So a smoke test, whose products go elsewhere, does not make the real ones stale.
    """
    return "\n".join([task, *sorted(paths)])
