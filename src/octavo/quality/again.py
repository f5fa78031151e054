"""Make the checks of a task again of products that are as they were, when nothing but its checks has changed.

Nothing of the record changes before they have passed: killed, or failed, the task is as stale as before, and whatever
else changes in the meantime makes it run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from .. import parts
from ..events import CheckFinished, Event, Findings, TaskFinished
from ..model import Failure, Manifest, Outcome, Record, Task
from ..state.store import Store
from . import settled
from .around import ALONE

_STAYS = "the task was not run for that, and what it made stays: octavo build --force {} runs it"


def alone(task: Task) -> Task:
    """Return a task of which only the checks are made: once, for that finds the same again."""
    return replace(task, own={**task.own, ALONE: True}, run=replace(task.run, retries=0))


def ended(
    store: Store,
    run: str,
    at: float,
    task: Task,
    record: Record,
    table: Manifest,
    event: TaskFinished | None = None,
    seen: Mapping[str, tuple[str, str]] | None = None,
    said: Sequence[Findings] = (),
) -> Iterator[Event]:
    """Record that the checks have passed, and say how that ended; ``table`` is the manifest of the task now.

    ``seen`` is what making them was seen to use, ``event`` how it ended, None where there is none to be made.
    """
    found = {one.check: one for one in said if isinstance(one, CheckFinished)}
    good = event is None or event.outcome is Outcome.DONE
    with suppress(OSError):  # it is for people, and for the next comparison: a full disk fails no build
        settled.keep(str(store.root), run, at, task, good, found)
    if event is not None and not good:
        if event.failure is not None:
            message = f"{event.failure.message}\n{_STAYS.format(task.name)}"
            event = replace(event, failure=replace(event.failure, message=message))
        yield event
        return
    if changed := [path for path, digest in record.products.items() if store.digest(path) != digest]:
        message = f"{', '.join(changed)}: changed while the checks were made"
        yield TaskFinished(task.name, Outcome.FAILED, failure=Failure("ProductError", message))
        return
    seen = seen or {}
    checks = {part: value for part, value in table.items() if _is_check(part)}
    rest = {part: value for part, value in record.manifest.items() if not _is_check(part)}
    new = {part: digest for part, (_, digest) in seen.items() if part not in rest}
    discovered = {**{part: path for part, (path, _) in seen.items()}, **record.discovered}
    store.commit(replace(record, manifest=rest | new | checks, discovered=discovered))
    store.flush()
    yield TaskFinished(task.name, Outcome.FRESH)


def _is_check(part: str) -> bool:
    return parts.split(part)[0] is parts.CHECK
