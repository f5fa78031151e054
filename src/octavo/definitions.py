"""Functions and classes as text that says what they do: their code, what they hold, and whatever that reaches.

What can be imported from Python's library or an installed package is its name. All else is taken from memory, as this
very process would run it: no file is read, for it may have been edited since.
"""

from __future__ import annotations

import dis
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import (
    CellType,
    CodeType,
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    ModuleType,
)

from .digests import digest
from .values import Writer, installed, installed_module

#: What a class has of its own accord.
_GIVEN = frozenset(
    [
        *("__dict__", "__weakref__", "__doc__", "__module__", "__qualname__", "_abc_impl", "__classcell__"),
        *("__abstractmethods__", "__static_attributes__", "__firstlineno__", "__classdictcell__"),
        *("__annotate__", "__annotate_func__", "__annotations_cache__"),
        # of pydantic, which makes them from the rest of a class and puts addresses into them
        *("__pydantic_core_schema__", "__pydantic_validator__", "__pydantic_serializer__"),
    ]
)

#: The flag of code that has a docstring, since Python 3.13.
_HAS_DOCSTRING = 1 << 26


def encode(value: object) -> str:
    """Return the text of a value with the code of all functions and classes in it that are of no installed package.

    Raises ``values.Unencodable`` as ``values.encode`` does.
    """
    found = _Definitions()
    write = Writer(found.define)
    text = write(value)
    return text + "".join(f"\n{name} = {body}" for name, body in sorted(found.bodies(write)))


class _Definitions:
    """Functions and classes met on the way. Those with a name of their own are said once, at the end."""

    def __init__(self) -> None:
        self._named: dict[str, type | FunctionType] = {}
        self._waiting: list[str] = []

    def define(self, thing: type | FunctionType, write: Writer) -> str:
        name = f"{thing.__module__}.{thing.__qualname__}"
        if installed(thing):
            return f"<{name}>"
        if "<" not in thing.__qualname__ and self._named.setdefault(name, thing) is thing:
            if name not in self._waiting:
                self._waiting.append(name)
            return f"<{name}>"
        return _body(thing, write)

    def bodies(self, write: Writer) -> Iterator[tuple[str, str]]:
        for name in self._waiting:  # which grows meanwhile
            yield name, _body(self._named[name], write)


def _body(thing: type | FunctionType, write: Writer) -> str:
    return _function(thing, write) if isinstance(thing, FunctionType) else _class(thing, write)


def _function(thing: FunctionType, write: Writer) -> str:
    registry = getattr(thing, "registry", None)
    if isinstance(registry, Mapping) and hasattr(thing, "dispatch"):  # functools.singledispatch
        return f"singledispatch({write(dict(registry))})"
    cells = [_cell(cell) for cell in thing.__closure__ or ()]
    around = {name: thing.__globals__[name] for name in _globals(thing.__code__) if name in thing.__globals__}
    names = _attributes(thing.__code__)
    set_there = {name: found for name, it in around.items() if (found := _plain_data(it, names))}
    parts = [
        _code(thing.__code__, write),
        *map(write, (thing.__defaults__, thing.__kwdefaults__, cells, around)),
        write(vars(thing)),
        *([write(set_there)] if set_there else []),
    ]
    return f"function({', '.join(parts)})"


def _plain_data(module: object, names: set[str]) -> dict[str, object]:
    """Return what code takes of a module that is no package's, as far as that is plain data: a program may set it."""
    if not isinstance(module, ModuleType) or installed_module(module.__name__):
        return {}
    return {name: it for name in sorted(names) if _is_plain(it := vars(module).get(name))}


def _is_plain(value: object) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(map(_is_plain, value)) and all(map(_is_plain, value.values()))
    return isinstance(value, str | int | float | bytes | Path)


def _cell(cell: CellType) -> list[object]:
    try:
        return [cell.cell_contents]
    except ValueError:  # not filled yet
        return []


def _class(thing: type, write: Writer) -> str:
    parts = [write(type(thing)), write(thing.__bases__)]
    for name, value in vars(thing).items():
        if name not in _GIVEN:
            parts.append(f"{name}: {_attribute(value, write)}")
    return f"class({', '.join(parts)})"


def _attribute(value: object, write: Writer) -> str:
    kind = type(value)  # a subclass may hold more
    if isinstance(value, staticmethod | classmethod) and kind in (staticmethod, classmethod):
        return f"{kind.__name__}({write(value.__func__)})"
    if isinstance(value, property) and kind is property:
        return f"property({write([value.fget, value.fset, value.fdel])})"
    if isinstance(value, MemberDescriptorType | GetSetDescriptorType):  # which have no subclasses
        return f"slot({value.__name__})"
    return write(value)


def _code(code: CodeType, write: Writer) -> str:
    """Return what code does, without the places of its lines, and without a docstring that it never loads."""
    consts = list(code.co_consts)
    if consts and isinstance(consts[0], str) and not _loads_first(code):
        consts[0] = None
    inner = [_code(const, write) if isinstance(const, CodeType) else write(const) for const in consts]
    names = [code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars]
    flags = code.co_flags & ~_HAS_DOCSTRING
    counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, flags)
    table = getattr(code, "co_exceptiontable", b"")
    body = f"{digest(code.co_code)}, {digest(table)}, {write(counts)}, {write(names)}, [{', '.join(inner)}]"
    return f"code({body})"


def _loads_first(code: CodeType) -> bool:
    return any(
        instruction.opcode in dis.hasconst and instruction.arg == 0
        for instruction in dis.get_instructions(code)
    )


def _attributes(code: CodeType) -> set[str]:
    """Return the names that code, and code in it, may look up in what it has."""
    inner = (const for const in code.co_consts if isinstance(const, CodeType))
    return {*code.co_names}.union(*map(_attributes, inner))


def _globals(code: CodeType) -> list[str]:
    """Return the names that code, and code in it, looks up outside of itself."""
    found: dict[str, None] = {}
    waiting = [code]
    while waiting:
        here = waiting.pop(0)
        for instruction in dis.get_instructions(here):
            if "_GLOBAL" in instruction.opname or instruction.opname == "LOAD_NAME":
                found[instruction.argval] = None
        waiting += [const for const in here.co_consts if isinstance(const, CodeType)]
    return list(found)
