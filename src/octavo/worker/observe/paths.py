"""Paths as they were walked: which links of the project stand on the way, and where it ends."""

from __future__ import annotations

import os

from ...asked import pointed
from ...dataclass import dataclass
from .stamps import is_link

#: Folders of tools, by their names: what is in them is no part of a result. So are environments, by what is in them.
SKIPPED = frozenset({".git", ".octavo", "__pycache__", "site-packages", "node_modules", ".ipynb_checkpoints"})
ENVIRONMENTS = ("pyvenv.cfg", "conda-meta")
#: Folders that are deeper are walked by themselves: Python would not go into itself so often.
_DEEP = 100
#: So many links does the system follow.
_MOST = 40


@dataclass(frozen=True, slots=True)
class Way:
    """A path that was walked to its end.

    ``real`` is where it ends. ``shown`` is that place relative to the project, or, of one outside that a link of the
    project leads to, the path through that link; None of one that is no affair of the project. ``links`` are the links
    of the project on the way, relative to it.
    """

    real: str
    shown: str | None
    links: tuple[str, ...] = ()


class Ground:
    """The folder of a project, and the larger one whose files count, with what is known of the ways through them."""

    def __init__(self, root: str, scope: str) -> None:
        self.root = os.path.realpath(root)
        self.scope = os.path.realpath(scope)
        self.below = os.path.join(self.scope, "")
        self._inner = os.path.join(self.root, "")
        self._ways: dict[str, Way] = {}
        self._environments: dict[str, bool] = {}
        #: Whether what is in folders is skipped, by how they are shown; and by their paths whether a tool keeps it.
        self._skipped: dict[str, bool] = {}
        self._kept: dict[str, bool] = {}
        #: Files in folders of tools that the task's own code opened, by real paths: data, whatever else is around them.
        self.meant: set[str] = set()

    def way(self, path: str, follow: bool = True) -> Way:
        """Walk an absolute path; a link at its very end is the end itself unless it is to be followed."""
        folder, _, name = path.rpartition("/")
        if not name or name in (".", ".."):
            return self._walk(path)
        # what a task opens stands in few folders, and those in fewer
        if folder not in self._ways:
            shallow = folder.count("/") < _DEEP
            self._ways[folder] = self.way(folder) if folder and shallow else self._walk(folder)
        before = self._ways[folder]
        full = f"{'' if before.real == '/' else before.real}/{name}"
        if follow and is_link(full):
            return self._walk(path)
        return Way(full, self._at(before, full, name), before.links)

    def stop(self, path: str) -> Way | None:
        """Return the way to what a path steps back from and is no folder: so far the system gets, and no further."""
        names = path.split("/")
        for number, name in enumerate(names):
            if name == ".." and not os.path.isdir(folder := "/".join(names[:number]) or "/"):
                return self.way(folder)
        return None

    def inside(self, way: Way) -> str | None:
        """Return the path of a way's end relative to the project; None for what is not the user's affair."""
        if way.shown is None or (self.skips(way.shown) and way.real not in self.meant):
            return None
        return way.shown

    def is_plain(self, path: str) -> bool:
        """Return whether it is known that no tool keeps what is at an absolute path, unless that is a link."""
        folder, _, name = path.rpartition("/")
        return self._kept.get(folder) is False and name not in SKIPPED and name not in ("", ".", "..")

    def tools_keep(self, path: str, linked: bool = True) -> bool:
        """Return whether an absolute path is in a folder of a tool, but octavo's own.

        ``linked`` is False where the path itself is known to be no link.
        """
        folder, _, name = path.rpartition("/")
        if not linked and name not in SKIPPED and name not in ("", ".", ".."):
            if folder not in self._kept:
                self._kept[folder] = self.tools_keep(f"{folder}/-")
            return self._kept[folder]
        shown = self.way(path).shown
        return shown is not None and self.skips(shown) and ".octavo" not in shown.split("/")

    def holds(self, real: str) -> bool:
        """Return whether a real path is in the scope, or is the scope itself."""
        return f"{real}/".startswith(self.below)

    def skips(self, shown: str) -> bool:
        """Return whether a path of the project is that of a tool: byte code, version control, an environment."""
        above, _, last = shown.rpartition("/")
        if above not in self._skipped:
            self._skipped[above] = self._skips_all_in(above)
        return self._skipped[above] or last in SKIPPED

    def _skips_all_in(self, shown: str) -> bool:
        names = shown.split("/") if shown else []
        if not SKIPPED.isdisjoint(names):
            return True
        folder = self.root
        for name in names:
            folder = f"{folder}/{name}"
            if folder not in self._environments:
                found = (os.path.lexists(f"{folder}/{mark}") for mark in ENVIRONMENTS)
                self._environments[folder] = any(found)
            if self._environments[folder]:
                return True
        return False

    def _at(self, folder: Way, full: str, name: str) -> str | None:
        """Return where something in a folder is shown."""
        if self.holds(full):
            return self._shown(full)
        return None if folder.shown is None else f"{folder.shown}/{name}"

    def _shown(self, full: str) -> str:
        """Return a path in the scope relative to the project."""
        return full[len(self._inner) :] if full.startswith(self._inner) else os.path.relpath(full, self.root)

    def _walk(self, path: str) -> Way:
        names = [name for name in path.split("/") if name and name != "."][::-1]
        here = Way("/", None)
        links: dict[str, None] = {}
        hops = 0
        while names:
            name = names.pop()
            if name == "..":
                here = self._up(here)
                continue
            full = os.path.join(here.real, name)
            shown = self._at(here, full, name)
            target = pointed(full) if hops < _MOST else None
            if target is None:
                here = Way(full, shown)
                continue
            hops += 1
            if full.startswith(self.below):
                end = os.path.realpath(full)
                if not self.holds(end):
                    here = Way(end, shown)  # it counts by what it shows
                    continue
                links[self._shown(full)] = None
            elif shown is not None:
                here = Way(os.path.realpath(full), shown)
                continue
            here = Way("/", None) if target.startswith("/") else Way(here.real, None)
            names += [part for part in target.split("/") if part and part != "."][::-1]
        return Way(here.real, here.shown, tuple(links))

    def _up(self, here: Way) -> Way:
        real = os.path.dirname(here.real)
        if self.holds(real):
            return Way(real, self._shown(real))
        if here.shown is None or here.real.startswith(self.below):
            return Way(real, None)
        # one step back within what a link shows; back over the link itself it leads away
        shown = here.shown.rpartition("/")[0]
        linked = shown and os.path.realpath(os.path.join(self.root, shown)) == real
        return Way(real, shown if linked else None)


__all__ = ["ENVIRONMENTS", "SKIPPED", "Ground", "Way"]
