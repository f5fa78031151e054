"""Write the proxy files of a task's tables after it has run.

``settle`` does so after a task; as a child process, this answers the questions of ``proxies``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

from .. import products
from ..errors import Error, ProductError
from ..model import Call, Product, Relation, Task
from ..process import child
from .connections import call_of, discreet, made, opened
from .databases import Table, embedded, examine, file_of

#: Begins the checksum of a table that has none: it is another after each run.
_ONCE = "run-"


def settle(task: Task, root: str) -> list[str]:
    """Write the digests of a task's tables, now that it has run; return notes. A table that is not there raises.

    What is neither a file nor a table counts as changed by each run.
    """
    tables = [product for product in task.products if product.relation is not None]
    for product in task.products:
        if product.maker == "GenericProduct":
            _write(root, product, _once())
    if not tables:
        return []
    call = call_of(task, product=True)
    with opened(call, reading=True, root=root) as client:
        if _in_memory(client):
            for product in tables:
                _write(root, product, _once())
            return [f"{call.path} is a database in memory: its tables end with the task"]
        found = {product: examine(client, _relation(product)) for product in tables}
    for product, table in found.items():
        if table is not None:
            _write(root, product, _told(table))
        else:
            _remove(root, product)
    if absent := [product.relation for product, table in found.items() if table is None]:
        kind = absent[0].kind if absent[0] is not None else "table"
        raise ProductError(
            f"it ended well, but there is no {kind} {', '.join(map(str, absent))} in the database of {call.path}",
            hint="does it create {{product}}, and in the same database?",
        )
    return []


def main() -> None:
    """Answer a question of ``proxies``: what was found when groups of tables are compared with their files."""
    child.answer(_answer)


def _answer(question: Mapping[str, Any]) -> dict[str, Any]:
    root, answer = os.getcwd(), {}
    for label, asked in question.items():
        try:
            answer[label] = _compared(asked["call"], asked["tables"], asked["stamps"], root)
        except Exception as error:
            words = error.message if isinstance(error, Error) else f"{type(error).__name__}: {error}"
            first = discreet(words).strip().partition("\n")[0]
            answer[label] = {"note": f"{asked['call'].path}: its tables are taken as they were: {first}"}
    return answer


def _compared(call: Call, tables: list[dict[str, Any]], stamps: dict[str, str], root: str) -> dict[str, Any]:
    """Rewrite or remove the standing files of one database where they are not true; return stamps to know it by."""
    path = file_of(made(call))
    if path is not None and not os.path.exists(path):  # opening it would make an empty one
        for table in tables:
            _remove(root, _product(table))
        return {}
    for _ in range(3):
        before = products.database_stamp(path) if path else ""
        found: dict[str, str] = {}
        with opened(call, reading=True) as client:
            if path is None and _in_memory(client):
                return {}
            for table in tables:
                product = _product(table)
                _true(root, product, client, stamps.get(product.path), found)
        if path is None:
            return {"stamps": found}
        # a first look at a file may tidy it up; what is young may change again under the same stamp
        if before == products.database_stamp(path) and not products.racy(path):
            return {"files": {path: before} | {it: products.database_stamp(it) for it in _says_where(root)}}
    return {}


def _true(root: str, product: Product, client: Any, stamp: str | None, found: dict[str, str]) -> None:
    """Compare one table with its standing file, and rewrite or remove that; note the table's stamp in ``found``."""
    full = os.path.join(root, product.path)
    try:
        with open(full, encoding="utf-8") as file:  # noqa: PTH123 - a str
            _, shape, rows, checksum, method = file.read().split()
    except (OSError, ValueError):
        shape = rows = checksum = method = ""

    def enough(table: Table) -> bool:
        # rows of a view change with the tables below it, which are somebody's products or sources themselves
        return table.shape == shape and (table.kind == "view" or (bool(stamp) and table.stamp == stamp))

    table = examine(client, _relation(product), enough)
    if table is None:
        _remove(root, product)
        return
    if table.stamp:
        found[product.path] = table.stamp
    if enough(table):
        return
    comparable = table.checksum is not None and not checksum.startswith(_ONCE) and method == table.method
    same = table.shape == shape and str(table.rows) == rows and (not comparable or table.checksum == checksum)
    if not same:
        _write(root, product, _told(table))


def _says_where(root: str) -> list[str]:
    """Return the files of the project that say where the database is: the modules that were imported, and env files."""
    modules = [getattr(it, "__file__", None) or "" for it in list(sys.modules.values())]
    own = {it for it in modules if it.startswith(root + os.sep) and "site-packages" not in it}
    return sorted([*own, *(os.path.join(root, it) for it in os.listdir(root) if it.startswith("env."))])


def _in_memory(client: Any) -> bool:
    name, path = embedded(client)
    return bool(name) and path is None


def _told(table: Table) -> str:
    """Return what stands for a table as it is."""
    return f"{table.kind} {table.shape} {table.rows} {table.checksum or _once()} {table.method or '-'}\n"


def _once() -> str:
    return _ONCE + os.urandom(8).hex()


def _relation(product: Product) -> Relation:
    assert product.relation is not None
    return product.relation


def _product(plain: Mapping[str, Any]) -> Product:
    return Product(plain["path"], relation=Relation(plain["name"], plain["schema"], plain["kind"]))


def _write(root: str, product: Product, text: str) -> None:
    full = os.path.join(root, product.path)
    os.makedirs(os.path.dirname(full), exist_ok=True)
    part = f"{full}.{os.getpid()}.part"
    with open(part, "w", encoding="utf-8") as file:  # noqa: PTH123 - a str
        file.write(text)
    os.replace(part, full)


def _remove(root: str, product: Product) -> None:
    try:
        os.remove(os.path.join(root, product.path))
    except FileNotFoundError:
        pass
