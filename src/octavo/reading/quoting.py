"""Put values into shell and SQL, whatever is in them: the filters ``quote`` and ``bind`` of templates."""

from __future__ import annotations

import re
import secrets
import shlex
from collections.abc import Callable, Mapping
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


def _text(value: object, done: str = "quoted") -> str:
    if isinstance(value, Mapping):
        raise ValueError(f"a mapping cannot be {done}: give its values one by one")
    text = str(value)
    if "\0" in text and done == "quoted":
        raise ValueError("a text with a NUL character cannot be quoted")
    return text


class Binding:
    """The filter ``bind``: values that go to a database beside the SQL. In the text marks stand for them.

    A mark has a number that no value can know, so that nothing pasted is taken for one.
    """

    def __init__(self) -> None:
        self._key = str(secrets.randbelow(10**18))
        self._mark = re.compile(f"\ufdd0{self._key}:(\\d+)\ufdd1")
        self._values: list[object] = []

    def __call__(self, value: object) -> str:
        """Return a mark for a value, or for each of a list with commas: for ``IN ({{names | bind}})``."""
        if isinstance(value, list | tuple):
            return ", ".join(map(self, value)) or "NULL"
        if value is not None and not isinstance(value, bool | int | float):
            value = _text(value, "bound")
        self._values.append(value)
        return f"\ufdd0{self._key}:{len(self._values) - 1}\ufdd1"

    def __bool__(self) -> bool:
        """Return whether any value is bound."""
        return bool(self._values)

    def marks(self, text: str) -> bool:
        """Return whether a text has marks in it."""
        return self._mark.search(text) is not None

    def replaced(self, text: str, put: Callable[[object, int], str]) -> str:
        """Return a text with what ``put`` makes of each value, and of where it stands in the text, for its mark."""
        text = self._mark.sub(lambda found: put(self._values[int(found[1])], found.start()), text)
        if self._key in text:
            raise ValueError("no filter can follow bind")
        return text
