"""The state of a project is evidence: it is looked at, copied, set aside or waited for, and never thrown away."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from projects import Folder

PIPELINE = """
tasks:
  - source: tasks.clean
    product: out/clean.csv
  - source: tasks.fit
    product: out/fit.csv
    upstream: clean
"""
TASKS = """
from pathlib import Path

def clean(product):
    Path(product).write_text("clean")

def fit(product, upstream):
    Path(product).write_text(Path(upstream["clean"]).read_text() + " fit")
"""
FRESH = "all 2 tasks are fresh"


@pytest.fixture
def built(folder: Folder) -> Folder:
    folder.write("pipeline.yaml", PIPELINE)
    folder.write("tasks.py", TASKS)
    assert folder.octavo("build").returncode == 0
    assert FRESH in folder.octavo("status").stdout
    return folder


def state(folder: Folder) -> Path:
    return folder.path / ".octavo" / "state.db"


def database(folder: Folder) -> closing[sqlite3.Connection]:
    return closing(sqlite3.connect(state(folder), isolation_level=None))


def whole(folder: Folder) -> dict[str, bytes]:
    """Return the bytes of all that is in the state's folder but for the memory that SQLite shares, and empty files."""
    found = sorted((folder.path / ".octavo").rglob("*"))
    read = {it.name: it.read_bytes() for it in found if it.is_file() and not it.name.endswith("-shm")}
    return {name: data for name, data in read.items() if data}


def aside(folder: Folder) -> list[Path]:
    found = (folder.path / ".octavo").glob("state.db.*")
    return sorted(it for it in found if not it.name.endswith(("-wal", "-shm")))


def of_another_version(folder: Folder, version: int) -> None:
    with database(folder) as db:
        db.execute(f"PRAGMA user_version={version}")


@pytest.mark.parametrize(("version", "words"), [(1, "an older"), (999, "a newer")])
def test_the_state_of_another_version_is_left_alone_until_a_build_sets_it_aside(
    version: int, words: str, built: Folder
) -> None:
    of_another_version(built, version)
    before = whole(built)
    for command in (["status"], ["list"], ["plot"], ["history", "fit"], ["clean", "-n"]):
        said = built.octavo(*command)
        assert said.returncode == 0, said.stdout + said.stderr
    assert whole(built) == before
    status = built.octavo("status")
    assert (
        f"note: the state of the project is that of {words} version of octavo: it is not used"
        in status.stderr
    )
    assert "first run" in status.stdout
    done = built.octavo("build")
    # what that version made is known by its bytes, and may be replaced
    assert done.returncode == 0, done.stdout + done.stderr
    (kept,) = aside(built)
    assert kept.name.startswith(f"state.db.schema-{version}-")
    assert f"it is set aside as .octavo/{kept.name}" in done.stdout
    with closing(sqlite3.connect(kept)) as db:
        assert db.execute("SELECT count(*) FROM records").fetchone() == (2,)
    assert FRESH in built.octavo("status").stdout
    assert "set aside" not in built.octavo("build").stdout


def test_while_an_older_version_builds_its_state_is_waited_for(built: Folder) -> None:
    of_another_version(built, 1)
    holder = subprocess.Popen(
        [sys.executable, "-c", "import fcntl, sys; f = open('.octavo/lock'); fcntl.flock(f, 2); input()"],
        cwd=built.path,
        stdin=subprocess.PIPE,
    )
    with holder:
        while b"flock" not in Path("/proc/locks").read_bytes().lower() and holder.poll() is None:
            time.sleep(0.01)
        time.sleep(0.3)
        said = built.octavo("build", "--no-wait")
        assert said.returncode == 2
        assert "another build of this project is running" in said.stderr
        assert aside(built) == []
        holder.communicate(b"\n")


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"this is no database",
        lambda data: data[:1000],
        lambda data: data[: len(data) // 2],
        lambda data: data[:100] + os.urandom(len(data) - 100),
        lambda data: bytes(len(data)),
        lambda data: data[:4096] + b"\xff" * (len(data) - 4096),
    ],
    ids=["text", "cut", "half", "noise", "zeros", "pages"],
)
def test_a_damaged_state_is_said_left_alone_and_set_aside_by_a_build(damage: object, built: Folder) -> None:
    with database(built) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = damage(state(built).read_bytes())  # type: ignore[operator]
    for suffix in ("-wal", "-shm"):
        state(built).with_name(f"state.db{suffix}").unlink(missing_ok=True)
    state(built).write_bytes(data)
    said = built.octavo("status")
    assert said.returncode == 0, said.stderr
    assert "note: the state of the project is damaged: it is not used" in said.stderr
    assert state(built).read_bytes() == data
    done = built.octavo("build", "--force")
    assert done.returncode == 0, done.stdout + done.stderr
    (kept,) = aside(built)
    assert kept.name.startswith("state.db.damaged-")
    assert kept.read_bytes() == data
    assert FRESH in built.octavo("status").stdout


@pytest.mark.parametrize("column", ["manifest", "products", "discovered", "seconds", "state"])
@pytest.mark.parametrize("value", ["{", '{"a": 1}', "\udcff", None, 7])
def test_a_record_that_is_damaged_is_said_and_counts_as_none(
    column: str, value: object, built: Folder
) -> None:
    with database(built) as db:
        put = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
        db.execute(f"UPDATE records SET {column} = ? WHERE task = 'fit'", (put,))
    said = built.octavo("status")
    assert said.returncode == 0, said.stderr
    if (column, value) != ("seconds", 7):
        assert "note: what is known of fit is damaged: it counts as never run" in said.stderr
    assert built.octavo("build", "--force", "fit").returncode == 0
    assert FRESH in built.octavo("status").stdout


def test_memos_that_are_damaged_are_made_again(built: Folder) -> None:
    with database(built) as db:
        rows = db.execute("SELECT space, key, value FROM memos").fetchall()
        assert {row[0] for row in rows} >= {"pipeline", "facts", "text"}
        for space, key, value in rows:
            changed = value[:-1] + bytes([value[-1] ^ 1]) if value else b"x"
            db.execute("UPDATE memos SET value = ? WHERE space = ? AND key = ?", (changed, space, key))
    said = built.octavo("status", "-v")
    assert FRESH in said.stdout, said.stderr


def test_nothing_in_the_state_is_code(built: Folder) -> None:
    with database(built) as db:
        values = [
            row[0] for row in db.execute("SELECT value FROM memos WHERE space IN ('pipeline', 'facts')")
        ]
    assert values
    # JSON behind its checksum, and no pickle
    assert all(value[16:17] in (b"{", b"[") and b"\x80\x05" not in value for value in values)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_the_state_of_another_user_is_not_used(built: Folder) -> None:
    os.chown(state(built), 1234, 1234)
    before = state(built).read_bytes()
    said = built.octavo("status")
    assert "note: the state of the project belongs to another user: it is not used" in said.stderr
    assert "first run" in said.stdout
    assert state(built).read_bytes() == before
    # nor is it believed which files are octavo's
    done = built.octavo("build", "--force")
    assert done.returncode == 0, done.stdout + done.stderr
    (kept,) = aside(built)
    assert kept.name.startswith("state.db.foreign-")
    assert FRESH in built.octavo("status").stdout


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_a_state_that_is_in_the_repository_is_not_used(built: Folder, tmp_path: Path) -> None:
    def git(*words: str, at: Path = built.path) -> None:
        name = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
        subprocess.run(["git", *name, *words], cwd=at, check=True, capture_output=True)

    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "one")
    assert FRESH in built.octavo("status").stdout  # git ignores it
    with database(built) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    git("add", "-f", ".octavo/state.db")
    git("commit", "-qm", "two")
    clone = Folder(tmp_path / "elsewhere" / "clone")
    git("clone", "-q", str(built.path), str(clone.path), at=tmp_path)
    for project in (built, clone):
        said = project.octavo("status")
        assert said.returncode == 0
        assert "note: the state of the project is part of the git repository" in said.stderr
        assert "first run" in said.stdout


def test_the_folder_of_the_state_is_for_nobody_else(built: Folder) -> None:
    place = built.path / ".octavo"
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    place.chmod(0o755)
    built.octavo("status")
    assert stat.S_IMODE(place.stat().st_mode) == 0o700


# ── places that cannot be written


@contextmanager
def read_only(folder: Folder) -> Iterator[None]:
    """Mount a folder so that nobody can write to it."""
    mount = ["mount", "--bind", str(folder.path), str(folder.path)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("nothing can be mounted here (that needs root)")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", str(folder.path)], check=True)
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder.path)], check=True)


def test_a_project_that_cannot_be_written_is_looked_at(built: Folder) -> None:
    with database(built) as db:  # what is not yet in the file itself counts, too
        db.execute("UPDATE records SET state = 'failed' WHERE task = 'fit'")
        db.execute("BEGIN")
        before = whole(built)
        shutil.copytree(built.path, built.path.parent / "copy", ignore=shutil.ignore_patterns("*-shm"))
        db.execute("ROLLBACK")
    copy = Folder(built.path.parent / "copy")
    assert (copy.path / ".octavo" / "state.db-wal").stat().st_size
    with read_only(copy):
        for command in (["status"], ["status", "-v"], ["list"], ["plot"], ["log"], ["history", "fit"]):
            said = copy.octavo(*command)
            assert said.returncode == 0, said.stdout + said.stderr
        said = copy.octavo("status")
        assert "fresh  clean" in said.stdout
        assert "its last run failed" in said.stdout
        refused = copy.octavo("build")
        assert refused.returncode == 2
        assert "cannot lock the project: Read-only file system" in refused.stderr
    assert whole(copy).keys() == before.keys()


def test_a_project_without_state_that_cannot_be_written_is_looked_at(folder: Folder) -> None:
    folder.write("pipeline.yaml", PIPELINE)
    folder.write("tasks.py", TASKS)
    with read_only(folder):
        said = folder.octavo("status")
        assert said.returncode == 0, said.stderr
        assert said.stdout.count("first run") == 2
        assert folder.octavo("build").returncode == 2
    assert not (folder.path / ".octavo").exists()


# ── locks


def test_a_lock_of_another_process_is_waited_for_with_a_word(built: Folder) -> None:
    with database(built) as db:
        db.execute("PRAGMA locking_mode=EXCLUSIVE")
        db.execute("BEGIN EXCLUSIVE")
        waiting = subprocess.Popen(
            [sys.executable, "-m", "octavo", "status"],
            cwd=built.path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert waiting.stderr is not None
        assert "another process has locked" in waiting.stderr.readline()
        db.execute("ROLLBACK")
    said, _ = waiting.communicate(timeout=60)
    assert FRESH in said
    assert waiting.returncode == 0


LOCKLESS = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>

int flock(int fd, int operation) { errno = ENOLCK; return -1; }

static int asked(const char *name, int fd, int command, void *given) {
    if (command == F_SETLK || command == F_SETLKW || command == F_GETLK) { errno = ENOLCK; return -1; }
    int (*real)(int, int, ...) = dlsym(RTLD_NEXT, name);
    return real(fd, command, given);
}

int fcntl(int fd, int command, ...) {
    va_list rest;
    va_start(rest, command);
    void *given = va_arg(rest, void *);
    va_end(rest);
    return asked("fcntl", fd, command, given);
}

int fcntl64(int fd, int command, ...) {
    va_list rest;
    va_start(rest, command);
    void *given = va_arg(rest, void *);
    va_end(rest);
    return asked("fcntl64", fd, command, given);
}
"""


@pytest.mark.skipif(shutil.which("cc") is None or not sys.platform.startswith("linux"), reason="needs cc")
def test_a_file_system_without_locks_is_looked_at_and_not_built_on(built: Folder, tmp_path: Path) -> None:
    source = tmp_path / "lockless.c"
    source.write_text(LOCKLESS)
    library = tmp_path / "lockless.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    env = {"LD_PRELOAD": str(library)}
    said = built.octavo("status", env=env)
    assert said.returncode == 0, said.stderr
    assert FRESH in said.stdout
    refused = built.octavo("build", env=env)
    assert refused.returncode == 2
    assert "cannot lock the project: its file system has no locks" in refused.stderr
    assert "on a disk of this machine" in refused.stderr
    assert built.octavo("log", "--follow", env=env).returncode == 0
