"""What becomes of a task whose checks were made, in the driver: its results are kept, and bad products as evidence."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from ..digests import digest
from ..events import CheckFinished, Findings, MetricsLogged, TaskFinished, to_json
from ..metrics import kept
from ..model import PROXIES, Json, Manifest, Outcome, Task
from ..products import writing
from ..products.aside import Aside
from .around import FAILED, path_of, read

#: Of so many failures of a task the products are kept.
_KEPT = 5
#: Of so many runs of each task it is known which checks did not pass.
_RUNS = 50


def settled(
    root: str,
    run: str,
    at: float,
    task: Task,
    table: Manifest,
    event: TaskFinished,
    said: Sequence[Findings],
    aside: Aside,
) -> TaskFinished:
    """Keep what a task has reported and its checks have found; move what failed them away, and say where it is.

    ``said`` are the events that told it, the last of each check being the one that counts.
    """
    found = {one.check: one for one in said if isinstance(one, CheckFinished)}
    metrics = {name: it for one in said if isinstance(one, MetricsLogged) for name, it in one.metrics.items()}
    if metrics:
        kept.keep(root, run, at, task, table, (event.outcome.value, event.seconds), metrics)
    words = _moved(root, run, task, event, aside)
    if found:
        with suppress(OSError):  # it is for people, and for the next comparison: a full disk fails no build
            keep(root, run, at, task, event.outcome is Outcome.DONE, found)
    if not words or event.failure is None:
        return event
    return replace(event, failure=replace(event.failure, message="\n".join([event.failure.message, *words])))


def keep(root: str, run: str, at: float, task: Task, good: bool, found: Mapping[str, CheckFinished]) -> None:
    """Keep what the checks of a task have found, for status, history, and the next comparison."""
    before = read(root, task)
    profiles = {name: one.profile for name, one in found.items() if one.profile is not None}
    results = [
        {k: v for k, v in to_json(one).items() if k not in ("event", "profile")} for one in found.values()
    ]
    whole: Json = {"task": task.name, "run": run, "at": at, "good": good, "results": results}
    runs = known if isinstance(known := before.get("runs"), dict) else {}
    runs = dict([*runs.items()][-_RUNS:]) | {
        run: "; ".join(one.check for one in found.values() if not one.good)
    }
    whole["runs"] = runs
    whole["profiles"] = profiles if good else before.get("profiles", {})
    path = path_of(root, task)
    path.parent.mkdir(parents=True, exist_ok=True)
    writing.write(str(path), [json.dumps(whole, default=str).encode()])


def _moved(root: str, run: str, task: Task, event: TaskFinished, aside: Aside) -> list[str]:
    """Move the products of a task whose checks failed to where evidence is; return what to say of that."""
    if event.failure is None or event.failure.kind != FAILED:
        return []
    folder = os.path.join(".octavo", "evidence", safe(task.name))
    place = os.path.join(folder, run)
    made = [it.path for it in task.products if not (it.executed or it.path.startswith(PROXIES))]
    words = []
    try:
        moved = aside.move(made, os.path.join(root, place))
        words = [f"{'the product is' if len(moved) == 1 else 'its products are'} kept as evidence: {place}"]
    except OSError as error:
        aside.discard(made)
        words = [f"the product could not be kept as evidence, and is removed: {error.strerror or error}"]
    else:
        words = words if moved else []
    if any(one.relation is not None for one in task.products):
        words.append("the table stays as the task has left it: its database keeps no older one")
    with suppress(OSError):
        kept = sorted(os.listdir(os.path.join(root, folder)))
        for old in kept[:-_KEPT]:
            shutil.rmtree(os.path.join(root, folder, old), ignore_errors=True)
    return words


def safe(name: str) -> str:
    """Return a name as that of a file, so that no two names have the same."""
    text = name.replace("%", "%25").replace("/", "%2F").replace("\\", "%5C").replace("\0", "%00")
    text = f"%2E{text[1:]}" if text.startswith(".") else text
    return text if len(os.fsencode(text)) <= 200 else f"{text[:60]}-{digest(name)}"
