"""Write Python values as literals of other languages.

A value that a language cannot write is refused with a ``ParameterError``: a parameter that arrives changed is
worse than one that does not arrive.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import date, time
from keyword import iskeyword
from pathlib import PurePath

from ..dataclass import dataclass
from ..errors import ParameterError
from .languages import ALIASES, LANGUAGES, Brackets, Language, Unwritable

_WIDTH = 88


def literal(value: object, language: str) -> str:
    """Return a value as a literal of a language; raises ParameterError where there is none."""
    return _written(value, language, "", 0)


def assignment(name: str, value: object, language: str) -> str:
    """Return the statement that sets a variable, in a language."""
    row = known(language)
    if not re.fullmatch(row.names, name) or (row is LANGUAGES["python"] and iskeyword(name)):
        raise ParameterError(f'parameter "{name}" is not a valid variable name in {language}')
    template = row.assign if isinstance(row.assign, str) else row.assign(value)
    return template.format(name, _written(value, language, name, len(template.format(name, ""))))


def known(language: str) -> Language:
    """Return a language's row; raises ParameterError, naming those there are, where it has none."""
    lower = language.lower()
    row = LANGUAGES.get(ALIASES.get(lower, lower))
    if row is None:
        names = ", ".join(LANGUAGES)
        raise ParameterError(
            f'parameters cannot be written in "{language}"', hint=f"these languages are known: {names}"
        )
    return row


def _written(value: object, language: str, name: str, column: int) -> str:
    try:
        return _Writer(known(language)).write(value, column, 0)
    except Unwritable as error:
        what = f'parameter "{name}"' if name else "a value"
        raise ParameterError(f"{what} cannot be written in {language}: {error}") from None
    except RecursionError:
        raise ParameterError(f'parameter "{name}" contains itself, or is nested too deeply') from None


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes values of one language, over several lines where one would be too long."""

    language: Language

    def write(self, value: object, column: int = 0, indent: int = 0, depth: int = 0) -> str:
        language = self.language
        if hasattr(value, "tolist") and type(value).__module__.partition(".")[0] == "numpy":
            value = value.tolist()
        if not isinstance(value, Mapping | list | tuple | AbstractSet):
            return self.scalar(value)
        if depth and language.nested:
            return language.nested(value)
        if isinstance(value, Mapping):
            keys = [self.key(key) for key in value]
            if not isinstance(language.mapping, Brackets):
                return language.mapping(keys, [self.write(item, depth=depth + 1) for item in value.values()])
            brackets, items = language.mapping, list(value.values())
        else:
            items, keys = list(value), []
            brackets = self.brackets(value, items)
        line = self.items(brackets, keys, [self.write(item, depth=depth + 1) for item in items])
        if column + len(line) <= _WIDTH or not items or not language.wraps:
            return line
        inner = " " * (indent + 4)
        starts = [len(inner) + len(brackets.item.format(key, "") if keys else "") for key in keys or items]
        rows = [self.write(item, at, indent + 4, depth + 1) for item, at in zip(items, starts, strict=True)]
        rows = [brackets.item.format(*pair) for pair in (zip(keys, rows, strict=True) if keys else zip(rows))]
        if len(rows) == 1 and brackets.one:
            opening, closing = brackets.one.format("\n").split("\n", 1)
            return f"{opening}\n{inner}{rows[0]}{closing[:-1]}\n{' ' * indent}{closing[-1]}"
        end = brackets.separator.rstrip() if language.trailing else ""
        body = (brackets.separator.rstrip() + "\n" + inner).join(rows)
        return f"{brackets.open.rstrip()}\n{inner}{body}{end}\n{' ' * indent}{brackets.close.lstrip()}"

    def items(self, brackets: Brackets, keys: list[str], items: list[str]) -> str:
        if len(items) == 1 and brackets.one:
            return brackets.one.format(items[0])
        rows = [
            brackets.item.format(*pair) for pair in (zip(keys, items, strict=True) if keys else zip(items))
        ]
        return brackets.open + brackets.separator.join(rows) + brackets.close

    def brackets(self, value: object, items: list[object]) -> Brackets:
        language = self.language
        if isinstance(value, AbstractSet):
            # Sets have no order of their own: the same set is to be the same text on every run.
            items.sort(key=self.write)
            if language.sets:
                if isinstance(value, frozenset):
                    return Brackets("frozenset({", "})") if items else Brackets("frozenset(", ")")
                return (
                    language.sets if items or language is not LANGUAGES["python"] else Brackets("set(", ")")
                )
        if isinstance(value, tuple) and language.tuples:
            return language.tuples
        if language.mixed and len({type(item) for item in items}) != 1:
            return language.mixed
        return language.sequence

    def key(self, key: object) -> str:
        language = self.language
        if isinstance(key, str) and language.key:
            return language.key(key)
        if not isinstance(key, str) and not language.any_key:
            raise Unwritable(f"the key {key!r} is not a text")
        return self.write(key)

    def scalar(self, value: object) -> str:
        language = self.language
        match value:
            case None:
                return language.words[0]
            case bool():
                return language.words[1 if value else 2]
            case int():
                return language.whole(int(value))
            case float():
                if math.isfinite(value):
                    return float.__repr__(value)
                return language.floats[0 if math.isnan(value) else 1 if value > 0 else 2]
            case str():
                return language.text(str.__str__(value))
            case PurePath():
                return language.text(str(value))
            case date() | time():
                return language.text(value.isoformat())
        if language is LANGUAGES["python"]:
            if isinstance(value, bytes):
                return bytes.__repr__(value)
            if isinstance(value, complex):
                return f"complex({self.scalar(value.real)}, {self.scalar(value.imag)})"
        raise Unwritable(f"there is no literal for a {type(value).__name__}")
