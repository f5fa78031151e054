"""Products on disk: a cheap stamp and a true digest."""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from ..asked import left_by_tools
from ..dataclass import dataclass
from ..digests import digest as digest_of
from ..digests import running
from ..errors import Error
from ..model import Failure, Product

_Found = TypeVar("_Found")

_BLOCK = 1 << 20
#: What is no file and no folder, by the types of stat(2).
SPECIAL = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
#: How the digest of a folder begins.
TREE = "tree-"
#: A file this young (nanoseconds) may change again without a new stamp; git calls it "racily clean".
RACY = 50_000_000


def special(path: str | os.PathLike[str]) -> str | None:
    """Return what stands at a path, also behind a link, where that is no file and no folder: "a named pipe"."""
    try:
        return SPECIAL.get(stat.S_IFMT(os.stat(path).st_mode))
    except (OSError, ValueError):
        return None


def private(mode: int, standing: int) -> int:
    """Return the mode of what comes in place of a file: others may do no more with it than they could before."""
    return mode & (standing | 0o711)


def whole(path: str) -> bytes:
    """Return the bytes of a file, or of a pipe, that somebody names; raise ``Error`` for one that cannot be read.

    A device is refused: of ``/dev/zero`` there is no end.
    """
    if special(path) == "a device" and os.path.realpath(path) != os.devnull:
        raise Error("it is a device", path, "name a file")
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise Error(error.strerror or str(error), path) from error


def edited(path: str) -> bytes:
    """Return the bytes of a file that is to be edited where it stands; raise ``Error`` for a pipe or device."""
    if kind := special(path):
        raise Error(f"it is {kind}", path, "name a file")
    return whole(path)


def stamp(path: str) -> str | None:
    """Return text that changes when the file (or any file of the folder) does, or None when there is nothing.

    Size, inode, and the times of modification and of change in nanoseconds, as git's index keeps them. The last one
    cannot be set back: what was overwritten by ``cp -p`` or ``tar`` has a new stamp though size and time are the same.
    """
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    if stat.S_ISDIR(found.st_mode):
        return _tree_stamp(path)
    return _stamp(found)


def link(path: str) -> str | None:
    """Return text that changes when a link does, or is made anew, or when it leads elsewhere; None for no link."""
    try:
        own = os.lstat(path)
        return f"{_stamp(own)} {os.path.realpath(path)}" if stat.S_ISLNK(own.st_mode) else None
    except (OSError, ValueError):
        return None


def database_stamp(path: str) -> str:
    """Return the stamps of a database in a file: its own, and those of what SQLite and DuckDB write beside it first."""
    return " | ".join(str(stamp(path + suffix)) for suffix in ("", "-wal", ".wal"))


def newest(path: str) -> int:
    """Return when anything below a path was last written or put there, in nanoseconds; 0 when there is nothing."""
    try:
        found = os.stat(path)
        if not stat.S_ISDIR(found.st_mode):
            return found.st_ctime_ns
        return max([found.st_ctime_ns, *(entry.changed for entry in inner(path))])
    except (OSError, ValueError):
        return 0


def places(path: str, whole: bool = False) -> set[tuple[int, int]]:
    """Return where the bytes are that a path shows, as pairs of a device and a number.

    Those of a folder are only told where it holds nothing but links; ``whole`` tells that of any, and of all in it.
    """
    try:
        found = os.stat(path)
        if not stat.S_ISDIR(found.st_mode) or (os.path.islink(path) and not whole):
            return {(found.st_dev, found.st_ino)}
        within = inner(path)
        if not whole and not all(os.path.islink(entry.path) for entry in within):
            return set()
        shown = {(found.st_dev, found.st_ino)} if whole else set()
        return shown | {
            (entry.st_dev, entry.st_ino) for entry in map(os.stat, (entry.path for entry in within))
        }
    except (OSError, ValueError):
        return set()


def racy(path: str) -> bool:
    """Return whether something below a path is so young that its stamp does not prove anything yet.

    To be asked when the stamp is taken: what is read for a while is older at the end, and may have changed meanwhile.
    """
    return time.time_ns() - newest(path) <= RACY


def remembered(read: Callable[[str], _Found]) -> Callable[[str], _Found]:
    """Call a function of a file once for each state of the file: many tasks that one process runs may use it."""

    @lru_cache(maxsize=10_000)
    def of_stamp(path: str, _: str) -> _Found:
        return read(path)

    def of_file(path: str) -> _Found:
        now = None if racy(path) else stamp(path)
        return read(path) if now is None else of_stamp(path, now)

    return of_file


def digest(path: str) -> str | None:
    """Return the digest of a file's bytes, or of a folder as a tree of names and bytes; None when there is nothing."""
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISREG(mode):
            return file_digest(path)
        if not stat.S_ISDIR(mode):
            # one that opens a pipe waits for its writer, and a device has no end
            raise OSError(errno.EINVAL, f"it is {SPECIAL[stat.S_IFMT(mode)]}", path)
        return tree_digest(listing(path))
    except FileNotFoundError:
        return None


def tree_digest(listed: bytes) -> str:
    """Return the digest of a folder by what ``listing`` says of it."""
    return TREE + digest_of(listed)


def listing(folder: str) -> bytes:
    """Return a folder as a line for each thing in it: its name and the digest of its bytes, or what else it is."""
    lines = []
    for entry in inner(folder):
        if entry.target:
            lines.append(f"{entry.name}\0→{entry.target}\n")
        if entry.kind == "file":
            lines.append(f"{entry.name}\0{file_digest(entry.path)}\n")
        elif not entry.target:
            lines.append(f"{entry.name}\0\n" if entry.kind == "empty" else f"{entry.name}\0{entry.kind}\n")
    return "".join(lines).encode("utf-8", "surrogateescape")


def listed_changes(was: bytes, now: bytes) -> tuple[list[str], list[str], list[str]]:
    """Return the names that are gone, that are new, and whose content is another, between two listings of a folder."""
    before, after = _rows(was), _rows(now)
    return (
        sorted(before.keys() - after.keys()),
        sorted(after.keys() - before.keys()),
        sorted(name for name in before.keys() & after.keys() if before[name] != after[name]),
    )


def _rows(listed: bytes) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in listed.decode("utf-8", "surrogateescape").split("\n")[:-1]:
        name, _, content = line.partition("\0")
        found.setdefault(name, []).append(content)
    return found


def file_digest(path: str) -> str:
    return read_through(path)[0]


def read_through(path: str) -> tuple[str, os.stat_result]:
    """Return the digest of a file, and what the system says of it after it was read."""
    whole = running()
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)  # a hot path: open() takes a third more
    try:
        size = os.fstat(file).st_size
        # a small file, as most are, is read at once, and not asked for more
        block = os.read(file, size + 1 if 0 < size < _BLOCK else _BLOCK)
        whole.update(block)
        while block and len(block) != size:
            block = os.read(file, _BLOCK)
            whole.update(block)
        return whole.hexdigest(), os.fstat(file)
    finally:
        os.close(file)


@dataclass(frozen=True, slots=True)
class Inner:
    """Something in a folder that its digest tells: a file, a folder without anything in it, a link.

    ``name`` is its path in the folder, with a slash at its end for a folder; ``kind`` is "file", "empty", "other" (a
    pipe, say), "closed" (a folder that may not be read) or "link", of a link that shows nothing else to tell.
    ``target`` is where a link points to as it says it, if that means the same on every machine.
    """

    name: str
    path: str
    kind: str
    changed: int
    stamp: str
    target: str = ""


def inner(folder: str) -> list[Inner]:
    """Return what is in a folder and in those below it, in order, but for what tools leave there.

    A link counts by where it points to, and by what it shows: a file's bytes, and those of a folder elsewhere.
    """
    top = os.path.realpath(folder)
    found: list[Inner] = []
    waiting, followed = [("", folder)], {top}
    while waiting:
        prefix, here = waiting.pop()
        try:
            with os.scandir(here) as entries:
                items = [entry for entry in entries if not left_by_tools(entry.name)]
        except (PermissionError, NotADirectoryError) as error:
            if not prefix or isinstance(error, NotADirectoryError):
                raise
            found.append(Inner(prefix, here, "closed", 0, ""))
            continue
        if not items and prefix:
            found.append(Inner(prefix, here, "empty", os.stat(here).st_ctime_ns, ""))
        for item in items:
            name, own = prefix + item.name, item.stat(follow_symlinks=False)
            if stat.S_ISDIR(own.st_mode):
                waiting.append((f"{name}/", item.path))
            elif stat.S_ISLNK(own.st_mode):
                link, elsewhere = _link(name, item.path, own, top)
                found.append(link)
                if elsewhere and elsewhere not in followed:
                    followed.add(elsewhere)
                    waiting.append((f"{name}/", item.path))
            else:
                kind = "file" if stat.S_ISREG(own.st_mode) else "other"
                found.append(Inner(name, item.path, kind, own.st_ctime_ns, _stamp(own)))
    return sorted(found, key=lambda entry: entry.name)


def _link(name: str, path: str, own: os.stat_result, top: str) -> tuple[Inner, str]:
    """Return a link, and the folder outside of ``top`` that it shows."""
    real, to = os.path.realpath(path), target(path, top)
    within = real.startswith(top + os.sep)
    try:
        shown = os.stat(path)
    except OSError:
        return Inner(name, path, "link", own.st_ctime_ns, _stamp(own), to or os.readlink(path)), ""
    kind = "file" if stat.S_ISREG(shown.st_mode) else "link" if stat.S_ISDIR(shown.st_mode) else "other"
    changed = max(own.st_ctime_ns, shown.st_ctime_ns)
    link = Inner(name, path, kind, changed, f"{_stamp(own)} {_stamp(shown)}", to)
    return link, "" if within or not stat.S_ISDIR(shown.st_mode) else real


def target(path: str, top: str) -> str:
    """Return where a link below a folder leads to, as it means the same on every machine; else ""."""
    to = os.readlink(path)
    if not os.path.isabs(to):
        return to
    # elsewhere the same folder may stand at another place
    real = os.path.realpath(path)
    within = real.startswith(top + os.sep)
    return os.path.relpath(real, os.path.realpath(os.path.dirname(path))) if within else ""


def _tree_stamp(folder: str) -> str | None:
    whole = running()
    try:
        for entry in inner(folder):
            whole.update(
                f"{entry.name}\0{entry.kind} {entry.stamp} {entry.target}\n".encode(
                    "utf-8", "surrogateescape"
                )
            )
    except OSError:
        return None
    return "tree " + whole.hexdigest()


def _stamp(found: os.stat_result) -> str:
    return f"{found.st_size} {found.st_mtime_ns} {found.st_ctime_ns} {found.st_ino}"


def make_room(root: str, products: Iterable[Product]) -> Failure | None:
    """Make the folders of products; return why one of them cannot be there."""
    for product in products:
        full = os.path.join(root, product.path)
        try:
            os.makedirs(os.path.dirname(full), exist_ok=True)
        except OSError as error:
            return unwritable(product.path, error)
        if product.executed and os.path.isdir(full):
            return unwritable(product.path, IsADirectoryError(errno.EISDIR, ""))
    return None


def not_made(paths: list[str]) -> Failure:
    """Return the failure of a task that ended well and left nothing where it should."""
    return Failure(
        "MissingProduct",
        f"it succeeded but did not write {', '.join(paths)}",
        hint='does it write to the path in "product"?',
    )


_WHY = {
    errno.ENOSPC: "no space left on the disk",
    errno.EDQUOT: "disk quota exceeded",
    errno.EISDIR: "it is a folder",
    errno.EEXIST: "one of its parent folders is a file",
    errno.ENOTDIR: "one of its parent folders is a file",
}


def unwritable(path: str, error: OSError) -> Failure:
    """Return the failure of a task whose product cannot be written."""
    why = _WHY.get(error.errno or 0) or error.strerror or str(error)
    return Failure("ProductError", f"{path} cannot be written: {why}")


def is_database(path: str) -> bool:
    """Return whether a file is a database of SQLite or DuckDB, by the signature in its first bytes.

    https://www.sqlite.org/fileformat.html#magic_header_string, https://duckdb.org/docs/stable/internals/storage
    """
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - a hot path
            start = file.read(16)
    except OSError:
        return False
    return start == b"SQLite format 3\0" or start[8:12] == b"DUCK"
