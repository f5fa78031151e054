"""Read what a task has reported, in its worker."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from ..events import Event, MetricsLogged, Note
from ..model import Failure, Json, Task
from . import number

#: So many metrics of a task are kept.
_MOST = 1000


def tell_of(path: str, task: str, tell: Callable[[Event], None]) -> None:
    """Tell of what stands in the file that a task's code reported to, and remove it."""
    found: dict[str, int | float] = {}
    wrong: list[str] = []
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            for line in file:
                try:
                    plain = json.loads(line)
                    found |= {str(name): number(str(name), value) for name, value in plain.items()}
                except (ValueError, TypeError, AttributeError) as error:
                    wrong.append(str(error))
    except OSError as error:
        wrong.append(str(error.strerror))
    with suppress(OSError):
        os.unlink(path)
    if len(found) > _MOST:
        wrong.append(f"{len(found):,} metrics, of which the first {_MOST:,} are kept")
        found = dict([*found.items()][:_MOST])
    for words in dict.fromkeys(wrong[:3]):
        tell(Note(f"metrics: {words}", task))
    if found:
        tell(MetricsLogged(task, found))


def of_products(task: Task, root: str, tell: Callable[[Event], None]) -> Failure | None:
    """Tell of the metrics in the JSON that a task made for that; return the failure, if they are no numbers."""
    found: dict[str, int | float] = {}
    for product in task.products:
        if not {product.key, product.path} & {*task.own["metrics"]}:
            continue
        try:
            plain = json.loads(Path(root, product.path).read_bytes())
            if not isinstance(plain, dict):
                raise TypeError(f"it holds a {type(plain).__name__}, and no object of numbers")
            found |= {name: number(name, value) for name, value in _flat(plain)}
        except (OSError, ValueError, TypeError, RecursionError) as error:
            hint = 'metrics are numbers by their names: {"accuracy": 0.9}'
            return Failure("MetricsError", f"{product.path}: {error}", path=task.source.path, hint=hint)
    if found:
        tell(MetricsLogged(task.name, dict([*found.items()][:_MOST])))
    return None


def _flat(table: Json) -> Iterator[tuple[str, object]]:
    """Yield the values of an object, those inside another by the names of both: "test.accuracy"."""
    for name, value in table.items():
        if isinstance(value, dict):
            yield from ((f"{name}.{inner}", one) for inner, one in _flat(value))
        else:
            yield name, value
