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
        self._found: dict[str, str] = {}
        self._there: frozenset[str] | None = None
        #: What many names give here, by which names these are.
        self.several: dict[tuple[bool, bool, bool], Mapping[str, str]] = {}
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
        if name not in self.there:
            return ""
        if name not in self._found:
            self._found[name] = self._find(name)
        return self._found[name]

    @property
    def there(self) -> frozenset[str]:
        """The names that something in the folder may be imported by."""
        if self._there is None:
            stems = (name.removesuffix(suffix) for name in self._files for suffix in SUFFIXES)
            self._there = frozenset((*self._folders, *self._files, *stems))
        return self._there

    def _find(self, name: str) -> str:
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
    known = set(words)
    # of the many names that were asked for nearly all are those of modules elsewhere
    asked = [word for word in known if word.rstrip("/") in folder.there]
    found: dict[str, str] = {}
    for word in asked:
        name = word.rstrip("/")
        path = folder.find(name)
        if path and (word[-1] == "/" or path[-1] != "/"):
            found[name] = path
    flags = (EVERY in known, STANDARD in known, PACKAGES in known)
    if any(flags):
        if flags not in folder.several:
            folder.several[flags] = _several(folder, flags, packages)
        names = {word.rstrip("/") for word in asked}
        found |= {name: path for name, path in folder.several[flags].items() if name not in names}
    return "\n".join(sorted(found.values()))


def _several(
    folder: Folder, flags: tuple[bool, bool, bool], packages: Callable[[], Container[str]]
) -> Mapping[str, str]:
    """Return what a folder has for many names: for all, those of the standard library, those of packages."""
    every, standard, installed_ones = flags
    meant: list[Container[str]] = [sys.stdlib_module_names] if standard else []
    meant += [packages()] if installed_ones and not every else []
    found = {}
    for name in folder.names():
        if every or any(name in names for names in meant):
            path = folder.find(name)
            if path[-1:] not in ("", "/"):
                found[name] = path
    return found


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
