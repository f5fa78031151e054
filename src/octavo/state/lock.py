"""A lock that allows one build of a project at a time and names its holder."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import StateError
from . import database

_WRITABLE = "is the folder of the project writable?"


@contextmanager
def holding(folder: Path, waiting: Callable[[str], None] | None = None, wait: bool = False) -> Iterator[None]:
    """Hold the project whose state is in ``folder``. The system frees the lock of a holder that is killed.

    While somebody else holds it, ``waiting`` is told who; StateError is raised instead when ``wait`` is False.
    """
    path = folder / "lock"
    try:
        file = path.open("a+", encoding="utf-8")
    except FileNotFoundError:
        raise StateError(f"cannot lock the project: {_why(folder)}", str(path), _WRITABLE) from None
    except OSError as error:
        raise StateError(f"cannot lock the project: {error.strerror}", str(path), _WRITABLE) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            held = f"another build of this project is running ({_holder(path)})"
            if not wait:
                raise StateError(held, hint="wait for it, or stop it") from None
            if waiting:
                waiting(held)
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError as error:
            if error.errno not in database.LOCKLESS:
                raise
            hint = "build in a folder that has some, on a disk of this machine; octavo status works here, too"
            words = "cannot lock the project: its file system has no locks"
            raise StateError(words, str(path), hint) from error
        file.seek(0)
        file.truncate()
        who = {"pid": os.getpid(), "host": os.uname().nodename, "since": time.strftime("%H:%M:%S")}
        try:
            file.write(json.dumps(who))
            file.flush()
        except OSError as error:
            raise StateError(f"cannot lock the project: {error.strerror}", str(path)) from error
        yield


def _why(folder: Path) -> str:
    """Return why there is no folder of the state: it could not be made when the project was looked at."""
    try:
        folder.mkdir(mode=0o700)
    except OSError as error:
        return error.strerror or str(error)
    return "its folder has just been removed"


def _holder(path: Path) -> str:
    try:
        who = json.loads(path.read_text(encoding="utf-8"))
        return f"process {who['pid']} on {who['host']}, since {who['since']}"
    except (OSError, ValueError, KeyError):
        return "process unknown"
