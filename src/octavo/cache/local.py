"""The cache of a project: save and restore results, and stay within a size."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Protocol

from .. import products
from ..dataclass import dataclass
from ..digests import digest
from ..model import UNSTABLE, Manifest, Record, Task
from ..products import writing
from .blobs import Blobs, Missing, remove, swap
from .entry import VERSION, Entry, Piece, action, alike, decode, encode, folder, listed, listing, shape
from .sharing import lend, make

SIZE, LARGEST = 10 << 30, 1 << 30
#: So many results of one action are kept: what a run discovers can have more than one state.
MOST = 16
DAY = 24 * 3600.0

#: Whether a part of a manifest (its name, path and digest, as a run discovered it) is the same now.
Same = Callable[[str, str, str], bool]
DigestOf = Callable[[str], str | None]


class Elsewhere(Protocol):
    """Another place that may have results, as the cache asks it."""

    def ask(self, action: str) -> None: ...
    def entries(self, action: str) -> list[Entry]: ...
    def fetch(self, names: list[str]) -> None: ...
    def send(self, entry: Entry) -> None: ...
    def close(self) -> None: ...
    @property
    def notes(self) -> list[str]: ...


@dataclass(slots=True)
class Tally:
    """What the cache holds, roughly, and what it was good for: hits, and the seconds of running they saved."""

    size: int = 0
    hits: int = 0
    misses: int = 0
    seconds: float = 0.0
    swept: float = 0.0


class Cache:
    """The results in a folder. Several processes may use it at once.

    ``size`` is what it may grow to in bytes, ``largest`` the bytes of a product above which a result is not kept.
    """

    def __init__(
        self,
        at: Path,
        root: Path,
        *,
        size: int = SIZE,
        largest: int = LARGEST,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.at = at / f"v{VERSION}"
        self.root = root
        self.size = size
        self.largest = largest
        self.clock = clock
        self.blobs = Blobs(self.at / "blobs")
        self.elsewhere: Elsewhere | None = None
        self.url: str | None = None  # what the pipeline says of the place of the former
        #: Where products really are that are links, if what these lead to may be replaced.
        self.through: dict[str, str] = {}
        self._news = Tally()

    # ── a task's result

    def save(
        self,
        task: Task,
        declared: Manifest,
        record: Record,
        always: bool = False,
        stamps: Mapping[str, str | None] | None = None,
    ) -> Entry | tuple[str, int] | None:
        """Keep the result of a success, as its record says it; return its entry.

        ``stamps`` are those of the products when they were what the record says, if that was a while ago.

        None: the products are not, or not any more, what the record says, or cannot be given back as they are. A path
        and its size: that product is larger than ``largest``, and ``always`` is not said.
        """
        discovered = {part: (path, record.manifest[part]) for part, path in record.discovered.items()}
        if any(seen == UNSTABLE for _, seen in discovered.values()):
            return None
        shapes = {product.path: shape(self._full(product.path)) for product in task.products}
        for path, found in shapes.items():
            if found is not None and found.size > self.largest and not always:
                return path, found.size
        self._prepare()
        pieces = {}
        for path, found in shapes.items():
            wanted = record.products.get(path)
            if found is None or wanted is None:
                return None
            pieces[path] = Piece(wanted, found.size, found.modes, found.folders, found.links)
            now = products.stamp(self._full(path))
            if stamps is not None and stamps[path] != now:
                return None
            if not self._keep(self._full(path), pieces[path], now):
                return None
        entry = Entry(
            task.name,
            action(task, declared),
            discovered,
            pieces,
            record.seconds,
            record.run,
            self.clock(),
            record.raw,
        )
        self.add(entry)
        if self.elsewhere:
            self.elsewhere.send(entry)
        return entry

    def _keep(self, full: str, piece: Piece, before: str | None) -> bool:
        """Keep a product's bytes; return whether they are still what its digest says.

        What is copied is not digested once more: it has the stamp that it was digested under. Should that not be true,
        a file written twice within a tick of the clock, it is found out when it is given back.
        """
        files = {"": piece.digest}
        if piece.folder:
            files = {name: products.digest(os.path.join(full, name)) or "" for name in piece.modes}
            linked = [name for name in piece.links if os.path.isfile(os.path.join(full, name))]
            shown = {name: products.digest(os.path.join(full, name)) or "" for name in linked}
            data = listing(files | shown, piece.folders, piece.links)
            if digest(data) != piece.blob:
                return False
        try:
            for name, blob in files.items():
                self.blobs.take(blob, os.path.join(full, name) if piece.folder else full)
        except Missing:
            return False
        if products.stamp(full) != before:
            for blob in files.values():
                self.blobs.sound(blob)  # removes it, if it is not
            return False
        if piece.folder:
            self.blobs.put(piece.blob, data)
        return True

    def add(self, entry: Entry) -> None:
        """Keep an entry whose blobs are here."""
        path = self.at / entry.path
        if path.exists():
            os.utime(path)
        else:
            make(str(path.parent))
            beside = path.with_name(f"{path.name}.{os.getpid()}-{os.urandom(4).hex()}.part")
            beside.write_bytes(encode(entry))
            lend(str(beside))
            beside.replace(path)
        for old in self._files(entry.action)[MOST:]:
            old.unlink(missing_ok=True)

    def hits(self, task: Task, declared: Manifest, same: Same) -> Iterator[Entry]:
        """Yield the results of a task as it is now, those that were used last first; then those from elsewhere."""
        wanted = action(task, declared)
        paths = {product.path for product in task.products}
        known = set()
        for entry in self._local(wanted):
            known.add(entry.name)
            if _fits(entry, paths, same):
                yield entry
        for entry in self.elsewhere.entries(wanted) if self.elsewhere else ():
            if entry.name not in known and _fits(entry, paths, same):
                yield entry

    def restore(
        self,
        task: Task,
        declared: Manifest,
        same: Same,
        digest_of: DigestOf,
        ready: Callable[[], None],
        keep: Collection[str] = (),
    ) -> Entry | None:
        """Put the products of a task where they belong, as a run would leave them; return the entry, or None.

        Every byte is verified before anything is replaced; ``ready`` is called right before. ``digest_of(path)`` is the
        digest of what is there now: that is left alone where it is right, and must be right at the paths to ``keep``.
        """
        for entry in self.hits(task, declared, same):
            if any(digest_of(path) != entry.products[path].digest for path in keep):
                continue
            # where a blob turns out damaged, it is gone by then, and may come from elsewhere
            for _ in range(2 if self.elsewhere else 1):
                try:
                    self._gather(entry)
                    self._bring(entry, digest_of, ready)
                except Missing:
                    continue
                except OSError:
                    break  # no room, no right: the run will say it better
                self._use(entry)
                return entry
            else:
                self.forget(entry)  # an entry without its blobs is none
        self._news.misses += 1
        return None

    def place(self, entry: Entry, digest_of: DigestOf) -> None:
        """Put products where they belong, whatever is there. Raises Missing where a blob is not here, or is damaged."""
        self._bring(entry, digest_of, lambda: None)

    def _use(self, entry: Entry) -> None:
        self._news.hits += 1
        self._news.seconds += entry.seconds
        try:
            self.add(entry)
        except OSError:
            pass  # what matters is done

    def forget(self, entry: Entry) -> None:
        """Remove an entry."""
        try:
            (self.at / entry.path).unlink(missing_ok=True)
        except OSError:
            pass  # the folder is somebody else's

    def has(self, entry: Entry) -> bool:
        """Return whether all blobs of an entry are here."""
        try:
            return all(name in self.blobs for name in self.needs(entry))
        except Missing:
            return False

    def needs(self, entry: Entry) -> list[str]:
        """Return the blobs of an entry. Raises Missing where a folder's list is not here."""
        firsts = [piece.blob for piece in entry.products.values()]
        trees = [self._listed(piece) for piece in entry.products.values() if piece.folder]
        return list(dict.fromkeys([*firsts, *(name for files in trees for name in files.values())]))

    def _listed(self, piece: Piece) -> dict[str, str]:
        files = listed(self.blobs.read(piece.blob))
        if files is None:
            raise Missing(piece.blob)
        return files

    def _gather(self, entry: Entry) -> None:
        """Bring the blobs that are not here from elsewhere."""
        if self.elsewhere is None:
            return
        self._prepare()
        firsts = dict.fromkeys(piece.blob for piece in entry.products.values())
        if absent := [name for name in firsts if name not in self.blobs]:
            self.elsewhere.fetch(absent)
        if absent := [name for name in self.needs(entry) if name not in self.blobs]:
            self.elsewhere.fetch(absent)

    def _bring(self, entry: Entry, digest_of: DigestOf, ready: Callable[[], None]) -> None:
        parts: list[tuple[str, str]] = []
        try:
            for path, piece in entry.products.items():
                full = self._full(path)
                if os.path.islink(full):
                    raise OSError("a link: what it points to is not ours to replace")
                if digest_of(path) == piece.digest and alike(shape(full), piece):
                    continue
                writing.sweep(full)
                part = writing.part_of(full)
                parts.append((part, full))
                os.makedirs(os.path.dirname(full), exist_ok=True)
                self._lay(piece, part, full)
            ready()
            for part, full in parts:
                swap(part, full)
        finally:
            for part, _ in parts:
                remove(part)

    def _lay(self, piece: Piece, part: str, full: str) -> None:
        """Write a product beside its place, which is ``full``. Raises Missing."""
        there = shape(full)
        standing = there.modes if there is not None and there.folder == piece.folder else {}
        files = self._listed(piece) if piece.folder else {"": piece.blob}
        shown = {name: files.pop(name) for name in piece.links if name in files}
        wanted = listing(files | shown, piece.folders, piece.links) if piece.folder else b""
        if files.keys() != piece.modes.keys() or (piece.folder and digest(wanted) != piece.blob):
            raise Missing(piece.blob)
        if piece.folder:
            inner = {os.path.dirname(name) for name in (*files, *piece.links)}
            for name in ("", *piece.folders, *inner):
                os.makedirs(os.path.join(part, name), exist_ok=True)
        for name, blob in files.items():
            file = os.path.join(part, name) if piece.folder else part
            self.blobs.give(blob, file)
            Path(file).chmod(products.private(piece.modes[name], standing.get(name, 0o777)))
        for name, to in piece.links.items():
            os.symlink(to, os.path.join(part, name))

    # ── all of it

    def entries(self) -> Iterator[tuple[Entry, float]]:
        """Yield every entry and when it was last used."""
        for path in sorted(self.at.glob("actions/*/*/*.json")):
            entry = read(path)
            if entry is not None:
                yield entry, path.stat().st_mtime

    def tally(self) -> Tally:
        """Return what the cache holds and was good for, up to now."""
        try:
            known = json.loads((self.at / "tally.json").read_bytes())
            past = Tally(**{name: known[name] for name in Tally.__slots__})
        except (OSError, ValueError, KeyError, TypeError):
            past = Tally()
        new = self._news
        size = past.size + new.size + self.blobs.added
        return Tally(
            size, past.hits + new.hits, past.misses + new.misses, past.seconds + new.seconds, past.swept
        )

    def close(self) -> bool:
        """End a use of the cache: finish what goes elsewhere, keep the tally; return whether room should be made."""
        if self.elsewhere:
            self.elsewhere.close()
        if self._news == Tally() and not self.blobs.added:
            return False
        tally, saved = self.tally(), self.blobs.added
        self.note(tally)
        return bool(saved) and (tally.size > self.size or self.clock() - tally.swept > DAY)

    def note(self, tally: Tally) -> None:
        """Write down what the cache holds and was good for."""
        self._news, self.blobs.added = Tally(), 0
        if self.at.is_dir():
            beside = self.at / f"tally.{os.getpid()}.part"
            try:
                beside.write_text(json.dumps({name: getattr(tally, name) for name in Tally.__slots__}))
                lend(str(beside))
                beside.replace(self.at / "tally.json")
            except OSError:
                beside.unlink(missing_ok=True)
                raise

    # ── the disk

    def _full(self, path: str) -> str:
        return self.through.get(path) or os.path.join(self.root, path)

    def _prepare(self) -> None:
        """Make the folder, for nobody else to look into, but a group that shares a setgid one, and not for backups (https://bford.info/cachedir/)."""
        tag = self.at / "CACHEDIR.TAG"
        if not tag.exists():
            make(str(self.at), 0o700)
            tag.write_text(
                "Signature: 8a477f597d28d172789f06886806bc55\n# results that octavo can make again\n"
            )
            lend(str(tag))

    def _files(self, wanted: str) -> list[Path]:
        """Return the entries of an action, those that were used last first."""
        try:
            found = [(os.stat(file).st_mtime_ns, file.path) for file in os.scandir(self.at / folder(wanted))]
        except OSError:
            return []
        return [Path(path) for _, path in sorted(found, reverse=True) if path.endswith(".json")]

    def _local(self, wanted: str) -> Iterator[Entry]:
        for path in self._files(wanted):
            entry = read(path)
            if entry is not None:
                yield entry
            else:
                path.unlink(missing_ok=True)


def read(path: Path) -> Entry | None:
    """Return the entry that a file holds; None if it is not whole."""
    try:
        return decode(path.read_bytes(), path.as_posix())
    except OSError:
        return None


def _fits(entry: Entry, paths: set[str], same: Same) -> bool:
    return entry.products.keys() == paths and all(
        same(part, path, found) for part, (path, found) in entry.discovered.items()
    )
