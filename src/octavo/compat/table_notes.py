"""Read what Ploomber recorded about tables in the _metadata table of their SQLite database.

``noted`` asks in a process of its own, for connecting is the project's code.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence

from ..errors import Error
from ..model import Json, Task
from ..process import child
from ..tables.connections import call_of, client_of, discreet, opened
from ..tables.databases import embedded, examine, plain
from ..tables.proxies import PATIENCE
from ..tables.settle import settle


def noted(tasks: Sequence[Task], root: str, write: bool) -> tuple[Json, dict[str, str]]:
    """Return what is noted of the tables of tasks, by the paths that stand for them; and why, by task, nothing is.

    With ``write``, the files that stand for tables of which something is noted are written.
    """
    try:
        done = child.ask(__name__, (tuple(tasks), write), root, PATIENCE)
    except TimeoutError:
        return {}, {task.name: f"its database did not answer in {PATIENCE:.0f} s" for task in tasks}
    if not done.answered:
        return {}, {task.name: "its database could not be asked" for task in tasks}
    found, why = done.value
    return found, why


def _of(task: Task, root: str) -> Json:
    """Return the notes on the tables of one task that are there, as they are kept."""
    found = {}
    call = call_of(task, product=True)
    name, path = embedded(client_of(call))
    if name != "sqlite" or path is None or not os.path.exists(path):  # opening it would make an empty one
        return {}
    with opened(call, reading=True, root=root) as client:
        for product in task.products:
            relation = product.relation
            if relation is None or examine(client, relation, lambda table: True) is None:
                continue
            cursor = client.connection.cursor()
            cursor.execute(
                "SELECT metadata FROM _metadata WHERE name = ? AND schema IS ?",
                (plain(relation.name)[0], relation.schema),
            )
            if row := cursor.fetchone():
                found[product.path] = json.loads(bytes(row[0]))
    return found


def main() -> None:
    """Answer what is noted of the tables of tasks."""
    child.answer(lambda question: _answer(*question))


def _answer(tasks: Sequence[Task], write: bool) -> tuple[Json, dict[str, str]]:
    found: Json = {}
    why: dict[str, str] = {}
    root = os.getcwd()
    for task in tasks:
        try:
            mine = _of(task, root)
            if write and mine:
                settle(task, root)
            found |= mine
        except Exception as error:
            words = error.message if isinstance(error, Error) else f"{type(error).__name__}: {error}"
            why[task.name] = discreet(words).strip().partition("\n")[0]
    return found, why
