"""A folder of this machine, or of a file server, as that of the cache; in a setgid one all stays the group's."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ..lazy import lazy_imports
from .elsewhere import Absent, Trouble, first
from .sharing import lend, make

with lazy_imports():
    from urllib import request  # 15 ms, with all of HTTP, which only drives of Windows are worth


class SharedFolder:
    """A folder, by a URL such as ``file:///mnt/team``."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
            raise Trouble(f"it is of another machine, {parts.netloc}; file:///folder is of this one")
        self._root = unquote(parts.path) if os.name == "posix" else request.url2pathname(parts.path)

    @contextmanager
    def _trouble(self) -> Iterator[None]:
        try:
            yield
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise Absent(str(error)) from error
        except OSError as error:
            raise Trouble(first(error)) from error

    def _full(self, name: str) -> str:
        return os.path.join(self._root, name)

    def names(self, folder: str) -> list[str]:
        try:
            with self._trouble(), os.scandir(self._full(folder)) as entries:
                found = [(entry.stat().st_mtime_ns, entry.name) for entry in entries if entry.is_file()]
        except Absent:
            return []
        return [f"{folder}/{name}" for _, name in sorted(found, reverse=True) if not name.endswith(".part")]

    def read(self, name: str) -> bytes:
        with self._trouble():
            return Path(self._full(name)).read_bytes()

    def write(self, name: str, data: bytes, new: bool = True) -> None:
        with self._trouble():
            if new and os.path.exists(self._full(name)):
                return
            with self._beside(name) as part:
                Path(part).write_bytes(data)

    def download(self, name: str, target: str) -> None:
        with self._trouble():
            shutil.copyfile(self._full(name), target)

    def upload(self, name: str, source: str) -> None:
        with self._trouble(), self._beside(name) as part:
            shutil.copyfile(source, part)

    @contextmanager
    def _beside(self, name: str) -> Iterator[str]:
        full = self._full(name)
        try:
            make(os.path.dirname(full))
        except OSError as error:
            raise Trouble(first(error)) from error
        part = f"{full}.{os.urandom(4).hex()}.part"
        try:
            yield part
            lend(part)
            os.replace(part, full)
        except BaseException:
            Path(part).unlink(missing_ok=True)
            raise

    def find(self, name: str) -> tuple[int, float]:
        with self._trouble():
            if os.path.isdir(self._full(name)):
                raise IsADirectoryError(name)
            found = os.stat(self._full(name))
            return found.st_size, found.st_mtime
