"""One interface to remote folders: object stores through obstore, everything else through fsspec.

Trouble is told as Trouble, whatever library it came from, so that nobody else needs to know the libraries.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from .. import plugins
from ..errors import Error
from ..lazy import lazy_imports
from ..remote import aws

with lazy_imports():
    import obstore
    from obstore import store


#: What obstore speaks; other schemes are fsspec's.
_OURS = ("s3", "s3a", "gs", "az", "adl", "azure", "abfs", "abfss", "http", "https", "file")
_BLOCK = 16 << 20


class Trouble(Exception):
    """A remote cannot be used: no network, no right, no such bucket."""


class Absent(Exception):
    """Nothing is there by this name."""


class Remote(Protocol):
    """A folder at a URL. Names are relative to it; all verbs raise Trouble, and Absent where something is not there."""

    def names(self, folder: str) -> list[str]:
        """Return the names in a folder, the newest first."""

    def read(self, name: str) -> bytes: ...

    def write(self, name: str, data: bytes, new: bool = True) -> None:
        """Write a small file; a ``new`` one is left alone if it turns out to be there, where that can be told."""

    def download(self, name: str, target: str) -> None: ...

    def upload(self, name: str, source: str) -> None:
        """Write a file: a reader sees all of it or nothing."""

    def find(self, name: str) -> tuple[int, float]:
        """Return a file's size, and when it was written in seconds since the epoch."""


def open_remote(url: str, root: str) -> Remote:
    """Return the remote of a URL; of a path without a scheme, relative to ``root``, that folder."""
    scheme, colon, _ = url.partition("://")
    if not colon:
        url, scheme = Path(root, os.path.expanduser(url)).absolute().as_uri(), "file"
    try:
        return Bucket(url, scheme) if scheme in _OURS else Filesystem(url)
    except Trouble as error:
        raise Error(f"the cache's URL {url} cannot be used: {error}") from error


class Bucket:
    """An object store, by obstore."""

    def __init__(self, url: str, scheme: str) -> None:
        self._obs, self._errors = obstore, obstore.exceptions
        self._web = scheme in ("http", "https")
        options = dict(aws.settings(os.environ)) if scheme in ("s3", "s3a") else {}
        http = scheme == "http" or options.get("endpoint", "").startswith("http://")
        retry: Any = {"max_retries": 2, "retry_timeout": timedelta(seconds=4)}

        def opened(silent: str, whole: str) -> Any:
            if scheme == "file":
                return store.from_url(url, mkdir=True)
            client: Any = {"connect_timeout": "2s", "read_timeout": silent, "timeout": whole}
            client |= {"allow_http": True} if http else {}
            return store.from_url(url, client_options=client, retry_config=retry, **options)

        with self._trouble():
            # one for what is asked before a task starts, one for blobs, which may take their time
            self._quick, self._patient = opened("5s", "5s"), opened("60s", "3h")

    @contextmanager
    def _trouble(self) -> Iterator[None]:
        try:
            yield
        except (self._errors.NotFoundError, FileNotFoundError) as error:
            raise Absent(str(error)) from error
        except (self._errors.BaseError, OSError, ValueError, NotImplementedError) as error:
            raise Trouble(_first(error)) from error

    def names(self, folder: str) -> list[str]:
        try:
            with self._trouble():
                found = [it for page in self._obs.list(self._quick, folder) for it in page]
        except Absent:
            return []
        found.sort(key=lambda it: it["last_modified"], reverse=True)
        # of a web server the paths are told from its root on
        return [f"{folder}/{it['path'].rpartition('/')[2]}" for it in found]

    def read(self, name: str) -> bytes:
        with self._trouble():
            return bytes(self._obs.get(self._quick, name).bytes())

    def write(self, name: str, data: bytes, new: bool = True) -> None:
        try:
            self._put(self._quick, name, data, mode="create" if new else "overwrite")
        except Trouble as error:
            match error.__cause__:
                case self._errors.AlreadyExistsError() | self._errors.PreconditionError():
                    return
                case self._errors.NotSupportedError() | NotImplementedError():
                    # a server that does not know "only if it is not there"; what is there is the same
                    self.write(name, data, new=False)
                case _:
                    raise

    def download(self, name: str, target: str) -> None:
        # as one stream: not every server answers to ranges as it should
        with self._trouble(), Path(target).open("wb") as file:
            for block in self._obs.get(self._patient, name).stream(min_chunk_size=1 << 20):
                file.write(block)

    def upload(self, name: str, source: str) -> None:
        size = os.stat(source).st_size
        if size <= _BLOCK or self._web:
            self._put(self._patient, name, Path(source) if size > _BLOCK else Path(source).read_bytes())
            return
        with self._trouble():
            self._obs.put(self._patient, name, Path(source), chunk_size=_BLOCK, max_concurrency=4)
            # servers have been seen that lose the end of what came in parts
            if (there := self._obs.head(self._patient, name)["size"]) != size:
                raise Trouble(f"of {size} bytes {there} arrived")

    def _put(self, store: object, name: str, what: object, mode: object = "overwrite") -> None:
        """Write in one request; once more where a web server has it locked for another writer."""
        for wait in (0.1, 0.3, 1.0, None):
            try:
                with self._trouble():
                    self._obs.put(store, name, what, mode=mode, use_multipart=False)
                return
            except Trouble as error:
                if not self._web or wait is None or "423" not in str(error):
                    raise
                time.sleep(wait)

    def find(self, name: str) -> tuple[int, float]:
        with self._trouble():
            found = self._obs.head(self._quick, name)
            return found["size"], found["last_modified"].timestamp()


class Filesystem:
    """Whatever fsspec has a driver for: sftp, hdfs, smb, webdav …"""

    def __init__(self, url: str) -> None:
        with self._trouble():
            self._fs, self._root = plugins.load("fsspec.core:url_to_fs")(url)

    @contextmanager
    def _trouble(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise Absent(str(error)) from error
        except (Error, Absent):
            raise
        except Exception as error:  # a driver may raise what it likes
            raise Trouble(_first(error)) from error

    def _full(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}"

    def names(self, folder: str) -> list[str]:
        try:
            with self._trouble():
                found = self._fs.ls(self._full(folder), detail=True, refresh=True)
        except Absent:
            return []
        found.sort(key=lambda it: _written(it), reverse=True)
        return [
            f"{folder}/{it['name'].rstrip('/').rpartition('/')[2]}" for it in found if it["type"] == "file"
        ]

    def read(self, name: str) -> bytes:
        with self._trouble():
            return bytes(self._fs.cat_file(self._full(name)))

    def write(self, name: str, data: bytes, new: bool = True) -> None:
        with self._trouble():
            if not new or not self._fs.exists(self._full(name)):
                self._beside(name, lambda path: self._fs.pipe_file(path, data))

    def download(self, name: str, target: str) -> None:
        with self._trouble():
            self._fs.get_file(self._full(name), target)

    def upload(self, name: str, source: str) -> None:
        with self._trouble():
            self._beside(name, lambda path: self._fs.put_file(source, path))

    def _beside(self, name: str, make: Any) -> None:
        full = self._full(name)
        part = f"{full}.{os.urandom(4).hex()}.part"
        self._fs.makedirs(full.rpartition("/")[0], exist_ok=True)
        make(part)
        try:
            self._fs.mv(part, full)
        except Exception:
            # some drivers do not rename onto what is there, which then is what we bring
            if not self._fs.exists(full):
                raise
            self._fs.rm_file(part)

    def find(self, name: str) -> tuple[int, float]:
        with self._trouble():
            found = self._fs.info(self._full(name))
            return int(found["size"]), _written(found)


def _written(info: Mapping[str, object]) -> float:
    """Return when a file was written; 0 where the driver does not tell."""
    when = next(
        (info[key] for key in ("mtime", "LastModified", "last_modified", "modified") if info.get(key)), 0
    )
    if isinstance(when, datetime):
        return when.replace(tzinfo=when.tzinfo or UTC).timestamp()
    return float(when) if isinstance(when, int | float) else 0.0


def _first(error: Exception) -> str:
    """Return what an error says, without the details that are of no use to a user."""
    text = str(error).strip().split("\n")[0]
    # obstore: "Generic S3 error: Error performing GET http://… in 3ms, after 2 retries, …  - HTTP error: …"
    _, performing, rest = text.partition("Error performing ")
    if performing and " - " in rest:
        words, reason = rest.partition(" in ")[0].split(), rest.rpartition(" - ")[2]
        where = next((word.partition("?")[0] for word in words if "://" in word), "")
        text = f"{where}: {reason}" if where else reason
    return (text[:200] + "…" if len(text) > 200 else text) or type(error).__name__
