"""Object stores as folders of the cache, by obstore."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from ..lazy import lazy_imports
from ..remote import aws
from .elsewhere import Absent, Trouble, first

with lazy_imports():
    import obstore
    from obstore import store

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import ClientConfig, RetryConfig

_BLOCK = 16 << 20


class Bucket:
    """An object store, by obstore."""

    def __init__(self, url: str, scheme: str) -> None:
        self._obs, self._errors = obstore, obstore.exceptions
        self._web = scheme in ("http", "https")
        if scheme == "file":
            self._quick = self._patient = store.LocalStore("/")
            return
        options = dict(aws.settings(os.environ)) if scheme in ("s3", "s3a") else {}
        http = scheme == "http" or options.get("endpoint", "").startswith("http://")
        retry: RetryConfig = {"max_retries": 2, "retry_timeout": timedelta(seconds=4)}

        def opened(silent: str, whole: str) -> store.ObjectStore:
            client: ClientConfig = {"connect_timeout": "2s", "read_timeout": silent, "timeout": whole}
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
            raise Trouble(first(error)) from error

    def names(self, folder: str) -> list[str]:
        try:
            with self._trouble():
                found = [entry for page in self._obs.list(self._quick, folder) for entry in page]
        except Absent:
            return []
        found.sort(key=lambda entry: entry["last_modified"], reverse=True)
        # of a web server the paths are told from its root on
        return [f"{folder}/{entry['path'].rpartition('/')[2]}" for entry in found]

    def entries(self, folder: str) -> list[tuple[str, int, str]]:
        """Return what is below a folder, however deep: names, sizes, and what changes whenever a file does."""
        with self._trouble():
            pages = self._obs.list(self._patient, folder or None)
            return [_entry(one) for page in pages for one in page]

    def entry(self, name: str) -> tuple[str, int, str]:
        """Return the same of one file."""
        with self._trouble():
            return _entry(self._obs.head(self._patient, name))

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
            except Absent as error:
                what = "place" if self._web else "bucket"
                raise Trouble(f"there is no such {what}: {first(error)}") from error
            except Trouble as error:
                if not self._web or wait is None or "423" not in str(error):
                    raise
                time.sleep(wait)

    def find(self, name: str) -> tuple[int, float]:
        with self._trouble():
            found = self._obs.head(self._quick, name)
            return found["size"], found["last_modified"].timestamp()


def _entry(found: ObjectMeta) -> tuple[str, int, str]:
    mark = found.get("version") or found.get("e_tag") or found["last_modified"].isoformat()
    return found["path"], found["size"], mark
