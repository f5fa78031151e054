"""Packages that a build needs are missed before anything runs."""

from __future__ import annotations

import sys

import pytest

from octavo import project as projects
from octavo.errors import Error
from projects import Folder

FILES = {
    "db.py": """
        from octavo.clients import DBAPIClient, SQLAlchemyClient

        def get():
            return SQLAlchemyClient("sqlite:///a.db")

        def plain():
            return DBAPIClient("sqlite3.connect", {"database": "a.db"})
    """,
    "in.csv": "a\n1\n",
    "task.sql": "SELECT 1 AS a",
    "page.py": "# %%\nprint(1)\n",
    "steps.py": "def first(product):\n    product.write_text('it ran')\n",
}


@pytest.mark.parametrize(
    ("task", "package", "told"),
    [
        ("source: task.sql, product: out.csv, client: db.get", "sqlalchemy", "db.get needs it"),
        ("source: task.sql, product: out.parquet, client: db.plain", "pyarrow", "out.parquet needs it"),
        (
            "source: in.csv, class: SQLUpload, name: up, product: [t, table], client: db.plain",
            "pandas",
            '"up" needs it',
        ),
        ("source: page.py, product: out.html", "nbconvert", "out.html needs it"),
    ],
)
def test_a_package_that_is_not_there_is_an_error_before_anything_runs(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, task: str, package: str, told: str
) -> None:
    for name, text in FILES.items():
        folder.write(name, text)
    folder.write(
        "pipeline.yaml", f"tasks:\n  - {{source: steps.first, product: first.txt}}\n  - {{{task}}}\n"
    )
    monkeypatch.setitem(sys.modules, package, None)
    with projects.load(folder.path) as project:
        with pytest.raises(Error) as raised:
            project.build()
        error = raised.value
        assert error.message == f'the package "{package}" is not installed, and {told}'
        assert (error.hint or "").startswith("pip install ")
    assert not (folder.path / "first.txt").exists()


def test_a_client_of_a_driver_needs_no_sqlalchemy(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in FILES.items():
        folder.write(name, text)
    folder.write(
        "pipeline.yaml", "- {source: task.sql, product: out.csv, client: db.plain, chunksize: null}\n"
    )
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    with projects.load(folder.path) as project:
        report = project.build()
        assert report.exit_code == 0, report.failures
    assert folder.read("out.csv") == '"a"\n"1"\n'
