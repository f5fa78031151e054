"""Write the proxy files of a task's tables after it has run."""

from __future__ import annotations

import os

from ..errors import ProductError
from ..model import Product, Relation, Task
from ..products import writing
from . import stored
from .connections import call_of, opened
from .databases import TableState, embedded, examine

#: Begins the checksum of a table that has none: it is another after each run.
ONCE = "run-"


def settle(task: Task, root: str) -> list[str]:
    """Write the digests of a task's tables, now that it has run; return notes. A table that is not there raises.

    What is neither a file nor a table counts as changed by each run.
    """
    known = [product for product in task.products if product.relation is not None]
    tables = [product for product in known if not stored.is_stored(product.relation)]
    for product, text in stored.settled(one for one in known if one not in tables).items():
        write(root, product, text)
    for product in task.products:
        if product.maker == "GenericProduct":
            write(root, product, _once())
    if not tables:
        return []
    call = call_of(task, product=True)
    with opened(call, reading=True, root=root) as client:
        if in_memory(client):
            for product in tables:
                write(root, product, _once())
            return [f"{call.path} is an in-memory database: its tables are lost when the task ends"]
        found = {product: examine(client, relation(product)) for product in tables}
    for product, table in found.items():
        if table is not None:
            write(root, product, proxy(table))
        else:
            remove(root, product)
    if absent := [product.relation for product, table in found.items() if table is None]:
        kind = absent[0].kind if absent[0] is not None else "table"
        raise ProductError(
            f"it succeeded, but there is no {kind} {', '.join(map(str, absent))} in the database of {call.path}",
            hint="does it create {{product}}, in the same database?",
        )
    return []


def in_memory(client: object) -> bool:
    """Return whether a client's database ends with its process."""
    name, path = embedded(client)
    return bool(name) and path is None


def proxy(table: TableState) -> str:
    """Return what stands for a table as it is."""
    return f"{table.kind} {table.shape} {table.rows} {table.checksum or _once()} {table.method or '-'}\n"


def _once() -> str:
    return ONCE + os.urandom(8).hex()


def relation(product: Product) -> Relation:
    """Return the table that a product is."""
    assert product.relation is not None
    return product.relation


def write(root: str, product: Product, text: str) -> None:
    """Write the proxy file of a product."""
    full = os.path.join(root, product.path)
    os.makedirs(os.path.dirname(full), exist_ok=True)
    writing.write(full, [text.encode()])


def remove(root: str, product: Product) -> None:
    """Remove the proxy file of a product, whose table is not there."""
    try:
        os.remove(os.path.join(root, product.path))
    except FileNotFoundError:
        pass
