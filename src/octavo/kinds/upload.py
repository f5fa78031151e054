"""Upload CSV or Parquet files to a table, through pandas."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from .. import plugins
from ..calls import resolve
from ..digests import digest
from ..errors import ClientError, Error, ProductError, SpecError
from ..failing import failure_of
from ..hints import did_you_mean
from ..model import Call, Facts, Failure, Json, Relation, Source, Task
from ..reading.templates import render
from ..tables.databases import Database, driver, plain, quoted
from . import Tell
from .connected import connected, mistake

Frame = Any  # a DataFrame of pandas, or what a project's own reader returns for one

_READERS = {"csv": "read_csv", "parquet": "read_parquet"}
_WAYS = ("fail", "replace", "append")


class UploadKind:
    """The kind of ``class: SQLUpload``."""

    def facts(self, source: Source, data: bytes) -> Facts:
        """Return the digest of the data."""
        return Facts(digest(data), language="data")

    def preload(self, task: Task) -> tuple[str, ...]:
        return (__name__, "sqlalchemy", "pandas")

    def run(self, task: Task, tell: Tell) -> Failure | None:
        """Read the file and write the table: ``to_sql_kwargs`` say what becomes of one that is there."""
        try:
            frame = frame_of(task)
            relation = relation_of(task)
        except Error as error:
            return mistake(error, task)
        except Exception as error:
            return failure_of(error, task)
        settings = dict(task.own.get("to_sql_kwargs") or {})
        if size := task.own.get("chunksize"):
            settings.setdefault("chunksize", size)
        return connected(task, lambda client: write(frame, client, relation, settings))

    def refresh(self, task: Task, root: str) -> str | None:
        """Do nothing: data has no executed notebook."""
        return None


def frame_of(task: Task) -> Frame:
    """Return the data of a task's source as pandas reads it, or as its ``io_handler`` does."""
    path = task.source.path
    if "{{" in path:
        path = render(replace(task, source=replace(task.source, text=path)), os.getcwd())
    if not Path(path).exists():
        hint = "name the task that makes it as upstream" if not task.upstream else None
        raise ProductError(f"there is no {path} to read", hint=hint)
    option = task.own.get("io_handler")
    name = str(option.get("dotted_path") if isinstance(option, dict) else option or "")
    short = name.rpartition(".")[2].lower().removesuffix("io")
    if name and short not in _READERS:
        return resolve(Call(name))(path)
    kind = short or next(
        (suffix.lstrip(".") for suffix in Path(path).suffixes if suffix.lstrip(".") in _READERS), ""
    )
    if not kind:
        hint = 'add "io_handler: module.function", which gets the path and returns a DataFrame'
        raise SpecError(f"{path} is neither .csv nor .parquet", hint=hint)
    return getattr(plugins.load("pandas"), _READERS[kind])(path)


def relation_of(task: Task) -> Relation:
    """Return the table that a task makes."""
    relation = task.products[0].relation if len(task.products) == 1 else None
    if relation is None:
        raise ProductError(f'"{task.name}" must make one table', task.where, "its product is [name, table]")
    return relation


def write(frame: Frame, client: Database, relation: Relation, settings: Json) -> None:
    """Write a DataFrame into a table, by pandas' ``to_sql`` with these settings."""
    way = settings.get("if_exists", "fail")
    if way not in (*_WAYS, "delete_rows"):
        hint = did_you_mean(str(way), _WAYS) or f"it is {', '.join(_WAYS)}"
        raise SpecError(f"to_sql_kwargs: if_exists is not {way!r}", hint=hint)
    engine = getattr(client, "engine", None)
    if engine is None and driver(client) != "sqlite3":
        raise ClientError("pandas writes to this database through SQLAlchemy", hint="use an SQLAlchemyClient")
    schema = plain(relation.schema)[0] if relation.schema else None
    if (
        way == "replace" and driver(client) == "duckdb"
    ):  # pandas would look at the old one by means DuckDB lacks
        _drop(client, quoted(schema, plain(relation.name)[0]))
        settings = {**settings, "if_exists": "fail"}
    try:
        frame.to_sql(name=plain(relation.name)[0], con=engine or client.connection, schema=schema, **settings)
    except ValueError as error:
        if "already exists" not in str(error):
            raise
        hint = 'add "to_sql_kwargs: {if_exists: replace}", or append'
        raise ProductError(f"the table {relation} already exists", hint=hint) from error
    if engine is None:
        client.connection.commit()


def _drop(client: Database, name: str) -> None:
    cursor = client.connection.cursor()
    cursor.execute(f"DROP TABLE IF EXISTS {name}")
    client.connection.commit()
    cursor.close()


KIND: UploadKind = UploadKind()
