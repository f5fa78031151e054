"""Make the checks of a task, in its worker, when it has made its products."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from ..digests import digest
from ..errors import Error
from ..events import CheckFinished, Event, Note
from ..lazy import lazy_imports
from ..model import Failure, Json, Product, Relation, Task
from ..tables import connections
from .arguments import of_plain
from .frames import Foreign, Tabular, Unfit, holds_data
from .opening import opened
from .ready import made
from .result import DataCheck, Result, failed, flat

with lazy_imports():
    from . import in_sql

FAILED = "ChecksFailed"
#: What stands in a task of which only the checks are to be made, of products that it has made before.
ALONE = "checks alone"
HINT = "octavo log last shows all its checks"


class _Asked:
    """What the checks of one product may ask for."""

    def __init__(self, work: _Opened, frame: Tabular) -> None:
        self._work, self._frame = work, frame
        self.now = datetime.now(UTC)

    @property
    def data(self) -> Foreign:
        """The frame of its own library; None for a table."""
        return getattr(self._frame, "_frame", None)

    def profile(self, name: str) -> Json | None:
        return self._work.profiles.get(name)

    def against(self, arguments: Json) -> Json:
        raise Unfit("a task is compared with its last good run")

    def keys(self, arguments: Json, frame: Tabular) -> Tabular:
        found = _input(self._work.task.inputs, arguments["task"])
        if isinstance(found, Mapping):
            keys = [key for key, value in found.items() if _is_data(value)]
            chosen = arguments["of"] or (keys[0] if keys else None)
            if chosen not in found:
                raise Unfit(f"{arguments['task']} has no product with data")
            found = found[chosen]
        return self._work.frame(found)


class _Opened:
    """The products of a task, each opened once, and what is remembered of its last good run."""

    def __init__(self, task: Task, root: str, stack: contextlib.ExitStack) -> None:
        self.task, self._root, self._stack = task, root, stack
        self._frames: dict[object, Tabular] = {}
        self._client: object = None
        self.profiles = profiles(root, task)

    def frame(self, data: object) -> Tabular:
        where = (isinstance(data, Relation), str(data))
        if where not in self._frames:
            self._frames[where] = self._table(data) if isinstance(data, Relation) else opened(str(data))
        return self._frames[where]

    def _table(self, relation: Relation) -> Tabular:
        if self._client is None:
            call = connections.call_of(self.task, product=True)
            self._client = self._stack.enter_context(connections.opened(call, reading=True, root=self._root))
        return in_sql.SqlTable(self._client, relation)  # type: ignore[arg-type]  # it was opened as one


def path_of(root: str, task: Task) -> Path:
    """Return the file that tells what the checks of a task have found, for where its products go."""
    name = "\n".join([task.name, *sorted(product.path for product in task.products)])
    return Path(root, ".octavo", "quality", f"{digest(name)}.json")


def read(root: str, task: Task) -> Json:
    """Return what is remembered of the checks of a task; nothing, if it is damaged."""
    try:
        found = json.loads(path_of(root, task).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def profiles(root: str, task: Task) -> Mapping[str, Json]:
    """Return the distributions of the last good run, by the names of checks."""
    found = read(root, task).get("profiles")
    return found if isinstance(found, dict) else {}


def checked(task: Task, placed: Task, root: str, tell: Callable[[Event], None]) -> Failure | None:
    """Make the checks of a task and tell of each; return the failure, if some fail.

    ``placed`` is the task with paths as its code gets them, where we are.
    """
    results = []
    with contextlib.ExitStack() as stack:
        work = _Opened(placed, root, stack)
        work.profiles = profiles(root, task)
        for check in map(of_plain, task.own["checks"]):
            began = time.perf_counter()
            product = product_of(placed, check)
            result = _made(check, product, work)
            results.append(result)
            if not (result.good or result.bad):
                tell(Note(f"check {result.name}: {result.found}", task.name))
            shown = next((one for one in task.products if product and one.key == product.key), None)
            tell(_event(task, check, shown, result, time.perf_counter() - began))
    if not any(result.bad for result in results):
        return None
    return Failure(FAILED, failed(results), path=task.source.path, hint=HINT)


def _made(check: DataCheck, product: Product | None, work: _Opened) -> Result:
    try:
        if product is None:
            raise Unfit("the task has no product that holds data")
        frame = work.frame(product.relation or product.path)
    except (Error, Unfit) as error:
        return Result(check.name, False, flat(error.message if isinstance(error, Error) else str(error)))
    except Exception as error:  # of the user's connection
        words = connections.discreet(connections.words_of(error))
        return Result(check.name, False, flat(f"{type(error).__name__}: {words}"))
    return made(check, frame, _Asked(work, frame))


def _event(
    task: Task, check: DataCheck, product: Product | None, result: Result, seconds: float
) -> CheckFinished:
    where = str(product.relation or product.path) if product else ""
    return CheckFinished(
        task.name,
        result.name,
        where,
        result.good,
        result.found,
        result.severity,
        result.count,
        result.rows,
        result.profile,
        seconds,
    )


def product_of(task: Task, check: DataCheck) -> Product | None:
    """Return the product that a check is about: the one that it names, or the first that holds data."""
    return next((one for one in with_data(task) if check.product in (None, one.key)), None)


def with_data(task: Task) -> Iterator[Product]:
    """Yield the products that hold data: tables, and files by their names."""
    return (it for it in task.products if it.relation is not None or (not it.executed and _is_data(it.path)))


def _is_data(value: object) -> bool:
    return isinstance(value, Relation) or (
        isinstance(value, str | os.PathLike) and holds_data(os.fspath(value))
    )


def _input(inputs: Mapping[str, object], name: str) -> object:
    """Return the product of a task among what comes from upstream, also below a wildcard."""
    if name in inputs:
        return inputs[name]
    for wanted, inner in inputs.items():
        if ("*" in wanted or "?" in wanted) and isinstance(inner, Mapping) and name in inner:
            return inner[name]
    raise Unfit(f'"{name}" is not upstream of this task')
