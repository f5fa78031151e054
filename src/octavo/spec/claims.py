"""Refuse products that would replace what a pipeline is made of: its own files, sources by other names, modules."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from ..errors import GraphError
from ..graph import Graph
from ..kinds import row
from ..model import Product, Task
from ..reading.folders import find_module
from .entry import lock_of

_HINT = "a build never writes to what it is made from: choose another product"


def claims(tasks: Graph, files: Sequence[str], root: str) -> Iterator[GraphError]:
    """Yield an error for each product that is one of ``files``, a source by another name, or an imported module.

    ``files`` are those that the pipeline itself is read from, its own first: octavo keeps a lock beside it, if asked.
    A module may be made by a task for others to import.
    """
    pipeline = {_real(path, root): os.path.relpath(path, root) for path in files}
    lock = _real(lock_of(files[0]), root)
    sources = {
        _real(task.source.path, root): task
        for task in tasks
        if task.source.path and row(task.kind).source != "data"
    }
    for task in tasks:
        for product in () if row(task.kind).borrowed else task.products:
            place = _real(product.path, root)
            makes = f'task "{task.name}" makes "{product.path}"'
            inside = [name for full, name in pipeline.items() if _within(full, place)]
            if inside:
                yield GraphError(f"{makes}, and the pipeline is read from {inside[0]}", task.where, _HINT)
            elif _within(lock, place):
                words = "which is the name of the lock that octavo writes"
                yield GraphError(f"{makes}, {words}", task.where, "choose another product")
            elif place in sources and product.path != sources[place].source.path:
                other = sources[place]
                words = f'which is {other.source.path}, the source of "{other.name}"'
                yield GraphError(f"{makes}, {words}", task.where, _HINT)
            elif found := _imported(product, place, task, tasks, root):
                name, use = found
                hint = "choose another product"
                if name != task.name:
                    hint += f', or name "{task.name}" as upstream of "{name}"'
                yield GraphError(f'{makes}, which task "{name}" {use}', task.where, hint)


def _imported(product: Product, place: str, maker: Task, tasks: Graph, root: str) -> tuple[str, str] | None:
    """Return who uses a product as a module without coming after its maker, and how: "imports as helper"."""
    if not (product.path.endswith(".py") or os.path.isdir(place)):
        return None
    steps = set(product.path.removesuffix(".py").split("/"))
    after = set(tasks.descendants(maker.name))
    for task in tasks:
        if task.name in after:
            continue
        called = ((name, call.path.rpartition(".")[0]) for name, call in task.calls.named())
        for use, module in (*(("import", name) for name in task.source.facts.imports), *called):
            if module.partition(".")[0] not in steps or (found := find_module(module, root)) is None:
                continue
            if _within(os.path.realpath(found), place):
                return task.name, f"imports as {module}" if use == "import" else f"names as {use}"
    return None


def _real(path: str, root: str) -> str:
    return os.path.realpath(os.path.join(root, path))


def _within(path: str, place: str) -> bool:
    return path == place or path.startswith(place + os.sep)
