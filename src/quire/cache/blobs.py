"""Blobs: files named by the digest of their bytes; copied in and out, never linked.

A hard link would be faster, but whoever edits the product would edit the cache. A clone (reflink) costs nothing where
the file system can make one, and is a copy.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from pathlib import Path
from threading import Thread
from typing import IO

from .. import products
from ..digests import digest

_SMALL = 1 << 20
_STEP = 1 << 26
#: ioctl of Linux: let a file share the blocks of another one until one of them is written.
_CLONE = 0x40049409
_UNABLE = (errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOTTY, errno.EPERM, errno.EBADF)


class Missing(Exception):
    """A blob is not there, or is not what its name says; a damaged one has been removed."""


class Blobs:
    """The blobs in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.added = 0

    def path(self, name: str) -> str:
        return f"{self.folder}/{name[:2]}/{name}"

    def __contains__(self, name: str) -> bool:
        return os.path.isfile(self.path(name))

    def take(self, name: str, source: str) -> None:
        """Keep a file, whose digest the caller knows, under that name."""
        size = os.stat(source).st_size
        if not self._have(name, size):
            beside = self.beside(name)
            try:
                copy(source, beside)
                self.place(name, beside)
            except BaseException:
                Path(beside).unlink(missing_ok=True)
                raise

    def put(self, name: str, data: bytes) -> None:
        """Keep bytes whose digest is the name."""
        if not self._have(name, len(data)):
            beside = self.beside(name)
            Path(beside).write_bytes(data)
            self.place(name, beside)

    def _have(self, name: str, size: int) -> bool:
        """Return whether a blob is there, at least by its size; renew its time, so that nobody collects it now."""
        try:
            if os.stat(self.path(name)).st_size == size:
                os.utime(self.path(name))
                return True
        except OSError:
            pass
        return False

    def beside(self, name: str) -> str:
        """Return a path to write a new blob at."""
        path = f"{self.path(name)}.{os.getpid()}-{os.urandom(4).hex()}.part"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    def place(self, name: str, beside: str) -> None:
        """Give a file that was written ``beside`` its name, in one step."""
        Path(beside).chmod(0o444)
        self.added += os.stat(beside).st_size
        os.replace(beside, self.path(name))

    def adopt(self, name: str, beside: str) -> bool:
        """Place a file from elsewhere if it is what its name says; else remove it."""
        if products.digest(beside) != name:
            Path(beside).unlink(missing_ok=True)
            return False
        self.place(name, beside)
        return True

    def sound(self, name: str) -> bool:
        """Return whether a blob is there and is what its name says; remove a damaged one."""
        try:
            found = products.digest(self.path(name))
        except OSError:
            found = ""
        if found is not None and found != name:
            self.remove(name)
        return found == name

    def read(self, name: str) -> bytes:
        """Return the bytes of a blob. Raises Missing."""
        try:
            data = Path(self.path(name)).read_bytes()
        except OSError as error:
            raise Missing(name) from error
        if digest(data) != name:
            self.remove(name)
            raise Missing(name)
        return data

    def give(self, name: str, target: str) -> None:
        """Copy a blob to a new file, and make sure of its bytes on the way. Raises Missing."""
        if name not in self:
            raise Missing(name)
        if _copy_and_digest(self.path(name), target) != name:
            self.remove(name)
            raise Missing(name)

    def remove(self, name: str) -> None:
        Path(self.path(name)).unlink(missing_ok=True)


def copy(source: str, target: str) -> None:
    """Copy the bytes of a file to a new one: a clone where that can be, else by the system, else by hand."""
    with open(source, "rb") as old, open(target, "xb") as new:  # noqa: PTH123 - a hot path
        if not _clone(old, new):
            _pour(old, new)


def _copy_and_digest(source: str, target: str) -> str | None:
    with open(source, "rb") as old, open(target, "xb") as new:  # noqa: PTH123 - a hot path
        if os.fstat(old.fileno()).st_size <= _SMALL:
            data = old.read()
            new.write(data)
            return digest(data)
        if _clone(old, new):
            return products.digest(target)
        failed: list[OSError] = []

        def pour() -> None:
            try:
                _pour(old, new)
            except OSError as error:
                failed.append(error)

        # two processors: one copies in the system, one digests; both read the same pages of memory
        copying = Thread(target=pour)
        copying.start()
        try:
            found = products.digest(source)
        finally:
            copying.join()
        if failed:
            raise failed[0]
        return found


def _clone(old: IO[bytes], new: IO[bytes]) -> bool:
    try:
        fcntl.ioctl(new.fileno(), _CLONE, old.fileno())
    except OSError as error:
        if error.errno not in _UNABLE:
            raise
        return False
    return True


def _pour(old: IO[bytes], new: IO[bytes]) -> None:
    copied = 0
    if hasattr(os, "copy_file_range"):
        try:
            while step := os.copy_file_range(old.fileno(), new.fileno(), _STEP):
                copied += step
        except OSError as error:
            if copied or error.errno not in _UNABLE:
                raise
    if not copied:  # some file systems claim to copy and do nothing
        shutil.copyfileobj(old, new, _SMALL)
        new.flush()
    if os.fstat(new.fileno()).st_size != os.fstat(old.fileno()).st_size:
        raise OSError(errno.EIO, "the copy is not whole")
