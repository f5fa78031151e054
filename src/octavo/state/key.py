"""Digest secrets with a key, so that nobody can find them by trying values."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from .. import digests

#: A text that all of a team have, so that they can take each other's results from a shared cache.
VARIABLE = "OCTAVO_SECRETS_KEY"
#: The name of the file in .octavo/ with a project's own key, for its owner alone.
FILE = "secrets.key"
_SIZE = 32


def keyed(folder: Path) -> Callable[[str], str]:
    """Return what digests texts with the key of a project, whose state is in a folder."""
    key = b""

    def digest(text: str) -> str:
        nonlocal key
        key = key or _key(folder)
        return digests.keyed(text, key)

    return digest


def _key(folder: Path) -> bytes:
    if shared := os.environ.get(VARIABLE):
        return digests.digest(os.fsencode(shared)).encode()
    path = folder / FILE
    return _read(path) or _made(path) or os.urandom(_SIZE)  # without a key nothing is ever equal


def lend(folder: Path, other: Path) -> None:
    """Give a copy of a project, whose state is in another folder, the key of this one."""
    if not os.environ.get(VARIABLE) and (data := _read(folder / FILE)) and _read(other / FILE) != data:
        other.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(other / FILE, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        with open(file, "wb") as into:  # noqa: PTH123 - it is open
            into.write(data)


def _read(path: Path) -> bytes | None:
    try:
        data = path.read_bytes()
    except OSError:
        return None
    return data if len(data) == _SIZE else None


def _made(path: Path) -> bytes | None:
    """Return a new key, once it is a whole file: that of another process, if that was faster."""
    beside = path.with_name(f"{FILE}.{os.getpid()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        ignore = path.parent / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
        file = os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        try:
            os.write(file, os.urandom(_SIZE))
            os.fsync(file)
        finally:
            os.close(file)
        if path.exists() and _read(path) is None:
            path.unlink()  # it is damaged: what was compared with it runs again
        try:
            os.link(beside, path)
        except FileExistsError:
            pass
        except OSError:  # the file system has no links
            os.replace(beside, path)
        return _read(path)
    except OSError:
        return None
    finally:
        beside.unlink(missing_ok=True)
