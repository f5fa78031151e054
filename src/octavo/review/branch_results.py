"""What is known of the results of a branch: by files of its commits, the records of this project, and its cache."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from .. import fingerprint, parts, project
from .. import notebook as documents
from ..cache import reuse
from ..cache.blobs import Blobs, Missing
from ..digests import digest
from ..errors import Error
from ..model import Manifest, Product, Record, Task
from ..plan import key_of
from ..products import file_digest
from . import changes
from .branch_sides import Review, Side, Value
from .changes import Comparison

#: Bytes of a product that is looked into, and names of values that are told.
_LARGEST, _TOLD = 1_000_000, 40


def with_results(found: Review, before: Side, after: Side, here: project.Project) -> Review:
    """Add what is known of the results of the tasks that the branch changes."""
    known = [dict[str, Record](), dict[str, Record]()]
    values: list[Value] = []
    books: list[Comparison] = []
    unknown: list[str] = []
    cache = reuse.opened(here.root, {}, False)
    read = _Products(here, cache.blobs)
    for name, step in found.steps.items():
        sides = [(side, side.opened.graph.tasks.get(name)) for side in (before, after)]
        for (side, task), results in zip(sides, known, strict=True):
            if task is not None and (record := _result(side, task, results, here)):
                results[name] = record
        if step.fresh:
            continue
        for product in step.task.products:
            datas = [
                read.product(side, product, results.get(name)) if task else None
                for (side, task), results in zip(sides, known, strict=True)
            ]
            there = [data for data, (_, task) in zip(datas, sides, strict=True) if task is not None]
            if None in there:
                unknown += [name] if name not in unknown else []
                continue
            if product.path.endswith(".ipynb"):
                books += _books(found, product.path, datas)
            else:
                values += _values(name, product.path, datas)
    return replace(found, values=tuple(values), results=tuple(books), unknown=tuple(unknown))


def _result(side: Side, task: Task, chosen: Mapping[str, Record], here: project.Project) -> Record | None:
    """Return a result that was made from a task as a side has it, by the records of this project."""
    table = side.table(task, None, imports=False)
    known = here.store.record(key_of(task))
    for record in [*([known] if known else []), *here.store.results(key_of(task))]:
        if record.state == "done" and _made_from(record, table, task, chosen, side):
            return record
    return None


def _made_from(record: Record, table: Manifest, task: Task, chosen: Mapping[str, Record], side: Side) -> bool:
    for part, value in table.items():
        row = parts.split(part)[0]
        if row not in (parts.UPSTREAM, parts.FILE) and record.manifest.get(part) != value:
            return False
    for name in task.upstream:
        upstream = side.opened.graph.tasks[name]
        for product in upstream.products:
            was = record.manifest.get(fingerprint.label(upstream, product))
            if was is not None and name in chosen and chosen[name].products.get(product.path) != was:
                return False
    return True


class _Products:
    """Reads products of either side: as git has them, as they are on disk, or as the cache keeps them."""

    def __init__(self, here: project.Project, blobs: Blobs) -> None:
        self._here, self._blobs = here, blobs

    def product(self, side: Side, product: Product, record: Record | None) -> bytes | None:
        """Return the bytes of a product; None where they are not known, or too many."""
        if side.blobs.get(product.path) and side.opened.root != self._here.root:
            path = side.opened.root / product.path
            return path.read_bytes() if path.is_file() else None
        wanted = record.products.get(product.path) if record else None
        path = self._here.root / product.path
        try:
            if path.is_file() and path.stat().st_size <= _LARGEST:
                data = path.read_bytes()
                if wanted == file_digest(str(path)):
                    return data
            if wanted and wanted.isalnum():
                data = self._blobs.read(wanted)
                return data if len(data) <= _LARGEST else None
        except (OSError, Missing, sqlite3.Error, ValueError):
            return None
        return None


def _books(found: Review, path: str, datas: Sequence[bytes | None]) -> Iterator[Comparison]:
    """Yield what differs between the outputs of an executed notebook."""
    one, other = datas
    if one is None or other is None:
        return
    try:
        first, second = (documents.loads(data, path).data for data in (one, other))
    except Error:
        return
    names = f"{found.before}: {path}", f"{found.after}: {path}"
    both = changes.compare(first, second, *names, changes.Looked())
    if kept := tuple(cell for cell in both.cells if cell.notes):
        yield Comparison(both.before, both.after, kept)


def _values(task: str, path: str, datas: Sequence[bytes | None]) -> Iterator[Value]:
    tables = [_flat(path, data) for data in datas]
    names = list(dict.fromkeys([*tables[0], *tables[1]]))
    differing = [name for name in names if tables[0].get(name) != tables[1].get(name)]
    for name in differing[:_TOLD]:
        yield Value(task, f"{path} {name}".rstrip(), tables[0].get(name), tables[1].get(name))


def _flat(path: str, data: bytes | None) -> dict[str, str]:
    """Return what there is to tell of a file: the values of JSON, the size of a table, else how large it is."""
    if data is None:
        return {}
    if path.endswith(".json"):
        try:
            return dict(_leaves(json.loads(data), ""))
        except (ValueError, RecursionError):
            pass
    if path.endswith((".csv", ".tsv")):
        lines = data.splitlines()
        return {
            "rows": f"{max(0, len(lines) - 1):,}",
            "columns": (lines or [b""])[0].decode("utf-8", "replace")[:200],
        }
    text = data.decode("utf-8", "replace").strip() if len(data) <= 80 else ""
    return {"": text if text.isprintable() and text else f"{len(data):,} bytes, {digest(data)[:8]}"}


def _leaves(value: object, name: str) -> Iterable[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list) and len(value) > 20:
        yield name, f"{len(value):,} values, {digest(json.dumps(value))[:8]}"
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _leaves(inner, f"{name}[{number}]")
    else:
        yield name, json.dumps(value, ensure_ascii=False)[:200]
