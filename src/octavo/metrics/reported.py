"""Read what a task has reported, in its worker."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress

from ..events import Event, MetricsLogged, Note
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
