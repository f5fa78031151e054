"""Take samples of raw inputs: some rows of a table, whole, in their order, and those that they refer to."""

from __future__ import annotations

import csv
import os
import random
import re
from collections.abc import Iterator, Mapping, Sequence

from .. import plugins
from ..dataclass import dataclass
from ..errors import Error

#: What has rows, by the end of its name; of any other file there is no part that is a sample.
_LINES, _TABLES, _PARQUET = (".jsonl", ".ndjson"), (".csv", ".tsv", ".txt", ".psv"), (".parquet",)
ROWS = (*_LINES, *_TABLES, *_PARQUET)


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A column of a file whose values are those of a column of another: orders.csv:customer=customers.csv:id."""

    file: str
    column: str
    other: str
    key: str


def key_of(text: str, paths: Sequence[str]) -> ForeignKey:
    """Return the foreign key that an option spells; raise Error for what is none, or of no file that is sampled."""
    found = re.fullmatch(r"(.+):([^:=]+)=(.+):([^:=]+)", text)
    if found is None:
        raise Error(f'"{text}" is no foreign key', hint="--key orders.csv:customer=customers.csv:id")
    files = []
    for name in (found[1], found[3]):
        meant = [path for path in paths if path == name or path.endswith("/" + name)]
        if len(meant) != 1 or not meant[0].endswith(_TABLES):
            why = "none" if not meant else "several" if len(meant) > 1 else "no CSV file"
            raise Error(f'the key "{text}" names {name}: {why} of what is sampled', hint=", ".join(paths))
        files.append(meant[0])
    return ForeignKey(files[0], found[2], files[1], found[4])


def samples(
    root: str, paths: Sequence[str], count: int, seed: int, keys: Sequence[ForeignKey]
) -> Iterator[tuple[str, bytes]]:
    """Yield the sample of each file that has rows: ``count`` of them, and all that rows of other samples refer to."""
    needed: dict[tuple[str, str], set[str]] = {}
    for path in _order(paths, keys):
        full = os.path.join(root, path)
        choose = random.Random(f"{seed} {path}")
        if path.endswith(_PARQUET):
            yield path, _parquet(full, path, count, choose)
            continue
        head, rows = _read(full, path)
        if not rows:
            raise Error("a sample of it would be empty: it has no rows", path)
        kept = set(choose.sample(range(len(rows)), min(count, len(rows))))
        if mine := [key for key in keys if path in (key.file, key.other)]:
            names, table = _columns(path, head, rows)
            kept = _closed(path, names, table, kept, mine, needed)
        text = head + "".join(rows[number] for number in sorted(kept))
        yield path, text.encode("utf-8", "surrogateescape")


def _closed(
    path: str,
    names: Sequence[str],
    table: Sequence[Sequence[str]],
    kept: set[int],
    keys: Sequence[ForeignKey],
    needed: dict[tuple[str, str], set[str]],
) -> set[int]:
    """Return the rows to keep, with those that kept rows refer to; add what they need of other files to ``needed``."""
    at = {
        name: _column(path, names, name)
        for key in keys
        for file, name in ((key.file, key.column), (key.other, key.key))
        if file == path
    }
    before: set[int] = set()
    while before != kept:  # rows of a file may refer to others of it, and these to others
        before = set(kept)
        for key in keys:
            if key.file == path:
                column = at[key.column]
                values = {table[number][column] for number in kept if column < len(table[number])}
                needed.setdefault((key.other, key.key), set()).update(values)
            if key.other == path:
                column, wanted = at[key.key], needed.get((path, key.key), set())
                kept |= {n for n, row in enumerate(table) if column < len(row) and row[column] in wanted}
    return kept


def _order(paths: Sequence[str], keys: Sequence[ForeignKey]) -> list[str]:
    """Return the files so that each stands after those that refer to it; raise Error for a circle."""
    left, order = list(paths), list[str]()
    while left:
        ready = [
            path
            for path in left
            if not any(k.other == path and k.file in left and k.file != path for k in keys)
        ]
        if not ready:
            raise Error(f"the foreign keys go in a circle: {', '.join(left)}", hint="leave one of them out")
        order += ready
        left = [path for path in left if path not in ready]
    return order


def _read(full: str, path: str) -> tuple[str, list[str]]:
    """Return the head of a file and its rows, each as the text that it is: a quoted value may hold ends of lines."""
    with open(full, encoding="utf-8", errors="surrogateescape", newline="") as file:  # noqa: PTH123
        if path.endswith(_LINES):
            return "", [_ended(line) for line in file if line.strip()]
        taken: list[str] = []

        def lines() -> Iterator[str]:
            for line in file:
                taken.append(line)
                yield line

        records: list[str] = []
        try:
            for _ in csv.reader(lines()):
                records.append(_ended("".join(taken)))
                taken.clear()
        except csv.Error as error:
            raise Error(f"its rows cannot be told apart: {error}", path, "name other files") from error
    records = [one for one in records if one.strip()]
    return (records[0], records[1:]) if records else ("", [])


def _ended(line: str) -> str:
    return line if line.endswith(("\n", "\r")) else line + "\n"


def _columns(path: str, head: str, rows: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    mark = max(",;\t|", key=head.count)
    names = next(csv.reader([head.lstrip("\ufeff")], delimiter=mark), [])
    return names, [next(csv.reader(row.splitlines(keepends=True), delimiter=mark), []) for row in rows]


def _column(path: str, names: Sequence[str], name: str) -> int:
    if name not in names:
        raise Error(f'there is no column "{name}"', f"{path}:1", f"columns: {', '.join(names)}")
    return names.index(name)


def _parquet(full: str, path: str, count: int, choose: random.Random) -> bytes:
    table = plugins.load("pyarrow.parquet:read_table")(full)
    if not table.num_rows:
        raise Error("a sample of it would be empty: it has no rows", path)
    kept = sorted(choose.sample(range(table.num_rows), min(count, table.num_rows)))
    sink = plugins.load("pyarrow:BufferOutputStream")()
    plugins.load("pyarrow.parquet:write_table")(table.take(kept), sink)
    return bytes(sink.getvalue().to_pybytes())


def of_folders(paths: Sequence[str], count: int, seed: int) -> list[str]:
    """Return ``count`` of the files in each folder that have no rows and one kind: pictures, letters, recordings."""
    groups: dict[tuple[str, str], list[str]] = {}
    for path in sorted(paths):
        groups.setdefault((os.path.dirname(path), os.path.splitext(path)[1]), []).append(path)
    chosen: list[str] = []
    for (folder, _), names in groups.items():
        choose = random.Random(f"{seed} {folder}")
        chosen += sorted(choose.sample(names, min(count, len(names))))
    return chosen


def by_place(samples: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return samples by where they are kept: data/raw/x.csv as raw/x.csv. Raises Error where two would be one."""
    places: dict[str, bytes] = {}
    for path, data in samples.items():
        place = path.removeprefix("data/")
        if place in places:
            raise Error(f"{path} and {place} would have one sample", hint="name one of them")
        places[place] = data
    return places
