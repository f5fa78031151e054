"""Accept and remove products outside of builds."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator

from . import products
from .dataclass import dataclass
from .errors import ProductError
from .executed.editions import failed, images
from .graph import Graph
from .kinds import row
from .lazy import lazy_imports
from .model import PROXIES, Reason, Record, Task
from .parts import Now
from .plan import ACCEPTED, key_of, why
from .products.aside import names, without_empty
from .state.ownership import is_ours, lines, stays, through
from .state.store import Store
from .state.written import Written

with lazy_imports():
    import shutil  # 4 ms that only cleaning should cost


#: How nbconvert calls the images of a report.
_IMAGE = re.compile(r"_\d+_\d+\.\w+$")


@dataclass(frozen=True, slots=True)
class Leftover:
    """A product that could be removed. ``edited``: it is not as its task left it; ``outside``: it is no file.

    ``stranger``: its task has never made it. ``shared`` are the names of what in a folder is not the task's.
    """

    task: str
    path: str
    size: int
    edited: bool = False
    outside: bool = False
    stranger: bool = False
    shared: frozenset[str] = frozenset()


def accept(graph: Graph, store: Store, tasks: Iterable[str]) -> dict[str, tuple[Reason, ...]]:
    """Take the products of tasks as they are for the results of their code as it is; return the reasons that are gone.

    A task without its products cannot be accepted. What a task discovers is known from its last run only, so one
    that never ran is accepted on its source, its parameters and its inputs.
    """
    wanted = set(tasks)
    reasons_of: dict[str, tuple[Reason, ...]] = {}
    written = Written(store)
    for task in graph:
        if task.name not in wanted:
            continue
        record = store.record(key_of(task))
        reasons, table = why(task, graph.tasks, store, record, Now(store, graph))
        if not reasons:
            continue
        found = {product.path: store.digest(product.path) for product in task.products}
        digests = {path: digest for path, digest in found.items() if digest is not None}
        if absent := [path.removeprefix(PROXIES) for path in found if path not in digests]:
            hint = f"run octavo build {task.name}"
            raise ProductError(f'cannot accept "{task.name}": {", ".join(absent)} does not exist', hint=hint)
        discovered = (
            {part: path for part, path in record.discovered.items() if part in table} if record else {}
        )
        for path in digests:
            _share(store, path, record)
        seconds = record.seconds if record else 0.0
        store.commit(
            Record(task.name, table, digests, discovered, ACCEPTED, seconds, raw=task.source.facts.raw)
        )
        for path, digest in digests.items():
            written.accept(path, digest)
        reasons_of[task.name] = reasons
    store.flush()
    return reasons_of


def leftovers(graph: Graph, store: Store, tasks: Iterable[str]) -> list[Leftover]:
    """Return what is there of the products of some tasks, failed notebooks included."""
    found = []
    for task in (graph[name] for name in tasks):
        record = store.record(key_of(task))
        for path in [] if row(task.kind).borrowed else _paths(task):  # what a link stands for is not octavo's
            full = os.path.join(store.root, path)
            if not os.path.lexists(full):
                continue
            if path.startswith(PROXIES):
                found.append(Leftover(task.name, path[len(PROXIES) :], 0, outside=True))
            else:
                found += _leftover(task, path, full, record, store)
    return found


def orphans(graph: Graph, store: Store) -> list[Leftover]:
    """Return what tasks have made, as the records say, and no task makes any more, nor needs.

    What holds a source or a product, or something that a task was seen to use, stays.
    """
    kept = {product.path for task in graph for product in task.products}
    kept |= {task.source.path for task in graph}
    records = store.records()
    current = {key_of(task) for task in graph}
    kept |= {path for name in current if name in records for path in records[name].discovered.values()}
    around = {path[:n] for path in kept for n, sign in enumerate(path) if sign == "/"}
    found: dict[str, Leftover] = {}
    for name, record in records.items():
        for path in name.split("\n")[1:] if name not in current else ():
            above = {path[:n] for n, sign in enumerate(path) if sign == "/"}
            full = os.path.join(store.root, path)
            if path in kept or path in around or above & kept or path.startswith(PROXIES):
                continue
            if os.path.lexists(full) and not os.path.isabs(path) and not path.startswith("../"):
                edited = record.state != "done" or not is_ours(store, path, [record])
                if path not in found or found[path].edited:
                    shared = frozenset(stays(store, path))
                    found[path] = Leftover(record.task, path, _size(full), edited, shared=shared)
    return sorted(found.values(), key=lambda it: it.path)


def _leftover(task: Task, path: str, full: str, record: Record | None, store: Store) -> Iterator[Leftover]:
    """Yield what is there at one place: of a folder what is the task's own, of images those of a report."""
    shared = frozenset(stays(store, path))
    if path in images(task):
        shared = frozenset(name for name in names(full) if not _IMAGE.search(name))
    own = names(full) - shared if os.path.isdir(full) and not os.path.islink(full) else {""}
    if not own and shared:
        return
    if path == failed(task):
        stranger, edited = False, not store.has_left(path, products.stamp(full))
    else:
        stranger = record is None and path not in images(task) and not is_ours(store, path, [])
        # the record of a first run that did not end well names no products
        made = {*record.products} if record else set()
        if record is not None and record.state != "done":
            made |= {product.path for product in task.products}
        edited = record is not None and path in made and not is_ours(store, path, [record])
    size = sum(_size(os.path.join(full, name.rstrip("/"))) for name in own) if shared else _size(full)
    yield Leftover(task.name, path, size, edited or stranger, stranger=stranger, shared=shared)


def _share(store: Store, path: str, record: Record | None) -> None:
    """Note what in a folder that is accepted was not made by its task: that much stays when it runs again."""
    full = os.path.join(store.root, path)
    if os.path.isdir(full) and (not os.path.islink(full) or through(store, path) is not None):
        made = dict(lines(store.listing(path, record.products.get(path, "")))) if record else {}
        store.keep_others(path, stays(store, path) | {name for name in names(full) if name not in made})


def remove(store: Store, leftover: Leftover) -> None:
    """Remove a product, file or folder; that it is gone is a reason to make it again. What is outside stays."""
    if leftover.outside:
        return
    full = os.path.join(store.root, leftover.path)
    try:
        if leftover.shared:
            for name in names(full) - leftover.shared:
                if not name.endswith("/"):
                    os.unlink(os.path.join(full, name))
            without_empty(full, leftover.shared)
        elif os.path.isdir(full) and not os.path.islink(full):
            shutil.rmtree(full)
        else:
            os.unlink(full)
    except OSError as error:
        raise ProductError(f"it cannot be removed: {error.strerror}", leftover.path) from error


def _paths(task: Task) -> list[str]:
    paths = [product.path for product in task.products]
    beside = [place for place in (failed(task), *images(task)) if place]
    return [*paths, *(path for path in beside if path not in paths)]


def _size(full: str) -> int:
    if not os.path.isdir(full) or os.path.islink(full):
        return os.lstat(full).st_size
    return sum(
        os.lstat(os.path.join(base, name)).st_size for base, _, files in os.walk(full) for name in files
    )
