"""Checks on a table, answered by its database."""

from __future__ import annotations

from typing import Any

from ...process.ploomber_names import absent

__all__ = [
    "assert_no_duplicates_in_column",
    "distinct_values_in_column",
    "duplicates_in_column",
    "duplicates_stats",
    "exists_row_where",
    "nulls_in_columns",
    "range_in_column",
]
__getattr__ = absent(__name__)


def nulls_in_columns(client: Any, cols: str | list[str], product: Any) -> bool:
    """Return whether a value is missing in one of the columns."""
    missing = " OR ".join(f"{col} IS NULL" for col in _listed(cols))
    return exists_row_where(client, missing, product)


def exists_row_where(client: Any, criteria: str, product: Any) -> bool:
    """Return whether a row satisfies a condition."""
    return bool(_rows(client, f"SELECT EXISTS(SELECT * FROM {product} WHERE {criteria})")[0][0])


def distinct_values_in_column(client: Any, col: str, product: Any) -> set[Any]:
    """Return the different values in a column."""
    return {row[0] for row in _rows(client, f"SELECT DISTINCT {col} FROM {product}")}


def range_in_column(client: Any, col: str, product: Any) -> tuple[Any, Any]:
    """Return the least and the greatest value in a column."""
    low, high = _rows(client, f"SELECT MIN({col}), MAX({col}) FROM {product}")[0]
    return low, high


def duplicates_in_column(client: Any, col: str | list[str], product: Any) -> bool:
    """Return whether a value, or a combination of values of several columns, occurs twice."""
    return bool(_rows(client, f"SELECT EXISTS({_repeated(col, product)})")[0][0])


def duplicates_stats(client: Any, col: str | list[str], product: Any) -> tuple[int, int, int]:
    """Return the number of rows, of different values, and of rows too many."""
    (rows,) = _rows(client, f"SELECT COUNT(*) FROM {product}")[0]
    columns = ", ".join(_listed(col))
    (unique,) = _rows(client, f"SELECT COUNT(*) FROM (SELECT DISTINCT {columns} FROM {product}) AS single")[0]
    (more,) = _rows(client, f"SELECT COALESCE(SUM(more), 0) FROM ({_repeated(col, product)}) AS repeated")[0]
    return rows, unique, int(more)


def assert_no_duplicates_in_column(
    client: Any, col: str | list[str], product: Any, stats: bool = False
) -> None:
    """Raise ``AssertionError`` with the first repeated values; with ``stats`` also with their number."""
    found = _rows(client, f"{_repeated(col, product)} LIMIT 10")
    if not found:
        return
    lines = [f"{product} has duplicates in {', '.join(_listed(col))}:"]
    lines += [f"  {', '.join(map(str, values))}: {more} too many" for *values, more in found]
    if stats:
        rows, unique, more = duplicates_stats(client, col, product)
        lines.append(f"{rows:,} rows, {unique:,} different values, {more:,} too many")
    raise AssertionError("\n".join(lines))


def _repeated(col: str | list[str], product: Any) -> str:
    columns = ", ".join(_listed(col))
    return f"SELECT {columns}, COUNT(*) - 1 AS more FROM {product} GROUP BY {columns} HAVING COUNT(*) > 1"


def _rows(client: Any, query: str) -> list[tuple[Any, ...]]:
    cursor = client.connection.cursor()
    try:
        cursor.execute(query)
        return list(cursor.fetchall())
    finally:
        cursor.close()


def _listed(cols: str | list[str]) -> list[str]:
    return [cols] if isinstance(cols, str) else list(cols)
