"""The results of a branch side by side: values of JSON, sizes of tables, metrics, and outputs of executed notebooks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from .. import notebook as documents
from ..digests import digest
from ..errors import Error
from ..model import Product, Task
from . import changes
from .branch_known import Known
from .branch_run import SideRuns
from .branch_sides import Review, Value
from .changes import Comparison

#: Names of values that are told.
_TOLD = 40


def with_results(found: Review, before: Known, after: Known, runs: SideRuns | None = None) -> Review:
    """Add what is known of the results of the tasks that the branch changes; run those that are not, if asked to."""
    values: list[Value] = []
    books: list[Comparison] = []
    unknown: list[str] = []
    stale = [name for name, step in found.steps.items() if not step.fresh]
    notes = [note for known in (before, after) if runs for note in _run(known, stale, runs)]
    for name in stale:
        task, earlier = found.steps[name].task, before.side.opened.graph.tasks.get(name)
        if not after.there(task) or (earlier is not None and not before.there(earlier)):
            unknown.append(name)
        values += _metrics(name, before.metrics(earlier) if earlier else {}, after.metrics(task))
        for product in task.products:
            if product.path.endswith(".ipynb"):
                books += _books(
                    found, product, [_data(before, earlier, product), _data(after, task, product)]
                )
            else:
                tables = [_told(before, earlier, product), _told(after, task, product)]
                if None not in tables or earlier is None:
                    values += _differing(name, product.path, [table or {} for table in tables])
    return replace(
        found,
        values=tuple(values),
        results=tuple(books),
        unknown=tuple(unknown),
        notes=(*found.notes, *notes),
    )


def _run(known: Known, stale: Sequence[str], runs: SideRuns) -> list[str]:
    tasks = known.side.opened.graph.tasks
    wanted = [name for name in stale if name in tasks and not known.there(tasks[name])]
    return runs.run(known, wanted) if wanted else []


def _metrics(task: str, *sides: Mapping[str, int | float]) -> Iterator[Value]:
    tables = [{f"metric {name}": json.dumps(value) for name, value in side.items()} for side in sides]
    yield from _differing(task, "", tables)


def _data(known: Known, task: Task | None, product: Product) -> bytes | None:
    return known.read(task, product.path) if task else None


def _books(found: Review, product: Product, datas: Sequence[bytes | None]) -> Iterator[Comparison]:
    """Yield what differs between the outputs of an executed notebook."""
    one, other = datas
    if one is None or other is None:
        return
    path = product.path
    try:
        first, second = (documents.loads(data, path).data for data in (one, other))
    except Error:
        return
    names = f"{found.before}: {path}", f"{found.after}: {path}"
    both = changes.compare(first, second, *names, changes.Looked())
    if kept := tuple(cell for cell in both.cells if cell.notes):
        yield Comparison(both.before, both.after, kept)


def _differing(task: str, start: str, tables: Sequence[Mapping[str, str]]) -> Iterator[Value]:
    names = list(dict.fromkeys([*tables[0], *tables[1]]))
    differing = [name for name in names if tables[0].get(name) != tables[1].get(name)]
    for name in differing[:_TOLD]:
        yield Value(task, f"{start} {name}".strip(), tables[0].get(name), tables[1].get(name))


def _told(known: Known, task: Task | None, product: Product) -> dict[str, str] | None:
    """Return what there is to tell of a product: the values of JSON, the size of a table, else how large it is.

    None where it is not known.
    """
    path = product.path
    if task is None:
        return None
    if (data := known.read(task, path)) is not None:
        return _flat(path, data)
    found, size = known.digest(task, path), known.size(task, path)
    if size is not None:
        return {"": f"{size:,} bytes, {found[:8]}"}
    return {"": f"a folder, {found[-8:]}"} if known.there(task) else None


def _flat(path: str, data: bytes) -> dict[str, str]:
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
