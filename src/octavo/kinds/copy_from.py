"""Load Parquet or CSV files into PostgreSQL with COPY."""

from __future__ import annotations

import io
from typing import Any

from ..digests import digest
from ..errors import ClientError, Error, ParameterError
from ..failing import failure_of
from ..hints import did_you_mean
from ..model import Facts, Failure, Relation, Source, Task
from ..tables.databases import Database, driver, plain, quoted
from . import Tell
from .connected import connected, mistake
from .upload import Frame, frame_of, relation_of, write

_CHUNK = 50_000


class CopyFromKind:
    """The kind of ``class: PostgresCopyFrom``."""

    def facts(self, source: Source, data: bytes) -> Facts:
        """Return the digest of the data."""
        return Facts(digest(data), language="data")

    def preload(self, task: Task) -> tuple[str, ...]:
        return (__name__, "sqlalchemy", "pandas")

    def run(self, task: Task, tell: Tell) -> Failure | None:
        """Read the file, make the table anew by its columns, and copy the rows."""
        try:
            frame, relation = frame_of(task), relation_of(task)
            columns = _columns(frame, task.own.get("columns"))
        except Error as error:
            return mistake(error, task)
        except Exception as error:
            return failure_of(error, task)
        return connected(task, lambda client: _copy(frame, client, relation, columns))

    def refresh(self, task: Task, root: str) -> str | None:
        """Do nothing: data has no executed notebook."""
        return None


def _columns(frame: Frame, wanted: list[str] | str | None) -> list[str]:
    names = [str(name) for name in frame.columns]
    chosen = [wanted] if isinstance(wanted, str) else list(wanted or names)
    if unknown := [name for name in chosen if name not in names]:
        hint = did_you_mean(unknown[0], names) or f"it has: {', '.join(names)}"
        raise ParameterError(f"the data has no column {', '.join(unknown)}", hint=hint)
    return chosen


def _copy(frame: Frame, client: Database, relation: Relation, columns: list[str]) -> None:
    """Copy rows as CSV, in which quotes keep tabs and line ends; what is missing is NULL, an empty string is not."""
    if driver(client) not in ("psycopg2", "psycopg"):
        hint = "its driver must be psycopg2 or psycopg; for other databases use SQLUpload"
        raise ClientError("COPY requires a PostgreSQL client", hint=hint)
    write(frame.head(0), client, relation, {"if_exists": "replace", "index": False})
    name = quoted(plain(relation.schema)[0] if relation.schema else None, plain(relation.name)[0])
    command = f"COPY {name} ({', '.join(map(quoted, columns))}) FROM STDIN WITH (FORMAT csv, NULL '\\N')"
    cursor: Any = client.connection.cursor()  # with what only PostgreSQL's drivers can do
    try:
        for begin in range(0, len(frame), _CHUNK):
            part = frame.iloc[begin : begin + _CHUNK][columns]
            text = part.to_csv(na_rep="\\N", header=False, index=False)
            if driver(client) == "psycopg2":
                cursor.copy_expert(command, io.StringIO(text))
            else:
                with cursor.copy(command) as copy:
                    copy.write(text)
        client.connection.commit()
    finally:
        cursor.close()


KIND: CopyFromKind = CopyFromKind()
