"""Tables as rows of texts: read from files and pages, and put beside each other row by row."""

from __future__ import annotations

import bz2
import csv
import gzip
import json
import lzma
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from html.parser import HTMLParser
from io import FileIO, TextIOWrapper
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from ..compare import Tolerance
from ..compare.texts import near
from ..lazy import lazy_imports
from ..model import Json
from ..quality.frames import Unfit
from ..review import align
from . import MatchedRow, MatchedTables, Table

with lazy_imports():
    from ..quality import opening

#: So many rows of a table are looked at.
MOST = 20_000
_PACKED = (".gz", ".bz2", ".xz")
_NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?")
_FRAMES = (".parquet", ".pq", ".feather")


def of_file(path: str, name: str) -> Table | None:
    """Return the table in a file, with at most ``MOST`` rows; None where its name or its content is of no table.

    Nothing is unpickled: what is only looked at must not run.
    """
    suffixes = [suffix.lower() for suffix in Path(name).suffixes]
    packed = suffixes.pop() if suffixes and suffixes[-1] in _PACKED else ""
    suffix = suffixes[-1] if suffixes else ""
    try:
        if suffix in _FRAMES:
            return _of_records([row["values"] for row in opening.opened(path).head(MOST)])
        if suffix not in (".csv", ".tsv", ".json", ".jsonl", ".ndjson"):
            return None
        with _opened(path, packed) as file:
            if suffix == ".json":
                return _of_json(json.load(file))
            if suffix in (".jsonl", ".ndjson"):
                rows = (json.loads(line) for _, line in zip(range(MOST), file, strict=False) if line.strip())
                return _of_json([*rows])
            return _of_csv(file, suffix)
    except (OSError, EOFError, lzma.LZMAError, ValueError, csv.Error, RecursionError, Unfit):
        return None


def _opened(path: str, packed: str) -> TextIO:
    """Open a text, whatever it is packed with; the caller closes it, and what it reads from with it."""
    openers: Mapping[str, Callable[[str], object]] = {
        ".gz": gzip.GzipFile,
        ".bz2": bz2.BZ2File,
        ".xz": lzma.LZMAFile,
        "": FileIO,
    }
    raw = cast("BinaryIO", openers[packed](path))
    return TextIOWrapper(raw, encoding="utf-8-sig", errors="replace", newline="")


def _of_csv(lines: Iterator[str], suffix: str) -> Table | None:
    first = next(lines, "")
    between = max("\t;,|" if suffix == ".tsv" else ",;\t|", key=first.count)

    def all_() -> Iterator[str]:
        yield first
        yield from lines

    rows = csv.reader(all_(), delimiter=between)
    found = [tuple(row) for _, row in zip(range(MOST + 1), rows, strict=False)]
    return _even(found) if found and any(found[0]) else None


def _of_json(value: object) -> Table | None:
    if isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
        return _of_records(value[:MOST])
    if isinstance(value, dict) and value:
        return (("name", "value"), *leaves(value))
    return None


def leaves(value: object, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield the values of JSON with their names: "test.accuracy", "layers[2]"."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from leaves(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list) and value:
        for number, inner in enumerate(value):
            yield from leaves(inner, f"{name}[{number}]")
    else:
        yield name, _words(value)


def _of_records(rows: Sequence[Json]) -> Table | None:
    columns = list(dict.fromkeys(str(name) for row in rows for name in row))
    if not columns:
        return None
    return (tuple(columns), *(tuple(_words(row.get(name, "")) for name in columns) for row in rows))


def _words(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


class _FirstTable(HTMLParser):
    """Reads the first table of a page: its heading, of one row or several, and its other rows."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.heads: list[list[str]] = []
        self.rows: list[list[str]] = []
        self._depth = self._in_head = 0
        self._cell: list[str] | None = None
        self._span = 1
        self._silent = 0
        self._ended = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self._depth += 1
            self._cell = None
        elif tag in ("script", "style"):
            self._silent += 1
        elif self._depth != 1 or self._ended:
            return
        elif tag in ("thead", "tbody", "tfoot"):
            self._close()
            self._in_head = tag == "thead"
        elif tag == "tr":
            self._close()
            (self.heads if self._in_head else self.rows).append([])
        elif tag in ("td", "th"):
            self._close()
            span = dict(attrs).get("colspan") or "1"
            self._cell, self._span = [], min(int(span), 1000) if span.isdecimal() else 1

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th", "tr", "table") and self._depth == 1:
            self._close()
        if tag == "table" and self._depth:
            self._depth -= 1
            self._ended = self._ended or (not self._depth and bool(self.rows or self.heads))
        elif tag == "thead":
            self._in_head = False
        elif tag in ("script", "style") and self._silent:
            self._silent -= 1

    def handle_data(self, data: str) -> None:
        if self._cell is not None and not self._silent:
            self._cell.append(data)

    def _close(self) -> None:
        rows = self.heads if self._in_head else self.rows
        if self._cell is not None and rows:
            rows[-1] += [" ".join("".join(self._cell).split())] * self._span
        self._cell = None


def of_page(text: str) -> Table | None:
    """Return the first table of a page of HTML; None where there is none."""
    reader = _FirstTable()
    reader.feed(text)
    reader.close()
    heads, rows = [it for it in reader.heads if it], [it for it in reader.rows if it]
    if not heads and len(rows) > 1:
        heads, rows = rows[:1], rows[1:]
    if not heads:
        return None
    width = max(map(len, heads))
    columns = zip(*((*row, *[""] * (width - len(row))) for row in heads), strict=True)
    head = tuple(" ".join(dict.fromkeys(filter(None, column))) for column in columns)
    return _even([head, *(tuple(row) for row in rows[:MOST])])


def _even(rows: Sequence[tuple[str, ...]]) -> Table:
    """Return rows of one length; columns that are called the same get numbers."""
    width = max(map(len, rows))
    seen: dict[str, int] = {}
    head = []
    for name in (*rows[0], *[""] * (width - len(rows[0]))):
        seen[name] = seen.get(name, 0) + 1
        head.append(f"{name} ({seen[name]})".lstrip() if seen[name] > 1 else name)
    return (tuple(head), *((*row, *[""] * (width - len(row))) for row in rows[1:] if row))


def merged(tables: Sequence[Table | None]) -> MatchedTables:
    """Put tables beside each other: columns by their names, rows by their names, or else by their order."""
    there = [table for table in tables if table]
    columns = tuple(dict.fromkeys(name for table in there for name in table[0]))
    slots: list[_Slot] = []
    named = _named(there)
    for side, (head, *rows) in enumerate(there):
        for number, (slot, row) in enumerate(_matched(slots, rows, named, len(there)), 1):
            slot.rows[side] = (number, dict(zip(head, row, strict=True)))
    sides = tuple(at for at, table in enumerate(tables) if table)
    return MatchedTables(sides, columns, tuple(_line(slot, columns) for slot in slots))


class _Slot:
    """A row of several tables, while they are put together: on each side its number, and its values by column."""

    def __init__(self, row: tuple[str, ...], sides: int) -> None:
        self.first = row
        self.rows: list[tuple[int, Mapping[str, str]] | None] = [None] * sides


def _named(tables: Sequence[Table]) -> bool:
    """Return whether the first column names the rows: nothing stands there twice, and no measured numbers."""
    there = [table for table in tables if len(table) > 1]
    if len({table[0][0] for table in there}) != 1:
        return False
    names = [[row[0] for row in table[1:]] for table in there]
    if any(
        len({*all_}) != len(all_) or any("." in it and _NUMBER.fullmatch(it) for it in all_) for all_ in names
    ):
        return False
    return all({*names[0]} & {*all_} for all_ in names)


def _matched(
    slots: list[_Slot], rows: Sequence[tuple[str, ...]], named: bool, sides: int
) -> list[tuple[_Slot, tuple[str, ...]]]:
    """Return for each row its slot; rows that nobody had before get one after that of the row above."""
    if named:
        known = {slot.first[0]: at for at, slot in enumerate(slots)}
        pairs = {number: known[row[0]] for number, row in enumerate(rows) if row[0] in known}
    elif not slots or len(slots) == len(rows):
        pairs = {number: number for number in range(len(slots))}
    else:
        pairs = _aligned([slot.first for slot in slots], rows)
    found, new, last = [], dict[int, list[_Slot]](), -1
    for number, row in enumerate(rows):
        at = pairs.get(number)
        if at is None:
            slot = _Slot(row, sides)
            new.setdefault(last, []).append(slot)
        else:
            slot, last = slots[at], at
        found.append((slot, row))
    whole = [*new.get(-1, ())]
    for at, slot in enumerate(slots):
        whole += [slot, *new.get(at, ())]
    slots[:] = whole
    return found


def _aligned(first: Sequence[tuple[str, ...]], second: Sequence[tuple[str, ...]]) -> dict[int, int]:
    """Return which row of the first is which of the second: what is equal, and between that in order."""
    pairs: dict[int, int] = {}
    at = other = 0
    for one, two in [*align.matches(first, second), (len(first), len(second))]:
        pairs |= dict(zip(range(other, two), range(at, one), strict=False))
        if one < len(first):
            pairs[two] = one
        at, other = one + 1, two + 1
    return pairs


def _line(slot: _Slot, columns: tuple[str, ...]) -> MatchedRow:
    values = tuple(tuple(row[1].get(name) if row else None for row in slot.rows) for name in columns)
    differs = tuple(any(differ(of[0], it) for it in of[1:]) for of in values)
    return MatchedRow(tuple(row[0] if row else None for row in slot.rows), values, differs)


def differ(one: str | None, other: str | None) -> bool:
    """Return whether two cells say something else: of numbers, more than computing them again may change."""
    if one == other:
        return False
    if one is None or other is None:
        return True
    return not (_NUMBER.fullmatch(one) and _NUMBER.fullmatch(other) and near(one, other, Tolerance()))
