"""Checks on the data in a file, with pandas."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ... import plugins
from ...process.ploomber_names import absent

__all__ = [
    "distinct_values_in_column",
    "duplicates_in_column",
    "load_product",
    "no_duplicates_in_column",
    "no_nulls_in_columns",
    "nulls_in_columns",
    "range_in_column",
]
__getattr__ = absent(__name__)


def load_product(product: Any) -> Any:
    """Return a file as a DataFrame."""
    ending = Path(str(product)).suffix[1:]
    read = getattr(plugins.load("pandas"), f"read_{ending}", None)
    if read is None:
        raise ValueError(f'pandas has no reader for "{ending}": {product}')
    return read(str(product))


def nulls_in_columns(cols: str | list[str], product: Any) -> bool:
    """Return whether a value is missing in one of the columns."""
    return bool(load_product(product)[_listed(cols)].isna().to_numpy().any())


def no_nulls_in_columns(cols: str | list[str], product: Any) -> bool:
    """Return whether no value is missing in any of the columns."""
    return not nulls_in_columns(cols, product)


def distinct_values_in_column(col: str, product: Any) -> set[Any]:
    """Return the different values in a column."""
    return set(load_product(product)[col].unique())


def duplicates_in_column(col: str | list[str], product: Any) -> bool:
    """Return whether a value, or a combination of values of several columns, occurs twice."""
    return bool(load_product(product).duplicated(_listed(col)).any())


def no_duplicates_in_column(col: str | list[str], product: Any) -> bool:
    """Return whether no value occurs twice."""
    return not duplicates_in_column(col, product)


def range_in_column(col: str, product: Any) -> tuple[Any, Any]:
    """Return the least and the greatest value in a column."""
    column = load_product(product)[col]
    return column.min(), column.max()


def _listed(cols: str | list[str]) -> list[str]:
    return [cols] if isinstance(cols, str) else list(cols)
