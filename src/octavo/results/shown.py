"""Runs side by side as text, CSV and JSON: what they reported, and what they left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..model import Json
from ..show import runs_table
from ..show.screen import flat, many
from . import Compared, Left, MatchedRow, MatchedTables, RunsOfSource, Sort, tables

#: Of so many rows a table is shown whole; of a longer one, so many that differ. Columns are as many as fit.
_WHOLE, _DIFFERING, _COLUMNS = 12, 20, 12
#: The most characters of a value in a table, and the most rows of a table in JSON.
_WIDEST, _ROWS = 40, 2_000


def lines(families: Sequence[RunsOfSource]) -> Iterator[str]:
    """Yield lines for a terminal: each family in a table, with its tables and a word for its plots below."""
    same: dict[str, None] = {}
    first = True
    for family in families:
        differing = [result for result in family.results if result.differs or len(family.rows) == 1]
        if not differing and not any(row.metrics for row in family.rows):
            same |= dict.fromkeys(row.task for row in family.rows)
            continue
        if not first:
            yield ""
        first = False
        yield from runs_table.text(runs_table.side_by_side(family.rows))
        for result in differing:
            yield ""
            yield f"{flat(result.name)}: {_words(family, result)}"
            yield from (f"  {line}" for line in _table(result.merged))
        alike = [flat(result.name) for result in family.results if result not in differing]
        if alike:
            yield ""
            yield f"the same: {', '.join(alike)}"
    if same:
        yield from () if first else [""]
        yield f"the same in all: {', '.join(map(flat, same))}"


def _words(family: RunsOfSource, result: Compared) -> str:
    """Return how what runs left differs from what the first did, in one line."""
    if not result.said:
        return result.sides[0].words or result.sides[0].sort.value if result.sides[0] else "not there"
    if len(result.said) == 1:
        return flat(result.said[0]) or "the same"
    heads = (_head(family, at) for at in range(1, len(result.sides)))
    return "; ".join(
        f"{head}: {flat(said) or 'the same'}" for head, said in zip(heads, result.said, strict=True)
    )


def _head(family: RunsOfSource, at: int) -> str:
    """Return what tells a column from others: its run, or its task where all are of one run."""
    row = family.rows[at]
    return row.run if len({it.run for it in family.rows}) > 1 else row.task


def _table(merged: MatchedTables | None) -> Iterator[str]:
    """Yield a table in which the values that differ stand as "before → after"."""
    if merged is None or not merged.columns:
        return
    whole = len(merged.lines) <= _WHOLE
    chosen = [line for line in merged.lines if whole or any(line.differs)]
    columns = [*range(min(len(merged.columns), _COLUMNS))]
    changed = [at for at in range(_COLUMNS, len(merged.columns)) if any(line.differs[at] for line in chosen)]
    columns += changed[:_COLUMNS]
    rows = [
        ["", *(flat(merged.columns[at])[:_WIDEST] for at in columns)],
        *([_mark(line), *(cell(line, at) for at in columns)] for line in chosen[:_DIFFERING]),
    ]
    if not any(row[0] for row in rows):
        rows = [row[1:] for row in rows]
    yield from runs_table.text(rows)
    if more := len(chosen) - _DIFFERING:
        yield from [f"… and {many(more, 'row')} more"] if more > 0 else ()


def _mark(line: MatchedRow) -> str:
    """Return a sign for a row that the first does not have, or that others do not."""
    if line.numbers[0] is None:
        return "+"
    return "-" if None in line.numbers else ""


def cell(line: MatchedRow, at: int) -> str:
    """Return what stands in a cell on all sides: once where it is the same, or where only one of two has the row."""
    values = line.values[at]
    there = [value for value in values if value is not None]
    if not line.differs[at] or (len(values) == 2 and None in line.numbers):
        return _short(there[0]) if there else ""
    return " → ".join("–" if value is None else _short(value) for value in values)


def _short(value: str) -> str:
    value = flat(value)
    return value if len(value) <= _WIDEST else f"{value[: _WIDEST - 1]}…"


def table(families: Sequence[RunsOfSource]) -> runs_table.Table:
    """Return everything as one table with a column for each run and task; a star marks what differs."""
    rows = [row for family in families for row in family.rows]
    found = runs_table.side_by_side(rows)
    before = 0
    for family in families:
        after = len(rows) - before - len(family.rows)
        for name, values, differs in _cells(family):
            found.append([f"{name}{' *' if differs else ''}", *[""] * before, *values, *[""] * after])
        before += len(family.rows)
    return found


def _cells(family: RunsOfSource) -> Iterator[tuple[str, list[str], bool]]:
    """Yield each cell of each table that differs, and a word for what is no table."""
    for result in family.results:
        yield (
            result.name,
            ["" if side is None else side.words or side.sort.value for side in result.sides],
            result.differs,
        )
        if (merged := result.merged) is None:
            continue
        for number, line in enumerate(merged.lines, 1):
            for column, values, differs in zip(merged.columns, line.values, line.differs, strict=True):
                if differs:
                    known = dict(zip(merged.sides, values, strict=True))
                    every = [known.get(at) or "" for at in range(len(result.sides))]
                    yield f"{result.name} row {number} {column}".rstrip(), every, True


def data(families: Sequence[RunsOfSource]) -> list[Json]:
    """Return an object for each run and task: what it reported, and its results with what differs from the first."""
    return [
        {**row.plain(), "results": [_plain(result, at) for result in family.results]}
        for family in families
        for at, row in enumerate(family.rows)
    ]


def _plain(result: Compared, at: int) -> Json:
    side = result.sides[at]
    found: Json = {"name": result.name, "kind": side.sort.value if side else None}
    if side and side.words:
        found["words"] = side.words
    if at:
        found["differs"] = result.said[at - 1]
    if (merged := result.merged) and side:
        found |= {"columns": [*side.table[0]], "rows": [[*row] for row in side.table[1 : _ROWS + 1]]}
        place = merged.sides.index(at)
        found["changes"] = [
            {"row": line.numbers[place], "column": column, "before": values[0], "after": values[place]}
            for line in merged.lines
            for column, values in zip(merged.columns, line.values, strict=True)
            if merged.sides[0] == 0 and tables.differ(values[0], values[place])
        ]
    elif side and side.sort is Sort.TEXT:
        found["text"] = side.data[:100_000]
    elif side and side.data:
        found |= {"mime": side.mime, "base64": side.data}
    return found


def text_of(side: Left | None) -> str:
    """Return what is said of a side that is neither a table nor a picture."""
    return "nothing" if side is None else side.data if side.sort is Sort.TEXT else side.words
