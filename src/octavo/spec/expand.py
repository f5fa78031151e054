"""Substitute env.yaml, git and time for {{placeholders}}, and turn strings into values.

The dialect is Ploomber's: ``{{name}}``, ``{{section.key}}``, ``{{env.HOME}}`` and built-ins such as ``{{git}}``.
What is more than a name (filters, ``{% if %}``) is for Jinja, which is imported then. ``[[name]]`` belongs to
grids, and stays.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

from ..dataclass import dataclass
from ..errors import Error, ParameterError, Place, SpecError, raise_all
from ..hints import did_you_mean
from .placeholders import Names, cast, is_expression, leaves
from .surroundings import BUILTINS, Surroundings, env_name, surroundings
from .version import stated_version

if TYPE_CHECKING:
    from .document import Document, Table

__all__ = [
    "BUILTINS",
    "Environment",
    "Surroundings",
    "cast",
    "env_name",
    "environment",
    "expand",
    "imported",
    "outside",
    "surroundings",
    "unused",
]

# ── the environment ─────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, eq=False)
class Environment(Mapping[str, Any]):  # env.yaml may say anything
    """The values that env.yaml and its overrides declare, all placeholders replaced.

    ``behind`` maps each key that has placeholders in it ("path.out") to the names that these lead to. ``folders``
    are to be there when tasks run: those of the section ``path`` that end in a slash. ``around`` are the
    surroundings as this environment changes them.
    """

    table: Mapping[str, Any]
    document: Document | None = None
    behind: Mapping[str, frozenset[str]] = field(default_factory=dict)
    folders: tuple[str, ...] = ()
    around: Surroundings | None = None

    def __getitem__(self, key: str) -> Any:
        return self.table[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.table)

    def __len__(self) -> int:
        return len(self.table)


def imported(path: str, here: str, read: Callable[[str], Document], inside: tuple[str, ...] = ()) -> Document:
    """Return an environment file laid over the one that its ``meta.import_from`` names, if any, key by key.

    That path is relative to ``here``, the folder of the pipeline, or else to the file that says it.
    """
    document = read(path)
    meta = document.data.get("meta") if isinstance(document.data, dict) else None
    if not isinstance(meta, dict) or "import_from" not in meta:
        return document
    where, named = document.place("meta", "import_from"), meta["import_from"]
    if not isinstance(named, str) or not named.strip():
        raise SpecError('"meta.import_from" must be the path of an environment file', where)
    folders = dict.fromkeys(os.path.abspath(folder) for folder in (here, os.path.dirname(path)))
    found = (os.path.normpath(os.path.join(folder, os.path.expanduser(named))) for folder in folders)
    other = next((file for file in found if os.path.isfile(file)), None)
    if other is None:
        near = did_you_mean(named, [name for folder in folders for name in os.listdir(folder)])
        raise SpecError(f'the imported file "{named}" does not exist', where, near)
    if other in (*inside, os.path.abspath(path)):
        raise SpecError(f"{named} imports itself", where)
    below = imported(other, os.path.dirname(other), read, (*inside, os.path.abspath(path)))
    if not isinstance(below.data, dict):
        raise SpecError("an environment must be a mapping of names to values", below.place())
    own = {key: value for key, value in document.data.items() if key != "meta" or len(meta) > 1}
    return replace(document, data=_laid(own, below.data), under=(below,))


def _laid(over: Table, under: Table) -> Table:
    """Return one mapping laid over another: sections that both have are laid over each other as well."""
    merged = dict(under)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = _laid(value, below) if isinstance(value, dict) and isinstance(below, dict) else value
    return merged


def environment(
    document: Document | None,
    overrides: Mapping[str, object],
    around: Surroundings,
    found: list[Error] | None = None,
) -> Environment:
    """Return the values of env.yaml, with some of them overridden ("a", or "a.b" for a key in a section).

    A text that overrides what is not a text becomes the value it spells: ``sample=true`` on the command line.
    Values may use other keys, in any order, and built-ins. In the section ``path``, ``~`` is the home folder.
    Errors are raised, or added to what was ``found`` so far: values that have one stay as they are written.
    """
    data = document.data if document is not None and document.data is not None else {}
    where = document.place() if document is not None else None
    if not isinstance(data, dict) or not all(isinstance(key, str) for key in data):
        raise SpecError(
            "an environment must be a mapping of names to values", where, 'write "name: value" lines'
        )
    mistakes: list[Error] = []
    changed = data
    for name, value in overrides.items():
        try:
            changed = _override(changed, name.split("."), value, name)
        except ParameterError as error:
            if document is None:
                error.hint = "there is no env.yaml to declare it in"
            elif error.hint is None:
                near = did_you_mean(name, leaves(data))
                error.hint = near or f"{document.path} declares {', '.join(leaves(data)) or 'nothing'}"
            mistakes.append(error)
    if found is None:
        raise_all(mistakes, "the parameters do not exist")
    if isinstance(module := changed.get("_module"), str):
        root, folder = around.root, around.here if module == "{{here}}" else module
        around = replace(around, version=lambda: stated_version(root, folder))
    unread = _Unread(changed, document, around)
    table: Any = unread.resolve(changed, (), whole=True)  # a mapping stays one
    if found is None:
        raise_all(unread.mistakes, f"errors in {where}")
    else:
        found += [*mistakes, *unread.mistakes]
    return Environment(table, document, unread.behind, tuple(unread.folders), around)


def _override(data: object, path: list[str], value: object, name: str) -> Any:  # of the type of ``data``
    """Return the data with one value replaced, and everything around it copied."""
    if path:
        if not isinstance(data, dict) or path[0] not in data:
            raise ParameterError(f'there is no parameter "{name}"')
        return {**data, path[0]: _override(data[path[0]], path[1:], value, name)}
    if isinstance(data, dict) and data and not isinstance(value, Mapping):
        keys = ", ".join(f"{name}.{key}" for key in data)
        raise ParameterError(f'the parameter "{name}" is a section', hint=f"set one of its values: {keys}")
    if isinstance(data, dict) and data and isinstance(value, Mapping):
        for key, inner in value.items():
            data = _override(data, [key], inner, f"{name}.{key}")
        return data
    return cast(value) if isinstance(value, str) and not isinstance(data, str) else value


def unused(env: Environment, used: Iterable[str]) -> tuple[str, ...]:
    """Return a note for each file on its keys that are used neither there nor by a pipeline (its ``used``)."""
    names = set(used).union(*env.behind.values())
    sections = {name[:n] for name in names for n in range(len(name)) if name[n] == "."}
    found: dict[str, list[tuple[Place, str]]] = {}
    for key in leaves(env.table):
        parts = key.split(".")
        wholes = {".".join(parts[: n + 1]) for n in range(len(parts))}
        if not (wholes & names or key in sections or key.startswith("_")) and env.document is not None:
            place = env.document.key(*parts)
            found.setdefault(place.path, []).append((place, f'"{key}"'))
    return tuple(
        f"{keys[0][0]}: no placeholder uses {_listed([key for _, key in keys])}" for keys in found.values()
    )


def _listed(words: list[str]) -> str:
    """Return words as a list of a few, and how many others there are."""
    if len(words) > _FEW + 1:
        return f"{', '.join(words[:_FEW])} and {len(words) - _FEW} others"
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


_FEW = 5


def outside(used: Iterable[str]) -> tuple[str, ...]:
    """Return the used placeholders whose values no file tells: ``Surroundings.value`` does."""
    return tuple(sorted(name for name in used if name.partition(".")[0] in BUILTINS))


class _Unread(Names):
    """An environment that is being read: each text is resolved when first asked for, so order is free."""

    def __init__(self, raw: Mapping[str, object], document: Document | None, around: Surroundings) -> None:
        super().__init__(raw, document, around)
        self.done: dict[tuple[object, ...], object] = {}
        self.under_way: list[tuple[object, ...]] = []
        self.folders: list[str] = []

    def resolve(self, value: object, way: tuple[object, ...], whole: bool = False) -> object:
        if isinstance(value, str):
            return self.text(value, way)
        if whole and isinstance(value, dict):
            return {key: self.resolve(inner, (*way, key), whole) for key, inner in value.items()}
        if whole and isinstance(value, list):
            return [self.resolve(inner, (*way, n), whole) for n, inner in enumerate(value)]
        return value

    def text(self, text: str, way: tuple[object, ...]) -> object:
        if way in self.done:
            return self.done[way]
        if way in self.under_way:
            circle = [".".join(map(str, w)) for w in (*self.under_way[self.under_way.index(way) :], way)]
            raise self.wrong(f"values refer to each other in a cycle: {' → '.join(circle)}", way)
        self.under_way.append(way)
        used: set[str] = set()
        value: object = None
        try:
            value = self.fill(text, way, used) if "{" in text else text
            if isinstance(value, str) and is_expression(text) and way[0] != "path":
                value = cast(value)
        except SpecError as error:
            self.mistakes.append(error)
        self.under_way.pop()
        if used:
            self.behind[".".join(map(str, way))] = frozenset(used)
        if way[0] == "path" and isinstance(value, str):
            slash = len(value) > 1 and value.endswith("/")
            value = _path(value, self.around.environ)
            if slash:
                self.folders.append(value)
        self.done[way] = value
        return value

    def shadows(self, way: tuple[object, ...]) -> bool:
        return way[0] in BUILTINS and way in self.under_way  # git: "{{git}}-mine"


def _path(text: str, environ: Mapping[str, str]) -> str:
    """Return a path of the section ``path``: home folder put in, no slash at its end."""
    home = environ.get("HOME") or environ.get("USERPROFILE")
    if home and (text == "~" or text.startswith("~/")):
        text = home + text[1:]
    return text.rstrip("/") or text[:1]


# ── the spec ────────────────────────────────────────────────────────────────────────────────────────────

# The keys of a task whose values are text, whatever a placeholder in them stands for. Everywhere else in a task, and
# below the keys of a pipeline that hold arguments, a text means the value it spells. Ploomber does this to the whole
# file, so that a task cannot be called "1".
_PATHS = frozenset(("source", "name", "product", "upstream"))
_TEXT = _PATHS | {"tags", "kernel", "kernelspec_name", "class", "product_class", "columns", "bucket"}
_CAST = frozenset(("clients", "config", "executor", "on_render", "on_finish", "on_failure"))


def expand(document: Document, env: Mapping[str, object], around: Surroundings) -> Document:
    """Replace the placeholders in every value of a document; a value that is one placeholder takes its type.

    Never raises: the result's ``mistakes`` wait for ``spec``, which raises them with its own. Its ``used``
    names the placeholders met and those behind them in env.yaml: see ``outside`` and ``unused``.
    """
    filling = _Filling(env, document, around)
    data = filling.value(document.data, ())
    mistakes = (*document.mistakes, *filling.mistakes)
    return replace(document, data=data, used=document.used | filling.used, mistakes=mistakes)


class _Filling(Names):
    """One walk over a spec."""

    def __init__(self, table: Mapping[str, object], document: Document, around: Surroundings) -> None:
        super().__init__(table, document, around)
        self.used: set[str] = set()

    def value(self, node: object, path: tuple[object, ...]) -> object:
        if isinstance(node, dict):
            return {key: self.value(inner, (*path, key)) for key, inner in node.items()}
        if isinstance(node, list):
            return [self.value(inner, (*path, n)) for n, inner in enumerate(node)]
        if not isinstance(node, str):
            return node
        key = _task_key(path)
        value: object = node
        spelled = key not in _TEXT if key is not None else bool(path) and path[0] in _CAST
        if "{" in node:
            try:
                value = self.fill(node, path, self.used)
                spelled = spelled or (key is None and is_expression(node))
            except SpecError as error:
                self.mistakes.append(error)
        if key in _PATHS and isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
        return cast(value) if spelled and isinstance(value, str) else value


def _task_key(path: tuple[object, ...]) -> object:
    """Return the key of a task that a value belongs to: a task is "tasks", 3 or, in a bare list, 3."""
    inside = path[1:] if path[:1] == ("tasks",) else path
    if not inside or not isinstance(inside[0], int):
        return None
    return inside[1] if len(inside) > 1 else "source"
