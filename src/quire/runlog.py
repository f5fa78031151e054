"""A run on disk: one JSON line per event, in ``.quire/runs/``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from .errors import StateError
from .events import CellStarted, Event, NotebookOpened, Output, decode, encode


class RunLog:
    """Writes the events of one run as they come. ``kill -9`` leaves a torn last line, which ``replay`` skips."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: BinaryIO | None = None

    def __enter__(self) -> RunLog:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("ab")
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
        return StateError(f"the log of this run cannot be written: {error.strerror}", str(self.path))


def replay(path: Path) -> Iterator[Event]:
    """Yield the events of a run that was written, up to the last whole line."""
    with path.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                return
            yield decode(line)
