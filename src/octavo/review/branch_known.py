"""Which results are known of a side of a branch: by the records of this project, its cache, and files of git."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from .. import fingerprint, parts, project
from ..cache.entry import Entry
from ..cache.local import Cache, Same
from ..dataclass import dataclass
from ..errors import Error
from ..metrics import kept
from ..model import ABSENT, Manifest, Record, Task
from ..plan import key_of
from ..products import TREE, file_digest
from .branch_sides import Side

#: Bytes of a product that is looked into; of a larger one it is told how large it is.
LARGEST = 1_000_000


@dataclass(frozen=True, slots=True)
class KnownResult:
    """A result of a task: the run that made it, the digests of its products, and where these may be on disk."""

    run: str
    products: Manifest
    folders: tuple[Path, ...]


class Known:
    """The results of a side's tasks, as far as this project knows them; a result of a run is added to them."""

    def __init__(self, side: Side, here: project.Project) -> None:
        self.side = side
        self.results: dict[str, KnownResult] = {}
        self._here = here
        self._cache: Cache = here.cache()
        self._reported: dict[Path, list[kept.RunMetrics]] = {}
        self._made = {product.path: task.name for task in side.opened.graph for product in task.products}
        for task in side.opened.graph:
            if found := self._recorded(task) or self._cached(task):
                self.results[task.name] = found

    def there(self, task: Task) -> bool:
        """Return whether all products of a task can be looked into, or told the size of."""
        return all(
            self.digest(task, product.path).startswith(TREE) or self.size(task, product.path) is not None
            for product in task.products
        )

    def size(self, task: Task, path: str) -> int | None:
        """Return how many bytes a product has; None where its bytes are nowhere."""
        found = self._place(task, path)
        try:
            return None if found is None else os.stat(found).st_size
        except OSError:
            return None

    def read(self, task: Task, path: str) -> bytes | None:
        """Return the bytes of a product; None where they are not known, or too many."""
        found = self._place(task, path)
        try:
            if found is None or os.stat(found).st_size > LARGEST:
                return None
            return Path(found).read_bytes()
        except OSError:
            return None

    def digest(self, task: Task, path: str) -> str:
        """Return the digest of a product, or what git calls its content."""
        result = self.results.get(task.name)
        return (result.products.get(path) if result else None) or self.side.blobs.get(path) or ""

    def metrics(self, task: Task) -> Mapping[str, int | float]:
        """Return what the task reported when its result was made."""
        result = self.results.get(task.name)
        if result is None:
            return {}
        runs = [result.run]
        # where it was restored, the run that made it is known to the cache
        runs += [entry.run for entry in self._entries(task) if _digests(entry) == result.products]
        rows = {
            row.run: row for folder in result.folders for row in self._rows(folder) if row.task == task.name
        }
        return next((rows[run].metrics for run in runs if run in rows), {})

    def _rows(self, folder: Path) -> list[kept.RunMetrics]:
        if folder not in self._reported:
            self._reported[folder] = [row for row in kept.rows(folder) if row.outcome == "done"]
        return self._reported[folder]

    def _place(self, task: Task, path: str) -> str | None:
        """Return the file that a product is: on disk where its digest is right, in the cache, or as git has it."""
        if self.side.blobs.get(path) and self.side.opened.root != self._here.root:
            full = self.side.opened.root / path
            return str(full) if full.is_file() else None
        result = self.results.get(task.name)
        wanted = result.products.get(path) if result else None
        if result is None or not wanted:
            return None
        for folder in result.folders:
            full = folder / path
            try:
                if full.is_file() and file_digest(str(full)) == wanted:
                    return str(full)
            except OSError:
                continue
        return self._cache.blobs.path(wanted) if wanted.isalnum() and wanted in self._cache.blobs else None

    # ── records

    def _recorded(self, task: Task) -> KnownResult | None:
        """Return a result that was made from a task as the side has it, by the records of this project."""
        table = self.side.table(task, None, imports=False)
        known = self._here.store.record(key_of(task))
        for record in [*([known] if known else []), *self._here.store.results(key_of(task))]:
            if record.state == "done" and self._made_from(record, table, task):
                return KnownResult(record.run, record.products, (self._here.root,))
        return None

    def _made_from(self, record: Record, table: Manifest, task: Task) -> bool:
        for part, value in table.items():
            row = parts.split(part)[0]
            if row not in (parts.UPSTREAM, parts.FILE) and record.manifest.get(part) != value:
                return False
        for part, path in record.discovered.items():
            row = parts.split(part)[0]
            if row is parts.FILE and path in self._made and self._digest(path) is None:
                continue
            # it ran with a module, or on data, as another commit has them
            if (row.python or row is parts.FILE) and self._seen(part, path) != record.manifest.get(part):
                return False
        for name in task.upstream:
            upstream = self.side.opened.graph.tasks[name]
            for product in upstream.products:
                was = record.manifest.get(fingerprint.label(upstream, product))
                chosen = self.results.get(name)
                if was is not None and chosen and chosen.products.get(product.path) != was:
                    return False
        return True

    # ── the cache

    def _cached(self, task: Task) -> KnownResult | None:
        """Return a result that the cache has of a task as the side has it, and of what its upstream makes there."""
        found = next((entry for entry in self._entries(task) if self._cache.has(entry)), None)
        return KnownResult(found.run, _digests(found), (self._here.root,)) if found else None

    def _entries(self, task: Task) -> Iterator[Entry]:
        if all(name in self.results for name in task.upstream):
            self.side.now.asking = task.name
            yield from self._cache.hits(task, self._declared(task), self._same(task))

    def _declared(self, task: Task) -> Manifest:
        graph = self.side.opened.graph.tasks
        table = fingerprint.manifest(task, None, graph, self._digest, lambda part, path: None)
        return table | dict.fromkeys(self.side.now.fed(task.name), "")

    def _same(self, task: Task) -> Same:
        def same(part: str, path: str, was: str) -> bool:
            if not (task.run.strict or parts.counts(part)):
                return True
            return parts.split(part)[0].cached and self._seen(part, path) == was

        return same

    def _seen(self, part: str, path: str) -> str:
        """Return the digest of what a run discovered, as it is on this side."""
        row = parts.split(part)[0]
        try:
            found = self._digest(path) if row is parts.FILE else self.side.now(part, path)
        except (Error, OSError, ValueError):
            return ""
        return ABSENT if found is None else found

    def _digest(self, path: str) -> str | None:
        """Return the digest of a product of a task before, or of a file; git may not have it, but this folder."""
        if path in self._made:
            result = self.results.get(self._made[path])
            return result.products.get(path) if result else None
        found = self.side.opened.store.digest(path)
        if found is None and self.side.file(path) is None:
            found = self._here.store.digest(path)
        return found


def _digests(entry: Entry) -> dict[str, str]:
    return {path: piece.digest for path, piece in entry.products.items()}
