"""What a task did, judged when it has ended: the parts of the manifest that only the run could know."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import ParamSpec

from ... import parts, products
from ...asked import Listing, size, target, there
from ...model import ABSENT, UNREADABLE, UNSTABLE, Task
from .activity import Activity
from .evidence import Evidence
from .listed import Listed
from .native import NativeEvents
from .paths import Way
from .stamps import WHOLE, Use, is_file, stamp, unchanged_digest

#: So many names that a task made in a folder are told; where it made more, they count as there.
_MOST = 200
#: Questions that what is in a file answers, too.
_OF_FILES = ("exists", "size", "may r")
#: Files that libraries keep beside a database while it is open.
_BESIDE = ("-journal", "-wal", "-shm", ".lock")
#: How files begin that libraries change in place: of HDF5, SQLite, DuckDB, netCDF, TIFF.
_IN_PLACE = re.compile(rb"\x89HDF\r\n|SQLite format 3\0|.{8}DUCK|CDF[\1\2\5]|II[*+]\0|MM\0[*+]", re.DOTALL)
_SIGNATURE = 16
_Part = tuple[str, tuple[str, str]]
_P = ParamSpec("_P")


class Writes:
    """Knows what the task made, changed or removed itself, by real paths."""

    def __init__(self, activity: Activity, native: NativeEvents, evidence: Evidence) -> None:
        self._first: dict[str, int] = {}
        by_children = [
            change
            for change in list(native.others_wrote.items())
            if _by_child(change[0], activity, native, evidence)
        ]
        # what is opened to be read and written is judged below, by its bytes
        updated = {
            activity.ground.way(path).real for path in list(activity.updated) if path in activity.opened
        }
        for path, order in (*list(native.written.items()), *by_children):
            # a library may open to write what it only reads
            way = activity.ground.way(path, follow=False)
            if way.real in updated:
                continue
            now = stamp(way.real)
            if now is None or now[4] >= activity.began:
                self._add(way.real, order)
        for path, order in list(activity.written.items()):
            real = activity.ground.way(path).real
            if not os.path.isdir(real):  # a temporary file is opened by its folder's name, and has another
                self._add(real, order)
        for path, order in list(activity.placed.items()):
            if path in activity.removed and (now := stamp(path)) is not None and now[4] < activity.began:
                continue  # it could not: it is still there, as it was
            self._add(activity.ground.way(path, follow=False).real, order)
        for path in list(activity.updated):
            used = activity.opened.get(path)
            if used is not None and not _unchanged(path, used, activity.restamped.get(path, WHOLE)):
                self._add(activity.ground.way(path).real, used.order)
        #: When what is in a folder was made with the folder, of those that were asked about.
        self._within: dict[str, int | None] = {}
        self.assured = {activity.ground.way(path).real for path in list(activity.assured)}
        self._names: dict[str, set[str]] = {}
        for path in self._first:
            folder, name = os.path.split(path)
            self._names.setdefault(folder, set()).add(name)

    def _add(self, real: str, order: int) -> None:
        self._first[real] = min(order, self._first.get(real, order))

    def paths(self) -> set[str]:
        """Return what the task made, changed or removed, by real paths."""
        return set(self._first)

    def when(self, real: str) -> int | None:
        """Return when the task first made a path, or a folder that it is in; None if it did not."""
        if real in self._first:
            return self._first[real]
        folder = real.rpartition("/")[0] or "/"
        if folder not in self._within:  # of thousands of files that are in few
            self._within[folder] = None if folder == real else self.when(folder)
        return self._within[folder]

    def names(self, folder: str) -> set[str]:
        """Return the names in a folder that the task made or removed."""
        return self._names.get(folder, set())


class Discovery:
    """Makes the parts of what a task did.

    ``modules`` are paths of code, relative to the project, that the manifest has in other ways.
    """

    def __init__(
        self,
        activity: Activity,
        native: NativeEvents,
        evidence: Evidence,
        writes: Writes,
        task: Task,
        modules: Iterable[str],
    ) -> None:
        self._activity = activity
        self._native = native
        self._evidence = evidence
        self._ground = activity.ground
        self._writes = writes
        # executed notebooks from upstream count only when they are read
        given = [path for path in given_paths(task.inputs) if not path.endswith(".ipynb")]
        self._known: set[str] = set()
        read = {activity.ground.way(path).shown for path in activity.as_text}
        for path in (task.source.path, *modules, *given):
            if path not in read or path in given:
                self._know(path, follow=True)
        for product in task.products:
            self._know(product.path, follow=False)  # what a product links to may be an input
        #: Folders that something known is in.
        self._around = {path[:n] for path in self._known for n, sign in enumerate(path) if sign == "/"}
        self._links: dict[str, None] = {}
        #: Links by which a library may have gone, of which nothing tells.
        self.by_links: list[str] = []
        self._stops: dict[str, tuple[str, str]] = {}
        self._within: dict[str, bool] = {}

    def _list_patterns(self) -> None:
        """List the folders of the patterns that other programs are told, unless it is known that nobody listed them."""
        for folder, pattern in self._evidence.patterns(self._ground.root):
            if not self._native.precision or folder in self._native.others_listed:
                self._activity.lists(folder, pattern)
        listed = {it.listing.folder for it in self._activity.listed.values()}
        every = self._evidence.lists_all()
        for folder in sorted(self._native.others_listed - listed):
            # it was read as a whole: by find, ls, or list.files() of R
            shown = self._ground.way(folder).shown
            if shown and (every or (folder != self._ground.root and self._evidence.tells(shown))):
                self._activity.lists(folder)

    def _know(self, path: str, follow: bool) -> None:
        shown = self._ground.way(os.path.join(self._ground.root, path.rstrip("/")), follow).shown
        self._known |= {path.rstrip("/"), shown or ""}

    def parts(self) -> dict[str, tuple[str, str]]:
        """Return the parts with their paths and digests."""
        found: dict[str, tuple[str, str]] = {}
        self._list_patterns()
        by_children = [
            change
            for change in sorted(self._native.others.items())
            if _by_child(change[0], self._activity, self._native, self._evidence)
        ]
        # what Python told comes last: it knows best when a file was first used
        seen = (*by_children, *sorted(self._native.read.items()), *sorted(self._activity.opened.items()))
        for path, used in seen:
            found.update(self._try(path, self._file_parts, path, used))
        for listed in list(self._activity.listed.values()):
            folder = listed.listing.folder
            found.update(self._try(folder, self._listing_parts, listed))
        files = {path for part, (path, _) in found.items() if parts.split(part)[0] is not parts.FOLDER}
        for (word, path), answer in list(self._activity.questions.items()):
            answers = self._try(path, self._answer_parts, word, path, answer)
            found.update(
                {part: row for part, row in answers.items() if row[0] not in files or word not in _OF_FILES}
            )
        for path in list(self._activity.entered):
            self.walked(self._ground.way(path))
        self._native_links([path for path, _ in by_children])
        self.by_links = [link for link in self.by_links if link not in self._links]
        for link in self._links:
            if self._writes.when(os.path.join(self._ground.root, link)) is None:
                pointed = target(self._ground.root, link)
                found[parts.LINK.of(link)] = (link, UNSTABLE if pointed is None else pointed)
        return found | self._stops

    def _native_links(self, by_children: Iterable[str]) -> None:
        """Count the links by which libraries and other programs may have gone, if the task names them."""
        links = self._native.tree.links
        seen = {*by_children, *self._native.read, *self._native.listed, *self._native.others_listed}
        above = {path[:n] for path in seen for n, sign in enumerate(path) if sign == "/"} if links else seen
        for path in links.keys() & (seen | above):
            for link in links[path]:
                if self._evidence.says(os.path.basename(link)):
                    self.walked(self._ground.way(link))
                elif not self._evidence.says(os.path.basename(path)) and (
                    shown := self._ground.way(link, follow=False).shown
                ):
                    self.by_links.append(shown)

    def walked(self, way: Way) -> None:
        """Count the links on a way."""
        self._links |= dict.fromkeys(way.links)

    def _try(
        self, path: str, look: Callable[_P, Iterator[_Part]], *args: _P.args, **kwargs: _P.kwargs
    ) -> dict[str, tuple[str, str]]:
        """Return the parts that ``look`` finds; what goes wrong makes the task run again, and says so."""
        try:
            return dict(look(*args, **kwargs))
        except PermissionError:
            digest = UNREADABLE
        except Exception:
            digest = UNSTABLE
        shown = self._ground.way(path).shown
        return {parts.FILE.of(shown): (shown, digest)} if shown else {}

    def _stopped(self, path: str) -> bool:
        """Return whether nothing was found at a path since it steps back from what is no folder, and count that."""
        way = self._ground.stop(path) if "/.." in path else None
        if way is None or self._writes.when(way.real) is not None:
            return False
        if shown := self._counts(way):
            self.walked(way)
            self._stops[parts.EXISTS.of(shown)] = shown, there(way.real)
        return True

    def _is_known(self, shown: str) -> bool:
        path = shown.removeprefix("./")
        return path in self._known or path in self._around

    def _counts(self, way: Way) -> str | None:
        """Return the path of a way that counts as the task's input; None for what is known, or nobody's affair."""
        shown = self._ground.inside(way)
        if shown is None or shown == ".":
            return None
        return None if shown in self._known or self._knows_all_in(shown.rpartition("/")[0]) else shown

    def _knows_all_in(self, folder: str) -> bool:
        """Return whether a folder, or one that it is in, is itself something known."""
        if folder not in self._within:  # of thousands of files that are in few
            folders = (folder[:n] for n, sign in enumerate(folder) if sign == "/")
            self._within[folder] = bool(folder) and not self._known.isdisjoint([folder, *folders])
        return self._within[folder]

    def _file_parts(self, path: str, used: Use) -> Iterator[_Part]:
        if used.stamp is None and self._stopped(path):
            return
        now = stamp(path, regular=True)
        # what was no link and is the very same file is still none
        way = self._ground.way(path, follow=used.linked or now is None or now != used.stamp)
        shown = self._counts(way)
        # of what Python itself reads, a name says nothing
        if shown is None or (shown.endswith(_BESIDE) and not self._is_data(path, way.real)):
            return
        since, row = self._writes.when(way.real), parts.FILE
        if since is not None:
            after = since < used.order and not self._changed_in_place(path, way.real)
            if after or used.stamp is None:
                return
            row = parts.UPDATED  # it read what was there before it wrote
        self.walked(way)
        # a process that it started may have made a hard link to it, say
        left = self._activity.restamped.get(path, WHOLE - bool(self._activity.epoch))
        if now is not None:
            if path in self._activity.updated and not now[2]:
                return  # a lock, say
            digest = (
                products.digest(way.real)
                if since is not None
                else unchanged_digest(way.real, used, now, left)
            )
            # what the task itself has written counts as it left it, whenever that was opened
            if since is None and path in self._native.doubtful and path not in self._activity.opened:
                digest = None
            yield row.of(shown), (shown, digest or UNSTABLE)
        elif not os.path.lexists(way.real):
            gone = used.stamp is not None and since is None
            yield row.of(shown), (shown, UNSTABLE if gone else ABSENT)
        elif path in self._activity.shown and os.path.isdir(way.real):
            changed = products.newest(way.real) >= self._activity.began
            yield row.of(shown), (shown, UNSTABLE if changed else products.digest(way.real) or UNSTABLE)

    def _changed_in_place(self, path: str, real: str) -> bool:
        """Return whether a library found a file, and wrote into it what leaves more of it: nobody tells in which mode.

        So it is with databases and their like; what is written at one go, it has more likely written anew.
        """
        native = self._native
        if (
            path not in native.read
            or path in native.made
            or path in self._activity.heard
            or not is_file(real)
        ):
            return False
        with Path(real).open("rb") as file:
            return _IN_PLACE.match(file.read(_SIGNATURE)) is not None

    def _is_data(self, path: str, real: str) -> bool:
        """Return whether a file was opened by Python to be read only, and there is something in it."""
        is_read = path in self._activity.opened and path not in self._activity.updated
        return is_read and is_file(real) and os.path.getsize(real) > 0

    def _listing_parts(self, listed: Listed) -> Iterator[_Part]:
        if listed.names is None and self._stopped(listed.listing.folder):
            return
        way = self._ground.way(listed.listing.folder)
        shown = self._ground.inside(way)
        if shown is None or (shown != "." and self._counts(way) is None):
            return
        if self._writes.when(way.real) is not None:
            return
        self.walked(way)
        row = parts.SIZES if listed.sized else parts.FOLDER
        # what the pipeline makes is left out anyway
        mine = {name for name in self._writes.names(way.real) if not self._is_known(f"{shown}/{name}")}
        names = listed.names
        listing = Listing(shown, listed.listing.pattern, listed.listing.hidden)
        if len(mine) > _MOST:
            names, mine = listing.names(self._ground.root, listed.sized), set()
        now = stamp(way.real)
        listing = Listing(shown, listing.pattern, listing.hidden, tuple(sorted(mine)))
        if names is None:
            digest = ABSENT if now is None else UNSTABLE
        elif listed.place is None or now is None or listed.place[:2] != now[:2]:
            digest = UNSTABLE  # another folder has come in its place
        else:
            digest = parts.NAMES + "\0".join(listing.fitting(names))
        yield row.of(str(listing)), (shown, digest)

    def _answer_parts(self, word: str, path: str, answer: str) -> Iterator[_Part]:
        if answer in (ABSENT, "no") and self._stopped(path):
            return
        way = self._ground.way(path, follow=word not in ("link", "no link"))
        shown = self._counts(way)
        if shown is None:
            return
        own = self._writes.when(way.real) is not None
        if word == "link":
            if not own:
                self._links |= dict.fromkeys((*way.links, shown))
            return
        if shown in self._around or way.real in self._writes.assured:
            return
        if word == "no link":
            if not own:
                yield parts.LINK.of(shown), (shown, ABSENT)
            return
        self.walked(way)
        row, _, letters = word.partition(" ")
        if row in ("mode", "links", "same"):
            if not own:
                yield from self._attribute(row, shown, letters, answer)
            return
        if own:
            # what it made and left is no news; what was there before, it may have changed
            if answer == ABSENT and os.path.lexists(way.real):
                return
            answer = ABSENT if answer == ABSENT else size(way.real) if row == "size" else there(way.real)
            if letters:
                return
        if letters:
            yield parts.ACCESS.of(f"{letters} {shown}"), (shown, answer)
        elif row == "size":
            yield parts.SIZE.of(shown), (shown, answer)
        else:
            yield parts.EXISTS.of(shown), (shown, answer)

    def _attribute(self, word: str, shown: str, other: str, answer: str) -> Iterator[_Part]:
        what = f"{word} {shown}"
        if other:
            way = self._ground.way(other)
            if way.shown is None or self._writes.when(way.real) is not None:
                return
            self.walked(way)
            what += f" = {way.shown}"
        yield parts.ATTRIBUTE.of(what), (shown, answer)


def _by_child(path: str, activity: Activity, native: NativeEvents, evidence: Evidence) -> bool:
    """Return whether there is evidence that a child of the task did what another process did to a path."""
    shown = activity.ground.way(path, follow=False).shown
    return path in native.of_children or (shown is not None and evidence.names(shown))


def _unchanged(path: str, used: Use, left: int) -> bool:
    """Return whether a file that was opened to be changed is as it was."""
    now = stamp(path)
    if now is None or used.stamp is None:
        return False
    return used.stamp[:left] == now[:left] or (
        used.digest is not None and used.digest == products.digest(path)
    )


def given_paths(value: object) -> list[str]:
    """Return the paths of what a task is given from upstream."""
    if isinstance(value, str):
        return [value]
    return (
        [path for inner in value.values() for path in given_paths(inner)] if isinstance(value, dict) else []
    )
