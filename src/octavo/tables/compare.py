"""Compare tables with their proxy files, and rewrite those that are not true: the child process that proxies asks."""

from __future__ import annotations

import os
import sys

from .. import products
from ..errors import Error
from ..model import Call, Json, Product, Relation
from ..process import child
from .connections import client_of, discreet, opened
from .databases import Database, TableState, examine, file_of
from .settle import ONCE, in_memory, proxy, relation, remove, write


def main() -> None:
    """Answer a question of ``proxies``: what was found when groups of tables are compared with their files."""
    child.answer(_answer)


def _answer(question: Json) -> Json:
    root, answer = os.getcwd(), {}
    for label, group in question.items():
        try:
            answer[label] = _compared(group["call"], group["tables"], group["stamps"], root)
        except Exception as error:
            words = error.message if isinstance(error, Error) else f"{type(error).__name__}: {error}"
            first = discreet(words).strip().partition("\n")[0]
            answer[label] = {"note": f"{group['call'].path}: its tables count as unchanged: {first}"}
    return answer


def _compared(call: Call, tables: list[Json], stamps: dict[str, str], root: str) -> Json:
    """Rewrite or remove outdated proxy files of one database; return the stamps that it was compared at."""
    path = file_of(client_of(call))
    if path is not None and not os.path.exists(path):  # opening it would make an empty one
        for table in tables:
            remove(root, _product(table))
        return {}
    for _ in range(3):
        before = products.database_stamp(path) if path else ""
        found: dict[str, str] = {}
        with opened(call, reading=True) as client:
            if path is None and in_memory(client):
                return {}
            for table in tables:
                product = _product(table)
                _true(root, product, client, stamps.get(product.path), found)
        if path is None:
            return {"stamps": found}
        # a first look at a file may tidy it up; what is young may change again under the same stamp
        if before == products.database_stamp(path) and not products.racy(path):
            return {
                "files": {path: before} | {file: products.database_stamp(file) for file in _says_where(root)}
            }
    return {}


def _true(root: str, product: Product, client: Database, stamp: str | None, found: dict[str, str]) -> None:
    """Compare one table with its proxy file, and rewrite or remove that; note the table's stamp in ``found``."""
    full = os.path.join(root, product.path)
    try:
        with open(full, encoding="utf-8") as file:  # noqa: PTH123 - a str
            _, shape, rows, checksum, method = file.read().split()
    except (OSError, ValueError):
        shape = rows = checksum = method = ""

    def enough(table: TableState) -> bool:
        # rows of a view change with the tables below it, which are somebody's products or sources themselves
        return table.shape == shape and (table.kind == "view" or (bool(stamp) and table.stamp == stamp))

    table = examine(client, relation(product), enough)
    if table is None:
        remove(root, product)
        return
    if table.stamp:
        found[product.path] = table.stamp
    if enough(table):
        return
    comparable = table.checksum is not None and not checksum.startswith(ONCE) and method == table.method
    same = table.shape == shape and str(table.rows) == rows and (not comparable or table.checksum == checksum)
    if not same:
        write(root, product, proxy(table))


def _says_where(root: str) -> list[str]:
    """Return the files of the project that say where the database is: the modules that were imported, and env files."""
    modules = [getattr(module, "__file__", None) or "" for module in list(sys.modules.values())]
    own = {file for file in modules if file.startswith(root + os.sep) and "site-packages" not in file}
    return sorted([*own, *(os.path.join(root, name) for name in os.listdir(root) if name.startswith("env."))])


def _product(plain: Json) -> Product:
    return Product(plain["path"], relation=Relation(plain["name"], plain["schema"], plain["kind"]))
