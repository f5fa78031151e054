"""Dump the rows of a query to CSV or Parquet."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from .. import plugins
from ..calls import resolve
from ..errors import Error, SpecError
from ..failing import failure_of
from ..model import Call, Facts, Failure, Source, Task
from ..products import writing
from ..reading.templates import facts
from ..tables.databases import Cursor, Database
from . import Tell
from .bound import Query
from .connected import Rejected, connected, mistake, rendered

_CHUNK = 10_000
Rows = Sequence[Sequence[object]]
#: Writes rows below their headings to a file.
Write = Callable[[Path, Rows, list[str]], None]


class Handler(Protocol):
    """Takes the answer, all of it or chunk by chunk."""

    def write(self, rows: Rows, names: list[str], /) -> object: ...


class DumpKind:
    """The kind of ``source: sql/get.sql`` with a file as product."""

    def facts(self, source: Source, data: bytes) -> Facts:
        """Return what the query says, read as a template."""
        return facts(data.decode("utf-8-sig", "surrogateescape"), source.path)

    def preload(self, task: Task) -> tuple[str, ...]:
        parquet = any(product.path.endswith(".parquet") for product in task.products)
        return (__name__, "sqlalchemy", *(["pyarrow"] if parquet else []))

    def run(self, task: Task, tell: Tell) -> Failure | None:
        """Render the query, have it answered, and write the answer."""
        path = Path(task.products[0].path)
        try:
            query = rendered(task, late=True)
            handler = _handler(task, path)
        except Error as error:
            return mistake(error, task)
        except Exception as error:  # of the project's own handler
            return failure_of(error, task)
        size = task.own.get("chunksize", _CHUNK)
        return connected(task, lambda client: _dump(client, query, handler, size), reading=True)

    def refresh(self, task: Task, root: str) -> str | None:
        """Do nothing: a query has no executed notebook."""
        return None


def _dump(client: Database, query: Query, handler: Handler, size: int | None) -> None:
    code, values = query.sent(client)
    cursor = client.connection.cursor()
    try:
        try:
            cursor.execute(code, *values)
            if cursor.description is None:
                raise SpecError(
                    "the query returns no rows", hint="end it with a SELECT; a script wants class SQLScript"
                )
            names = [column[0] for column in cursor.description]
            for rows in _fetched(cursor, size):
                handler.write(rows, names)
        except (Error, OSError):
            raise
        except Exception as error:
            raise Rejected(error, query.shown(client)) from error
    finally:
        cursor.close()


def _fetched(cursor: Cursor, size: int | None) -> Iterator[Rows]:
    if not size:
        yield cursor.fetchall()
        return
    cursor.arraysize = size  # some drivers fetch so many at a time
    while rows := cursor.fetchmany(size):
        yield rows


class _Single:
    """Writes one file, whole or not at all."""

    def __init__(self, path: Path, write: Write) -> None:
        self.path, self._write = path, write

    def write(self, rows: Rows, names: list[str]) -> None:
        if self.path.is_dir() and not self.path.is_symlink():  # of chunks: all the rows are here
            shutil.rmtree(self.path)
        with writing.beside(self.path) as part:
            self._write(Path(part), rows, names)


class _Chunks:
    """Writes a folder of files: 0.csv, 1.csv and so on."""

    def __init__(self, path: Path, write: Write, extension: str) -> None:
        self.path, self._write, self._extension = path, write, extension
        self._count = 0
        writing.empty(path)

    def write(self, rows: Rows, names: list[str]) -> None:
        self._write(self.path / f"{self._count}.{self._extension}", rows, names)
        self._count += 1


#: Formats that nobody should find CSV under.
_OTHERS = frozenset((".feather", ".h5", ".html", ".json", ".orc", ".pickle", ".pkl", ".xls", ".xlsx", ".xml"))


def _handler(task: Task, path: Path) -> Handler:
    """Return what writes the answer: as the option ``io_handler`` says, else by the end of the product's name."""
    chunked = bool(task.own.get("chunksize", _CHUNK))
    path.parent.mkdir(parents=True, exist_ok=True)
    option = task.own.get("io_handler")
    name = str(option.get("dotted_path") if isinstance(option, dict) else option or "")
    match name.rpartition(".")[2].lower():
        case "" if path.suffix == ".parquet":
            kind = "parquet"
        case "" if path.suffix.lower() in _OTHERS:
            hint = "name it .csv or .parquet, or write it in a function"
            raise SpecError(f"{path.name} must end in .csv or .parquet: a dump is CSV or Parquet", hint=hint)
        case "" | "csv" | "csvio":
            kind = "csv"
        case "parquet" | "parquetio":
            kind = "parquet"
        case _:
            handler: Handler = resolve(Call(name))(path, chunked=chunked)
            return handler
    write: Write = _Parquet() if kind == "parquet" else _csv
    return _Chunks(path, write, kind) if chunked else _Single(path, write)


def _csv(path: Path, rows: Rows, names: list[str]) -> None:
    # every value in quotes, and lines as Unix ends them
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, dialect=csv.unix_dialect)
        writer.writerow(names)
        writer.writerows(rows)


class _Parquet:
    """Writes Parquet. All chunks have the types of the first, where that could tell them and they fit."""

    def __init__(self) -> None:
        self._arrow = plugins.load("pyarrow")
        self._write = plugins.load("pyarrow.parquet:write_table")
        self._types: list[object] = []

    def __call__(self, path: Path, rows: Rows, names: list[str]) -> None:
        columns = list(map(list, zip(*rows, strict=True))) or [[] for _ in names]
        known = self._types or [None] * len(names)
        arrays = [self._array(values, kind) for values, kind in zip(columns, known, strict=True)]
        types = [array.type if array.null_count < len(array) else None for array in arrays]
        self._types = [kind or one for kind, one in zip(known, types, strict=True)]
        self._write(self._arrow.Table.from_arrays(arrays, names=names), str(path))

    def _array(self, values: list[object], kind: object) -> Any:  # pyarrow has no types
        if kind is not None:
            try:
                return self._arrow.array(values, type=kind)
            except (self._arrow.ArrowInvalid, self._arrow.ArrowTypeError):
                pass
        return self._arrow.array(values)


KIND: DumpKind = DumpKind()
