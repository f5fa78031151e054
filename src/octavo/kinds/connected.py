"""What tasks with a database share: a template, a connection, and failures that show the SQL."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import replace

from ..errors import Error, MissingExtra
from ..failing import failure_of
from ..lazy import EXTRAS
from ..model import Failure, Task
from ..reading.quoting import Binding
from ..reading.templates import render, render_late
from ..tables.connections import call_of, discreet, driver_error, opened_all, unreachable, words_of
from ..tables.databases import Database
from .bound import Query, checked
from .command import same_lines

#: What to install for a driver that is missing.
_PACKAGES = {
    "psycopg2": "psycopg2-binary",
    "psycopg": '"psycopg[binary]"',
    "duckdb_engine": "duckdb-engine",
    "MySQLdb": "mysqlclient",
    "cx_Oracle": "oracledb",
    **{name: name for name in ("pymysql", "oracledb", "duckdb", "pyodbc", "pyarrow", "snowflake")},
    **{module: f'"octavo[{extra}]"' for module, extra in EXTRAS.items()},
}
#: What a message of SQLite is about: near "FORM": syntax error; no such column: x.
_ABOUT = re.compile(r"near \"([^\"]+)\"|no such (?:table|column|function): (\S+)")
_LINE = re.compile(r"^LINE (\d+):", re.MULTILINE)
_HINTS = (
    (
        re.compile(r"(?i)no such table|relation \S+ does not exist|Table with name \S+ does not exist"),
        "if a task makes it, write {{upstream['NAME']}}, so that this task runs first",
    ),
    (
        re.compile(r"(?i)(table|view|relation) \S+ already exists"),
        "start the script with DROP TABLE IF EXISTS {{product}};",
    ),
    (
        re.compile(r"(?i)parameters are (not allowed in|only supported for)|unexpected prepared parameter"),
        "write {{name | quote}} here: this statement takes no bound values",
    ),
    (re.compile(r"(?i)database is locked|could not set lock"), "another program is using the database"),
)


class Rejected(Exception):
    """A statement that a database refused; it begins at a line (counted from 1) of the text that was sent."""

    def __init__(self, error: BaseException, code: str, line: int = 1, statement: str = "") -> None:
        super().__init__(str(error))
        self.error, self.code, self.line, self.statement = error, code, line, statement


def rendered(task: Task, *, late: bool = False) -> Query:
    """Return the SQL that a task runs; ``late``: also with what stands in [[double brackets]]."""
    bound = Binding()
    text = render(task, os.getcwd(), bound)
    if late:
        text = render_late(text, task, os.getcwd(), bound)
    return checked(text, bound, task.source.path)


def connected(task: Task, work: Callable[[Database], None], *, reading: bool = False) -> Failure | None:
    """Call a function with the client of a task; return its failure."""
    return _connected(task, [reading], lambda clients: work(clients[0]))


def connected_to_both(task: Task, work: Callable[[Database, Database], None]) -> Failure | None:
    """Call a function with the client of a task, which only reads, and that of its product."""
    return _connected(task, [True, False], lambda clients: work(*clients))


def _connected(task: Task, reading: list[bool], work: Callable[[list[Database]], None]) -> Failure | None:
    client = None
    try:
        calls = [(call_of(task, product=number > 0), only) for number, only in enumerate(reading)]
        with opened_all(calls) as clients:
            client = clients[-1]
            work(clients)
    except Rejected as rejected:
        return refused(rejected, task, client)
    except Error as error:
        return mistake(error, task)
    except BaseException as error:
        name = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
        if name in _PACKAGES:
            hint = f"pip install {_PACKAGES[name]}"
            return mistake(MissingExtra(f'the package "{name}" is not installed', hint=hint), task)
        if of_a_database(error):
            if client is None:
                return mistake(unreachable(error, calls[-1][0]), task)
            return refused(Rejected(error, ""), task, client)
        return _quiet(failure_of(error, task), client)
    return None


def mistake(error: Error, task: Task) -> Failure:
    """Return a mistake of the user as the failure of a task."""
    where = error.where
    path, line = (where.path, where.line or None) if where else (task.source.path, None)
    code = ""
    if line:
        try:
            with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - a str
                code = file.read()
        except OSError:
            pass
    return Failure(
        type(error).__name__, error.message, line=line, path=path, code=code, hint=error.hint or ""
    )


def refused(rejected: Rejected, task: Task, client: object) -> Failure:
    """Return the failure of a statement: the SQL as it was sent, the line, and the database's own words."""
    message = discreet(words_of(rejected.error), client)
    line = rejected.line + _inside(rejected.statement or rejected.code, message) if rejected.code else None
    plain = not rejected.code or same_lines(task.source.text or "", rejected.code)
    return Failure(
        type(driver_error(rejected.error)).__name__,
        message,
        line=line,
        path=task.source.path if plain else f"{task.source.path} (rendered)",
        code=discreet(rejected.code, client),
        hint=next((hint for pattern, hint in _HINTS if pattern.search(message)), ""),
    )


def _inside(statement: str, message: str) -> int:
    """Return how many lines of a statement stand before what a message is about."""
    if found := _LINE.search(message):
        return int(found[1]) - 1
    if found := _ABOUT.search(message):
        word = (found[1] or found[2]).rpartition(".")[2]
        there = [match.start() for match in re.finditer(rf"(?<!\w){re.escape(word)}(?!\w)", statement)]
        if len(there) == 1 or (there and found[2]):
            return statement.count("\n", 0, there[0])
    return 0


def of_a_database(error: BaseException) -> bool:
    """Return whether something was raised by a driver or by SQLAlchemy, as PEP 249 names what drivers raise."""
    for kind in type(error).__mro__:
        if kind.__name__ in ("DatabaseError", "InterfaceError") or kind.__module__.startswith("sqlalchemy."):
            return True
    return type(error).__module__.partition(".")[0].lstrip("_") in (
        "duckdb",
        "sqlite3",
        "psycopg2",
        "psycopg",
    )


def _quiet(failure: Failure, client: object) -> Failure:
    """Return a failure without passwords."""
    return replace(
        failure,
        message=discreet(failure.message, client),
        traceback=tuple(discreet(entry, client) for entry in failure.traceback),
        code=discreet(failure.code, client),
    )
