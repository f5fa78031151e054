"""Replace {{names}} in strings, and read strings as values."""

from __future__ import annotations

import re
import warnings
from ast import literal_eval
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import SpecError
from ..hints import did_you_mean
from ..lazy import lazy_imports
from .surroundings import BUILTINS, Surroundings

with lazy_imports():
    from . import expressions

if TYPE_CHECKING:
    from .document import Document, Table

_PLACEHOLDER = r"\{\{\s*(.*?)\s*\}\}|\{[{%#]"
_NAME = r"\w+(?:-\w+)*(?:\.\w+(?:-\w+)*)*"
#: Characters of a value, each of its items counted as a few: values that hold others twice grow without bound.
_LARGEST, _ITEM = 2_000_000, 50


class Names:
    """What placeholders may stand for: the environment's keys first, then the built-ins."""

    def __init__(self, table: Mapping[str, object], document: Document | None, around: Surroundings) -> None:
        self.table, self.document, self.around = table, document, around
        self.behind: dict[str, frozenset[str]] = dict(getattr(table, "behind", {}))
        self.mistakes: list[SpecError] = []
        self._weights: dict[int, tuple[object, int]] = {}

    def fill(self, text: str, path: tuple[object, ...], used: set[str]) -> object:
        """Replace the placeholders in a text; a text that is nothing else becomes the value, of any type."""
        end, parts = 0, []
        for found in re.finditer(_PLACEHOLDER, text, re.DOTALL):
            name = found[1]
            if name is None and found[0] == "{{":
                raise self.wrong(f'"{{{{" without "}}}}" in "{text[:60]}"', path)
            if name is None or not re.fullmatch(_NAME, name):
                return self.computed(text, path, used)
            value = self.find(name, path, used)
            self.weigh(value, path)
            if found[0] == text:
                return value
            if isinstance(value, Mapping):
                hint = "use one of its values: " + ", ".join(f"{{{{{name}.{key}}}}}" for key in value)
                raise self.wrong(f"{{{{{name}}}}} is a section and cannot be part of a string", path, hint)
            parts += [text[end : found.start()], str(value)]
            end = found.end()
            self.weigh("".join(parts), path)
        return "".join((*parts, text[end:]))

    def weigh(self, value: object, path: tuple[object, ...]) -> int:
        """Return how large a value is written out; what stands in it many times is looked at once."""
        if isinstance(value, str):
            weight = _ITEM + len(value)
        elif not isinstance(value, list | dict):
            return _ITEM
        elif id(value) in self._weights:
            return self._weights[id(value)][1]
        else:
            weight = sum(
                self.weigh(one, path) for one in (value.values() if isinstance(value, dict) else value)
            )
            self._weights[id(value)] = value, weight
        if weight > _LARGEST:
            raise self.wrong("values that stand for one another grow too large", path)
        return weight

    def computed(self, text: str, path: tuple[object, ...], used: set[str]) -> str:
        """Return a text with expressions in it; what comes of them is text."""
        try:
            found: str = expressions.render(text, _Lookup(self, path, used))
        except KeyError as error:
            raise self.missing(error.args[0], path) from None
        except SpecError as error:
            if error.where is not None:  # it is about a value that the expression needs
                raise
            raise self.wrong(f'"{text[:60]}" {error.message}', path) from None
        return found

    def find(self, name: str, path: tuple[object, ...], used: set[str]) -> object:
        value: Any = self.table  # env.yaml may say anything, here and below
        way: tuple[object, ...] = ()
        for part in name.split("."):
            if isinstance(value, list) and part.isdecimal() and int(part) < len(value):
                key: int | str = int(part)
            elif isinstance(value, Mapping) and part in value and not self.shadows((*way, part)):
                key = part
            elif way:
                within = list(map(str, value)) if isinstance(value, Mapping) else []
                hint = did_you_mean(part, within) or (f"it has {', '.join(within)}" if within else None)
                raise self.wrong(f'{{{{{name}}}}}: "{".".join(map(str, way))}" has no "{part}"', path, hint)
            else:
                return self.builtin(name, path, used)
            way = (*way, key)
            value = self.resolve(value[key], way)
        value = self.resolve(value, way, whole=True)
        used.add(name)
        for leaf, names in self.behind.items():
            if leaf == name or leaf.startswith(name + ".") or name.startswith(leaf + "."):
                used |= names
        return value

    def builtin(self, name: str, path: tuple[object, ...], used: set[str]) -> str:
        if (value := self.around.value(name)) is None:
            raise self.missing(name, path)
        used.add(name)
        return value

    def shadows(self, way: tuple[object, ...]) -> bool:
        """Return whether the key found here must not be taken, so that the built-in of its name is meant."""
        return False

    def resolve(self, value: object, way: tuple[object, ...], whole: bool = False) -> object:
        """Return a value met on the way to a name, ready for use."""
        return value

    def missing(self, name: str, path: tuple[object, ...]) -> SpecError:
        first, _, variable = name.partition(".")
        if first == "env" and variable:
            hint = did_you_mean(variable, self.around.environ)
            return self.wrong(f"the environment variable {variable} is not set", path, hint)
        if name in ("git", "git_hash"):
            hint = "the project is not a git repository, or has no commits"
            return self.wrong(f"{{{{{name}}}}} has no value here", path, hint)
        if name in BUILTINS and name != "env":
            return self.wrong(f"{{{{{name}}}}} has no value here", path, "declare it in env.yaml")
        known = [*leaves(self.table), *(b for b in BUILTINS if b != "env"), "env.NAME"]
        message = f"nothing declares {{{{{name}}}}}; there are {', '.join(known)}"
        return self.wrong(message, path, did_you_mean(name, known) or "declare it in env.yaml")

    def wrong(self, message: str, path: tuple[object, ...], hint: str | None = None) -> SpecError:
        return SpecError(message, self.document.place(*path) if self.document is not None else None, hint)


class _Lookup(Mapping[str, object]):
    """What an expression may name, found when it is asked for; a section of the environment is one of these, too.

    Jinja takes an attribute before a key of the same name, so there are none but those of any mapping.
    """

    def __init__(
        self, names: Names, path: tuple[object, ...], used: set[str], way: tuple[str, ...] = ()
    ) -> None:
        self._names, self._path, self._used, self._way = names, path, used, way

    def _section(self) -> Mapping[str, object]:
        table: Any = self._names.table
        for key in self._way:
            table = table[key]
        return table if isinstance(table, Mapping) else {}

    def __getitem__(self, key: str) -> object:
        way = (*self._way, key)
        own = self._section()
        if key in own and not self._names.shadows(way):
            if isinstance(own[key], Mapping) and own[key]:
                return _Lookup(self._names, self._path, self._used, way)
            return self._names.find(".".join(way), self._path, self._used)
        if self._way:
            raise KeyError(key)
        if key == "env":
            return _Variables(self._names.around.environ, self._used)
        if key not in BUILTINS or self._names.around.value(key) is None:
            raise KeyError(key)
        return self._names.builtin(key, self._path, self._used)

    def __iter__(self) -> Iterator[str]:
        return iter(self._section())

    def __len__(self) -> int:
        return len(self._section())


class _Variables(Mapping[str, str]):
    """The environment variables; which are asked for is remembered, also of those that are not set."""

    def __init__(self, environ: Mapping[str, str], used: set[str]) -> None:
        self._environ, self._used = environ, used

    def __getitem__(self, key: str) -> str:
        self._used.add(f"env.{key}")
        return self._environ[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._environ)

    def __len__(self) -> int:
        return len(self._environ)


def is_expression(text: str) -> bool:
    """Return whether a text needs Jinja."""
    found = re.finditer(_PLACEHOLDER, text, re.DOTALL)
    return any(one[1] is None or not re.fullmatch(_NAME, one[1]) for one in found)


def leaves(table: Table, before: str = "") -> Iterator[str]:
    for key, value in table.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, f"{before}{key}.")
        else:
            yield f"{before}{key}"


_WORDS = {"true": True, "false": False, "none": None, "null": None}
_LITERAL = frozenset("0123456789+-.([{'\"bBrRuU")


def cast(text: str) -> object:
    """Return the value that a text spells in Python, or the text: "true", "none", "1e3", "[1, 2]".

    This is Ploomber's rule, so "1,2" is a tuple and "007" a text; but "..." and bytes, which nothing could be
    told of in another language, stay the text they are.
    """
    if (word := text.lower()) in _WORDS:
        return _WORDS[word]
    if text.lstrip()[:1] not in _LITERAL:
        return text
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Python's parser, on texts that were never meant as Python
            value = literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text
    return text if isinstance(value, bytes | complex) or value is ... else value
