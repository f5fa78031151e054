"""Name the cells and functions that changed, from texts kept with the records."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from . import kinds, parts
from .errors import Error, Errors
from .lazy import lazy_imports
from .model import Json, Reason, Record, Task
from .state.store import Store

with lazy_imports():
    from . import notebook
    from .reading import diff, functions

_SPACE = "text"


def remember(store: Store, task: Task, table: Mapping[str, str], discovered: Mapping[str, str]) -> None:
    """Keep the texts that a record's digests stand for, each once: the source's and those of the project's modules."""
    rows = []
    if task.source.text is not None and not store.keeps(_SPACE, task.source.facts.digest):
        rows.append((task.source.facts.digest, task.source.text))
    for part, path in discovered.items():
        if parts.split(part)[0].text and (digest := table.get(part)) and not store.keeps(_SPACE, digest):
            rows.append((digest, _read(os.path.join(store.root, path))))
    if rows:
        packed = [
            (digest, "", zlib.compress(text.encode("utf-8", "surrogateescape"))) for digest, text in rows
        ]
        store.keep(_SPACE, packed)


def detailed(store: Store, task: Task, record: Record, reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """Return reasons with what changed in a source or module: "cells 3, 5", "scale_columns, fit"."""
    return tuple(
        replace(reason, detail=words) if (words := _words(store, task, record, reason)) else reason
        for reason in reasons
    )


def versions(store: Store, task: Task, record: Record, reason: Reason) -> tuple[str, str] | None:
    """Return the text that a part's record stands for and the text of now; None when one is not known."""
    row, _ = parts.split(reason.part)
    if not row.text:
        return None
    path = task.source.path if row is parts.SOURCE else record.discovered.get(reason.part, "")
    packed = store.memo(_SPACE, reason.was or "", "")
    if not path or packed is None or reason.now is None:
        return None
    try:
        known = zlib.decompress(packed).decode("utf-8", "surrogateescape")
    except zlib.error:
        return None
    return known, _read(os.path.join(store.root, path))


def differences(store: Store, task: Task, record: Record, reason: Reason) -> Iterator[str]:
    """Yield the lines of a diff of what a reason is about: of the cells that changed, or of the module."""
    found = versions(store, task, record, reason)
    if found is None:
        return
    if reason.part != parts.SOURCE.word or not kinds.row(task.kind).executed:
        yield from diff.unified(*found)
        return
    for change in diff.cells(*(cell_sources(text, task.source.path) for text in found)):
        yield f"cell {change.number}" + (f" was {change.kind}" if change.kind != "changed" else "")
        yield from diff.unified(change.old, change.new)


def cell_sources(text: str, path: str) -> list[str]:
    """Return the sources of the code cells of a notebook's text; none when it cannot be read."""
    try:
        data = notebook.loads(text.encode("utf-8", "surrogateescape"), path).data
    except (Error, Errors):  # the mistakes of a source are told elsewhere
        return []
    return [cell["source"] for cell in data["cells"] if cell["cell_type"] == "code" and not _injected(cell)]


def _words(store: Store, task: Task, record: Record, reason: Reason) -> str:
    found = versions(store, task, record, reason)
    if found is None:
        return ""
    # the modules that compare are needed by a plan with news only
    if reason.part == parts.SOURCE.word and kinds.row(task.kind).executed:
        before, after = (cell_sources(text, task.source.path) for text in found)
        words: str = diff.in_words(diff.cells(before, after))
        return words
    names = diff.definitions(*found)
    if reason.part == parts.SOURCE.word and task.source.entry:
        rest = functions.unreached(found[1], task.source.path, task.source.entry.rpartition(".")[2])
        names = [name for name in names if name not in rest] or names
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _injected(cell: Json) -> bool:
    return "injected-parameters" in (cell.get("metadata", {}).get("tags") or ())


def _read(path: str) -> str:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - as sources.contents does
            return file.read().decode("utf-8", "surrogateescape")
    except OSError:
        return ""
