"""Update the proxy files of tables from their databases before anything is judged.

So all that holds for files holds for tables: an upstream whose table comes out the same leaves the rest fresh, one that
was dropped is made again, and one that somebody else changed is not overwritten unasked.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence

from .. import products
from ..lazy import lazy_imports
from ..model import STORED, Product, Task
from ..state.store import Store

with lazy_imports():
    from ..process import child
    from . import compare, connections, stored

#: How long a database may take to answer before its tables are taken as they were, in seconds.
PATIENCE = 60.0


def verify(tasks: Iterable[Task], root: str, store: Store) -> tuple[str, ...]:
    """Update the proxy files of tables from their databases; return notes on databases that could not be asked.

    A file of SQLite or DuckDB that has the stamp of the last time costs a look at the file only. All others are asked
    in one child process, which calls the project's functions that connect.
    """
    groups: dict[str, list[tuple[Task, Product]]] = {}
    listed: list[Product] = []
    for task in tasks:
        for product in task.products:
            if product.relation is None or not os.path.exists(os.path.join(root, product.path)):
                continue
            if product.relation.kind == STORED:
                listed.append(product)
            else:
                groups.setdefault(_database(task, product), []).append((task, product))
    notes = tuple(stored.compared(listed, root)) if listed else ()
    if not groups:
        return notes
    kept = store.keys("tables")
    doubtful = {label: group for label, group in groups.items() if not _same(kept.get(label), root)}
    return (*notes, *(_ask(doubtful, kept, root, store) if doubtful else ()))


def _database(task: Task, product: Product) -> str:
    """Return what tells the database of a table from others."""
    folder = os.path.dirname(product.path)
    # these are in the database of the task; their own client is for notes on them
    return f"{folder} {task.calls.client}" if product.maker == "GenericSQLRelation" else folder


def _same(kept: str | None, root: str) -> bool:
    """Return whether all files have their stamps of the last time: the database, and what says where it is."""
    stamps = _stamps(kept, "files")
    return bool(stamps) and all(products.database_stamp(path) == stamp for path, stamp in stamps.items())


def _stamps(kept: str | None, what: str) -> dict[str, str]:
    """Return stamps that were kept; none of what is damaged."""
    try:
        found = json.loads(kept or "{}")
    except (ValueError, RecursionError):
        return {}
    stamps = found.get(what) if isinstance(found, dict) else None
    return {str(name): str(stamp) for name, stamp in stamps.items()} if isinstance(stamps, dict) else {}


def _ask(
    groups: Mapping[str, Sequence[tuple[Task, Product]]], kept: Mapping[str, str], root: str, store: Store
) -> tuple[str, ...]:
    question = {
        label: {
            "call": connections.call_of(group[0][0], True),
            "tables": [_plain(product) for _, product in group],
            "stamps": _stamps(kept.get(label), "stamps"),
        }
        for label, group in groups.items()
    }
    try:
        done = child.ask(compare.__name__, question, root, PATIENCE)
    except TimeoutError:
        return (f"a database did not answer in {PATIENCE:.0f} s: its tables count as unchanged",)
    if not done.answered:
        last = connections.discreet(done.output.strip().rpartition("\n")[2])
        return (f"tables could not be checked and count as unchanged: {last}",)
    answer = done.value
    known = {label: found for label, found in answer.items() if "note" not in found}
    store.keep("tables", [(label, json.dumps(found), b"") for label, found in known.items()])
    return tuple(found["note"] for found in answer.values() if "note" in found)


def _plain(product: Product) -> dict[str, str | None]:
    relation = product.relation
    assert relation is not None
    return {"path": product.path, "name": relation.name, "schema": relation.schema, "kind": relation.kind}
