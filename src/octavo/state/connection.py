"""A connection to the state of a project: it waits for locks, and goes on without what turns out to be damaged."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from ..errors import StateError
from . import database

#: A row as SQLite has it: whatever somebody wrote.
Row = tuple[Any, ...]
_Found = TypeVar("_Found")
Salvage = Callable[[sqlite3.Connection, Path], None]


class StateConnection:
    """The database of one project. Not for use by two threads or across a fork.

    ``tables`` and ``schema`` are what it holds. ``salvage`` takes into a new one what is still of use of one that is
    not used any more. ``say`` is told of another process that has locked it, while it is waited for.
    """

    def __init__(
        self, folder: Path, root: Path, tables: str, schema: int, salvage: Salvage, say: database.Say | None
    ) -> None:
        self._folder, self._root, self._path = folder, root, folder / database.NAME
        self._tables, self._schema, self._salvage, self._say = tables, schema, salvage, say
        self._held = False
        #: Whether what was known when this was opened may be gone: the database turned out to be damaged later.
        self.lost = False
        self._aside: list[str] = []
        with self._as_state_error("open"):
            self._opened = database.opened(folder, tables, schema, say)
        self._save()

    @property
    def notes(self) -> list[str]:
        """What of the state is not used, and where it went."""
        unused = self._opened.unused
        return [*self._aside, *([f"the state of the project {unused.why}: it is not used"] if unused else [])]

    @contextmanager
    def written(self) -> Iterator[None]:
        """Make sure that what is written stays, for as long as the caller holds the project.

        A database that is not to be used is set aside. Raises ``StateError`` where nothing can be written.
        """
        if not self._opened.kept:
            self._settle()
        self._held = True
        try:
            yield
        finally:
            self._held = False

    def rows(self, statement: str, values: tuple[object, ...] = ()) -> list[Row]:
        """Return what a query finds."""
        try:
            return self._patiently(lambda db: db.execute(statement, values).fetchall())
        except sqlite3.Error as error:
            if database.damaged(error) and self._opened.kept:
                self._lose()
                return self.rows(statement, values)
            hint = f"move {self._path} away: the next build takes longer, and replaces no file unasked"
            raise StateError(
                f"cannot read the state of the project: {error}", str(self._path), hint
            ) from error

    def many(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        """Write rows, all or none."""

        def write(db: sqlite3.Connection) -> None:
            try:
                db.execute("BEGIN IMMEDIATE")
                db.executemany(statement, rows)
                db.execute("COMMIT")
            except sqlite3.Error:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise

        try:
            self._patiently(write)
        except sqlite3.Error as error:
            if database.damaged(error) and self._opened.kept:
                self._lose()
                self.many(statement, rows)
                return
            raise StateError(
                f"cannot write the state of the project: {error}", str(self._path), "is the disk full?"
            ) from error

    def spare(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        """Write what nothing depends on: a full disk is no reason to stop for it."""
        try:
            self.many(statement, rows)
        except StateError:
            pass

    def close(self) -> None:
        self._opened.db.close()

    def _settle(self) -> None:
        """Take the database on disk, or a new one in its place. Another build may have done so in the meantime."""
        known = self._opened
        with self._as_state_error("write"):
            self._opened = database.opened(self._folder, self._tables, self._schema, self._say)
            if self._opened.kept:
                known.db.close()
                return
            unused, self._opened = self._opened.unused, known
            self._replace(unused)

    def _replace(self, unused: database.Unused | None) -> None:
        """Put a new database, with what the one in memory holds, in the place of one that is not used."""
        known = self._opened
        if unused is not None:
            place = os.path.relpath(database.set_aside(self._folder, unused), self._root)
            self._aside.append(f"the state of the project {unused.why}: it is set aside as {place}")
        self._opened = database.Opened(database.connected(self._path, self._tables, self._schema, self._say))
        if unused is not None:
            known.db.backup(self._opened.db)
        known.db.close()

    def _lose(self) -> None:
        """Go on without the database, which turned out to be damaged."""
        self._opened.db.close()
        self._opened = database.without(self._tables, self._schema)
        self.lost = True
        self._save()
        if self._held:
            with self._as_state_error("write"):
                self._replace(database.DAMAGED)

    def _save(self) -> None:
        if (unused := self._opened.unused) is not None and unused.trusted:
            self._salvage(self._opened.db, self._path)

    def _patiently(self, act: Callable[[sqlite3.Connection], _Found]) -> _Found:
        """Do something with the database; while another process has locked it, say so and wait."""
        noticed, until = False, time.monotonic() + database.PATIENCE
        while True:
            try:
                return act(self._opened.db)
            except UnicodeDecodeError as error:  # of an error that names something damaged
                raise sqlite3.DatabaseError("it could not decode to UTF-8") from error
            except sqlite3.OperationalError as error:
                if not database.locked(error) or time.monotonic() > until:
                    raise
                if self._say is not None and not noticed:
                    self._say(f"another process has locked {self._path}; waiting for it")
                noticed = True

    @contextmanager
    def _as_state_error(self, what: str) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            raise StateError(
                f"cannot {what} the state of the project: {error}",
                str(self._path),
                "is the folder writable, or the disk full?",
            ) from error
