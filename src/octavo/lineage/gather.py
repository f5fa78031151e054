"""Gather the lineage of a project from the records of its runs, and from what its notebooks say of themselves."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from .. import notebook as documents
from .. import parts
from ..errors import Error, Errors
from ..executed.editions import home
from ..fingerprint import label
from ..metadata.identity import identity, is_copy
from ..model import ABSENT, HIDDEN, PROXIES
from ..plan import key_of
from ..reading import ran
from ..reading.folders import walk
from ..state import touched
from . import FileUse, Job, Lineage, WithId

if TYPE_CHECKING:
    from ..graph import Graph
    from ..model import Product, Record, Task
    from ..project import Project
    from ..state.frozen import Touched
    from ..state.store import Store

#: What stands in every notebook that has an id, by whatever convention.
_MARKS = (b"nbproject", b"nbmeta", b"deepnote_notebook_id", b"colab", b"notebook_id")
_SUFFIXES = (".ipynb", ".py", ".md", ".Rmd", ".qmd")


def gather(project: Project) -> Lineage:
    """Return the lineage of a project. Nothing is run, and nothing of the user's is imported."""
    store, graph = project.store, project.graph
    records, seen = store.records(), touched.known(store)
    jobs = []
    for task in graph:
        key = key_of(task)
        record = records.get(key)
        if record is not None and not record.run:
            record = None  # it has begun, and never ended well
        run, rows = seen.get(key, ("", []))
        if record is None:
            seen_cells: Sequence[Touched] = ()
        elif record.run == run:
            seen_cells = _numbered(store, task, rows)
        else:  # restored, say: its executed notebook knows
            seen_cells = _of_notebook(store, home(task))
        jobs.append(_job(task, graph, record, seen_cells))
    notebooks = list(named(store, os.fspath(project.root)))
    store.flush()
    return Lineage(jobs, notebooks)


def _job(task: Task, graph: Graph, record: Record | None, rows: Sequence[Touched]) -> Job:
    manifest = record.manifest if record else {}
    reads = dict(_reads(task, graph, record))
    products = {named_product(product): product for product in task.products}
    writes = {
        name: FileUse((record.products if record else {}).get(product.path, ""))
        for name, product in products.items()
    }
    for row in (parts.LEFT, parts.COPRODUCT):
        writes |= {path: FileUse(manifest[row.of(path)]) for path in parts.about(row, manifest)}
    _observe(reads, writes, rows)
    about = home(task)
    modules = {
        (record.discovered if record else {}).get(parts.MODULE.of(name), name): manifest[
            parts.MODULE.of(name)
        ]
        for name in parts.about(parts.MODULE, manifest)
    }
    return Job(
        task.name,
        task.kind,
        task.source.path,
        about or "",
        record.run if record else "",
        record.seconds if record else 0.0,
        manifest.get(parts.SOURCE.word, ""),
        record.raw if record else "",
        {
            name: manifest[parts.PARAM.of(name)].partition(f" ({HIDDEN}")[0]
            for name in parts.about(parts.PARAM, manifest)
        },
        reads,
        writes,
        modules,
    )


def named_product(product: Product) -> str:
    """Return how a product is called in the graph: a file by its path, a table by its name."""
    return str(product.relation) if product.relation is not None else product.path


def _reads(task: Task, graph: Graph, record: Record | None) -> Iterator[tuple[str, FileUse]]:
    """Yield what a task used in its last run; of one that has not run, what it says that it uses."""
    if record is None:
        for path in (*(task.declared.inputs or ()), *task.declared.resources.values()):
            yield path, FileUse()
    else:
        for row in (parts.FILE, parts.UPDATED):
            for what in parts.about(row, record.manifest):
                digest = record.manifest[row.of(what)]
                path = record.discovered.get(row.of(what), what)
                if digest != ABSENT and not path.startswith(PROXIES):
                    yield path, FileUse(digest)
    read = set(record.discovered.values()) if record else set()
    for name in task.upstream:
        products = graph[name].products
        plain = [product for product in products if not product.executed or product.path in read]
        for product in plain or products:
            digest = record.manifest.get(label(graph[name], product), "") if record else ""
            # where it makes notebooks only, what they were made from stands for them
            yield named_product(product), FileUse(digest if plain else "")


def _observe(reads: dict[str, FileUse], writes: dict[str, FileUse], rows: Iterable[Touched]) -> None:
    """Add what was seen while it ran: which cells read and wrote, and files that nobody declares."""
    cells: dict[tuple[str, str], list[int]] = {}
    for cell, verb, path in rows:
        found = cells.setdefault((verb, path), [])
        if cell is not None and cell not in found:
            found.append(cell)
    for (verb, path), numbers in cells.items():
        table = writes if verb == "wrote" else reads
        if path in table:
            table[path] = FileUse(table[path].digest, tuple(sorted(numbers)))
        elif (verb == "wrote" or os.path.isabs(path)) and not _own(path):
            # of the project's files the record knows which counted as read
            table[path] = FileUse("", tuple(sorted(numbers)))


def _own(path: str) -> bool:
    """Return whether a file is a tool's own: a cache, a setting, a library's."""
    return any(
        part.startswith(".") or part in ("__pycache__", "site-packages", "dist-packages")
        for part in path.split("/")
    )


def _numbered(store: Store, task: Task, rows: Sequence[Touched]) -> list[Touched]:
    """Return what was touched by the numbers of code cells, from 1, in the place of indices of all cells."""
    if all(cell is None for cell, _, _ in rows):
        return list(rows)
    path = home(task) or ""
    text = store.memoised(path, f"code cells {path}", _code_cells) if path else None
    numbers = {int(index): number for number, index in enumerate((text or "").split(), start=1)}
    return [(None if cell is None else numbers.get(cell), verb, what) for cell, verb, what in rows]


def _of_notebook(store: Store, path: str | None) -> list[Touched]:
    """Return what the cells of an executed notebook used, as its metadata tell."""
    text = store.memoised(path, f"touched {path}", _touched) if path else None
    return [(cell, verb, what) for cell, verb, what in json.loads(text)] if text else []


def _touched(full: str) -> str:
    try:
        code = [cell for cell in documents.read(full).cells if cell["cell_type"] == "code"]
    except (Error, Errors, OSError):
        return ""
    rows = [
        (number, verb, path)
        for number, cell in enumerate(code, start=1)
        for verb, key in ran.FILES.items()
        for path in ran.used(cell, key)
    ]
    return json.dumps(rows) if rows else ""


def _code_cells(full: str) -> str:
    try:
        cells = documents.read(full).cells
    except (Error, Errors, OSError):
        return ""
    return " ".join(str(index) for index, cell in enumerate(cells) if cell["cell_type"] == "code")


def named(store: Store, root: str) -> Iterator[WithId]:
    """Yield the notebooks of a folder that have an id or name parents; each file is read once."""
    start = len(os.path.join(root, ""))
    for full in walk(root):
        if not full.endswith(_SUFFIXES):
            continue
        path = full[start:]
        text = store.memoised(path, f"id {path}", _named)
        if text:
            said: Mapping[str, object] = json.loads(text)
            yield of_plain(path, said)


def of_plain(path: str, said: Mapping[str, object]) -> WithId:
    """Return a notebook by what was kept of it."""
    parents = said["parents"]
    return WithId(path, str(said["id"]), tuple(map(str, parents)) if isinstance(parents, list) else ())


def _named(full: str) -> str:
    try:
        with open(full, "rb") as file:  # noqa: PTH123 - one of many
            data = file.read()
        if not any(mark in data for mark in _MARKS):
            return ""
        metadata = documents.loads(data, full).data.get("metadata") or {}
        if is_copy(metadata):
            return ""
        said = identity(metadata, full)
    except (Error, Errors, OSError):
        return ""  # one that is broken says nothing
    return json.dumps({"id": said.id, "parents": said.parents}) if said.id or said.parents else ""
