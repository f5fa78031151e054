"""How the engine uses the cache: restore a result instead of running, keep the result of a run.

Whatever goes wrong here, a full disk, a folder of others, costs the use of the cache and one note, never a build.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

from .. import parts, products
from ..dataclass import dataclass
from ..errors import Error
from ..executed.editions import images
from ..fingerprint import manifest
from ..lazy import lazy_imports
from ..model import ABSENT, Json, Manifest, Reason, Record, Task
from ..parts import Now
from ..state.ownership import in_the_way, through
from ..state.store import Store
from .blobs import Missing
from .entry import Entry, action, folder
from .local import LARGEST, SIZE, Cache

with lazy_imports():
    from . import remotes, shared, sweep

#: A result of so many bytes takes longer to read than its stamps take to be of use.
_LARGE = 64 << 20
#: A result of more bytes is kept by a thread in the background, and neither its record nor "done" waits for that.
_SMALL = 1 << 20
#: Of so many tasks, those whose turn may come next, a remote is asked before their turn.
_NEXT = 64


@dataclass(frozen=True, slots=True)
class Settings:
    """What a pipeline says of its cache. ``folder`` and a ``url`` without scheme are relative to the project."""

    enabled: bool = True
    url: str | None = None
    size: int = SIZE
    largest: int = LARGEST
    folder: str = ".octavo/cache"


def opened(root: str | Path, section: Json, remote: bool | str) -> Cache:
    """Return the cache of a project by what its pipeline says of it; with its remote, or one at a URL, if wanted."""
    settings = Settings(**section)
    url = remote if isinstance(remote, str) else settings.url
    folder = Path(root, os.path.expanduser(settings.folder))
    cache = Cache(folder, Path(root), size=settings.size, largest=settings.largest)
    cache.url = settings.url
    if remote:
        if not url:
            raise Error(
                "the pipeline has no remote cache",
                hint="set it in pipeline.yaml, for example: cache: s3://bucket/folder",
            )
        there = remotes.open_remote(url, str(root))
        cache.elsewhere = shared.Shared(there, cache.blobs)
    return cache


def reuse(
    root: str | Path,
    section: Json,
    remote: bool | str,
    graph: Mapping[str, Task],
    store: Store,
    look: Callable[[str], Now],
) -> Reuse | None:
    """Return the cache of a project for one build; None where the pipeline wants none."""
    if not Settings(**section).enabled:
        if remote is True:
            raise Error(
                "the pipeline has disabled its cache", hint='remove "cache: false" or "enabled: false"'
            )
        return None
    return Reuse(opened(root, section, remote), graph, store, look)


class Reuse:
    """The results of one build's tasks, taken from a cache and kept in it.

    ``look(task)`` gives what stands in the project now, as that task gets it: anew each time, for tasks change what
    others read.
    """

    def __init__(
        self,
        cache: Cache,
        graph: Mapping[str, Task],
        store: Store,
        look: Callable[[str], Now],
    ) -> None:
        self.cache = cache
        self.graph = graph
        self.store = store
        self.notes: list[str] = []
        self._look = look
        self._declared: dict[str, Manifest] = {}
        self._broken = False
        self._waiting: SimpleQueue[tuple[Task, Manifest, Record, Mapping[str, str | None]] | None] = (
            SimpleQueue()
        )
        self._copying: Thread | None = None
        self._expected: dict[str, Task] = {}
        self._pending: set[str] = set()

    def expect(self, tasks: Iterable[Task]) -> None:
        """Announce the tasks whose results will be wanted, in order: a remote is asked for several at a time, ahead."""
        if self.cache.elsewhere:
            self._expected = {task.name: task for task in tasks if task.run.cache is not False}
            self._pending = set(self._expected)

    def _look_ahead(self) -> None:
        """Ask the remote for the next tasks whose inputs are there, and that are not known here."""
        if (elsewhere := self.cache.elsewhere) is None:
            return
        for task in list(islice(self._expected.values(), _NEXT)):
            if self._pending.isdisjoint(task.upstream):
                del self._expected[task.name]
                wanted = action(task, self.declared(task))
                if not (self.cache.at / folder(wanted)).is_dir():
                    elsewhere.ask(wanted)

    def restore(self, task: Task, reasons: tuple[Reason, ...], run: str) -> Record | None:
        """Put the products of a task in place, if the cache has them, and commit its record; None: it must run.

        Not for one that is forced to run, and never over a product that somebody changed by hand.
        """
        declared = self._declared[task.name] = self.declared(task)
        self._follow_links(task)
        if self._broken or task.run.cache is False or any(map(_forbids, reasons)):
            return None
        self._pending.difference_update(task.upstream)  # those that were fresh said nothing here
        self._look_ahead()
        paths = [product.path for product in task.products]
        if any(self.store.others(path) != set() for path in paths):
            return None  # the folder is not its own alone
        records = [
            it for name, it in self.store.records().items() if not {*name.split("\n")[1:]}.isdisjoint(paths)
        ]
        # of an executed notebook that somebody has saved there is a copy by now
        saved = {*parts.about(parts.SAVED, [reason.part for reason in reasons])}
        entry = self.cache.restore(
            task,
            declared,
            self.same(task),
            self._digest,
            lambda: self.store.begin(task.name, paths),
            [path for path in paths if path not in saved and in_the_way(self.store, path, records)],
        )
        if entry is None:
            return None
        if entry.size > _LARGE:
            self._know(entry)
        for path, piece in entry.products.items():
            with suppress(Missing):
                if piece.folder:
                    self.store.listed(path, piece.digest, self.cache.blobs.read(piece.blob))
        record = self.record(task, entry, run)
        self.store.commit(record)
        self.store.flush()
        self._pending.discard(task.name)
        return record

    def _know(self, entry: Entry) -> None:
        """Remember the digests of what was just written, so that it is not read again.

        Its stamps prove something only when they are of some age, and only for what has not changed since.
        """
        full = {path: os.path.join(self.store.root, path) for path in entry.products}
        before = {path: products.stamp(full[path]) for path in full}
        time.sleep(2 * products.RACY / 1e9)
        for path, piece in entry.products.items():
            if products.stamp(full[path]) == before[path]:
                # the default binds this round's digest; mypy has no type for such a lambda
                self.store.memoised(path, path, lambda _, known=piece.digest: known)  # type: ignore[misc]

    def record(self, task: Task, entry: Entry, run: str) -> Record:
        """Return the record that a run with this result would leave."""
        found = {path: piece.digest for path, piece in entry.products.items()}
        discovered = {part: path for part, (path, _) in entry.discovered.items()}
        known = {part: digest for part, (_, digest) in entry.discovered.items()}
        record = Record(task.name, known, found, discovered, run, entry.seconds, raw=entry.raw)
        table = manifest(task, record, self.graph, self._look(task.name).digest, lambda part, _: known[part])
        return replace(record, manifest=table)

    def save(self, task: Task, record: Record) -> None:
        """Keep the result of a run that has just ended well, unless what it depends on has changed meanwhile."""
        declared = self._declared.pop(task.name, None)
        self._pending.discard(task.name)
        self._follow_links(task)
        if self._broken or declared is None or task.run.cache is False:
            return
        if not all(parts.split(part)[0].cached for part in record.discovered):
            return
        if declared != self.declared(task) or not self._still(record):
            return
        if any(self.store.others(path) != set() for path in record.products):
            return  # its folder holds what others have put there
        if any(os.path.isdir(os.path.join(self.store.root, folder)) for folder in images(task)):
            return  # without its images the report would be half of one
        stamps = {path: products.stamp(os.path.join(self.store.root, path)) for path in record.products}
        if self._quick(record):
            self._keep(task, declared, record, stamps)
            return
        if self._copying is None:
            self._copying = Thread(target=self._copy, name="octavo-cache", daemon=True)
            self._copying.start()
        self._waiting.put((task, declared, record, stamps))

    def _follow_links(self, task: Task) -> None:
        """Let the cache go through the links that the task has written through: what they lead to is its product."""
        for path in (product.path for product in task.products):
            self.cache.through.pop(path, None)
            if (real := through(self.store, path)) is not None:
                self.cache.through[path] = real

    def _quick(self, record: Record) -> bool:
        """Return whether saving a result takes less time than handing it to a thread."""
        size = 0
        for path in record.products:
            try:
                found = os.stat(os.path.join(self.store.root, path))
            except OSError:
                return True  # it is gone, and will not be kept
            if stat.S_ISDIR(found.st_mode):
                return False
            size += found.st_size
        return size <= _SMALL

    def _copy(self) -> None:
        """Keep the waiting results, one after another, while the build goes on."""
        while (job := self._waiting.get()) is not None:
            try:
                if not self._broken:
                    self._keep(*job)
            except Exception as error:
                self._trouble(error)

    def _keep(self, task: Task, declared: Manifest, record: Record, stamps: Mapping[str, str | None]) -> None:
        try:
            always = task.run.cache is True
            kept = self.cache.save(task, declared, record, always, stamps)
        except OSError as error:
            if all(os.path.lexists(os.path.join(self.store.root, path)) for path in record.products):
                self._trouble(error)
            return  # a product that was removed meanwhile is nobody's mistake
        if isinstance(kept, tuple):
            path, size = kept
            self.notes.append(
                f"{path} ({amount(size)}) is larger than {amount(self.cache.largest)} and not kept in the cache;"
                f' "cache: true" at the task {task.name} keeps it, "cache: false" is silent'
            )

    def _trouble(self, error: Exception) -> None:
        self._broken = True
        words = (
            (error.strerror or error) if isinstance(error, OSError) else f"{type(error).__name__}: {error}"
        )
        self.notes.append(f"results are not kept in the cache: {words}")

    def declared(self, task: Task) -> Manifest:
        """Return what is known of a task before it runs."""
        now = self._look(task.name)
        table = manifest(task, None, self.graph, now.digest, lambda part, path: None)
        # a result from before it was known that others use what the task leaves is none of these
        return table | dict.fromkeys(now.fed(task.name), "")

    def same(self, task: Task) -> Callable[[str, str, str], bool]:
        """Return how what a run of the task discovered is compared with what is there now, as ``judge`` does."""
        look = self._look(task.name)

        def same(part: str, path: str, was: str) -> bool:
            if not (task.run.strict or parts.counts(part)):
                return True
            return parts.split(part)[0].cached and _found(look, part, path) == was

        return same

    def _still(self, record: Record) -> bool:
        look = self._look(record.task)
        return all(
            _found(look, part, path) == record.manifest.get(part) for part, path in record.discovered.items()
        )

    def _digest(self, path: str) -> str | None:
        try:
            return self.store.digest(path)
        except Error:
            return None

    def abandon(self) -> None:
        """End the use of the cache in the midst of a build: what waits to be kept is not."""
        self._broken = True
        self._waiting.put(None)

    def finish(self) -> list[str]:
        """End the use of the cache, when what goes to the remote is there; return what a person should know."""
        if self._copying is not None:
            self._waiting.put(None)
            self._copying.join()
            self._copying = None
        try:
            if self.cache.close():
                sweep.gc(self.cache)
        except OSError as error:
            self.notes.append(f"the cache cannot be cleaned up: {error.strerror or error}")
        return [*self.notes, *(self.cache.elsewhere.notes if self.cache.elsewhere else ())]


def _found(look: Now, part: str, path: str) -> str | None:
    try:
        found = look(part, path)
    except (Error, OSError, ValueError):
        return None
    # what was looked for in vain is recorded as such
    return ABSENT if found is None else found


def _forbids(reason: Reason) -> bool:
    """Return whether a reason must not be answered from the cache: the user's wish, or a product that was edited."""
    row = parts.split(reason.part)[0]
    # what was there before may be the very same bytes
    return not row.cached or (reason.edited and row is not parts.STRANGER)


def amount(size: int) -> str:
    """Return a number of bytes as a person would say it."""
    value, units = float(size), ["bytes", "kB", "MB", "GB", "TB"]
    while value >= 1023.5 and len(units) > 1:
        value /= 1024
        units.pop(0)
    return f"{value:.0f} {units[0]}" if value >= 99.5 or units[0] == "bytes" else f"{value:.1f} {units[0]}"
