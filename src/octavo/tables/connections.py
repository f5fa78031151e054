"""Open connections to databases for as long as a task needs them, one task at a time where necessary."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
from collections.abc import Iterator, Mapping, Sequence

from .. import kinds
from ..calls import invoke
from ..digests import digest
from ..errors import ClientError, Error, MissingExtra
from ..lazy import EXTRAS
from ..model import HIDDEN, Call, Task
from ..secrets import hiding
from ..secrets.names import is_secret
from .databases import Database, driver, embedded

_LOCKS = ".octavo/locks"
#: How long SQLite waits for others that are no tasks of this build, in milliseconds.
_PATIENCE = 60_000
#: A setting as drivers say it: ``"passwd": "x"``, ``pwd:x``; others are in all texts.
_SAID = re.compile(r"((\w+)[\"']?\s*:\s*)(?:\"[^\"]*\"|'[^']*'|[^\s\"',;)&]+)")


def call_of(task: Task, product: bool = False) -> Call:
    """Return the call of the connection that a task works with, or of the one that its tables are in."""
    clients = (task.calls.client, task.calls.product_client)
    call = next(filter(None, reversed(clients) if product and not _elsewhere(task) else clients), None)
    if call is None:
        name = kinds.word(task.kind) if kinds.row(task.kind).connects else "SQLRelation"
        hint = f'add "clients:" with "{name}: module.function", a function that returns an SQLAlchemyClient'
        raise ClientError(f'the task "{task.name}" has no client', task.where, hint)
    return call


def _elsewhere(task: Task) -> bool:
    """Return whether the client of a product is only where Ploomber would keep its notes on it, not the table."""
    generic = any(product.maker == "GenericSQLRelation" for product in task.products)
    return generic and not kinds.row(task.kind).sends and task.calls.client is not None


@contextlib.contextmanager
def opened(call: Call, *, reading: bool = False, root: str = ".") -> Iterator[Database]:
    """Yield the client that a call returns, with its file locked if the database is embedded; close it at the end."""
    with opened_all([(call, reading)], root) as (client,):
        yield client


@contextlib.contextmanager
def opened_all(calls: Sequence[tuple[Call, bool]], root: str = ".") -> Iterator[list[Database]]:
    """Yield the clients of calls, each given with whether the task only reads by it. Equal calls share a client.

    Two processes cannot write one file of SQLite at once, nor open one of DuckDB: tasks of a project take turns.
    """
    clients: list[Database] = []
    with contextlib.ExitStack() as stack:
        for number, (call, _) in enumerate(calls):
            before = next((n for n in range(number) if calls[n][0] == call), None)
            clients.append(clients[before] if before is not None else client_of(call))
            stack.callback(close, clients[-1])
        files: dict[str, bool] = {}
        for client, (_, reading) in zip(clients, calls, strict=True):
            name, path = embedded(client)
            if path is not None:
                path = os.path.realpath(path)
                # one of DuckDB bears a single process, whatever it does
                files[path] = reading and name == "sqlite" and files.get(path, True)
        # in one order everywhere, so that no two tasks wait for each other
        for path in sorted(files):
            stack.enter_context(_alone(path, files[path], root))
        for client in clients:
            if driver(client) == "sqlite3":
                with contextlib.closing(client.connection.cursor()) as cursor:
                    cursor.execute(f"PRAGMA busy_timeout = {_PATIENCE}")
            stack.callback(close, client)  # while it is still alone: DuckDB's file is free only then
        yield clients


@contextlib.contextmanager
def turn(client: object) -> Iterator[None]:
    """Lock a client's DuckDB file, for a hook that uses the client anywhere in the project's folder.

    With any other client, of a database or not, nobody has to wait.
    """
    # dir() names what a client has; hasattr() would ask for the connection, and so open it
    name, path = embedded(client) if "connection" in dir(client) else (None, None)
    if name != "duckdb" or path is None:
        yield
        return
    here = os.getcwd()
    above = (here.rsplit(os.sep, count)[0] for count in range(here.count(os.sep)))
    root = next((folder for folder in above if os.path.isdir(os.path.join(folder, ".octavo"))), here)
    with _alone(os.path.realpath(path), False, root):
        yield


def client_of(call: Call) -> Database:
    """Return the client that a call returns."""
    try:
        client: Database = invoke(call)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in EXTRAS:
            hint = f'pip install "octavo[{EXTRAS[error.name or ""]}]"'
            raise MissingExtra(f'the package "{error.name}" is not installed', hint=hint) from error
        raise
    if not hasattr(client, "execute"):  # asked for its connection it would open one
        hint = "it should return an SQLAlchemyClient or a DBAPIClient"
        raise ClientError(f"{call.path} returned {client!r:.60}, which is not a database client", hint=hint)
    return client


def close(client: Database) -> None:
    """Close a client and ignore errors: its work is done or has failed already."""
    with contextlib.suppress(Exception):
        client.close()


@contextlib.contextmanager
def _alone(path: str, shared: bool, root: str) -> Iterator[None]:
    folder = os.path.join(root, _LOCKS)
    os.makedirs(folder, exist_ok=True)
    handle = os.open(os.path.join(folder, digest(path)), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def discreet(text: str, client: object = None) -> str:
    """Return a text without passwords: those that a client knows, and what looks like one."""
    text = hiding.discreet(text, _known(client))
    return _SAID.sub(lambda match: f"{match[1]}{HIDDEN}" if is_secret(match[2]) else match[0], text)


def _known(client: object) -> list[str]:
    found: list[object] = []
    url = getattr(client, "url", None) or getattr(client, "_url_obj", None)
    found.append(getattr(url, "password", None))
    settings = getattr(client, "connect_kwargs", None)
    if isinstance(settings, Mapping):
        found += [value for name, value in settings.items() if is_secret(str(name))]
    # what is short stands in other words too
    return [str(secret) for secret in found if secret is not None and len(str(secret)) > 3]


def unreachable(error: BaseException, call: Call, client: object = None) -> Error:
    """Return the error for a database that cannot be opened."""
    words = discreet(words_of(error), client)
    return ClientError(
        f"{call.path} cannot connect to its database: {words}",
        hint="is the server running? Check address, user and password",
    )


def driver_error(error: BaseException) -> BaseException:
    """Return the driver's own exception: SQLAlchemy and pandas wrap it in theirs, which repeat the statement."""
    inner = getattr(error, "orig", None)
    if not isinstance(inner, BaseException) and type(error).__module__.startswith("pandas."):
        inner = error.__cause__
    return driver_error(inner) if isinstance(inner, BaseException) else error


def words_of(error: BaseException) -> str:
    """Return what the driver says."""
    inner = driver_error(error)
    return str(inner).strip() or type(inner).__name__
