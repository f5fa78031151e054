"""Runs and what their tasks reported, side by side: as text and CSV."""

from __future__ import annotations

import csv
import time
from io import StringIO
from typing import TYPE_CHECKING

from .screen import columns, flat, pad

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ..metrics.kept import RunMetrics

#: A table: its rows, the first of which is the heading.
Table = list[list[str]]


def listed(rows: Sequence[RunMetrics]) -> Table:
    """Return a row for each task of each run, with what it reported, and parameters that differ among them."""
    metrics = dict.fromkeys(name for row in rows for name in row.metrics)
    names = dict.fromkeys(name for row in rows for name in row.params)
    params = [
        it for it in names if it not in metrics and len({shown(row.params.get(it)) for row in rows}) > 1
    ]
    table = [["run", "when", "task", *params, *metrics]]
    for row in rows:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(row.at))
        found = [shown(row.value(name)) for name in (*params, *metrics)]
        table.append([row.run, when, row.task, *found])
    return table


def compared(rows: Sequence[RunMetrics]) -> list[tuple[str, list[str], bool]]:
    """Return what is known of each: its name, the values, and whether they differ."""

    def each(
        names: dict[str, None], value: Callable[[RunMetrics, str], object]
    ) -> list[tuple[str, list[str]]]:
        return [(name, [shown(value(row, name)) for row in rows]) for name in names]

    found = [("task", [row.task for row in rows]), ("outcome", [row.outcome for row in rows])]
    found += each({it: None for row in rows for it in row.params}, lambda row, name: row.params.get(name))
    found += each({it: None for row in rows for it in row.metrics}, lambda row, name: row.metrics.get(name))
    found += [("code", [row.code[:12] for row in rows])]
    found += each(
        {it: None for row in rows for it in row.data}, lambda row, name: row.data.get(name, "")[:12]
    )
    return [(name, values, len({*values}) > 1) for name, values in found]


def side_by_side(rows: Sequence[RunMetrics]) -> Table:
    """Return runs as columns; a star marks what differs."""
    heading = ["", *(row.run for row in rows)]
    return [
        heading,
        *([f"{name}{' *' if differs else ''}", *values] for name, values, differs in compared(rows)),
    ]


def shown(value: object) -> str:
    """Return a value as people read it: six digits of a number."""
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else flat(str(value))


def text(table: Table) -> Iterator[str]:
    """Yield the lines of a table."""
    widths = [max(map(columns, column)) for column in zip(*table, strict=True)]
    for row in table:
        yield "  ".join(pad(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip()


def as_csv(table: Table) -> str:
    """Return a table as CSV; what a spreadsheet would take for a formula is text."""
    out = StringIO()
    written = csv.writer(out, lineterminator="\n")
    for row in table:
        written.writerow([f"'{cell}" if cell[:1] in ("=", "@", "+") else cell for cell in row])
    return out.getvalue()
