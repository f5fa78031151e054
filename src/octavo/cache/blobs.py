"""Blobs: files named by the digest of their content, copied in and out, never linked.

A hard link would be faster, but whoever edits the product would edit the cache. A clone (reflink) costs nothing where
the file system can make one, and is a copy.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import IO

from .. import products
from ..digests import digest
from ..lazy import lazy_imports
from .sharing import lend, make

with lazy_imports():
    from concurrent import futures  # 5 ms, with logging, which small results need not cost

_SMALL = 1 << 20
_STEP = 1 << 26
#: A blob that is larger than this has the sums of its parts beside it.
_PART = 1 << 25
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
                if size > _PART and not self._seal(name, beside):
                    raise Missing(name)
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
        make(os.path.dirname(path))
        return path

    def place(self, name: str, beside: str) -> None:
        """Give a file that was written ``beside`` its name, in one step."""
        Path(beside).chmod(0o444)
        self.added += os.stat(beside).st_size
        os.replace(beside, self.path(name))

    def adopt(self, name: str, beside: str) -> bool:
        """Place a file from elsewhere if it is what its name says; else remove it."""
        large = os.stat(beside).st_size > _PART
        if not (self._seal(name, beside) if large else products.digest(beside) == name):
            Path(beside).unlink(missing_ok=True)
            return False
        self.place(name, beside)
        return True

    def _seal(self, name: str, beside: str) -> bool:
        """Return whether a large file has the digest that it is to be named by; if so, keep the sums of its parts.

        The name is a digest that one processor has to make alone; the sums can be checked by all of them at once,
        which makes giving the blob back as fast as copying it.
        """
        with futures.ThreadPoolExecutor(1, "octavo-blobs") as pool:
            whole = pool.submit(products.digest, beside)
            found = sums(beside)
        if whole.result() != name:
            return False
        part = f"{beside}.sums.part"
        Path(part).write_text(json.dumps(found))
        lend(part)
        os.replace(part, f"{self.path(name)}.sums")
        return True

    def _sums(self, name: str) -> list[str] | None:
        try:
            found = json.loads(Path(f"{self.path(name)}.sums").read_bytes())
        except (OSError, ValueError):
            return None
        return found if isinstance(found, list) else None

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
        known = self._sums(name)
        if not _copy_and_check(self.path(name), target, name, known):
            self.remove(name)
            raise Missing(name)

    def remove(self, name: str) -> None:
        Path(self.path(name)).unlink(missing_ok=True)
        Path(f"{self.path(name)}.sums").unlink(missing_ok=True)


def copy(source: str, target: str) -> None:
    """Copy the bytes of a file to a new one: a clone where that can be, else by the system, else by hand."""
    with open(source, "rb") as old, open(target, "xb") as new:  # noqa: PTH123 - a hot path
        _fill(old, new)


def sums(path: str) -> list[str]:
    """Return the SHA-256 of each part of a file, made by all processors at once."""
    starts = range(0, os.stat(path).st_size, _PART)
    with futures.ThreadPoolExecutor(min(4, os.cpu_count() or 1), "octavo-blobs") as pool:
        return list(pool.map(lambda start: _sum(path, start), starts))


def _sum(path: str, start: int) -> str:
    whole, left = hashlib.sha256(), _PART
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - a hot path
        file.seek(start)
        while left and (block := file.read(min(_SMALL, left))):
            whole.update(block)
            left -= len(block)
    return whole.hexdigest()


def _copy_and_check(source: str, target: str, name: str, known: list[str] | None) -> bool:
    with open(source, "rb") as old, open(target, "xb") as new:  # noqa: PTH123 - a hot path
        if os.fstat(old.fileno()).st_size <= _SMALL:
            data = old.read()
            new.write(data)
            return digest(data) == name
        # while one processor copies in the system, the others read the same pages of memory
        with futures.ThreadPoolExecutor(1, "octavo-blobs") as pool:
            copying = pool.submit(_fill, old, new)
            right = sums(source) == known if known is not None else products.digest(source) == name
            copying.result()
        return right


def _fill(old: IO[bytes], new: IO[bytes]) -> None:
    if not _clone(old, new):
        _pour(old, new)


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
        raise OSError(errno.EIO, "the copy is incomplete")


def swap(part: str, full: str) -> None:
    """Put what was written beside a product in its place, whichever of them is a folder."""
    if not os.path.lexists(full) or not (os.path.isdir(full) or os.path.isdir(part)):
        os.replace(part, full)
        return
    aside = f"{full}.replaced.part"
    remove(aside)
    os.rename(full, aside)
    try:
        os.rename(part, full)
    except OSError:
        os.rename(aside, full)
        raise
    remove(aside)


def remove(path: str) -> None:
    """Remove a file or a folder, if there is one."""
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        Path(path).unlink(missing_ok=True)
