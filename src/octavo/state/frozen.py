"""Store values of a project's state as bytes: as JSON, and loading builds nothing but data."""

from __future__ import annotations

import gc
import json
import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, fields
from typing import Any

from .. import digests
from ..errors import Place
from ..lazy import lazy_imports
from ..model import (
    Call,
    Calls,
    CellFacts,
    Declared,
    Facts,
    Hidden,
    Json,
    Parameter,
    Product,
    Record,
    Relation,
    Resources,
    RunOptions,
    Source,
    Task,
)
from .connection import Row

with lazy_imports():
    import datetime
    import struct

#: The index of a cell (None: outside of cells), what it did, and with which file.
Touched = tuple[int | None, str, str]
_MOST_TOUCHED = 500
#: The nouns that are kept, by their names.
_NOUNS: Mapping[str, type] = {
    noun.__name__: noun
    for noun in (
        *(Task, Source, Facts, Parameter, CellFacts, Product, Call, Calls, RunOptions, Resources, Declared),
        *(Hidden, Record, Place),
    )
}
_PLAIN = (str, int, float, bool, type(None))
#: Which fields of a noun are not as usual makes its shape; a project has some ten of them, and each is compiled.
_MOST_SHAPES = 1000


#: How what JSON does not have is written: an object of one name, as ``{"t": […]}`` for a tuple.
_BUILDING: Mapping[str, Callable[..., object]] = {
    "t": tuple,
    "l": list,
    "d": lambda flat: dict(_twos(flat)),
    "s": set,
    "f": frozenset,
    "b": bytes.fromhex,
    "c": lambda pair: complex(*pair),
    "N": lambda bits: struct.unpack(">d", bytes.fromhex(bits))[0],
    "D": lambda text: datetime.date.fromisoformat(text),
    "T": lambda text: datetime.datetime.fromisoformat(text),
    "E": lambda nothing: ...,
    "R": lambda names: Relation(_text(names[0]), names[1] and _text(names[1]), _text(names[2])),
}


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


class Unfreezable(Exception):
    """A value that is no plain data: an object that a program brings, a function."""


def freeze(value: object) -> bytes:
    """Return a value made of the nouns of ``model`` and plain data as bytes, for ``Store.keep``.

    Raises ``Unfreezable`` for anything else.
    """
    try:
        return json.dumps(_plain(value), separators=(",", ":"), check_circular=False).encode()
    except (RecursionError, ValueError) as error:
        raise Unfreezable(str(error)) from error


def thaw(data: bytes) -> Any:  # the caller knows what it froze
    """Return what ``freeze`` was given. Nothing but data is built, whoever wrote the bytes; ValueError for others."""
    known = dict(_BUILDING)

    def build(only: Json) -> object:
        ((name, value),) = only.items()
        if name not in known:
            if len(known) > _MOST_SHAPES:
                raise KeyError(name)
            known[name] = _builder(name)
        return known[name](value)

    collecting = gc.isenabled()
    gc.disable()  # it would walk what is built so far again and again, and find nothing
    try:
        return json.loads(data, object_hook=build)
    except (TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:
        raise ValueError(f"this is not what was frozen: {error}") from error
    finally:
        if collecting:
            gc.enable()


# ── a noun is {"Product path key": ["out.csv", null]}: without the fields that are as they are when nobody says them.
# A list in its place of a field is a tuple, and a list anywhere else is a list


def _builder(name: str) -> Callable[[list[object]], object]:
    kind, *names = name.split(" ")
    noun = _NOUNS[kind]
    if len(_USUAL[kind].keys() & {*names}) != len(names):
        raise KeyError(name)
    # compiled, as a person would write it: a graph has tens of thousands of them, and the names are those of fields
    values = ", ".join(f"{field}=tuple({field}) if {field}.__class__ is list else {field}" for field in names)
    make = eval(f"lambda {', '.join(names)}: noun({values})", {"noun": noun})
    return lambda own: make(*own)


def _twos(flat: Iterable[object]) -> Iterator[tuple[object, object]]:
    """Return the elements of a list in twos."""
    each = iter(flat)
    return zip(each, each, strict=True)


def _plain(value: object) -> object:
    kind = type(value)
    if kind in _PLAIN:
        # there are many numbers that are none, with a sign and more in them, and JSON has one
        return {"N": struct.pack(">d", value).hex()} if value != value else value
    if isinstance(value, list) and kind is list:
        return [_plain(item) for item in value]
    if _NOUNS.get(kind.__name__) is kind:
        return _noun(value, kind)
    if kind in _SAYING:
        name, say = _SAYING[kind]
        return {name: say(value)}
    if kind.__module__ == "datetime" and kind.__name__ in ("date", "datetime"):
        return {"D" if kind.__name__ == "date" else "T": str(value)}
    raise Unfreezable(f"{kind.__module__}.{kind.__qualname__} has no place in the state of a project")


def _noun(value: object, kind: type) -> object:
    names = [kind.__name__]
    own: list[object] = []
    for name, usual in _USUAL[kind.__name__].items():
        field = getattr(value, name)
        if (
            type(field) is type(usual)
            and field == usual
            and (isinstance(field, _PLAIN) or not field or field is usual)
        ):
            continue
        if isinstance(field, tuple) and type(field) is tuple:
            form: object = [_plain(inner) for inner in field]
        else:
            form = {"l": _all(field)} if isinstance(field, list) else _plain(field)
        if form == {type(usual).__name__: []}:  # a noun that is itself as it is when nobody says anything
            continue
        names.append(name)
        own.append(form)
    return {" ".join(names): own}


def _usual(kind: type) -> dict[str, object]:
    """Return what the fields of a noun are when nobody says them, MISSING where they must be said."""
    return {
        field.name: field.default_factory() if field.default_factory is not MISSING else field.default
        for field in fields(kind)
    }


_USUAL: Mapping[str, dict[str, object]] = {name: _usual(kind) for name, kind in _NOUNS.items()}


def _pairs(value: Mapping[object, object]) -> list[object]:
    return [_plain(item) for pair in value.items() for item in pair]


def _all(value: Iterable[object]) -> list[object]:
    return [_plain(item) for item in value]


_SAYING: Mapping[type, tuple[str, Callable[..., object]]] = {
    tuple: ("t", _all),
    dict: ("d", _pairs),
    set: ("s", lambda items: sorted(_all(items), key=repr)),
    frozenset: ("f", lambda items: sorted(_all(items), key=repr)),
    bytes: ("b", bytes.hex),
    complex: ("c", lambda number: [number.real, number.imag]),
    type(...): ("E", lambda nothing: 0),
    Relation: ("R", lambda relation: [relation.name, relation.schema, relation.kind]),
}


# ── rows of the database, whatever is in them: what is damaged is None


def record(row: Row) -> Record | None:
    """Return the record of a row; None for one that is damaged."""
    task, manifest, outputs, discovered, run, seconds, state, raw = row
    tables = [table(text) for text in (manifest, outputs, discovered)]
    if not are((task, run, raw), str) or not isinstance(seconds, float) or None in tables:
        return None
    if state not in ("begun", "failed", "done"):
        return None
    known = [table for table in tables if table is not None]
    return Record(task, known[0], known[1], known[2], run, seconds, state, raw)


def result(packed: object) -> Record | None:
    """Return a record of results that was packed; None for one that is damaged."""
    try:
        data = json.loads(unpacked(packed) or b"")
        return record(data)
    except (ValueError, TypeError, RecursionError):
        return None


def unpacked(packed: object) -> bytes | None:
    """Return what was compressed; None for what is damaged."""
    try:
        return zlib.decompress(packed) if isinstance(packed, bytes) else None
    except zlib.error:
        return None


def touched(rows: Iterable[Touched]) -> bytes:
    """Return which files a run read and wrote as bytes; of very many the first."""
    files = [row for row in rows if row[1] in ("read", "wrote")]
    return zlib.compress(json.dumps(files[:_MOST_TOUCHED]).encode("utf-8", "surrogatepass"), 1)


#: Reads the JSON at a place of a text: ``json.loads`` is three functions of Python around it, for three texts a record.
_scan: Callable[[str, int], tuple[object, int]] = json.JSONDecoder().scan_once  # type: ignore[attr-defined]


def table(text: object) -> dict[str, str] | None:
    """Return a mapping of texts to texts from its JSON; None for anything else."""
    if not isinstance(text, str):
        return None
    try:
        found, end = _scan(text, 0)
    except (ValueError, StopIteration, RecursionError):
        return None
    if end != len(text) or not isinstance(found, dict):
        return None
    return found if are(found.values(), str) else None


def are(values: Iterable[object], kind: type) -> bool:
    """Return whether all values are of a type, and of none derived from it."""
    return {*map(type, values)} <= {kind}


def checksum(value: bytes) -> bytes:
    """Return what tells whether bytes are whole."""
    return bytes.fromhex(digests.digest(value))


def whole(value: object) -> bytes | None:
    """Return what was kept, without its checksum; None where that does not fit."""
    if not isinstance(value, bytes) or checksum(value[16:]) != value[:16]:
        return None
    return value[16:]


def names(value: object) -> list[str]:
    """Return the names that ``named`` was given; one that is empty where they are damaged."""
    known = whole(value)
    return [""] if known is None else [os.fsdecode(name) for name in known.split(b"\0")]


def named(names: Iterable[str]) -> bytes:
    """Return names of files as bytes, with a checksum."""
    data = b"\0".join(map(os.fsencode, names))
    return checksum(data) + data
