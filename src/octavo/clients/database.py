"""Clients of databases: through SQLAlchemy, or through any driver that follows PEP 249."""

from __future__ import annotations

import contextlib
import importlib.util
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import plugins
from .remembered import Client

if TYPE_CHECKING:
    from sqlalchemy import URL, Engine


class DatabaseClient(Client):
    """What a connection of PEP 249 can do, whoever opened it."""

    split_source: str | None
    _connection: Any = None  # Any, here and below: a driver's connection can do more than PEP 249 says

    @property
    def connection(self) -> Any:
        """Return the open connection (PEP 249); it is opened now if there is none."""
        raise NotImplementedError

    def cursor(self) -> Any:
        """Return a new cursor of the connection."""
        return self.connection.cursor()

    def execute(self, code: str) -> None:
        """Run SQL, one or more statements, and commit; where one fails, what the connection can undo is undone."""
        connection = self.connection
        cursor = connection.cursor()
        try:
            for statement in self.statements(code):
                cursor.execute(statement)
        except BaseException:
            # so that the connection can be used again; the first error is the one to tell
            with contextlib.suppress(Exception):
                connection.rollback()
            raise
        else:
            connection.commit()
        finally:
            with contextlib.suppress(Exception):
                cursor.close()

    def statements(self, code: str) -> list[str]:
        """Return the texts that are sent one at a time."""
        return split(code, self.split_source) if self.split_source else [code]


class DBAPIClient(DatabaseClient):
    """A client of a driver with Python's interface for databases.

    ``connect_fn`` opens a connection when it is called with ``connect_kwargs``; its dotted path does too.
    ``split_source``: the text between statements, for drivers that take one at a time.
    """

    def __init__(
        self,
        connect_fn: Callable[..., object] | str,
        connect_kwargs: Mapping[str, object] | None = None,
        split_source: str | None = None,
    ) -> None:
        self.connect_fn = connect_fn
        self.connect_kwargs = dict(connect_kwargs or {})
        self.split_source = split_source

    @property
    def connection(self) -> Any:
        if self._connection is None:
            connect = self.connect_fn
            if isinstance(connect, str):
                module, _, name = connect.rpartition(".")
                connect = plugins.load(f"{module}:{name}")
            assert callable(connect)
            self._connection = connect(**self.connect_kwargs)
        return self._connection

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __getstate__(self) -> dict[str, object]:
        return self.__dict__ | {"_connection": None}

    def __repr__(self) -> str:
        name = getattr(self.connect_fn, "__qualname__", self.connect_fn)
        return f"{type(self).__name__}({name})"


class SQLAlchemyClient(DatabaseClient):
    """A client of any database that SQLAlchemy reaches.

    ``uri`` is a text or SQLAlchemy's ``URL``. The folder of a SQLite file is made. ``split_source="default"`` sends
    the statements to SQLite one at a time and to others all at once; None never splits; a text splits there.
    """

    def __init__(
        self,
        uri: str | URL,
        split_source: str | None = "default",
        create_engine_kwargs: Mapping[str, object] | None = None,
    ) -> None:
        self.url: URL = plugins.load("sqlalchemy.engine:make_url")(uri)
        self.flavor = self.url.drivername
        self.split_source = split_source
        self._create_engine_kwargs = dict(create_engine_kwargs or {})
        self._engine: Engine | None = None
        if self._is_sqlite and self.url.database and not self.url.database.startswith(("file:", ":memory:")):
            Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)

    @property
    def _is_sqlite(self) -> bool:
        return self.url.get_backend_name() == "sqlite"

    @property
    def engine(self) -> Engine:
        """Return SQLAlchemy's engine."""
        if self._engine is None:
            create: Callable[..., Engine] = plugins.load("sqlalchemy:create_engine")
            self._engine = create(_driven(self.url), **self._create_engine_kwargs)
        return self._engine

    @property
    def connection(self) -> Any:
        """Return the driver's own connection, from the engine's pool."""
        # whoever used it may have closed it
        if self._connection is None or not self._connection.is_valid:
            self._connection = self.engine.raw_connection()
        return self._connection

    def statements(self, code: str) -> list[str]:
        if self.split_source != "default":
            return super().statements(code)
        return _complete(split(code, ";")) if self._is_sqlite else [code]

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    def __getstate__(self) -> dict[str, object]:
        return self.__dict__ | {"_engine": None, "_connection": None}

    def __str__(self) -> str:
        return self.url.render_as_string(hide_password=True)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self})"


def _driven(url: URL) -> URL:
    """Return a URL with an installed driver, where it names none: SQLAlchemy's default depends on its version."""
    if url.drivername != "postgresql":
        return url
    driver = next((module for module in ("psycopg2", "psycopg") if importlib.util.find_spec(module)), None)
    return url.set(drivername=f"postgresql+{driver}") if driver else url


def split(code: str, token: str) -> list[str]:
    """Return the statements between tokens; those in quotes and comments are none. Empty statements are left out."""
    parts, begin, at = [], 0, 0
    for start, stop in quoted(code):
        while at < start and (found := code.find(token, at, start)) >= 0:
            parts.append(code[begin:found])
            begin = at = found + len(token)
        at = max(at, stop)
    return [part for part in [*parts, code[begin:]] if _says_something(part)]


def _complete(parts: list[str]) -> list[str]:
    """Return statements of SQLite; the parts of a trigger's body, which has semicolons in it, are joined again."""
    whole, gathered = [], ""
    for part in parts:
        gathered = f"{gathered};{part}" if gathered else part
        if sqlite3.complete_statement(gathered + ";"):
            whole.append(gathered)
            gathered = ""
    return [*whole, gathered] if gathered else whole


#: What is no statement: quotes and comments. One that is not closed goes on to the end.
_QUOTED = re.compile(
    r"""'[^']*(?:'|\Z) | "[^"]*(?:"|\Z) | `[^`]*(?:`|\Z) | --[^\n]* | /\*.*?(?:\*/|\Z) | \$\$.*?(?:\$\$|\Z)""",
    re.VERBOSE | re.DOTALL,
)


def quoted(code: str) -> Iterator[tuple[int, int]]:
    """Yield where quotes and comments begin and end, and at last the end of the text."""
    yield from (found.span() for found in _QUOTED.finditer(code))
    yield len(code), len(code)


def _says_something(part: str) -> bool:
    """Return whether there is more than comments."""
    return bool(
        _QUOTED.sub(lambda match: "" if match[0].startswith(("--", "/*")) else match[0], part).strip()
    )
