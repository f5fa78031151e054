"""What Ploomber noted of tables, in the table ``_metadata`` of their own SQLite database.

``noted`` asks in a process of its own, for connecting is the project's code.
"""

from __future__ import annotations

import json
import os
import pickle
import sys
from collections.abc import Sequence
from typing import Any

from .. import plugins
from ..errors import Error
from ..lazy import lazy_imports
from ..model import Task
from ..tables.connections import call_of, discreet, made, opened
from ..tables.databases import embedded, examine, plain
from ..tables.proxies import PATIENCE
from ..tables.settle import settle

with lazy_imports():
    from ..ploomber import finder


def noted(tasks: Sequence[Task], root: str, write: bool) -> tuple[dict[str, Any], dict[str, str]]:
    """Return what is noted of the tables of tasks, by the paths that stand for them; and why, by task, nothing is.

    With ``write``, the files that stand for tables of which something is noted are written.
    """
    subprocess = plugins.load("subprocess")
    command = [sys.executable, "-m", "octavo.compat.table_notes"]
    given = pickle.dumps((root, tuple(tasks), write))
    try:
        done = subprocess.run(command, input=given, cwd=root, capture_output=True, timeout=PATIENCE)
        found, why = json.loads(done.stdout.rpartition(b"\x1e")[2])
    except subprocess.TimeoutExpired:
        return {}, {task.name: f"its database did not answer in {PATIENCE:.0f} s" for task in tasks}
    except ValueError:
        return {}, {task.name: "its database could not be asked" for task in tasks}
    return found, why


def _of(task: Task, root: str) -> dict[str, Any]:
    """Return the notes on the tables of one task that are there, as they are kept."""
    found = {}
    call = call_of(task, product=True)
    name, path = embedded(made(call))
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
    """Answer what arrives pickled on standard input: the project's folder, tasks, and whether to write."""
    root, tasks, write = pickle.load(sys.stdin.buffer)
    out = os.dup(1)
    os.dup2(2, 1)  # what the project's code prints is no answer
    sys.path.insert(0, root)
    finder.install()
    found: dict[str, Any] = {}
    why: dict[str, str] = {}
    for task in tasks:
        try:
            mine = _of(task, root)
            if write and mine:
                settle(task, root)
            found |= mine
        except Exception as error:
            words = error.message if isinstance(error, Error) else f"{type(error).__name__}: {error}"
            why[task.name] = discreet(words).strip().partition("\n")[0]
    with os.fdopen(out, "w") as stream:
        stream.write("\x1e" + json.dumps([found, why]))


if __name__ == "__main__":
    main()
