"""The log of a run: one JSON line per event, in .octavo/runs/."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from ..errors import StateError
from ..events import CellStarted, Event, NotebookOpened, Output, decode, encode
from ..lazy import lazy_imports

with lazy_imports():
    import fcntl  # only where runs are followed


#: As many runs are kept; older ones go when a new one begins.
KEPT = 200


class RunLog:
    """Writes the events of one run as they come. ``kill -9`` leaves a torn last line, which ``replay`` skips."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: BinaryIO | None = None

    def __enter__(self) -> RunLog:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("ab")
            for old in paths(self.path.parent)[KEPT:]:
                old.unlink(missing_ok=True)
        except OSError as error:
            raise self._unwritable(error) from error
        return self

    def __call__(self, event: Event) -> None:
        assert self._file is not None
        try:
            self._file.write(encode(event) + b"\n")
            # what is chatty may wait in the buffer; what a follower or a post-mortem needs may not
            if not isinstance(event, Output | CellStarted | NotebookOpened):
                self._file.flush()
        except OSError as error:
            raise self._unwritable(error) from error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            try:
                self._file.close()
            except OSError:
                pass  # a full disk was told when it was met; the build itself is whole

    def _unwritable(self, error: OSError) -> StateError:
        return StateError(f"cannot write the log of this run: {error.strerror}", str(self.path))


@dataclass(frozen=True, slots=True)
class LoggedRun:
    """What a run came to: ``outcomes`` counts its tasks by outcome; ``seconds`` is None while it has no end."""

    name: str
    at: float
    outcomes: dict[str, int]
    seconds: float | None = None


def paths(folder: Path) -> list[Path]:
    """Return the logs of a project's runs, the newest first."""
    return sorted(folder.glob("*.jsonl"), reverse=True)


def overview(path: Path) -> LoggedRun:
    """Return what a run came to. Only the lines that tell are parsed, for outputs may be large."""
    at, seconds = 0.0, None
    outcomes: dict[str, int] = {}
    with path.open("rb") as file:
        for line in file:
            if not line.startswith(_TELLING) or not line.endswith(b"\n"):
                continue
            event = json.loads(line)
            if event["event"] == "TaskFinished":
                outcomes[event["outcome"]] = outcomes.get(event["outcome"], 0) + 1
            elif event["event"] == "RunStarted":
                at = event["at"]
            else:
                seconds = event["seconds"]
    return LoggedRun(path.stem, at, outcomes, seconds)


_TELLING = (b'{"event":"TaskFinished"', b'{"event":"RunStarted"', b'{"event":"RunFinished"')


def replay(path: Path) -> Iterator[Event]:
    """Yield the events of a run that was written, up to the last whole line."""
    with path.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                return
            yield decode(line)


def follow(path: Path, going: Callable[[], bool], pause: float = 0.1) -> Iterator[Event]:
    """Yield the events of a run as they are written, until it has ended or ``going`` says that nobody writes it."""
    rest = b""
    with path.open("rb") as file:
        while True:
            alive = going()
            data = file.read()
            *lines, rest = (rest + data).split(b"\n")
            yield from map(decode, lines)
            if any(line.startswith(_TELLING[2]) for line in lines) or not (data or alive):
                return
            if not data:
                time.sleep(pause)


def held(lock: Path) -> bool:
    """Return whether a build holds a project's lock."""
    try:
        file = os.open(lock, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False
