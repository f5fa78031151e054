"""Tables that outlive an import (registries, hooks, attributes of classes), and what an import put into them."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib.machinery import PathFinder
from types import MappingProxyType, ModuleType
from typing import TypeGuard

from ...dataclass import dataclass
from .seen import MISSING

#: Tables larger than this are not looked into: they hold data, not what imports register.
_LARGE = 2_000
#: Names of tables that only save work: what they hold changes nothing for others.
_SAVING = re.compile(r"__|(.*_)?(cache|caches|cached|memo|lock|locks|overload_registry)(_|$)", re.I)
#: Modules whose tables are seen in other ways, or tell of the import itself.
_APART = frozenset(
    {
        "sys",
        "os",
        "posix",
        "warnings",
        "_warnings",
        "importlib._bootstrap",
        "importlib._bootstrap_external",
        "builtins",
    }
)


#: What is looked at: attributes of a class can be read, and are set in another way.
Held = dict[object, object] | list[object] | set[object] | MappingProxyType[str, object]


#: What it held.
Kept = tuple[object, ...] | frozenset[object] | dict[object, object] | dict[str, object]


class Table:
    """A dict, list or set, or the attributes of a class, as last looked at."""

    __slots__ = ("before", "held", "name", "target")

    def __init__(self, name: str, held: Held, target: type | None = None) -> None:
        self.name = name
        self.held = held
        self.target = target
        self.before = _kept(held)

    def change(self) -> Change | None:
        """Return what was put in and taken out since the last look.

        Raise ``Rearranged`` where that cannot be done again.
        """
        before, self.before = self.before, _kept(self.held)
        held = self.held
        new: list[tuple[object, object]]
        gone: list[tuple[object, object]] = []
        if isinstance(held, set):
            new = [(None, each) for each in held.difference(before)]
            gone = [(None, each) for each in before if each not in held]
        elif isinstance(held, list):
            more = len(held) - len(before)
            if more > 0 and _same(before, held):
                new = [(None, each) for each in held[-more:]]
            elif more > 0 and _same(before, held[more:]):
                new = [(0, each) for each in reversed(held[:more])]
            else:
                raise Rearranged(self, before)
        else:
            assert isinstance(before, dict)
            new = [(key, value) for key, value in held.items() if key not in before]
            gone = [(key, value) for key, value in before.items() if key not in held]
            if self.target is not None:
                new, gone = (
                    [it for it in items if not str(it[0]).startswith("_abc")] for items in (new, gone)
                )
        return Change(self, tuple(new), tuple(gone), before) if new or gone else None

    def replaced(self) -> Iterator[tuple[str, object, object]]:
        """Yield the attributes of a class that are others now: name, what was there and what is there."""
        if self.target is not None and isinstance(self.before, dict):
            for key, value in list(vars(self.target).items()):
                if (old := self.before.get(key, MISSING)) is not value and old is not MISSING:
                    yield key, old, value


class Rearranged(Exception):
    """A list is in another order, or has lost something."""

    def __init__(self, table: Table, before: Iterable[object]) -> None:
        super().__init__(f"it rearranges {table.name}")
        self.table = table
        self.before = before

    def undo(self) -> None:
        """Put back what was there."""
        if isinstance(held := self.table.held, list):
            held[:] = self.before


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """What was put into a table, and what was taken out: key or place, and value."""

    table: Table
    new: tuple[tuple[object, object], ...]
    gone: tuple[tuple[object, object], ...]
    #: What the table held.
    before: Kept

    def __call__(self) -> None:
        """Do it again."""
        self._take(self.gone)
        self._put(self.new)

    def undo(self) -> None:
        """Undo it."""
        self._take(self.new)
        self._put(self.gone)
        if self.gone and isinstance(held := self.table.held, dict):  # in their places
            now = dict(held)
            held.clear()
            held.update((key, now[key]) for key in self.before if key in now)
            held.update(now)

    def _put(self, items: Iterable[tuple[object, object]]) -> None:
        held, target = self.table.held, self.table.target
        for key, value in items:
            if target is not None:
                setattr(target, str(key), value)
            elif isinstance(held, set):
                held.add(value)
            elif isinstance(held, list):
                held.append(value) if key is None else held.insert(0, value)
            elif isinstance(held, dict):
                held[key] = value

    def _take(self, items: Iterable[tuple[object, object]]) -> None:
        held, target = self.table.held, self.table.target
        for key, value in items:
            if isinstance(held, set):
                held.discard(value)
            elif isinstance(held, list):
                held[:] = [each for each in held if each is not value]
            elif isinstance(held, dict):
                if held.get(key, MISSING) is value:
                    del held[key]
            elif target is not None and vars(target).get(str(key), MISSING) is value:
                delattr(target, str(key))


class Tables:
    """The tables of some modules."""

    def __init__(self) -> None:
        self._tables: list[Table] = []
        self._held: list[Held] = []
        self._sizes: list[int] = []
        self._known: set[int] = set()

    def add(self, tables: Iterable[Table]) -> None:
        for table in tables:
            if id(table.held) not in self._known:
                self._known.add(id(table.held))
                self._tables.append(table)
                self._held.append(table.held)
                self._sizes.append(len(table.held))

    def changes(self) -> Iterator[Change | Rearranged]:
        """Yield what was put in and taken out since the last look, and other changes, which cannot be made again."""
        sizes = list(map(len, self._held))
        if sizes == self._sizes:
            return
        before, self._sizes = self._sizes, sizes
        for table, was, now in zip(self._tables, before, sizes, strict=True):
            if was != now:
                try:
                    if (change := table.change()) is not None:
                        yield change
                except Rearranged as error:
                    yield error

    def __iter__(self) -> Iterator[Table]:
        return iter(self._tables)


def tables(module: object) -> Iterator[Table]:
    """Yield the tables that a module holds: its own, those of its classes, and those of objects that it made."""
    if module is sys:
        yield Table("PathFinder", vars(PathFinder), PathFinder)
        yield from (Table(f"sys.{name}", getattr(sys, name)) for name in ("path", "meta_path", "path_hooks"))
    if not isinstance(module, ModuleType) or module.__name__ in _APART:
        return
    for name, value in list(vars(module).items()):
        if _saves(name) or isinstance(value, ModuleType):
            continue
        whole = f"{module.__name__}.{name}"
        if isinstance(value, type):
            if value.__module__ == module.__name__:
                yield Table(whole, vars(value), value)
                yield from _inner(whole, vars(value))
        elif _plain(value):
            yield Table(whole, value)
        elif not callable(value) and (attributes := _attributes(value)):
            yield from _inner(whole, attributes)


def _inner(whole: str, attributes: Mapping[str, object]) -> Iterator[Table]:
    for name, value in list(attributes.items()):
        if not _saves(name) and _plain(value):
            yield Table(f"{whole}.{name}", value)


def _plain(value: object) -> TypeGuard[Held]:
    """Return whether something is a table whose size is told by Python itself."""
    for kind in (dict, list, set):
        if isinstance(value, kind):
            return type(value).__len__ is kind.__len__ and len(value) <= _LARGE
    return False


def _attributes(value: object) -> dict[str, object]:
    try:  # without asking the object, which may stand for something that is not there yet
        found = object.__getattribute__(value, "__dict__")
    except (AttributeError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}


def _saves(name: object) -> bool:
    return not isinstance(name, str) or _SAVING.match(name) is not None


def _kept(held: Held) -> Kept:
    """Keep what a table holds."""
    if isinstance(held, list):
        return tuple(held)
    if isinstance(held, set):
        return frozenset(held)
    return dict(held)


def _same(before: Iterable[object], now: list[object]) -> bool:
    return all(a is b for a, b in zip(before, now, strict=False))
