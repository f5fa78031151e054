"""The versions of a notebook and the history of its cells, as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from ..lineage.cells import text
from ..model import Json
from ..timeline import CellHistory, Snapshot, outputs
from .screen import Screen, flat, many

_SHOWN = 40


def named(one: Snapshot) -> str:
    """Return how a snapshot is called: a commit by its beginning."""
    if one.origin == "commit":
        return one.name[:9]
    return "now" if one.origin == "now" else f"{one.origin} {one.name}"


def _line(one: Snapshot) -> str:
    words = [named(one), one.at[:16].replace("T", " "), flat(one.by), flat(one.subject)]
    return "  ".join(word for word in words if word)


def of_notebook(
    found: Sequence[Snapshot],
    cells: Sequence[CellHistory],
    path: str,
    versioned: bool,
    as_json: bool,
    out: Screen,
) -> Iterator[str]:
    """Yield the versions of a notebook, the newest first, and when each of its cells last changed."""
    if as_json:
        whole = {
            "notebook": path,
            "git": versioned,
            "versions": [plain(one) for one in found[::-1]],
            "cells": [_cell(one) for one in cells],
        }
        yield json.dumps(whole, ensure_ascii=False, indent=1)
        return
    where = (
        "" if versioned else ", not in a git repository: only runs and published copies tell of earlier ones"
    )
    yield f"{out.paint(flat(path), 'bold')}: {many(len(found), 'version')}{where}"
    for one in found[::-1]:
        yield f"  {_line(one)}"
    yield out.paint("cells", "bold")
    for cell in cells:
        if not cell.number:
            continue
        times = f", changed {many(cell.changes, 'time')}" if cell.changes else ""
        output = f", output {named(cell.output)} {cell.output.at[:10]}" if cell.output else ""
        first = flat(next((line for line in cell.source.splitlines() if line.strip()), ""))[:_SHOWN]
        yield (
            f"  {cell.number:>3}  {named(cell.changed)} {cell.changed.at[:10]}{times}{output}"
            f"  {out.paint(first, 'dim')}"
        )


def of_cell(
    found: Sequence[Snapshot], was: Sequence[Json | None], path: str, as_json: bool, out: Screen
) -> Iterator[str]:
    """Yield the versions in which a cell changed, the newest first, each with what changed."""
    rows = []
    before: tuple[str, str | None] | None = None
    for snapshot, cell in zip(found, was, strict=True):
        if cell is None:
            continue
        shown = outputs(cell) if snapshot.outputs else before[1] if before else None
        now = cell["source"].strip(), shown
        what = ["appeared"] if before is None else []
        if before is not None:
            what += ["source"] if before[0] != now[0] else []
            what += ["output"] if before[1] != now[1] and now[1] is not None else []
        before = now
        if what:
            rows.append((snapshot, what, cell))
    if as_json:
        data = [{**plain(one), "changed": what, "source": cell["source"]} for one, what, cell in rows[::-1]]
        yield json.dumps({"notebook": path, "versions": data}, ensure_ascii=False, indent=1)
        return
    for one, what, _ in rows[::-1]:
        yield f"{', '.join(what):<15} {_line(one)}"


def as_it_was(one: Snapshot, cells: Sequence[Json], as_json: bool, out: Screen) -> Iterator[str]:
    """Yield cells as they were."""
    if as_json:
        data = {**plain(one), "cells": [*cells]}
        yield json.dumps(data, ensure_ascii=False, indent=1)
        return
    yield out.paint(_line(one), "dim")
    for cell in cells:
        yield out.paint(f"# {cell['cell_type']}", "dim")
        yield from (flat(line) for line in cell["source"].splitlines())
        for line in text(cell).splitlines() if cell["cell_type"] == "code" else ():
            yield f"{out.paint('→', 'dim')} {flat(line)}"


def plain(one: Snapshot) -> Json:
    """Return a snapshot as plain values, without its cells."""
    return {
        "origin": one.origin,
        "name": one.name or None,
        "at": one.at,
        "by": one.by or None,
        "subject": one.subject or None,
    }


def _cell(one: CellHistory) -> Json:
    return {
        "cell": one.number or None,
        "index": one.index,
        "source": one.source,
        "first": plain(one.first),
        "changed": plain(one.changed),
        "changes": one.changes,
        "output": plain(one.output) if one.output else None,
    }
