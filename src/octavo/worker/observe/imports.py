"""See which names a task imports, found or not, where they were looked for, and which files ran for it as modules.

A finder that finds nothing stands first in ``sys.meta_path`` and hears every name; audit events tell of every module
that is executed, by whomever. So it does not matter whether a module is still in ``sys.modules`` at the end.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Iterable, Sequence
from types import ModuleType
from typing import Any, NoReturn

from ...reading.importable import EVERY, PACKAGES, STANDARD, SUFFIXES, Folder, changes, installed, outcome
from .frames import STANDARD as LIBRARY
from .frames import Asker
from .hook import Arguments, Hear, Quiet
from .stamps import stands

#: The very function of the system: the one in ``os`` is observed.
_stat = os.stat
#: Tables of what is seen, by names for them: each has keys and values of its own.
Tables = dict[str, dict[Any, Any]]
#: The name by itself of a folder within the project; None for a folder that does not count.
Inside = Callable[[str], str | None]


class _Misses:
    """Hears names that no finder knows, from the end of ``sys.meta_path``."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def find_spec(self, name: str, path: object, target: ModuleType | None = None) -> None:
        """Note a name of the top level; the others are of packages, which are looked at by themselves."""
        if path is None:
            self.names.add(name)


class _Place:
    """A folder of the project in which names are looked for, as it is now."""

    def __init__(self, full: str, inside: str) -> None:
        self.full, self.inside = full, inside
        #: Of which names there are modules behind it on the path: ``STANDARD``, ``PACKAGES``.
        self.several: set[str] = set()
        self._folder, self._time = Folder(full), -1

    def look(self, name: str) -> str:
        """Return what a name is imported from."""
        try:
            time = _stat(self.full).st_mtime_ns
        except OSError:
            time = -1
        if time != self._time:
            self._folder, self._time = Folder(self.full), time
        return self._folder.find(name)


class Imports:
    """What a process imports, from ``begin`` on. ``inside`` gives a folder's path in the project.

    What it has found is in ``tables``, which forked children send to their parent.
    """

    def __init__(self, inside: Inside, quiet: Quiet) -> None:
        self._inside = inside
        self._quiet = quiet
        self._places: dict[str, _Place] = {}
        self._ways: dict[tuple[str, ...], list[tuple[_Place, bool]]] = {}
        self._misses = _Misses()
        #: By a folder in the project and a name: what it was imported from when it was first asked for, whether it is
        #: a name of the top level, the folder's full path, and the kinds of names that it comes before.
        self.names: dict[tuple[str, str], tuple[str, bool, str, tuple[str, ...]]] = {}
        #: Folders in which all modules were looked for, with their full paths.
        self.searched: dict[str, str] = {}
        #: Files that were found, with the names, and files that were executed, with how often.
        self.found: dict[str, str] = {}
        self.executed: dict[str, int] = {}
        #: Called when a name was asked for; audited events have their own end.
        self.after: Callable[[], None] | None = None

    @property
    def tables(self) -> Tables:
        """All that was found: tables by name."""
        return {
            "names": self.names,
            "searched": self.searched,
            "modules": self.found,
            "executed": self.executed,
        }

    def begin(self) -> None:
        """Start observing which names are imported."""
        sys.meta_path.insert(0, self)
        sys.meta_path.append(self._misses)
        sys.path_hooks.insert(0, self._hear_entry)

    def end(self) -> None:
        """Stop observing."""
        for finder in (self, self._misses):
            if finder in sys.meta_path:
                sys.meta_path.remove(finder)
        if self._hear_entry in sys.path_hooks:
            sys.path_hooks.remove(self._hear_entry)

    def hears(self) -> dict[str, Hear]:
        """Return who hears which audit events."""
        return {"exec": self._exec, "import": self._load, "ctypes.dlopen": self._load_library}

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        """Note that a name is asked for; it is for others to find it."""
        try:
            if path is not None and self._ways.get(tuple(path)) == []:
                return  # of a package that is none of the project's, as nearly all are
            if not self._quiet and name not in sys.builtin_module_names:
                with self._quiet:
                    self._ask(name, path)
                if self.after is not None:
                    self.after()
        except Exception:
            pass  # a path that is no list of texts is for others to stumble over

    def _hear_entry(self, entry: object) -> NoReturn:
        """Note a folder in which ``pkgutil`` looks for modules, and that is not there; others have to look into it."""
        try:
            if isinstance(entry, str) and not self._quiet and not stands(entry) and Asker().seeks():
                self.search(os.path.abspath(entry))
        except Exception:
            pass
        raise ImportError("octavo only listens")

    def _ask(self, name: str, path: Iterable[str] | None) -> None:
        way = tuple(sys.path if path is None else path)
        for place, after_standard in self._way(way):
            if path is None and after_standard and name in sys.stdlib_module_names:
                continue
            found = self._look(place, name.rpartition(".")[2], path is None)
            if found and found[-1] != "/":
                self.found.setdefault(os.path.join(place.full, found), name)
                return

    def _look(self, place: _Place, name: str, top: bool) -> str:
        found = place.look(name)
        self.names.setdefault((place.inside, name), (found, top, place.full, tuple(sorted(place.several))))
        return found

    def _way(self, way: tuple[str, ...]) -> list[tuple[_Place, bool]]:
        """Return the places of the project among those of a path, and whether each comes after Python's library."""
        if "" in way:  # where we are, which may change
            way = tuple(entry or os.getcwd() for entry in way)
        if way not in self._ways:
            places, several = [], {STANDARD, PACKAGES}
            for entry in way:
                full = os.path.abspath(entry) if isinstance(entry, str) else ""
                if full.startswith(LIBRARY) or full + os.sep == LIBRARY:
                    several.discard(PACKAGES if "-packages" in full else STANDARD)
                elif "-packages" in full:
                    several.discard(PACKAGES)
                elif full and (inside := self._inside(full)) is not None:
                    place = self._places.setdefault(inside, _Place(full, inside))
                    place.several |= several
                    places.append((place, STANDARD not in several))
            self._ways[way] = places
        return self._ways[way]

    def _exec(self, arguments: Arguments) -> None:
        self._executed(arguments[0].co_filename)

    def _load(self, arguments: Arguments) -> None:
        self._executed(arguments[1])  # of an extension module that is loaded; of any other there is none

    def _load_library(self, arguments: Arguments) -> None:
        name = arguments[0]
        # what has no folder is looked for among the system's libraries
        self._executed(name if isinstance(name, str) and os.sep in name else None)

    def search(self, folder: str) -> None:
        """Note that all modules of a folder are looked for."""
        if (inside := self._inside(folder)) is not None:
            self.searched.setdefault(inside, folder)

    def seek(self, folder: str, name: str) -> None:
        """Note that one name is looked for in a folder."""
        full = os.path.abspath(folder)
        if (inside := self._inside(full)) is not None:
            place = self._places.setdefault(inside, _Place(full, inside))
            self._look(place, name, False)

    def _executed(self, path: object) -> None:
        if path.__class__ is str and path[:1] != "<" and not self._quiet:
            full = path if path[:1] == os.sep else os.path.abspath(path)
            self.executed[full] = self.executed.get(full, 0) + 1

    # ── what came of it

    def files(self, preloaded: frozenset[str]) -> dict[str, str]:
        """Return the files that were found or ran as modules, by name; none of modules that were there before."""
        found: dict[str, str] = {}
        for name, module in list(sys.modules.items()):
            path = getattr(module, "__file__", None)
            if name in preloaded or name in ("__main__", "__mp_main__") or not isinstance(path, str):
                continue
            if path.endswith(SUFFIXES) and _foreign(path):
                found[name] = path
        known = set(found.values())
        # what was found and never ran has a mistake in it, or was only looked for
        for path in [*self.executed, *self.found]:
            if path not in known and _foreign(path):
                known.add(path)
                name = self.found.get(path, path)
                found[path if name in found else name] = path
        return found

    def outcomes(self, is_own: Callable[[str], bool]) -> dict[str, tuple[list[str], str]]:
        """Return for each folder of the project the words for ``outcome``, and what that was.

        What the task itself has ``made`` there is no part of it.
        """
        packages = frozenset[str]()
        if any(PACKAGES in several for _, _, _, several in self.names.values()):
            packages = installed(path for path in sys.path if "-packages" in path)
        folders = {inside: Folder(full) for inside, full in self.searched.items()}
        words: dict[str, set[str]] = {inside: {EVERY} for inside in folders}
        then: dict[str, dict[str, str]] = {}
        for (inside, name), (found, top, full, several) in list(self.names.items()):
            folder = folders.get(inside) or folders.setdefault(inside, Folder(full))
            late = found or folder.find(name)
            if late and is_own(os.path.join(full, late.rstrip("/"))):
                continue
            word = name if found and found[-1] != "/" else self._word(name, top, several, packages)
            words.setdefault(inside, set()).add(word)
            if found and (found[-1] != "/" or word[-1] == "/"):
                then.setdefault(inside, {})[name] = found
        result = {}
        for inside, chosen in words.items():
            several = tuple(word for word in chosen if word[0] == "*")
            now = changes("", outcome(folders[inside], several, lambda: packages))
            others = {name: path for name, (_, path) in now.items() if (inside, name) not in self.names}
            result[inside] = sorted(chosen), "\n".join(sorted({**others, **then.get(inside, {})}.values()))
        return result

    def _word(self, name: str, top: bool, several: Collection[str], packages: frozenset[str]) -> str:
        """Return the word for a name that was not found in a folder, or only a mere folder: who has it instead?"""
        module = sys.modules.get(name) if top else None
        spec = getattr(module, "__spec__", None)
        if module is None or name in self._misses.names or (spec is not None and spec.origin is None):
            return f"{name}/"
        if STANDARD in several and name in sys.stdlib_module_names:
            return STANDARD
        return PACKAGES if PACKAGES in several and name in packages else name


def _foreign(path: str) -> bool:
    """Return whether a file is none of the standard library, in whose folder packages, or links to them, may stand."""
    return not path.startswith(LIBRARY) or "-packages" in path
