"""Find which file a name would be imported from in a folder, as Python's own finder would, without importing."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from importlib.machinery import BYTECODE_SUFFIXES, EXTENSION_SUFFIXES, SOURCE_SUFFIXES

from ..lazy import lazy_imports

with lazy_imports():
    import zipfile

#: The ends of files that can be imported, those first that win.
SUFFIXES = (*EXTENSION_SUFFIXES, *SOURCE_SUFFIXES, *BYTECODE_SUFFIXES)
#: Among the names that were asked for: all those of the standard library, and of installed packages.
STANDARD, PACKAGES = "*standard", "*packages"
#: All that there are.
EVERY = "*"


class Folder:
    """The modules of a folder, as it is now; one that is not there has none."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._folders: set[str] = set()
        self._files: set[str] = set()
        try:
            with os.scandir(path) as found:
                for entry in found:
                    if entry.name.endswith(SUFFIXES) or "." not in entry.name:
                        self._add(entry)
        except NotADirectoryError:
            self._read_archive(path)
        except OSError:
            pass

    def _read_archive(self, path: str) -> None:
        """Take the names of an archive: whatever else is in it, its bytes count for those who look into it."""
        try:
            with zipfile.ZipFile(path) as archive:
                names = archive.namelist()
        except (OSError, zipfile.BadZipFile):
            return
        self._files |= {name for name in names if "/" not in name and name.endswith(SUFFIXES)}
        self._folders |= {name.partition("/")[0] for name in names if "/" in name}

    def _add(self, entry: os.DirEntry[str]) -> None:
        try:
            if entry.is_dir():
                self._folders.add(entry.name)
            elif entry.is_file():
                self._files.add(entry.name)
        except OSError:
            pass  # a link that leads in circles

    def find(self, name: str) -> str:
        """Return the path, within the folder, of what the last part of a module's name would be imported from.

        A mere folder ends in a slash: it makes a package only where there is no better one. Nothing: an empty text.
        """
        folder = name in self._folders
        if folder:
            for suffix in SUFFIXES:
                if os.path.isfile(os.path.join(self.path, name, f"__init__{suffix}")):
                    return f"{name}/__init__{suffix}"
        for suffix in SUFFIXES:
            if name + suffix in self._files:
                return name + suffix
        return f"{name}/" if folder else ""

    def names(self) -> Iterator[str]:
        """Yield the names that something in the folder has."""
        yield from self._folders
        for name in self._files:
            yield next((name.removesuffix(suffix) for suffix in SUFFIXES if name.endswith(suffix)), name)


def installed(folders: Iterable[str]) -> frozenset[str]:
    """Return the top-level names of the packages that are installed in folders."""
    return frozenset(name for folder in folders for name in Folder(folder).names())


def outcome(folder: Folder, words: Iterable[str], packages: Callable[[], Container[str]]) -> str:
    """Return what names are imported from in a folder, one a line; nothing for those that are not there.

    A mere folder counts for a name that ends in a slash. ``EVERY``, ``STANDARD`` and ``PACKAGES``, which are the
    installed ``packages``, stand for many names: of the latter, whatever the folder has hides a module elsewhere.
    """
    found: dict[str, str] = {}
    known = {word.removesuffix("/"): word[-1] == "/" for word in words}
    for name, mere in known.items():
        path = folder.find(name)
        if path and (mere or path[-1] != "/"):
            found[name] = path
    several: list[Container[str]] = [sys.stdlib_module_names] if STANDARD in known else []
    several += [packages()] if PACKAGES in known else []
    if several or EVERY in known:
        for name in folder.names():
            if name not in known and (EVERY in known or any(name in names for names in several)):
                path = folder.find(name)
                if path[-1] != "/":
                    found[name] = path
    return "\n".join(sorted(found.values()))


def changes(was: str, now: str) -> Mapping[str, tuple[str, str]]:
    """Return the names whose ``outcome`` differs, with what they were imported from and what they are now."""
    before, after = ({_name(path): path for path in text.splitlines()} for text in (was, now))
    return {
        name: (before.get(name, ""), after.get(name, ""))
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    }


def _name(path: str) -> str:
    return path.partition("/")[0].partition(".")[0]
