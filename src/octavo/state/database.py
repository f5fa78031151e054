"""The file that the state of a project is in: opened for writing, looked at without touching it, or set aside."""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from ..dataclass import dataclass
from ..errors import StateError
from ..lazy import lazy_imports
from .filesystem import networked

with lazy_imports():
    import fcntl
    import shutil
    import subprocess

    from ..products import scratch

NAME = "state.db"
#: A database is more than one file.
_FILES = ("", "-wal", "-shm", "-journal")
#: Seconds that another process may lock the database; a word is said of it after the first.
PATIENCE, _FIRST = 60.0, 1.0
#: What SQLite says of statements where tables are not those that their version has.
_OTHER_TABLES = ("no such ", "no column named", "columns but")
#: What a file system says that has no locks.
LOCKLESS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Unused:
    """Why a database that is there is not used: said to a person, and as part of the name that it gets.

    ``trusted``: it is this project's own all the same.
    """

    why: str
    word: str
    trusted: bool = False


@dataclass(slots=True)
class Opened:
    """A database in use. ``kept``: what is written stays. ``unused``: why it is not the one on disk."""

    db: sqlite3.Connection
    kept: bool = True
    unused: Unused | None = None


def opened(folder: Path, tables: str, schema: int, say: Say | None = None) -> Opened:
    """Return a project's database. Nothing that is there is changed but by what is written to it.

    Where that database is not to be used, or cannot be written, this is one in memory: with what could be read of it.
    """
    path = folder / NAME
    try:
        _prepare(folder)
        if unused := _foreign(path):
            return Opened(_new(":memory:", tables, schema), False, unused)
        if _writable(path):
            return Opened(connected(path, tables, schema, say))
    except Another as error:
        return Opened(_new(":memory:", tables, schema), False, error.unused)
    except (sqlite3.OperationalError, OSError) as error:
        if _folder_is_none(folder) or not (
            isinstance(error, OSError) or _unwritable(error) or _lockless(folder)
        ):
            raise
    except (sqlite3.DatabaseError, UnicodeDecodeError):  # an error that names something damaged is no text
        return without(tables, schema)
    return _copied(path, tables, schema)


def without(tables: str, schema: int) -> Opened:
    """Return a database in memory in place of one that is damaged."""
    return Opened(_new(":memory:", tables, schema), False, DAMAGED)


class Another(Exception):
    """The database is one of another version of octavo, or of another program (see ``_version``)."""

    def __init__(self, version: int, schema: int) -> None:
        newer = "a newer" if version > schema else "an older"
        self.unused = Unused(f"is that of {newer} version of octavo", f"schema-{version}", True)
        if version == 0:
            self.unused = Unused("is a database of another program", "foreign")
        super().__init__(self.unused.why)


DAMAGED = Unused("is damaged", "damaged", True)


def connected(path: Path, tables: str, schema: int, say: Say | None = None) -> sqlite3.Connection:
    """Return a connection to the database of a project, which is made where there is none.

    ``say`` is told of another process that has locked it. Raises ``Another`` for that of another version.
    """
    for patience in _patience(path, say):
        db = sqlite3.connect(path, timeout=patience, isolation_level=None)
        try:
            _ready(db, path, tables, schema)
            return db
        except sqlite3.OperationalError as error:
            db.close()
            if not locked(error) or _lockless(path.parent):
                raise
        except BaseException:
            db.close()
            raise
    raise StateError(
        f"another process has locked the state of the project for {PATIENCE:g} seconds",
        str(path),
        f"fuser {path} shows which; a viewer of databases has to close it",
    )


def _patience(path: Path, say: Say | None) -> Iterator[float]:
    yield _FIRST
    if say is not None:
        say(f"another process has locked {path}; waiting up to {PATIENCE:g} seconds for it")
    yield PATIENCE - _FIRST


def locked(error: sqlite3.Error) -> bool:
    """Return whether an error is that another process has locked the database."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def damaged(error: sqlite3.Error) -> bool:
    """Return whether an error is that the file is no database, or no whole one."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_ERROR and any(words in str(error) for words in _OTHER_TABLES):
        return True
    # a text of other bytes than UTF-8 is an error of Python's, without a code
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) or "decode to UTF-8" in str(error)


def set_aside(folder: Path, unused: Unused) -> Path:
    """Rename the database of a project, with all that belongs to it, and return its new name.

    To be called by who holds the project: no build writes to it then.
    """
    start = f"{NAME}.{unused.word}-{time.strftime('%Y%m%d-%H%M%S')}"
    name, number = start, 1
    while any((folder / f"{name}{suffix}").exists() for suffix in _FILES):
        number += 1
        name = f"{start}-{number}"
    for suffix in reversed(
        _FILES
    ):  # the database last: killed in between, it is still set aside the next time
        try:
            os.rename(folder / f"{NAME}{suffix}", folder / f"{name}{suffix}")
        except FileNotFoundError:
            continue
    return folder / name


def salvaged(path: Path) -> Iterator[tuple[str, str]]:
    """Yield what a database that was set aside says of products: the text of each record's, and its state.

    As far as it can be read, whatever its version.
    """
    try:
        db = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    except sqlite3.Error:
        return
    try:
        for products, state in db.execute("SELECT products, state FROM records"):
            if isinstance(products, str) and isinstance(state, str):
                yield products, state
    except (sqlite3.Error, UnicodeDecodeError):
        pass  # the rest is lost
    finally:
        db.close()


def _prepare(folder: Path) -> None:
    """Make the folder, for nobody else to look into: there are results in it, and what was printed."""
    try:
        found = folder.stat()
    except FileNotFoundError:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
    if found.st_mode & 0o077 and found.st_uid == os.geteuid() and stat.S_ISDIR(found.st_mode):
        try:
            folder.chmod(0o700)
        except OSError:
            pass  # the file system has no permissions
    ignore = folder / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")


def _ready(db: sqlite3.Connection, path: Path, tables: str, schema: int) -> None:
    version = _version(db)
    if version not in (None, schema):
        raise Another(version, schema)
    if networked(os.path.dirname(path)):
        # WAL needs memory that all who use the file share; two machines have none
        db.execute("PRAGMA journal_mode=TRUNCATE")
    elif version != schema:
        db.execute("PRAGMA journal_mode=WAL")
    if version != schema:
        db.executescript(f"BEGIN IMMEDIATE; {tables} PRAGMA user_version={schema}; COMMIT;")
    db.execute("PRAGMA synchronous=NORMAL")


def _version(db: sqlite3.Connection) -> int | None:
    """Return the version of what a database holds; None for an empty one, and 0 for that of another program.

    There are no views and triggers in ours, by which a database changes what is read and written.
    """
    version: int = db.execute("PRAGMA user_version").fetchone()[0]
    kinds = {kind for (kind,) in db.execute("SELECT DISTINCT type FROM sqlite_master")}
    return None if not (version or kinds) else 0 if kinds & {"view", "trigger"} else version


def _new(path: str, tables: str, schema: int) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None)
    db.executescript(f"{tables} PRAGMA user_version={schema};")
    return db


def _copied(path: Path, tables: str, schema: int) -> Opened:
    """Return a copy in memory of a database that only can be read."""
    copy = _new(":memory:", tables, schema)
    try:
        path.stat()
    except FileNotFoundError:
        return Opened(copy, False)
    except OSError as error:  # its folder is another user's, who alone may look into it
        return _unreadable(copy, error)
    # what a build has not yet moved into the file is read from a copy: SQLite would write beside the original
    with scratch.Scratch() as copy_in:
        folder = copy_in.path
        try:
            for suffix in ("", "-wal"):
                if (one := path.with_name(f"{NAME}{suffix}")).exists():
                    shutil.copyfile(one, os.path.join(folder, f"{NAME}{suffix}"))
            # nobody else has it, and here may be no locks
            source = sqlite3.connect(f"file:{folder}/{NAME}?vfs=unix-none", uri=True)
            try:
                source.execute("PRAGMA locking_mode=EXCLUSIVE")
                if (version := _version(source)) is None:
                    return Opened(copy, False)
                if version != schema:
                    return Opened(copy, False, Another(version, schema).unused)
                source.backup(copy)
            finally:
                source.close()
        except (sqlite3.DatabaseError, UnicodeDecodeError):
            return without(tables, schema)
        except OSError as error:
            return _unreadable(copy, error)
    return Opened(copy, False)


def _unreadable(empty: sqlite3.Connection, error: OSError) -> Opened:
    return Opened(empty, False, Unused(f"cannot be read: {error.strerror}", "unreadable"))


def _writable(path: Path) -> bool:
    return os.access(path.parent, os.W_OK) and (os.access(path, os.W_OK) or not path.exists())


def _unwritable(error: sqlite3.Error) -> bool:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
    )


def _folder_is_none(folder: Path) -> bool:
    return os.path.lexists(folder) and not folder.is_dir()


def _lockless(folder: Path) -> bool:
    """Return whether the file system has no locks: SQLite takes this for a lock that another process has."""
    try:
        # not on the database: who closes it would free the locks that this process has
        file = os.open(folder / ".gitignore", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in LOCKLESS
    finally:
        os.close(file)
    return False


# ── whose it is


def _foreign(path: Path) -> Unused | None:
    """Return why a database is none of this user's and this project's."""
    try:
        found = path.lstat()
    except OSError:
        return None
    if stat.S_ISLNK(found.st_mode) or not stat.S_ISREG(found.st_mode):
        return Unused("is no file of its own", "foreign")
    if found.st_uid not in (os.geteuid(), 0, path.parent.parent.stat().st_uid):
        return Unused("belongs to another user", "foreign")
    if _tracked(path):
        return Unused("is part of the git repository: it comes from whoever committed it", "tracked")
    return None


def _tracked(path: Path) -> bool:
    """Return whether git tracks a file. Only where its index may name it, git itself is asked."""
    for folder in path.parents:
        git = folder / ".git"
        if git.exists():
            return _may_name(git, path.name) and _says(folder, path)
    return False


def _may_name(git: Path, name: str) -> bool:
    """Return whether an index holds a name; its entries may lack what they have in common with the one before."""
    try:
        if git.is_file():  # of a worktree or a submodule
            git = git.parent / git.read_text(encoding="utf-8").removeprefix("gitdir:").strip()
        return f"{name}\0".encode() in (git / "index").read_bytes()
    except (OSError, UnicodeDecodeError):
        return False


def _says(folder: Path, path: Path) -> bool:
    try:
        done = subprocess.run(
            ["git", "ls-files", "--error-unmatch", "--", os.path.relpath(path, folder)],
            cwd=folder,
            capture_output=True,
            check=False,
        )
    except OSError:
        return True  # without git, what its index holds has to be enough
    return done.returncode == 0
