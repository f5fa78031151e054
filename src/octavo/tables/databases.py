"""Ask databases about tables: whether they exist, their columns, and a digest of their content.

SQLite, DuckDB and PostgreSQL are asked by their own means, over the driver's own connection (PEP 249), so that
SQLAlchemy is needed only where a project uses it. Other databases tell columns and the number of rows.
"""

from __future__ import annotations

import contextlib
import marshal
import os
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from ..dataclass import dataclass
from ..digests import digest, running
from ..model import Relation

#: Beyond this many rows SQLite, which has no checksum of its own, is not asked for everything.
MOST = 5_000_000
_BATCH = 5_000
#: No column has this name; one would hide the row.
_ROW = "octavo_row_"


class Cursor(Protocol):
    """A cursor of PEP 249, as far as it is used here."""

    arraysize: int

    @property
    def description(self) -> Sequence[Sequence[Any]] | None: ...  # Any: what drivers give and take
    def execute(self, query: str, values: Any = ..., /) -> object: ...
    def fetchone(self) -> Any: ...  # a row; None after the last
    def fetchmany(self, size: int, /) -> list[Any]: ...  # of rows
    def fetchall(self) -> list[Any]: ...
    def close(self) -> object: ...


class Connection(Protocol):
    """A connection of PEP 249."""

    def cursor(self) -> Cursor: ...
    def commit(self) -> object: ...
    def rollback(self) -> object: ...
    def close(self) -> object: ...


class Database(Protocol):
    """A client of a database, ours or the project's own."""

    @property
    def connection(self) -> Connection: ...
    def execute(self, code: str, /) -> object: ...
    def close(self) -> object: ...


@dataclass(frozen=True, slots=True)
class TableState:
    """A table or view as it is now. ``checksum`` is None where the database gives none cheaply, or was not asked.

    ``shape`` is the digest of its kind, its columns and, of a view, its definition. ``stamp`` is a text that changes
    whenever rows may have, where there is one; ``method`` says what made the checksum.
    """

    kind: str
    shape: str
    rows: int | None = None
    checksum: str | None = None
    method: str = ""
    stamp: str | None = None


def driver(client: Database) -> str:
    """Return the name of the driver behind a client: "sqlite3", "duckdb", "psycopg2", …"""
    proxied = client.connection
    connection = getattr(proxied, "driver_connection", None) or proxied
    name = type(connection).__module__.partition(".")[0].lstrip("_")
    return "duckdb" if name == "duckdb_engine" else name


def embedded(client: object) -> tuple[str, str | None]:
    """Return which embedded database a client is of, "sqlite" or "duckdb", and its file, without opening it.

    "" stands for a server, None for a database in memory.
    """
    url = getattr(client, "url", None) or getattr(client, "_url_obj", None)
    if url is not None:
        name, path = url.get_backend_name(), url.database
    else:
        maker = getattr(client, "connect_fn", None)
        module = maker if isinstance(maker, str) else getattr(maker, "__module__", None) or ""
        name = {"sqlite3": "sqlite", "duckdb": "duckdb"}.get(module.partition(".")[0].lstrip("_"), "")
        path = (getattr(client, "connect_kwargs", None) or {}).get("database")
    if name not in ("sqlite", "duckdb"):
        return "", None
    path = os.fspath(path).removeprefix("file:").partition("?")[0] if path else ""
    if path.startswith("md:"):  # DuckDB's service
        return "", None
    return name, None if path in ("", ":memory:", ":default:") else os.path.abspath(path)


def file_of(client: object) -> str | None:
    """Return the file that an embedded database is in; None for servers and for memory."""
    return embedded(client)[1]


def examine(
    client: Database,
    relation: Relation,
    enough: Callable[[TableState], bool] = lambda table: False,
) -> TableState | None:
    """Return what a database says of a table or view now, or None when there is none of that name.

    Where ``enough`` says so of what is known without reading any rows, none are read.
    """
    ask = _ASKED.get(driver(client), _any)
    cursor = client.connection.cursor()
    try:
        return ask(cursor, relation, enough)
    finally:
        cursor.close()
        # what was only read leaves no transaction open, which would keep others waiting; DuckDB may have none
        with contextlib.suppress(Exception):
            client.connection.rollback()


def plain(name: str) -> tuple[str, bool]:
    """Return a name without its quotes, and whether it had any: ``"My Table"``, `` `t` ``, ``[t]``."""
    for opening, closing in ('""', "``", "[]"):
        if len(name) > 2 and name[0] == opening and name[-1] == closing:
            return name[1:-1].replace(closing * 2, closing), True
    return name, False


def quoted(*names: str | None) -> str:
    """Return names as SQL quotes them, with dots between."""
    return ".".join('"' + name.replace('"', '""') + '"' for name in names if name is not None)


def _shape(*parts: object) -> str:
    return digest(repr(parts))


# ── SQLite


def _sqlite(cursor: Cursor, relation: Relation, enough: Callable[[TableState], bool]) -> TableState | None:
    name, _ = plain(relation.name)
    if relation.schema is not None:
        schemas = [plain(relation.schema)[0]]
    else:
        schemas = [row[1] for row in _all(cursor, "PRAGMA database_list")]
    known = {row[1].lower() for row in _all(cursor, "PRAGMA database_list")}
    for schema in schemas:
        if schema.lower() not in known:
            continue
        listed = f"{quoted(schema)}.{'sqlite_temp_master' if schema == 'temp' else 'sqlite_master'}"
        cursor.execute(
            f"SELECT name, type, sql FROM {listed} WHERE lower(name) = lower(?) AND type IN ('table', 'view')",
            (name,),
        )
        if found := cursor.fetchone():
            columns = _all(cursor, f"PRAGMA {quoted(schema)}.table_xinfo({quoted(found[0])})")
            view = found[2] if found[1] == "view" else None
            table = TableState(found[1], _shape(found[1], columns, view), method="rows-2")
            return table if enough(table) else _read(cursor, quoted(schema, found[0]), table)
    return None


def _read(cursor: Cursor, name: str, table: TableState) -> TableState:
    """Return a table with the digest of its rows in the order in which the database gives them."""
    ((count,),) = _all(cursor, f"SELECT count(*) FROM {name}")
    checksum = None
    if count <= MOST:
        whole = running()
        cursor.execute(f"SELECT * FROM {name}")
        try:
            while rows := cursor.fetchmany(_BATCH):
                # of version 2: later ones write a value once, and how often depends on the interpreter
                whole.update(marshal.dumps(rows, 2))
            checksum = whole.hexdigest()
        except Exception:  # text that is no UTF-8: such a table can be counted, not read
            checksum = None
    return TableState(table.kind, table.shape, count, checksum, table.method, table.stamp)


# ── DuckDB


def _duckdb(cursor: Cursor, relation: Relation, enough: Callable[[TableState], bool]) -> TableState | None:
    name, _ = plain(relation.name)
    schema = plain(relation.schema)[0] if relation.schema else None
    catalog, dot, inner = (schema or "").rpartition(".")
    cursor.execute(
        "SELECT table_catalog, table_schema, table_name, table_type FROM information_schema.tables"
        " WHERE lower(table_name) = lower(?) AND lower(table_schema) = lower(coalesce(?, current_schema()))"
        " AND lower(table_catalog) = lower(coalesce(?, current_database()))",
        (name, inner if dot else schema, plain(catalog)[0] if dot else None),
    )
    found = cursor.fetchone()
    if not found and schema and not dot:  # of a database that is attached: other.table
        cursor.execute(
            "SELECT table_catalog, table_schema, table_name, table_type FROM information_schema.tables"
            " WHERE lower(table_name) = lower(?) AND lower(table_catalog) = lower(?) AND table_schema = 'main'",
            (name, schema),
        )
        found = cursor.fetchone()
    if not found:
        return None
    *place, kind = found
    kind = "view" if kind == "VIEW" else "table"
    cursor.execute(
        "SELECT column_name, data_type, is_nullable FROM information_schema.columns"
        " WHERE table_catalog = ? AND table_schema = ? AND table_name = ? ORDER BY ordinal_position",
        place,
    )
    columns = [tuple(row) for row in cursor.fetchall()]
    view = None
    if kind == "view":
        cursor.execute(
            "SELECT sql FROM duckdb_views() WHERE database_name = ? AND schema_name = ? AND view_name = ?",
            place,
        )
        view = cursor.fetchone()
    cursor.execute("SELECT version()")
    # the function hash may change with the version, so its results can be compared only within one
    table = TableState(kind, _shape(kind, columns, view), method=f"duckdb-{cursor.fetchone()[0]}")
    if enough(table):
        return table
    row = quoted(_ROW)
    cursor.execute(
        f"SELECT count(*), sum(hash({row})::HUGEINT), bit_xor(hash({row})) FROM {quoted(*place)} AS {row}"
    )
    count, *sums = cursor.fetchone()
    return TableState(kind, table.shape, count, digest(repr(sums)), table.method)


# ── PostgreSQL

_SETTINGS = {
    "datestyle": "ISO, MDY",
    "timezone": "UTC",
    "intervalstyle": "iso_8601",
    "bytea_output": "hex",
    "extra_float_digits": "1",
}


def _postgres(cursor: Cursor, relation: Relation, enough: Callable[[TableState], bool]) -> TableState | None:
    if "Redshift" in str(_one(cursor, "SELECT version()")):  # by the same driver, without what is asked below
        return _any(cursor, relation, enough)
    oid = next(
        (oid for name in _candidates(relation) if (oid := _one(cursor, "SELECT to_regclass(%s)::oid", name))),
        None,
    )
    if oid is None:
        return None
    cursor.execute(
        "SELECT c.relkind::text, n.nspname, c.relname, pg_relation_filenode(c.oid) FROM pg_class c"
        " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = %s",
        (oid,),
    )
    letter, schema, name, filenode = cursor.fetchone()
    kind = "view" if letter in ("v", "m") else "table"
    cursor.execute(
        "SELECT attname, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute"
        " WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        (oid,),
    )
    columns = [tuple(row) for row in cursor.fetchall()]
    view = _one(cursor, "SELECT pg_get_viewdef(%s)", oid) if kind == "view" else None
    stamp = None
    if letter == "r" and _one(cursor, "SELECT current_setting('track_counts')") == "on":
        # what counts rows that came, changed and went; a server that was restored or crashed begins anew
        cursor.execute(
            "SELECT n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_all_tables WHERE relid = %s", (oid,)
        )
        if counts := cursor.fetchone():
            stamp = f"{oid} {filenode} {' '.join(map(str, counts))}"
    table = TableState(kind, _shape(letter, columns, view), method="postgres-1", stamp=stamp)
    if enough(table):
        return table
    for setting, value in _SETTINGS.items():  # rows as text are the same for everybody
        cursor.execute("SELECT set_config(%s, %s, true)", (setting, value))
    row = quoted(_ROW)
    cursor.execute(
        f"SELECT count(*), sum(hashtextextended({row}::text, 0)::numeric),"
        f" sum(hashtextextended({row}::text, 1)::numeric) FROM {quoted(schema, name)} AS {row}"
    )
    count, *sums = cursor.fetchone()
    return TableState(
        kind, table.shape, count, digest(repr([str(value) for value in sums])), table.method, stamp
    )


def _candidates(relation: Relation) -> list[str]:
    """Return the names that a table may have: SQL folds unquoted ones to lower case, pandas keeps them as they are."""
    schemas = _cases(relation.schema) if relation.schema else [None]
    return [quoted(schema, name) for name in _cases(relation.name) for schema in schemas]


def _cases(name: str) -> list[str]:
    text, exact = plain(name)
    return [text] if exact else list(dict.fromkeys([text.lower(), text]))


def _all(cursor: Cursor, query: str, *values: object) -> list[Any]:  # of rows
    cursor.execute(query, values)
    return cursor.fetchall()


def _one(cursor: Cursor, query: str, *values: object) -> Any:  # of the column's type
    cursor.execute(query, values) if values else cursor.execute(query)
    row = cursor.fetchone()
    return row[0] if row else None


# ── any other


def _any(cursor: Cursor, relation: Relation, enough: Callable[[TableState], bool]) -> TableState | None:
    # a table that is not there is told by no two databases in the same words
    try:
        cursor.execute(f"SELECT * FROM {relation} WHERE 1 = 0")
        columns = [(column[0], str(column[1])) for column in cursor.description or ()]
    except Exception:
        return None
    cursor.execute(f"SELECT count(*) FROM {relation}")
    return TableState(relation.kind, _shape(relation.kind, columns), cursor.fetchone()[0])


_ASKED: dict[str, Callable[[Cursor, Relation, Callable[[TableState], bool]], TableState | None]] = {
    "sqlite3": _sqlite,
    "duckdb": _duckdb,
    **dict.fromkeys(("psycopg2", "psycopg", "pg8000"), _postgres),
}
