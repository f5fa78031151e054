"""What of a record holds on other machines: the rest is left out, or the lock says nothing of the task."""

from __future__ import annotations

import os
from collections.abc import Container, Mapping

from .. import parts
from ..digests import digest
from ..fingerprint import manifest
from ..model import PROXIES, UNKNOWN, UNSTABLE, Manifest, Record, Task
from ..plan import ACCEPTED, LOCKED
from ..products import TREE
from ..state.store import Store
from .lines import Line

#: How a value begins that has a path of one machine in it: only its digest is kept.
_PATH = "path "
#: What is shown for such a value where it is another here.
_ELSEWHERE = "(a path of another machine)"


def line(
    task: Task, graph: Mapping[str, Task], record: Record, store: Store, shared: Container[str], key: str
) -> Line:
    """Return what the lock says of a result.

    ``shared`` are the products that several tasks write, ``key`` names the key of this project's secrets.
    """
    made_from = {part: _portable(value, store) for part, value in record.manifest.items()}
    found = dict(record.discovered)
    for part, path in record.discovered.items():
        # noted for people: where a kernel was, and how a machine could look
        seen = parts.split(part)[0] is parts.OBSERVED
        if seen or (os.path.isabs(path) and not (task.run.strict or parts.counts(part))):
            del found[part]
            made_from.pop(part, None)
    if words := _unproven(task, record, made_from, found, store, shared):
        return Line(task.name, unproven=words)
    return Line(
        task.name,
        record.products,
        made_from,
        found,
        record.raw,
        key if _is_secret(task, graph) else "",
        record.run == ACCEPTED,
    )


def record(said: Line, task: Task, graph: Mapping[str, Task], key: str) -> Record | None:
    """Return the record that a line stands for; None where it has secrets that cannot be compared here."""
    if _is_secret(task, graph) and said.key != key:
        return None
    made_from = dict(said.made_from)
    if any(value.startswith(_PATH) for value in made_from.values()):
        now = manifest(task, None, graph, lambda path: None, lambda part, path: None)
        for part, value in made_from.items():
            if value.startswith(_PATH):
                here = now.get(part, "")
                made_from[part] = here if value == _digested(here) else _ELSEWHERE
    run = ACCEPTED if said.accepted else LOCKED
    return Record(said.task, made_from, dict(said.products), dict(said.found), run, 0.0, raw=said.raw)


def _is_secret(task: Task, graph: Mapping[str, Task]) -> bool:
    """Return whether digests of secrets are in the manifest of a task: of its own, or of tasks that it stands on."""
    tasks = (task, *(graph[name] for name in task.upstream if name in graph))
    return any(one.hidden.kept or one.hidden.options for one in tasks)


def _portable(value: str, store: Store) -> str:
    """Return a value as it may stand in the lock."""
    if value.startswith(_PATH):
        return _digested(value)
    root, home = os.fspath(store.root), os.path.expanduser("~")
    own = any(len(place) > 1 and place in value for place in (root, home))
    # values are written as JSON: a text that is a path, or has one in it after a space, an equals sign …
    return _digested(value) if own or '"/' in value else value


def _digested(value: str) -> str:
    return _PATH + digest(value)


def _unproven(
    task: Task,
    record: Record,
    made_from: Manifest,
    found: Mapping[str, str],
    store: Store,
    shared: Container[str],
) -> str:
    """Return why nothing can be said of a result elsewhere; "" where it can."""
    if any(product.relation is not None or product.path.startswith(PROXIES) for product in task.products):
        return "what it makes is no file"
    written = [
        *(path for path in record.products if path in shared),
        *parts.about(parts.COPRODUCT, made_from),
    ]
    if written:
        return f"several tasks write {written[0]}"
    folders = (path for path, digest in record.products.items() if digest.startswith(TREE))
    if mixed := [path for path in folders if store.others(path) != set()]:
        return f"{mixed[0]} holds files of others"
    top = _top(os.fspath(store.root))
    for part, value in made_from.items():
        row, what = parts.split(part)
        if row is parts.UNSEEN or value == UNSTABLE or value.startswith(UNKNOWN):
            return "what it was made from cannot be compared"
        used = (what, found.get(part, "").partition("\n")[0])
        if (row.needed or row is parts.IMPORTS) and not all(_inside(path, top) for path in used):
            return "it uses what is outside the repository"
        if row is parts.LINK and os.path.isabs(value):
            return f"the link {what} leads out of the project"
    return ""


def _top(root: str) -> str:
    """Return the way up from a project to its repository: "../../"; "" where it is none, or in none."""
    folder, way = root, ""
    while not os.path.exists(os.path.join(folder, ".git")):
        folder, before = os.path.dirname(folder), folder
        if folder == before:
            return ""
        way += "../"
    return way


def _inside(path: str, top: str) -> bool:
    """Return whether a path, from the project, is in its repository."""
    steps = os.path.normpath(path).split("/")
    return not path.startswith("/") and steps.count("..") <= top.count("..")
