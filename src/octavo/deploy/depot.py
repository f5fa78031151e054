"""The store of runs at a remote: blobs by their digests, and small files of JSON. It waits for a store that is away."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from .. import products
from ..cache.blobs import Blobs
from ..cache.elsewhere import Absent, Trouble
from ..cache.entry import Entry, listed
from ..cache.remotes import open_remote
from ..cache.shared import AGE, TOP, blob_path
from ..digests import digest
from ..errors import Error
from ..model import Json

_Found = TypeVar("_Found")
#: So many blobs are on their way at a time.
_AT_ONCE = 8
#: Seconds between two attempts to reach a store that is away: these, and then the last of them again.
_PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0)


def absolute(url: str, base: str) -> str:
    """Return a URL that means the same in every folder: a path becomes an absolute one."""
    return url if "://" in url else os.path.normpath(os.path.join(base, os.path.expanduser(url)))


class Gone(Exception):
    """A blob is not at the store any more, or is not what its name says."""


@contextmanager
def told(url: str | None = None) -> Iterator[None]:
    """Turn what is wrong with a store, for a person who asks it something, into an Error."""
    where = f"the store {url}" if url else "the store"
    try:
        yield
    except Trouble as error:
        raise Error(f"{where} cannot be used: {error}") from error
    except Absent as error:
        raise Error(f"{where} lacks {error}") from error
    except Gone as gone:
        hint = "submit it again: what is still there is not made again"
        raise Error(f"{where} has lost a part of this run (blob {gone})", hint=hint) from gone


class Depot:
    """A folder at a URL, in which runs and their results are. ``patience`` is how many seconds it may be away."""

    def __init__(self, url: str, root: str, patience: float = 0.0) -> None:
        self.url = url
        self.remote = open_remote(url, root)
        self.patience = patience

    def check(self) -> None:
        """Raise an Error where the store cannot be used, before anything is made for it."""
        probe = f"{TOP}runs/.probe"
        try:
            self.remote.write(probe, b"{}", new=False)
            self.remote.find(probe)
        except Absent as error:
            raise Error(f"{self.url} does not keep what is written there") from error
        except Trouble as error:
            hint = (
                "do the bucket and its credentials exist here? AWS_PROFILE, GOOGLE_APPLICATION_CREDENTIALS …"
            )
            raise Error(f"the store {self.url} cannot be used: {error}", hint=hint) from error

    def _patiently(self, do: Callable[[], _Found]) -> _Found:
        """Do it, again and again while the store is away. Raises Absent, and Trouble when patience has an end."""
        until = time.monotonic() + self.patience
        for attempt in range(1_000_000):
            try:
                return do()
            except Trouble:
                pause = _PAUSES[min(attempt, len(_PAUSES) - 1)]
                if time.monotonic() + pause > until:
                    raise
                time.sleep(pause)
        raise AssertionError("patience has an end")

    # ── files of JSON

    def find(self, name: str) -> Json | None:
        """Return what a file says; None where there is none, or none that is whole."""
        try:
            plain = json.loads(self._patiently(lambda: self.remote.read(TOP + name)))
        except (Absent, ValueError):
            return None
        return plain if isinstance(plain, dict) else None

    def tell(self, name: str, plain: Json, new: bool = False) -> None:
        """Write a file in one step; a ``new`` one is left alone if another was faster, where the store can tell."""
        data = json.dumps(plain, separators=(",", ":")).encode("utf-8", "surrogatepass")
        self._patiently(lambda: self.remote.write(TOP + name, data, new=new))

    def names(self, folder: str) -> list[str]:
        """Return the names of the files of JSON in a folder, without their endings, the newest first."""
        names = self._patiently(lambda: self.remote.names(TOP + folder))
        return [name.rpartition("/")[2].removesuffix(".json") for name in names if name.endswith(".json")]

    def told(self, folder: str, most: int | None = None) -> list[Json]:
        """Return what the files in a folder say, the newest first."""
        wanted = [f"{folder}/{name}.json" for name in self.names(folder)[:most]]
        with ThreadPoolExecutor(_AT_ONCE, "octavo-told") as pool:
            return [plain for plain in pool.map(self.find, wanted) if plain is not None]

    # ── blobs

    def put(self, data: bytes) -> str:
        """Keep bytes; return their digest."""
        name = digest(data)
        if not self._there(name, len(data)):
            self._patiently(lambda: self.remote.write(blob_path(name), data, new=False))
        return name

    def get(self, name: str) -> bytes:
        """Return the bytes of a digest. Raises Gone."""
        for _ in range(2):
            try:
                data = self._patiently(lambda: self.remote.read(blob_path(name)))
            except Absent as error:
                raise Gone(name) from error
            if digest(data) == name:
                return data
        raise Gone(name)

    def send(self, name: str, path: str) -> None:
        """Keep a file, whose digest the caller knows; what is there by its size, and not old, is not sent again."""
        if not self._there(name, os.stat(path).st_size):
            self._patiently(lambda: self.remote.upload(blob_path(name), path))

    def _there(self, name: str, size: int) -> bool:
        try:
            found, written = self._patiently(lambda: self.remote.find(blob_path(name)))
        except Absent:
            return False
        return found == size and not (written and time.time() - written > AGE)

    def fetch(self, name: str, target: str) -> None:
        """Bring a blob to a path, if it is what its name says. Raises Gone."""
        self._download(name, target, lambda: products.digest(target) == name)

    def _download(self, name: str, target: str, right: Callable[[], bool]) -> None:
        for _ in range(2):
            try:
                self._patiently(lambda: self.remote.download(blob_path(name), target))
            except Absent as error:
                raise Gone(name) from error
            if right():
                return
        raise Gone(name)

    # ── products

    def send_products(self, entry: Entry, blobs: Blobs) -> None:
        """Keep the products of a result, whose blobs are here."""
        self._all(lambda name: self.send(name, blobs.path(name)), _needed(entry, blobs))

    def holds(self, entry: Entry) -> bool:
        """Return whether the products of a result are there, by their names; of files also by their sizes."""
        for piece in entry.products.values():
            try:
                size, _ = self._patiently(lambda name=piece.blob: self.remote.find(blob_path(name)))  # type: ignore[misc]
            except Absent:
                return False
            if not piece.folder and size != piece.size:
                return False
        return True

    def bring_products(self, entry: Entry, blobs: Blobs) -> None:
        """Bring the products of a result here, each byte verified. Raises Gone."""
        firsts = dict.fromkeys(piece.blob for piece in entry.products.values())
        self._all(lambda name: self._bring(name, blobs), firsts)
        self._all(lambda name: self._bring(name, blobs), _needed(entry, blobs))

    def _bring(self, name: str, blobs: Blobs) -> None:
        if name in blobs:
            return
        beside = blobs.beside(name)
        try:
            self._download(name, beside, lambda: blobs.adopt(name, beside))
        finally:
            Path(beside).unlink(missing_ok=True)

    def _all(self, do: Callable[[str], None], names: Iterable[str]) -> None:
        names = [*names]
        if len(names) < 2:
            for name in names:
                do(name)
            return
        with ThreadPoolExecutor(min(_AT_ONCE, len(names)), "octavo-depot") as pool:
            list(pool.map(do, names))


def _needed(entry: Entry, blobs: Blobs) -> list[str]:
    """Return the blobs of a result; the lists of its folders are here."""
    needed = dict.fromkeys(piece.blob for piece in entry.products.values())
    for piece in entry.products.values():
        if piece.folder:
            files = listed(blobs.read(piece.blob))
            if files is None:
                raise Gone(piece.blob)
            needed |= dict.fromkeys(files.values())
    return [*needed]
