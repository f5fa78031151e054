"""Exchange results with a remote in the background, so that no build waits long or fails because of it.

The first trouble ends its use for this build, with one note. Results are sent by threads in the background: blobs
first, then the entry, so that no reader ever finds an entry without its blobs.
"""

from __future__ import annotations

import os
import queue
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Lock, Thread

from .blobs import Blobs, Missing
from .elsewhere import Absent, Remote, Trouble
from .entry import VERSION, Entry, decode, encode, folder, listed

THREADS = 4
#: So many actions are looked for at a time before they are asked for: of a remote that is far, mostly waiting.
AHEAD = 16
#: So many results may wait to be sent; what comes then is left to ``octavo cache push``.
WAITING = 10_000
#: So many entries of an action are looked at: the newest.
MOST = 16
#: What is older is written again when it is made again: stores may be told to remove what is old.
AGE = 14 * 24 * 3600.0
#: Seconds after which it is asked whether the remote still answers, when a build waits for it at its end.
_PATIENCE = 5.0
TOP = f"v{VERSION}/"


class Shared:
    """A cache at a remote, as the local one uses it."""

    def __init__(self, remote: Remote, blobs: Blobs, clock: Callable[[], float] = time.time) -> None:
        self.remote = remote
        self.blobs = blobs
        self.clock = clock
        self.off: str | None = None
        self.sent = 0
        self.left = 0
        self._damaged: set[str] = set()
        self._there: set[str] = set()
        self._queue: queue.Queue[Entry | None] = queue.Queue(WAITING)
        self._threads: list[Thread] = []
        self._lock = Lock()
        self._ahead: ThreadPoolExecutor | None = None
        self._searches: dict[str, Future[list[Entry]]] = {}

    @property
    def notes(self) -> list[str]:
        """What a person should know when a build ends."""
        notes = [f"the remote cache was not used: {self.off}"] if self.off else []
        if self.left and not self.off:
            notes.append(
                f"{self.left} results were not uploaded to the remote cache; upload them with octavo cache push"
            )
        return notes

    # ── from there

    def ask(self, action: str) -> None:
        """Begin to look for an action, so that ``entries`` has it at once."""
        if self.off is None and action not in self._searches:
            self._ahead = self._ahead or ThreadPoolExecutor(AHEAD, "octavo-ahead")
            self._searches[action] = self._ahead.submit(self._entries, action)

    def entries(self, action: str) -> list[Entry]:
        """Return the entries of an action, the newest first; none where the remote is in trouble."""
        search = self._searches.pop(action, None)
        return search.result() if search else self._entries(action)

    def _entries(self, action: str) -> list[Entry]:
        found: list[Entry] = []
        if self.off:
            return found
        try:
            names = [name for name in self.remote.names(TOP + folder(action)) if name.endswith(".json")]
            for name in names[:MOST]:
                try:
                    entry = decode(self.remote.read(name), name)
                except Absent:
                    continue  # removed in this moment
                if entry is not None:
                    found.append(entry)
        except Trouble as error:
            self._give_up(error)
        return found

    def fetch(self, names: list[str]) -> None:
        """Bring blobs here, those that are there and whole."""
        if len(names) == 1:
            self._fetch(names[0])
        elif names:
            with ThreadPoolExecutor(min(THREADS, len(names)), "octavo-fetch") as pool:
                list(pool.map(self._fetch, names))

    def _fetch(self, name: str) -> None:
        if self.off:
            return
        beside = self.blobs.beside(name)
        try:
            self.remote.download(blob_path(name), beside)
            if not self.blobs.adopt(name, beside):
                self._damaged.add(name)
        except Absent:
            pass
        except Trouble as error:
            self._give_up(error)
        except OSError:
            pass  # no room here: then it is not here
        finally:
            Path(beside).unlink(missing_ok=True)

    def _give_up(self, error: Trouble) -> None:
        with self._lock:
            self.off = self.off or str(error)

    # ── to there

    def send(self, entry: Entry) -> None:
        """Queue a result to be sent in the background."""
        if self.off:
            return
        if not self._threads:
            self._threads = [
                Thread(target=self._work, name="octavo-send", daemon=True) for _ in range(THREADS)
            ]
            for thread in self._threads:
                thread.start()
        try:
            self._queue.put_nowait(entry)
        except queue.Full:
            self.left += 1

    def _work(self) -> None:
        while (entry := self._queue.get()) is not None:
            if not self.off:
                try:
                    self._push(entry)
                except Trouble as error:
                    self._give_up(error)
                except (Missing, OSError):
                    self.left += 1

    def _push(self, entry: Entry) -> None:
        """Write the blobs, then the entry."""
        for piece in entry.products.values():
            files = (listed(self.blobs.read(piece.blob)) or {}).values() if piece.folder else ()
            for name in dict.fromkeys((*files, piece.blob)):
                self._push_blob(name)
        path = TOP + entry.path
        if (there := self._find(path)) is None or there[1]:
            self.remote.write(path, encode(entry), new=there is None)
        self.sent += 1

    def _push_blob(self, name: str) -> None:
        if name in self._there:
            return
        size = os.stat(self.blobs.path(name)).st_size
        if name in self._damaged or self._find(blob_path(name)) != (size, False):
            if not self.blobs.sound(name):
                raise Missing(name)
            self.remote.upload(blob_path(name), self.blobs.path(name))
        self._there.add(name)

    def _find(self, name: str) -> tuple[int, bool] | None:
        """Return the size of what is there by a name, and whether it is old; None if nothing is."""
        try:
            size, written = self.remote.find(name)
        except Absent:
            return None
        return size, bool(written) and self.clock() - written > AGE

    def _silent(self) -> str | None:
        """Return why the remote does not answer a question that it can answer at once; None: it does."""
        try:
            self.remote.find(TOP)
        except Absent:
            return None
        except Trouble as error:
            return str(error)
        return None

    def close(self) -> None:
        """Wait until all is sent or given up; a remote that does not even say what it has is not waited for."""
        if self._ahead:
            self._ahead.shutdown(wait=False, cancel_futures=True)
        threads, self._threads = self._threads, []
        try:
            for _ in threads:
                self._queue.put(None)
            for thread in threads:
                while thread.is_alive() and not self.off:
                    thread.join(_PATIENCE)
                    if thread.is_alive() and (silent := self._silent()):
                        self.off = self.off or silent
        except BaseException:
            self.off = (
                self.off or "it was interrupted"
            )  # what waits is dropped; what is being sent is whole or not there
            raise


def blob_path(name: str) -> str:
    """Return the place of a blob at a remote."""
    return f"{TOP}blobs/{name[:2]}/{name}"
