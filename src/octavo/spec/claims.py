"""Refuse products that would replace what a pipeline is made of: its own files, sources by other names, modules."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator, Sequence

from ..errors import GraphError
from ..graph import Graph
from ..kinds import row
from ..model import Product, Task
from ..reading.folders import contents, edited, find_module, installed
from .entry import lock_of

_FROM = re.compile(r"\bfrom\s+([\w.]+)\s+import\s+([\w, ]+)")
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
    code = os.path.isfile(place) if place.endswith(".py") else os.path.isfile(f"{place}/__init__.py")
    if not (code or os.path.isdir(place)):
        return None
    steps = {*product.path.split("/"), *place.removesuffix(".py").split(os.sep)}
    after = set(tasks.descendants(maker.name))
    for task in tasks:
        if task.name in after:
            continue
        called = ((name, call.path.rpartition(".")[0]) for name, call in task.calls.named())
        direct = [*(("import", name) for name in task.source.facts.imports), *called]
        for use, module in _reached(task, direct, root) if code else direct:
            if module.partition(".")[0] not in steps or (found := find_module(module, root)) is None:
                continue
            if _within(os.path.realpath(found), place):
                return task.name, f"imports as {module}" if use == "import" else f"names as {use}"
    return None


def _reached(task: Task, direct: list[tuple[str, str]], root: str) -> Iterator[tuple[str, str]]:
    """Yield the modules that a task uses, those of the project that these import too, and how the first came in."""
    own = os.path.join(root, task.source.path)
    waiting = [*direct, *(("import", name) for name in _imports(own, "", root))]
    seen = set[str]()
    for use, module in waiting:  # which grows
        if module in seen:
            continue
        seen.add(module)
        yield use, module
        file = find_module(module, root)
        if file and edited(file) and _within(file, root):
            waiting += [("import", name) for name in _imports(file, module, root)]


def _imports(path: str, module: str, root: str) -> Iterator[str]:
    """Yield what the code in a file may import, ``from package import module`` as both."""
    if installed(path) or not os.path.isfile(path):
        return
    text = contents(path).decode("utf-8", "replace")
    try:
        nodes = [*ast.walk(ast.parse(text))] if path.endswith(".py") else []
    except (SyntaxError, ValueError, RecursionError):
        nodes = []
    if not nodes:  # magics, or a notebook
        for name, names in _FROM.findall(text):
            yield from (f"{name}.{each.split()[0]}" for each in names.split(",") if each.split())
    package = module if os.path.basename(path) == "__init__.py" else module.rpartition(".")[0]
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            start = ".".join(filter(None, [*above, node.module]))
            yield from filter(None, (start, *(f"{start}.{alias.name}".strip(".") for alias in node.names)))


def _real(path: str, root: str) -> str:
    return os.path.realpath(os.path.join(root, path))


def _within(path: str, place: str) -> bool:
    return path == place or path.startswith(place + os.sep)
