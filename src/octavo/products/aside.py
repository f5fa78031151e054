"""Move old products aside while their task runs again, and keep copies of what a person has made of them."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from itertools import count

from ..asked import left_by_tools
from ..lazy import lazy_imports
from . import digest, private

with lazy_imports():
    import shutil

    from . import writing

#: What SQLite and DuckDB keep beside a database.
_BESIDE = ("-wal", "-shm", "-journal", ".wal")


class Aside:
    """Keeps the products of one running task below ``.octavo``, to be put back should it fail before making new ones.

    So a task that appends does not build on what its last run made, and one whose product is a hard link to a file of
    somebody else does not write into that.
    """

    def __init__(self, root: str, folder: str, paths: Mapping[str, Collection[str]]) -> None:
        """``paths`` are those of products, each with the names of what stays in it where it is a folder."""
        self._root = root
        self._moved: list[tuple[str, str]] = []
        self._shared: list[tuple[str, frozenset[str]]] = []
        for path, stay in paths.items():
            full = os.path.join(root, path)
            if stay:
                self._shared.append((full, frozenset(stay)))
                found = [os.path.join(full, name) for name in sorted(_own(full, stay))]
            else:
                # what a database has not yet written into its file would be written into the new one
                found = [full, *(full + suffix for suffix in _BESIDE if os.path.isfile(full + suffix))]
            for old in found:
                whole = (os.path.isfile(old) or os.path.isdir(old)) and not os.path.islink(old)
                near = os.path.dirname(
                    os.path.realpath(full)
                )  # in the folder it would be part of the product
                if (whole or stay) and (place := _moved(old, folder, near)):
                    self._moved.append((old, place))
            if stay:
                without_empty(full, stay)

    def end(self, good: bool) -> None:
        """Remove what was set aside; after a failure put it back where the task has made nothing.

        What the task has made anew is open to nobody to whom the old file was closed.
        """
        for full, place in self._moved:
            _close(full, place)
            if not good and not os.path.lexists(full):
                try:
                    os.makedirs(os.path.dirname(full), exist_ok=True)
                    os.rename(place, full)
                    continue
                except OSError:
                    pass
            _remove(place)
        self._moved.clear()

    def again(self) -> None:
        """Remove what an attempt has made where something was set aside: the next one finds nothing there, too."""
        for full, _ in self._moved:
            _remove(full)
        for full, stay in self._shared:
            for name in _own(full, stay):
                _remove(os.path.join(full, name))
            without_empty(full, stay)

    def move(self, paths: Collection[str], place: str) -> list[str]:
        """Move what the task has made at some paths below a folder, and return what was moved; raise ``OSError``."""
        made = [*self._made(paths)]
        for full in made:
            inside = os.path.relpath(full, self._root).replace("../", "%2E%2E/")
            target = os.path.join(place, inside)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.move(full, target)  # another file system may be mounted there
        return made

    def discard(self, paths: Collection[str]) -> None:
        """Remove what the task has made at some paths."""
        for full in [*self._made(paths)]:
            _remove(full)

    def _made(self, paths: Collection[str]) -> Iterator[str]:
        shared = dict(self._shared)
        for path in paths:
            full = os.path.join(self._root, path)
            if full in shared:
                yield from (os.path.join(full, name) for name in sorted(_own(full, shared[full])))
            elif os.path.lexists(full):
                yield from (full, *(full + end for end in _BESIDE if os.path.isfile(full + end)))


def _close(new: str, old: str) -> None:
    with suppress(OSError):
        one, other = os.lstat(new), os.lstat(old)
        if stat.S_ISREG(one.st_mode) and stat.S_ISREG(other.st_mode):
            mode = private(one.st_mode & 0o777, other.st_mode & 0o777)
            if mode != one.st_mode & 0o777:
                os.chmod(new, mode)


def names(folder: str) -> set[str]:
    """Return the files, links and empty folders ("a/b/") that are in a folder. Links are not followed.

    What tools leave anywhere is nobody's.
    """
    found: set[str] = set()
    for base, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not left_by_tools(name)]
        within = os.path.relpath(base, folder)
        prefix = "" if within == "." else f"{within}/"
        links = [name for name in folders if os.path.islink(os.path.join(base, name))]
        here = [*(name for name in files if not left_by_tools(name)), *links]
        found.update(prefix + name for name in here)
        if prefix and not folders and not files:
            found.add(prefix)
    return found


def _own(folder: str, stay: Collection[str]) -> set[str]:
    return {name for name in names(folder) if name not in stay and not name.endswith("/")}


def without_empty(folder: str, stay: Collection[str]) -> None:
    """Remove the folders in a folder in which nothing is left, but for those that stay."""
    for base, _, _ in os.walk(folder, topdown=False):
        if base != folder and f"{os.path.relpath(base, folder)}/" not in stay:
            with suppress(OSError):
                os.rmdir(base)


def spare(root: str, path: str) -> str:
    """Copy a product beside itself, "report.edited.ipynb", and return where; a copy that is there already is enough."""
    stem, extension = os.path.splitext(path)
    content = digest(os.path.join(root, path))
    for number in count(1):
        place = f"{stem}.edited{f'-{number}' if number > 1 else ''}{extension}"
        full = os.path.join(root, place)
        if not os.path.lexists(full):
            with writing.beside(full) as part:
                shutil.copy2(os.path.join(root, path), part)
            return place
        if digest(full) == content:
            return place
    raise AssertionError


def _moved(full: str, folder: str, near: str) -> str | None:
    """Move something into a folder, or to one ``near`` it where that is another file system's; return its place."""
    os.makedirs(folder, exist_ok=True)
    name, new = os.path.basename(full), os.urandom(8).hex()
    for place in (os.path.join(folder, new), os.path.join(near, f".{name}.{new}.aside")):
        try:
            os.rename(full, place)
        except OSError as error:
            if error.errno != errno.EXDEV:  # it is mounted, say: the task finds it as it was
                return None
        else:
            return place
    return None


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            os.unlink(path)


def clear(folder: str) -> None:
    """Remove what builds that were killed had set aside."""
    if os.path.isdir(folder):
        shutil.rmtree(folder, ignore_errors=True)
