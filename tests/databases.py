"""Real databases for tests, and projects that work with them."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from projects import Folder


def postgres_server() -> Iterator[str]:
    """Start a PostgreSQL server and yield its address; skip the test where there is none for this Python."""
    # where its own user can go, also when the tests are run by root; and with a short path, for sockets
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of where it may keep its sockets
        pgserver = pytest.importorskip("pgserver", reason="PyPI has no PostgreSQL (pgserver) for this Python")
        server = pgserver.get_server(folder)
    try:
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg2://")
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def rows(path: Path, query: str) -> list[Any]:
    """Return what a SQLite file answers."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def change(path: Path, *statements: str) -> None:
    """Change a SQLite file behind octavo's back."""
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def client(folder: Folder, uri: str, name: str = "clients") -> None:
    """Write a module with the function ``get``, which returns a client of a database."""
    folder.write(
        f"{name}.py",
        f"""
        from octavo.clients import SQLAlchemyClient

        def get():
            return SQLAlchemyClient({uri!r})
        """,
    )


def sql(folder: Folder, name: str, select: str, kind: str = "TABLE") -> None:
    """Write a script that makes its product of a SELECT."""
    drop = f"DROP {kind} IF EXISTS {{{{product}}}};"
    folder.write(f"{name}.sql", f"{drop}\n\nCREATE {kind} {{{{product}}}} AS\n{dedent(select)}\n")
