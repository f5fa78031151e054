"""Copy the rows of a query to a table of another database, through pandas."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .. import plugins
from ..errors import Error
from ..model import Facts, Failure, Relation, Source, Task
from ..reading.templates import facts
from ..tables.databases import Database, file_of
from . import Tell
from .bound import Query
from .connected import Rejected, connected_to_both, mistake, of_a_database, rendered
from .upload import Frame, relation_of, write

_CHUNK = 10_000


class TransferKind:
    """The kind of ``class: SQLTransfer``: ``client`` is asked, ``product_client`` gets the table."""

    def facts(self, source: Source, data: bytes) -> Facts:
        """Return what the query says, read as a template."""
        return facts(data.decode("utf-8-sig", "surrogateescape"), source.path)

    def preload(self, task: Task) -> tuple[str, ...]:
        return (__name__, "sqlalchemy", "pandas")

    def run(self, task: Task, tell: Tell) -> Failure | None:
        """Render the query, and write its answer chunk by chunk; a table that is there is replaced."""
        try:
            query, relation = rendered(task), relation_of(task)
        except Error as error:
            return mistake(error, task)
        size = task.own.get("chunksize", _CHUNK)
        return connected_to_both(task, lambda here, there: _transfer(here, there, query, relation, size))

    def refresh(self, task: Task, root: str) -> str | None:
        """Do nothing: a query has no executed notebook."""
        return None


def _transfer(here: Database, there: Database, query: Query, relation: Relation, size: int | None) -> None:
    pandas = plugins.load("pandas")
    (sent, values), code = query.sent(here), query.shown(here)
    source = getattr(here, "engine", None) or here.connection
    try:
        chunks = pandas.read_sql_query(sent, source, params=values[0] if values else None, chunksize=size)
        if size is None:
            chunks = [chunks]
        elif file_of(here) is not None and file_of(here) == file_of(there):
            chunks = list(chunks)  # one file is not read and written at once
        for number, chunk in enumerate(_rows(chunks, code)):
            write(chunk, there, relation, {"if_exists": "append" if number else "replace", "index": False})
    except (Error, Rejected):
        raise
    except Exception as error:
        if of_a_database(error):
            raise Rejected(error, code) from error
        raise


def _rows(chunks: Iterable[Frame], code: str) -> Iterator[Frame]:
    try:
        yield from chunks
    except Exception as error:
        raise Rejected(error, code) from error


KIND: TransferKind = TransferKind()
