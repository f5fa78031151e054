"""Write values as they stand in shell and SQL, whatever is in them: the filter ``quote`` of templates."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from math import isfinite


def shell(value: object) -> str:
    """Return a value as one word of a shell, or a list as several."""
    if isinstance(value, list | tuple):
        return " ".join(map(shell, value))
    return shlex.quote(_text(value))


def sql(value: object) -> str:
    """Return a value as a literal of SQL, or a list as several with commas: for ``IN ({{names | quote}})``.

    Only quotes are doubled, as the standard has it: MySQL takes backslashes for escapes unless NO_BACKSLASH_ESCAPES is
    set.
    """
    if isinstance(value, list | tuple):
        return ", ".join(map(sql, value)) or "NULL"
    if value is None or isinstance(value, bool):
        return "NULL" if value is None else str(value).upper()
    if isinstance(value, int | float) and isfinite(value):
        return repr(value)
    return "'" + _text(value).replace("'", "''") + "'"


def _text(value: object) -> str:
    if isinstance(value, Mapping):
        raise ValueError("a mapping cannot be quoted: quote its values")
    text = str(value)
    if "\0" in text:
        raise ValueError("a text with a NUL character cannot be quoted")
    return text
