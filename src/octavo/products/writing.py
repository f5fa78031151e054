"""The one way in which files are written: beside their place and renamed, never over what is no file."""

from __future__ import annotations

import errno
import os
import re
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import pairwise

from ..lazy import lazy_imports
from . import special

with lazy_imports():
    import shutil

    from . import scratch

#: A link into one of these is how another tool shows a file of its own: the link is ours to replace, the file not.
_STORES = (("annex", "objects"), (".dvc", "cache"), ("files", "md5"), ("nix", "store"))
#: A file of such a name, in a folder of two letters, is kept by what is in it, and stays as it is.
_BY_DIGEST = re.compile(r"/[0-9a-f]{2}/[0-9a-f]{30,}(\.\w+)?$")
_UNFINISHED = re.compile(r"\.(?P<pid>\d+)-[0-9a-f]{8}\.part$")
#: Seconds that a reader of a pipe may take to come.
_PATIENCE = 10.0


def passing(path: str | os.PathLike[str]) -> bool:
    """Return whether what is written to a path goes somewhere at once and is not kept there.

    That is a device or a pipe, and what is open already under a name such as ``/dev/stderr``, a file too.
    """
    return special(path) in ("a device", "a named pipe") or _is_open(os.fspath(path))


def refusal(path: str | os.PathLike[str], *, named: bool = False) -> str | None:
    """Return why nothing can be written to a path: "it is a socket".

    What is no file may be written into where the user ``named`` it for this very run.
    """
    found = special(path)
    if found is None or (named and found != "a socket"):
        return None
    return f"it is {found}"


@contextmanager
def beside(path: str | os.PathLike[str], *, named: bool = False) -> Iterator[str]:
    """Yield where to write what shall stand at ``path``: it comes there whole when the block ends well, or not at all.

    A file keeps its permissions. A link is followed, unless it leads into what another tool keeps. What can only be
    written into, as a device can, is; for what is no file that is refused unless ``named`` (see ``refusal``).
    """
    place = _behind(os.fspath(path))
    if why := refusal(place, named=named):
        raise OSError(errno.EINVAL, why, os.fspath(path))
    part = "" if passing(place) else _begun(place)
    if part:
        yield from _renamed(part, place)
        return
    with scratch.Scratch() as folder:
        part = os.path.join(folder.path, os.path.basename(place))
        yield part
        _pour(part, place)


def write(path: str | os.PathLike[str], pieces: Iterable[bytes], *, named: bool = False) -> None:
    """Write a file, as ``beside`` says."""
    try:
        with beside(path, named=named) as part, open(part, "wb", buffering=1 << 20) as file:  # noqa: PTH123 - a str
            file.writelines(pieces)
    except OSError as error:
        error.filename = error.filename or os.fspath(path)  # of a full disk it is not told which file
        raise


def empty(folder: str | os.PathLike[str]) -> None:
    """Make an empty folder: files of an earlier run must not mix with new ones.

    A link to an empty folder stays one; what is in the folder behind a link is somebody's.
    """
    path = os.fspath(folder)
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path) and not (os.path.isdir(path) and not os.listdir(path)):
        os.unlink(path)
    os.makedirs(path, exist_ok=True)


def check(path: str | os.PathLike[str], *, named: bool = False) -> None:
    """Raise the ``OSError`` that writing a file would end with after hours of work, as far as it is known now."""
    place = _behind(os.fspath(path))
    if why := refusal(place, named=named):
        raise OSError(errno.EINVAL, why, os.fspath(path))
    if not passing(place) and (part := _begun(place)):
        os.unlink(part)


def stream(path: str | os.PathLike[str]) -> int:
    """Open a file that the user named and that others read while it grows, as logs are; return its descriptor.

    What is written is added to what it holds. To begin anew, see ``cut``.
    """
    place = os.fspath(path)
    if why := refusal(place, named=True):
        raise OSError(errno.EINVAL, why, place)
    return own if (own := _own(place)) is not None else _opened(place, os.O_CREAT | os.O_APPEND)


def cut(path: str | os.PathLike[str], file: int) -> None:
    """Drop what a file held that was opened by ``stream``, unless others write to it, too."""
    if not passing(path):
        os.ftruncate(file, 0)


def sweep(path: str | os.PathLike[str]) -> None:
    """Remove what a writer of ``path`` that was killed had left beside it."""
    place = _behind(os.fspath(path))
    start = _start(place)
    try:
        with os.scandir(os.path.dirname(place) or ".") as entries:
            found = [entry for entry in entries if entry.name.startswith(start)]
        for entry in found:
            # the process may be of another machine, or seem gone from inside of a container
            ours = _UNFINISHED.fullmatch(entry.name, len(start) - 1)
            if ours and not _alive(int(ours["pid"])) and time.time() - entry.stat().st_mtime > 2:
                if entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.path)
                else:
                    os.unlink(entry.path)
    except OSError:
        pass  # what cannot be written is told when it is


def part_of(place: str) -> str:
    """Return a path beside a place that nobody else uses. What a killed process leaves there, ``sweep`` removes."""
    return os.path.join(os.path.dirname(place), f"{_start(place)}{os.getpid()}-{os.urandom(4).hex()}.part")


def _renamed(part: str, place: str) -> Iterator[str]:
    try:
        yield part
        try:
            os.replace(part, place)
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
            _pour(part, place)  # a file that is mounted by itself, as containers have it
            os.unlink(part)
    except BaseException:
        try:
            os.unlink(part)
        except OSError:
            pass
        raise


def _begun(place: str) -> str:
    """Return an empty file beside a place, with the permissions of what stands there.

    "" where only what stands there may be written to, and not its folder.
    """
    part = part_of(place)
    try:
        was = os.lstat(place)
    except (FileNotFoundError, NotADirectoryError):
        was = None
    if was is not None and stat.S_ISDIR(was.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), place)
    new = was is None or stat.S_ISLNK(was.st_mode)
    try:
        file = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666 if new else 0o600)
    except OSError as error:
        if (
            new
            or error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS)
            or not os.access(place, os.W_OK)
        ):
            error.filename = place
            raise
        return ""
    try:
        if was is not None and not new:
            _like(file, was)
    finally:
        os.close(file)
    return part


def _like(file: int, was: os.stat_result) -> None:
    """Give a new file the owner and the permissions that another had, as far as this is allowed."""
    mine = os.fstat(file)
    try:
        if (was.st_uid, was.st_gid) != (mine.st_uid, mine.st_gid):
            os.chown(file, was.st_uid, was.st_gid)
    except OSError:
        pass  # it is then the file of whoever writes it
    try:
        os.fchmod(file, stat.S_IMODE(was.st_mode))
    except OSError:
        pass  # the file system has no permissions


def _start(place: str) -> str:
    name = os.path.basename(place)
    return f".{name if len(os.fsencode(name)) <= 200 else name[:60]}."


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OverflowError:
        return False
    except OSError as error:
        return error.errno != errno.ESRCH
    return True


def _behind(path: str) -> str:
    """Return the path of what is to be replaced: that behind a link, or the link itself."""
    if not os.path.islink(path) or _is_open(path):
        return path
    real = os.path.realpath(path)
    return path if stored(real) else real


def stored(path: str) -> bool:
    """Return whether a file belongs to what another tool keeps: git-annex, DVC, Nix and their like."""
    steps = path.split(os.sep)
    if any(pair in _STORES for pair in pairwise(steps)) or _BY_DIGEST.search(path):
        return True
    try:
        found = os.stat(path)
    except OSError:
        return False
    # they take the right to write from what they keep
    return stat.S_ISREG(found.st_mode) and not found.st_mode & 0o222


def _is_open(path: str) -> bool:
    """Return whether a path is that of an open file, such as ``/dev/stderr`` and ``/dev/fd/63``."""
    return bool(_open_file(path))


def _open_file(path: str) -> str:
    """Return the name that an open file has below /proc; "" for any other path."""
    for _ in range(40):
        if (folder := os.path.realpath(os.path.dirname(path))).startswith("/proc/"):
            return os.path.join(folder, os.path.basename(path))
        try:
            path = os.path.join(os.path.dirname(path), os.readlink(path))
        except (OSError, ValueError):
            return ""
    return ""


def _own(place: str) -> int | None:
    """Return a copy of a file that this process has open, by a name such as ``/dev/stdout``; None for other names.

    Opened anew, it would be written from its start again.
    """
    folder, _, number = _open_file(place).rpartition("/")
    mine = folder == os.path.realpath("/proc/self/fd") and number.isdigit()
    return os.dup(int(number)) if mine else None


def _pour(part: str, place: str) -> None:
    """Write a file that is whole into what must stay where it is. Raises ``OSError`` where nobody reads a pipe."""
    if (own := _own(place)) is not None:
        _copy(part, own)
        return
    # what is open already is not cut off, for others write to it, too
    _copy(part, _opened(place, os.O_APPEND if passing(place) else os.O_TRUNC))


def _opened(place: str, how: int) -> int:
    """Open what is written into where it stands. Raises ``OSError`` where nobody comes to read a pipe."""
    wait = os.O_NONBLOCK if special(place) == "a named pipe" else 0
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            file = os.open(place, os.O_WRONLY | os.O_CLOEXEC | how | wait, 0o666)
            break
        except OSError as error:
            if error.errno != errno.ENXIO or not wait:
                raise
            if time.monotonic() > until:
                raise OSError(errno.ENXIO, "nobody reads this pipe", place) from None
            time.sleep(0.05)
    os.set_blocking(file, True)
    return file


def _copy(part: str, file: int) -> None:
    with open(part, "rb") as source, open(file, "wb") as target:  # noqa: PTH123 - a descriptor
        shutil.copyfileobj(source, target, 1 << 20)
