"""Whatever fsspec has a driver for as folders of the cache: sftp, hdfs, smb, webdav …"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

from .. import plugins
from ..errors import Error
from ..remote import make_folder
from .elsewhere import Absent, Trouble, first


class Filesystem:
    """A folder, by the driver of its scheme."""

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
            raise Trouble(first(error)) from error

    def _full(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}"

    def names(self, folder: str) -> list[str]:
        try:
            with self._trouble():
                found = self._fs.ls(self._full(folder), detail=True, refresh=True)
        except Absent:
            return []
        found.sort(key=lambda entry: _written(entry), reverse=True)
        return [
            f"{folder}/{entry['name'].rstrip('/').rpartition('/')[2]}"
            for entry in found
            if entry["type"] == "file"
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

    def _beside(self, name: str, make: Callable[[str], object]) -> None:
        full = self._full(name)
        part = f"{full}.{os.urandom(4).hex()}.part"
        make_folder(self._fs, full.rpartition("/")[0])
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
