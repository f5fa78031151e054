"""Run SQL scripts, rendered from templates, that leave tables or views behind."""

from __future__ import annotations

import contextlib

from ..errors import Error
from ..model import Facts, Failure, Source, Task
from ..reading.templates import facts
from ..tables.databases import Database
from . import Tell
from .bound import Query
from .connected import Rejected, connected, mistake, rendered


class SQLKind:
    """The kind of ``source: sql/clean.sql`` with a table as product."""

    def facts(self, source: Source, data: bytes) -> Facts:
        """Return what the script says, read as a template."""
        return facts(data.decode("utf-8-sig", "surrogateescape"), source.path)

    def preload(self, task: Task) -> tuple[str, ...]:
        return (__name__, "sqlalchemy")

    def run(self, task: Task, tell: Tell) -> Failure | None:
        """Render the script and have it run; nothing is dropped that the script does not drop itself."""
        try:
            query = rendered(task)
        except Error as error:
            return mistake(error, task)
        return connected(task, lambda client: execute(client, query))

    def refresh(self, task: Task, root: str) -> str | None:
        """Do nothing: a script has no executed notebook."""
        return None


def execute(client: Database, query: Query) -> None:
    """Run a script, its statements one at a time where the client would do so, and commit; raise ``Rejected``."""
    split = getattr(client, "statements", None)
    if split is None and not query:
        try:
            client.execute(query.text)
        except Exception as error:
            raise Rejected(error, query.text) from error
        return
    shown, code = query.shown(client), query.text
    parts = split(code) if split else None
    connection = client.connection
    cursor = connection.cursor()
    at = 0
    try:
        for statement in query.statements(client, parts):
            at = max(code.find(statement, at), 0)
            begin = at + len(statement) - len(statement.lstrip())
            sent, values = query.sent(client, statement)
            try:
                cursor.execute(sent, *values)
            except Exception as error:
                raise Rejected(error, shown, code.count("\n", 0, begin) + 1, sent.lstrip()) from error
            at += len(statement)
        try:
            connection.commit()
        except Exception as error:  # what is checked only then
            raise Rejected(error, shown) from error
    except BaseException:
        with contextlib.suppress(Exception):
            connection.rollback()
        raise
    finally:
        with contextlib.suppress(Exception):
            cursor.close()


KIND: SQLKind = SQLKind()
