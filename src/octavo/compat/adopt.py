"""Adopt results that Ploomber made, where its metadata shows that nothing has changed.

Ploomber keeps ``.NAME.metadata`` beside each product: when it was made, from which code, with which parameters. A task
is adopted when all its products are there with such a file, the code in them is that of now (comments do not count),
so are the parameters, and every task before it was adopted too and is older. Whatever is in doubt is not adopted.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import field
from textwrap import dedent

from .. import kinds
from .. import notebook as documents
from ..dataclass import dataclass
from ..errors import Error
from ..graph import Graph
from ..lazy import lazy_imports
from ..model import Json, Product, Record, Task
from ..notebook.inject import tags
from ..plan import key_of, why
from ..reading import digest, functions, magics
from ..reading import normal_text as code
from ..spec.sources import Reader
from ..state.store import Store

with lazy_imports():
    from ..reading import templates
    from . import table_notes

#: The run that records of adopted tasks name.
RUN = "adopted"
#: A product written later than what tells of it, by more than this (seconds), was changed after that.
_LATE = 2.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the results of a task were adopted; ``why`` not, or when they were made (``at``, seconds)."""

    task: str
    adopted: bool
    why: str = ""
    at: float | None = None


class _Doubt(Exception):
    """Why a task cannot be adopted."""


def adopt(
    graph: Graph, store: Store, names: Iterable[str], unfit: Iterable[str] = (), commit: bool = True
) -> list[Verdict]:
    """Adopt what can be of some tasks, and return what came of each that octavo has no results of yet.

    Without ``commit`` nothing is recorded: it only tells. With it, what Ploomber has made, as it left it, may be
    replaced where it is not adopted.
    """
    wanted, unfit = set(names), set(unfit)
    fill = Reader(str(store.root), store).filled
    tables = _tables([task for task in graph if task.name in wanted], store, commit)
    times: dict[str, float] = {}
    verdicts = []
    for task in graph:
        record = store.record(key_of(task))
        if record is not None and record.run == RUN and record.state == "done":
            # of an earlier time: those after it can still follow
            times |= {task.name: at} if (at := _at(task, store)) is not None else {}
        if task.name not in wanted or (record is not None and record.state == "done"):
            continue
        try:
            if record is not None:
                raise _Doubt("it has run here since")
            if task.name in unfit:
                raise _Doubt("its source has errors")
            task = fill(task)
            at = _agreed(task, store, times, tables)
        except (_Doubt, Error) as error:
            if commit and record is None:
                _yield(task, store, tables)
            words = error.message if isinstance(error, Error) else str(error)
            verdicts.append(Verdict(task.name, False, words))
            continue
        times[task.name] = at
        if commit:
            _commit(task, graph, store)
        verdicts.append(Verdict(task.name, True, at=at))
    store.flush()
    return verdicts


def _yield(task: Task, store: Store, tables: _Tables) -> None:
    """Let the next run replace what Ploomber has made of a task, and nobody has changed since."""
    for product in task.products:
        try:
            _note(task, product, store, tables)
            digest_now = store.digest(product.path)
        except (_Doubt, Error):
            continue
        if digest_now is not None:
            store.keep_made(product.path, digest_now)


def _commit(task: Task, graph: Graph, store: Store) -> None:
    _, table = why(task, graph.tasks, store, None)
    products = {product.path: store.digest(product.path) or "" for product in task.products}
    store.commit(Record(task.name, table, products, {}, RUN, 0.0, raw=task.source.facts.raw))


def _agreed(task: Task, store: Store, times: Mapping[str, float], tables: _Tables) -> float:
    """Return when the products of a task were made; raise what speaks against taking them for its results."""
    notes = [_note(task, product, store, tables) for product in task.products]
    if not notes:
        raise _Doubt("it has no product")
    if not all(_same_code(task, note["stored_source_code"], str(store.root)) for note in notes):
        raise _Doubt("its code has changed since")
    for note in notes:
        if changed := _changed(_params(task, str(store.root)), note["params"]):
            raise _Doubt(changed)
    at: float = min(note["timestamp"] for note in notes)
    for name in task.upstream:
        if name not in times:
            raise _Doubt(f"{name}, which it needs, is not adopted")
        if times[name] > at:
            raise _Doubt(f"{name}, which it needs, was made later")
    return at


# ── what Ploomber left


@dataclass(frozen=True, slots=True)
class _Tables:
    """What is noted of tables in their database, by path, and why it could not be asked, by task."""

    noted: Mapping[str, object] = field(default_factory=dict)
    why: Mapping[str, str] = field(default_factory=dict)


def _tables(tasks: Iterable[Task], store: Store, write: bool) -> _Tables:
    """Return the notes on the tables of tasks that have no record yet, and may have been made by Ploomber."""
    doubtful = [
        task
        for task in tasks
        if any(product.maker == "SQLiteRelation" for product in task.products)
        and store.record(key_of(task)) is None
    ]
    if not doubtful:
        return _Tables()
    return _Tables(*table_notes.noted(doubtful, str(store.root), write))


def _sidecar(path: str, store: Store) -> str:
    folder, name = os.path.split(os.path.join(store.root, path))
    return os.path.join(folder, f".{name}.metadata")


def _note(task: Task, product: Product, store: Store, tables: _Tables) -> Json:
    """Return what is said of a product: by the file beside it, or in its database."""
    if product.relation is not None and product.maker == "SQLiteRelation":
        if product.path not in tables.noted:
            nothing = f"nothing is noted of the table {product.relation} in its database"
            raise _Doubt(tables.why.get(task.name) or nothing)
        return _whole(tables.noted[product.path], f"what is noted of the table {product.relation}")
    if product.maker != "File":
        raise _Doubt(f"Ploomber keeps nothing of a {product.maker} that can be read")
    path = product.path
    full, beside = os.path.join(store.root, path), _sidecar(path, store)
    if not os.path.exists(full):
        raise _Doubt(f"{path} is not there")
    shown = os.path.relpath(beside, store.root)
    try:
        with open(beside, "rb") as file:  # noqa: PTH123 - a str
            data = json.loads(file.read())
    except FileNotFoundError:
        raise _Doubt(f"{shown} is not there") from None
    except (OSError, ValueError) as error:
        raise _Doubt(f"{shown} cannot be read: {error}") from None
    note = _whole(data, shown)
    # where it is still the file that Ploomber wrote, and no copy, times tell
    written = os.stat(beside).st_mtime
    if abs(written - note["timestamp"]) < _LATE and os.stat(full).st_mtime > written + _LATE:
        raise _Doubt(f"{path} was changed after Ploomber had made it")
    return note


def _whole(data: object, shown: str) -> Json:
    """Return what is said of a product when all of it is there."""
    if isinstance(data, dict) and isinstance(data.get("params"), dict | None):
        at, text = data.get("timestamp"), data.get("stored_source_code")
        if isinstance(at, int | float) and not isinstance(at, bool) and isinstance(text, str):
            return {"timestamp": float(at), "stored_source_code": text, "params": data.get("params") or {}}
    raise _Doubt(f"{shown} is damaged")


def _at(task: Task, store: Store) -> float | None:
    tables = _Tables()
    if any(product.relation is not None for product in task.products):
        tables = _Tables(*table_notes.noted([task], str(store.root), False))
    try:
        return min(
            (_note(task, product, store, tables)["timestamp"] for product in task.products), default=None
        )
    except _Doubt:
        return None


# ── the same parameters


def _params(task: Task, root: str) -> dict[str, str]:
    """Return the parameters as Ploomber writes them: as JSON; files by their MD5, what is no JSON left out."""
    found = {}
    for name, value in task.params.items():
        if name == "resources_" and isinstance(value, Mapping):
            value = {key: _md5(os.path.join(root, str(path))) for key, path in value.items()}
        try:
            found[name] = json.dumps(value, sort_keys=True)
        except (TypeError, ValueError):
            continue
    return found


def _md5(path: str) -> str | None:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - a str
            return hashlib.md5(file.read(), usedforsecurity=False).hexdigest()
    except OSError:
        return None


def _changed(now: Mapping[str, str], then: Mapping[str, object]) -> str:
    """Return what is to be said of parameters that differ; an empty string where they do not."""
    was = {name: json.dumps(value, sort_keys=True) for name, value in then.items()}
    for name in sorted(now.keys() | was.keys()):
        if name not in was:
            return f"its parameter {name} is new"
        if name not in now:
            return f"its parameter {name} was removed"
        if now[name] != was[name]:
            return f"its parameter {name} was {was[name][:40]}"
    return ""


# ── the same code


def _same_code(task: Task, stored: str, root: str) -> bool:
    text = task.source.text or ""
    row = kinds.row(task.kind)
    if row.source == "function":
        name = (task.source.entry or "").rpartition(".")[2]
        own = functions.definition(text, name)
        return own is not None and _same_python(own, stored)
    if row.source == "notebook":
        return _same_notebook(task, stored)
    if row.source == "template":
        return _same_template(task, stored, root)
    if row.source == "data" and row.connects:  # which Ploomber knows by its path
        return f"/{stored}".endswith(f"/{task.source.path}")
    raise _Doubt(f"what is a {task.kind} is not adopted")


def _same_python(one: str, other: str) -> bool:
    """Return whether two texts run the same; what cannot be read is not the same."""
    try:
        return _normal(one) == _normal(other)
    except (SyntaxError, ValueError, RecursionError):
        return False


def _normal(text: str) -> str:
    tree: ast.Module = magics.tree(dedent(text))
    return digest.normal(digest.effective(tree.body))


def _same_notebook(task: Task, stored: str) -> bool:
    """Compare with the texts of all cells, one after another: that is what Ploomber keeps, prose and code alike."""
    cells = [
        cell for cell in documents.of_source(task.source).cells if "injected-parameters" not in tags(cell)
    ]
    if "\n".join(cell["source"] for cell in cells).rstrip() == stored.rstrip():
        return True
    if task.source.facts.language.lower() != "python":
        return False
    prose = [cell["source"].split("\n") for cell in cells if cell["cell_type"] != "code"]
    rest = _without(stored.split("\n"), prose)
    if rest is None:
        return False  # its prose was changed too: what is code in the stored text cannot be told
    return _same_python(
        "\n".join(cell["source"] for cell in cells if cell["cell_type"] == "code"), "\n".join(rest)
    )


def _without(lines: list[str], blocks: Iterable[list[str]]) -> list[str] | None:
    """Return lines without these blocks, which follow each other in it; None where one is not there."""
    rest: list[str] = []
    for block in blocks:
        size = len(block)
        at = next((n for n in range(len(lines) - size + 1) if lines[n : n + size] == block), None)
        if at is None:
            return None
        rest += lines[:at]
        lines = lines[at + size :]
    return rest + lines


def _same_template(task: Task, stored: str, root: str) -> bool:
    """Compare with the text that ran: the template with all values in place, absolute paths among them."""
    now = templates.render(task, root)
    bare = code.shell if task.source.facts.language == "sh" else lambda text: code.sql(text, [("data", text)])
    for known in task.products:
        # the project may have been elsewhere then
        before, found, _ = stored.partition("/" + known.path)
        elsewhere = before.split()[-1].lstrip("\"'=(") if found and before.split() else root
        stored = stored.replace(elsewhere + "/", root + "/")
    same: bool = bare(now).strip() == bare(stored).strip()
    return same
