"""BigQuery, Snowflake and Redshift: what octavo asks them of tables is what their dialects of SQLAlchemy write."""

from __future__ import annotations

import importlib.util
import re

import pytest

pytestmark = pytest.mark.engines


@pytest.mark.parametrize(
    ("package", "url"),
    [
        ("sqlalchemy_bigquery", "bigquery://project/lake"),
        ("snowflake.sqlalchemy", "snowflake://user:word@account/base/lake"),
        ("sqlalchemy_redshift", "redshift+psycopg2://user:word@host/base"),
    ],
)
def test_questions_are_those_of_the_dialect(package: str, url: str) -> None:
    try:
        found = importlib.util.find_spec(package)
    except ModuleNotFoundError:
        found = None
    if found is None:
        pytest.skip(f"wants the dialect of {url.partition(':')[0]}")
    import sqlalchemy

    from octavo.model import Relation

    dialect = sqlalchemy.engine.url.make_url(url).get_dialect()()
    table = sqlalchemy.table("seen", sqlalchemy.column("n"), schema="lake")
    counted = sqlalchemy.select(sqlalchemy.func.count()).select_from(table)
    nothing = sqlalchemy.select(sqlalchemy.text("*")).select_from(table).where(sqlalchemy.text("1 = 0"))
    relation = Relation("seen", "lake")
    for statement, ours in (
        (counted, f"SELECT count(*) FROM {relation}"),
        (nothing, f"SELECT * FROM {relation} WHERE 1 = 0"),
    ):
        theirs = re.sub(r" AS \S+|[`\"]", "", str(statement.compile(dialect=dialect)))
        assert " ".join(theirs.split()) == ours
