"""Environment, git and time substituted into a spec: ``{{placeholders}}``, and texts that mean values.

The dialect is Ploomber's without its template engine: ``{{name}}``, ``{{section.key}}``, ``{{env.HOME}}`` and
built-ins such as ``{{git}}``. Filters and ``{% if %}`` are refused. ``[[name]]`` belongs to grids, and stays.
"""

from __future__ import annotations

import re
import warnings
from ast import literal_eval
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from .errors import Error, ParameterError, SpecError, did_you_mean, raise_all
from .surroundings import BUILTINS, Surroundings, env_name, surroundings

if TYPE_CHECKING:
    from .document import Document

__all__ = [
    "BUILTINS",
    "Environment",
    "Surroundings",
    "cast",
    "env_name",
    "environment",
    "expand",
    "outside",
    "surroundings",
    "unused",
]

# ── the environment ─────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, eq=False)
class Environment(Mapping[str, Any]):
    """The values that env.yaml and its overrides declare, all placeholders replaced.

    ``behind`` maps each key that has placeholders in it ("path.out") to the names that these lead to.
    """

    table: Mapping[str, Any]
    document: Document | None = None
    behind: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def __getitem__(self, key: str) -> Any:
        return self.table[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.table)

    def __len__(self) -> int:
        return len(self.table)


def environment(document: Document | None, overrides: Mapping[str, Any], around: Surroundings) -> Environment:
    """Return the values of env.yaml, with some of them overridden ("a", or "a.b" for a key in a section).

    A text that overrides what is not a text becomes the value it spells: ``sample=true`` on the command line.
    Values may use other keys, in any order, and built-ins. In the section ``path``, ``~`` is the home folder.
    """
    data = document.data if document is not None and document.data is not None else {}
    where = document.place() if document is not None else None
    if not isinstance(data, dict) or not all(isinstance(key, str) for key in data):
        raise SpecError("an environment is a mapping of names to values", where, 'write "name: value" lines')
    if isinstance(data.get("meta"), dict) and "import_from" in data["meta"] and document is not None:
        raise SpecError('"meta.import_from" is not supported yet', document.key("meta", "import_from"))
    mistakes: list[Error] = []
    changed: Any = data
    for name, value in overrides.items():
        try:
            changed = _override(changed, name.split("."), value, name)
        except ParameterError as error:
            if document is None:
                error.hint = "there is no env.yaml to declare it in"
            elif error.hint is None:
                near = did_you_mean(name, _leaves(data))
                error.hint = near or f"{document.path} declares {', '.join(_leaves(data)) or 'nothing'}"
            mistakes.append(error)
    raise_all(mistakes, "parameters that do not exist")
    unread = _Unread(changed, document, around)
    table = unread.settle(changed, (), whole=True)
    raise_all(unread.mistakes, f"{where} has mistakes")
    return Environment(table, document, unread.behind)


def _override(data: Any, path: list[str], value: Any, name: str) -> Any:
    """Return the data with one value replaced, and everything around it copied."""
    if path:
        if not isinstance(data, dict) or path[0] not in data:
            raise ParameterError(f'no parameter is called "{name}"')
        return {**data, path[0]: _override(data[path[0]], path[1:], value, name)}
    if isinstance(data, dict) and data and not isinstance(value, Mapping):
        keys = ", ".join(f"{name}.{key}" for key in data)
        raise ParameterError(f'the parameter "{name}" is a section', hint=f"give one of its values: {keys}")
    if isinstance(data, dict) and data:
        for key, inner in value.items():
            data = _override(data, [key], inner, f"{name}.{key}")
        return data
    return cast(value) if isinstance(value, str) and not isinstance(data, str) else value


def unused(env: Environment, used: Iterable[str]) -> tuple[str, ...]:
    """Return a note on each key of env.yaml used neither there nor by a pipeline (its ``used``)."""
    names = set(used).union(*env.behind.values())
    sections = {name[:n] for name in names for n in range(len(name)) if name[n] == "."}
    found = []
    for key in _leaves(env.table):
        parts = key.split(".")
        wholes = {".".join(parts[: n + 1]) for n in range(len(parts))}
        if not (wholes & names or key in sections or key.startswith("_")) and env.document is not None:
            found.append(f'{env.document.key(*parts)}: no placeholder uses "{key}"')
    return tuple(found)


def outside(used: Iterable[str]) -> tuple[str, ...]:
    """Return the used placeholders whose values no file tells: ``Surroundings.value`` does."""
    return tuple(sorted(name for name in used if name.partition(".")[0] in BUILTINS))


def _leaves(table: Mapping[Any, Any], before: str = "") -> Iterator[str]:
    for key, value in table.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{before}{key}.")
        else:
            yield f"{before}{key}"


# ── placeholders ────────────────────────────────────────────────────────────────────────────────────────

_PLACEHOLDER = r"\{\{\s*(.*?)\s*\}\}|\{[{%#]"
_NAME = r"\w+(?:-\w+)*(?:\.\w+(?:-\w+)*)*"
_JINJA = 'only names, as in "{{name}}" or "{{section.key}}": set the value in env.yaml'


class _Names:
    """What placeholders may stand for: the environment's keys first, then the built-ins."""

    def __init__(self, table: Mapping[str, Any], document: Document | None, around: Surroundings) -> None:
        self.table, self.document, self.around = table, document, around
        self.behind: dict[str, frozenset[str]] = dict(getattr(table, "behind", {}))
        self.mistakes: list[SpecError] = []

    def fill(self, text: str, path: tuple[Any, ...], used: set[str]) -> Any:
        """Replace the placeholders in a text; a text that is nothing else becomes the value, of any type."""
        end, parts = 0, []
        for found in re.finditer(_PLACEHOLDER, text, re.DOTALL):
            name = found[1]
            if name is None and found[0] == "{{":
                raise self.wrong(f'"{{{{" without "}}}}" in "{text[:60]}"', path)
            if name is None or not re.fullmatch(_NAME, name):
                raise self.wrong(f'"{text[:60]}" needs jinja, which is not supported', path, _JINJA)
            value = self.find(name, path, used)
            if found[0] == text:
                return value
            if isinstance(value, Mapping):
                hint = "take one of its values: " + ", ".join(f"{{{{{name}.{key}}}}}" for key in value)
                raise self.wrong(f"{{{{{name}}}}} is a section and cannot stand in a text", path, hint)
            parts += [text[end : found.start()], str(value)]
            end = found.end()
        return "".join((*parts, text[end:]))

    def find(self, name: str, path: tuple[Any, ...], used: set[str]) -> Any:
        value: Any = self.table
        way: tuple[Any, ...] = ()
        for part in name.split("."):
            if isinstance(value, list) and part.isdecimal() and int(part) < len(value):
                key: Any = int(part)
            elif isinstance(value, Mapping) and part in value and not self.shadows((*way, part)):
                key = part
            elif way:
                within = list(map(str, value)) if isinstance(value, Mapping) else []
                hint = did_you_mean(part, within) or (f"it has {', '.join(within)}" if within else None)
                raise self.wrong(f'{{{{{name}}}}}: "{".".join(map(str, way))}" has no "{part}"', path, hint)
            else:
                return self.builtin(name, path, used)
            way = (*way, key)
            value = self.settle(value[key], way)
        value = self.settle(value, way, whole=True)
        used.add(name)
        for leaf, names in self.behind.items():
            if leaf == name or leaf.startswith(name + ".") or name.startswith(leaf + "."):
                used |= names
        return value

    def builtin(self, name: str, path: tuple[Any, ...], used: set[str]) -> str:
        if (value := self.around.value(name)) is None:
            raise self.missing(name, path)
        used.add(name)
        return value

    def shadows(self, way: tuple[Any, ...]) -> bool:
        """Tell whether the key found here must not be taken, so that the built-in of its name is meant."""
        return False

    def settle(self, value: Any, way: tuple[Any, ...], whole: bool = False) -> Any:
        """Return a value met on the way to a name, ready for use."""
        return value

    def missing(self, name: str, path: tuple[Any, ...]) -> SpecError:
        first, _, variable = name.partition(".")
        if first == "env" and variable:
            hint = did_you_mean(variable, self.around.environ)
            return self.wrong(f"the environment variable {variable} is not set", path, hint)
        if name in ("git", "git_hash"):
            hint = "the project is no git repository, or has no commit"
            return self.wrong(f"{{{{{name}}}}} has no value here", path, hint)
        if name in BUILTINS and name != "env":
            return self.wrong(f"{{{{{name}}}}} has no value here", path, "declare it in env.yaml")
        known = [*_leaves(self.table), *(b for b in BUILTINS if b != "env"), "env.NAME"]
        message = f"nothing declares {{{{{name}}}}}; there are {', '.join(known)}"
        return self.wrong(message, path, did_you_mean(name, known) or "declare it in env.yaml")

    def wrong(self, message: str, path: tuple[Any, ...], hint: str | None = None) -> SpecError:
        return SpecError(message, self.document.place(*path) if self.document is not None else None, hint)


class _Unread(_Names):
    """An environment that is being read: each text is resolved when first asked for, so order is free."""

    def __init__(self, raw: Mapping[str, Any], document: Document | None, around: Surroundings) -> None:
        super().__init__(raw, document, around)
        self.done: dict[tuple[Any, ...], Any] = {}
        self.under_way: list[tuple[Any, ...]] = []

    def settle(self, value: Any, way: tuple[Any, ...], whole: bool = False) -> Any:
        if isinstance(value, str):
            return self.text(value, way)
        if whole and isinstance(value, dict):
            return {key: self.settle(inner, (*way, key), whole) for key, inner in value.items()}
        if whole and isinstance(value, list):
            return [self.settle(inner, (*way, n), whole) for n, inner in enumerate(value)]
        return value

    def text(self, text: str, way: tuple[Any, ...]) -> Any:
        if way in self.done:
            return self.done[way]
        if way in self.under_way:
            circle = [".".join(map(str, w)) for w in (*self.under_way[self.under_way.index(way) :], way)]
            raise self.wrong(f"values that need each other in a circle: {' → '.join(circle)}", way)
        self.under_way.append(way)
        used: set[str] = set()
        value: Any = None
        try:
            value = self.fill(text, way, used) if "{" in text else text
        except SpecError as error:
            self.mistakes.append(error)
        self.under_way.pop()
        if used:
            self.behind[".".join(map(str, way))] = frozenset(used)
        if way[0] == "path" and isinstance(value, str):
            value = _path(value, self.around.environ)
        self.done[way] = value
        return value

    def shadows(self, way: tuple[Any, ...]) -> bool:
        return way[0] in BUILTINS and way in self.under_way  # git: "{{git}}-mine"


def _path(text: str, environ: Mapping[str, str]) -> str:
    """Return a path of the section ``path``: home folder put in, no slash at its end."""
    home = environ.get("HOME") or environ.get("USERPROFILE")
    if home and (text == "~" or text.startswith("~/")):
        text = home + text[1:]
    return text.rstrip("/") or text[:1]


# ── the spec ────────────────────────────────────────────────────────────────────────────────────────────

# The keys of a task whose values are text, whatever a placeholder in them stands for, and those where a text
# means the value it spells. Ploomber does the latter to the whole file, so that a task cannot be called "1".
_TEXT = frozenset(("source", "name", "product", "upstream"))
_CAST = frozenset(("params", "grid"))


def expand(document: Document, env: Mapping[str, Any], around: Surroundings) -> Document:
    """Replace the placeholders in every value of a document; a value that is one placeholder takes its type.

    Never raises: the result's ``mistakes`` wait for ``spec``, which raises them with its own. Its ``used``
    names the placeholders met and those behind them in env.yaml: see ``outside`` and ``unused``.
    """
    filling = _Filling(env, document, around)
    data = filling.value(document.data, ())
    mistakes = (*document.mistakes, *filling.mistakes)
    return replace(document, data=data, used=document.used | filling.used, mistakes=mistakes)


class _Filling(_Names):
    """One walk over a spec."""

    def __init__(self, table: Mapping[str, Any], document: Document, around: Surroundings) -> None:
        super().__init__(table, document, around)
        self.used: set[str] = set()

    def value(self, node: Any, path: tuple[Any, ...]) -> Any:
        if isinstance(node, dict):
            return {key: self.value(inner, (*path, key)) for key, inner in node.items()}
        if isinstance(node, list):
            return [self.value(inner, (*path, n)) for n, inner in enumerate(node)]
        if not isinstance(node, str):
            return node
        key = _task_key(path)
        value: Any = node
        if "{" in node:
            try:
                value = self.fill(node, path, self.used)
            except SpecError as error:
                self.mistakes.append(error)
        if key in _TEXT and isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
        return cast(value) if key in _CAST and isinstance(value, str) else value


def _task_key(path: tuple[Any, ...]) -> Any:
    """Return the key of a task that a value belongs to: a task is "tasks", 3 or, in a bare list, 3."""
    inside = path[1:] if path[:1] == ("tasks",) else path
    if not inside or not isinstance(inside[0], int):
        return None
    return inside[1] if len(inside) > 1 else "source"


_WORDS = {"true": True, "false": False, "none": None, "null": None}
_LITERAL = frozenset("0123456789+-.([{'\"bBrRuU")


def cast(text: str) -> Any:
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
