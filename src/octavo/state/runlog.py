"""The log of a run: one JSON line per event, in .octavo/runs/."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from ..dataclass import dataclass
from ..errors import StateError
from ..events import (
    CellStarted,
    Event,
    Note,
    NotebookOpened,
    Output,
    RunFinished,
    RunStarted,
    TaskFinished,
    decode,
    encode,
)
from ..lazy import lazy_imports

with lazy_imports():
    import fcntl  # only where runs are followed


#: As many runs are kept, for as many days, and in as many bytes; older ones go when a new one begins.
KEPT = 200
_DAYS = 90
_BYTES = 200_000_000
#: Bytes that are logged of what one task shows: of its beginning, and of its end.
_HEAD, _TAIL = 1_000_000, 200_000
#: Bytes that the first line of a log may have: it names all tasks.
_LINE = 50_000_000


class RunLog:
    """Writes the events of one run as they come. ``kill -9`` leaves a torn last line, which ``replay`` skips."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: BinaryIO | None = None
        self._shown: dict[str, _Shown] = {}

    def __enter__(self) -> RunLog:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("ab")
            _prune(self.path)
        except OSError as error:
            raise self._unwritable(error) from error
        return self

    def __call__(self, event: Event) -> None:
        assert self._file is not None
        try:
            for line in self._lines(event):
                self._file.write(line)
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
                for shown in self._shown.values():
                    self._file.writelines(shown.rest())
                self._file.close()
            except OSError:
                pass  # a full disk was told when it was met; the build itself is whole

    def _lines(self, event: Event) -> Iterable[bytes]:
        line = encode(event) + b"\n"
        if isinstance(event, Output):
            shown = self._shown.get(event.task) or self._shown.setdefault(event.task, _Shown(event.task))
            return shown.take(line)
        if isinstance(event, TaskFinished) and (ended := self._shown.pop(event.task, None)):
            return (*ended.rest(), line)
        return (line,)

    def _unwritable(self, error: OSError) -> StateError:
        return StateError(f"cannot write the log of this run: {error.strerror}", str(self.path))


class _Shown:
    """What one task shows, as far as it is logged: its beginning at once, and its end when that is known."""

    def __init__(self, task: str) -> None:
        self._task = task
        self._room = _HEAD
        self._tail: deque[bytes] = deque()
        self._length = 0
        self._left_out = 0

    def take(self, line: bytes) -> tuple[bytes, ...]:
        """Return the lines that are written now, of one that comes."""
        if len(line) <= self._room:
            self._room -= len(line)
            return (line,)
        begins, self._room = self._room > 0, 0
        self._tail.append(line)
        self._length += len(line)
        while self._length > _TAIL:
            self._left_out += len(self._tail[0])
            self._length -= len(self._tail.popleft())
        note = "it shows more than is logged as it comes; the end of it is logged with the end of the task"
        return (encode(Note(note, self._task)) + b"\n",) if begins else ()

    def rest(self) -> Iterator[bytes]:
        """Yield the lines that are written at the end."""
        if self._left_out:
            note = f"{self._left_out:,} bytes of what it showed are left out of the log here"
            yield encode(Note(note, self._task)) + b"\n"
        yield from self._tail


def _prune(newest: Path) -> None:
    """Remove the logs of runs that are too many, too old or too large; never that of the newest."""
    size, since = 0, time.time() - _DAYS * 86_400
    for number, path in enumerate(paths(newest.parent)):
        try:
            stat = path.stat()
            size += stat.st_size
            if path != newest and (number >= KEPT or size > _BYTES or stat.st_mtime < since):
                path.unlink()
        except FileNotFoundError:
            continue  # another run began, too


@dataclass(frozen=True, slots=True)
class LoggedRun:
    """What a run came to: ``outcomes`` counts its tasks by outcome; ``seconds`` is None while it has no end."""

    name: str
    at: float
    outcomes: dict[str, int]
    seconds: float | None = None


def paths(folder: Path) -> list[Path]:
    """Return the logs of a project's runs, the newest first."""
    return sorted(folder.glob("*.jsonl"), key=lambda path: (_began(path), path.name), reverse=True)


def _began(path: Path) -> float:
    """Return when a run began. Its name tells it in local time, which goes back in autumn and on journeys."""
    try:
        with path.open("rb") as file:
            event = _event(file.readline(_LINE))
            return event.at if isinstance(event, RunStarted) else os.fstat(file.fileno()).st_mtime
    except OSError:
        return 0.0  # it is gone


def begun_by(path: Path) -> str:
    """Return who began a run; "" where the log does not say, or is gone."""
    try:
        with path.open("rb") as file:
            event = _event(file.readline(_LINE))
    except OSError:
        return ""
    return event.by if isinstance(event, RunStarted) else ""


def overview(path: Path) -> LoggedRun:
    """Return what a run came to. Only the lines that tell are parsed, for outputs may be large."""
    at, seconds = 0.0, None
    outcomes: dict[str, int] = {}
    with path.open("rb") as file:
        for line in file:
            if not line.startswith(_TELLING) or not line.endswith(b"\n"):
                continue
            match _event(line):
                case TaskFinished(outcome=outcome):
                    outcomes[outcome.value] = outcomes.get(outcome.value, 0) + 1
                case RunStarted(at=began):
                    at = began
                case RunFinished(seconds=took):
                    seconds = took
    return LoggedRun(path.stem, at, outcomes, seconds)


_TELLING = (b'{"event":"TaskFinished"', b'{"event":"RunStarted"', b'{"event":"RunFinished"')


def replay(path: Path) -> Iterator[Event]:
    """Yield the events of a run that was written, up to the last whole line."""
    with path.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                return
            if (event := _event(line)) is not None:
                yield event


def _event(line: bytes) -> Event | None:
    """Return the event of a line; None for one that is damaged."""
    try:
        return decode(line)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return None


def follow(path: Path, going: Callable[[], bool], pause: float = 0.1) -> Iterator[Event]:
    """Yield the events of a run as they are written, until it has ended or ``going`` says that nobody writes it."""
    rest = b""
    with path.open("rb") as file:
        while True:
            alive = going()
            data = file.read()
            *lines, rest = (rest + data).split(b"\n")
            yield from filter(None, map(_event, lines))
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
    except OSError:
        return False  # the file system has no locks
    finally:
        os.close(file)
    return False
