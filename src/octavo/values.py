"""Values as text, of whatever type: equal texts mean equal values, and a value has the same text in every process.

Plain data looks as in JSON. Beyond that the type is part of the text, a mapping keeps its order, a set has none, and an
object is what pickle would keep of it. Nothing is cut, and nothing is guessed: what cannot be told apart from others of
its type raises ``Unencodable``.
"""

from __future__ import annotations

import copyreg
import json
import os
import sys
from collections.abc import Callable, Iterable
from itertools import chain
from math import isfinite
from struct import pack
from types import BuiltinFunctionType, FunctionType, MappingProxyType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any

from .digests import digest
from .model import UNKNOWN

if TYPE_CHECKING:
    from datetime import datetime, time

#: Says what a function or class is, given the writer for what it is made of.
Define = Callable[[type | FunctionType, "Writer"], str]

#: A longer text within another is replaced by its digest.
_LONG = 1 << 16
#: Python refuses to write longer numbers in decimal.
_DIGITS = 4000
#: Where Python's library is, and octavo.
_HOMES = (os.path.dirname(os.__file__) + os.sep, os.path.dirname(__file__) + os.sep)
#: A type with this flag was made by a statement, not by C.
_HEAP_TYPE = 1 << 9
_quoted = json.encoder.encode_basestring


#: A longer text of a parameter's value is cut, and has a digest.
_SHORT = 60


class Unencodable(Exception):
    """A value that no text can stand for; ``str()`` says what it is."""


def encode(value: object) -> str:
    """Return the text of a value in which functions and classes are those of installed packages."""
    kind = type(value)
    if (plain := _PLAIN.get(kind)) is not None:  # nearly all parameters
        return plain(value)
    if (flat := _flat(kind, value)) is not None:
        return flat
    return Writer(by_name)(value)


def canonical(value: object) -> str:
    """Return a parameter's value as text that is the same for the same value only, and short enough to be shown.

    That of a value which cannot be told from others is another each time.
    """
    try:
        text = encode(value)
    except Unencodable as error:
        return f"{UNKNOWN}{error} {os.urandom(8).hex()}"
    return text if len(text) <= _SHORT else f"{text[: _SHORT - 20]}… ({digest(text)})"


def _flat(kind: type, value: Any) -> str | None:
    """Return the text of a list or mapping in which no other is, as ``Writer`` gives it; None for anything else."""
    if kind is not list and kind is not dict:
        return None
    texts = []
    for item in value if kind is list else chain.from_iterable(value.items()):
        if (plain := _PLAIN.get(type(item))) is None:
            return None
        texts.append(plain(item))
    if kind is list:
        text = f"[{', '.join(texts)}]"
    else:
        text = "{" + ", ".join(map(": ".join, zip(texts[::2], texts[1::2], strict=True))) + "}"
    return text if len(text) <= _LONG else f"#{digest(text)}"


def _float(value: float) -> str:
    if isfinite(value):
        return float.__repr__(value)
    if value != value:
        bits = pack(">d", value).hex()
        return "NaN" if bits == "7ff8000000000000" else f"NaN({bits})"
    return "Infinity" if value > 0 else "-Infinity"


def _whole(value: int) -> str:
    return int.__repr__(value) if value.bit_length() < _DIGITS else hex(value)


def _text(value: str) -> str:
    if value.isascii():
        return _quoted(value)
    # lone surrogates can neither be shown nor kept
    return _quoted(value).encode("utf-8", "backslashreplace").decode("utf-8")


def _bytes(value: bytes | bytearray) -> str:
    if len(value) > _LONG:
        return f"{type(value).__name__}({len(value)}, {digest(bytes(value))})"
    return f"{type(value).__name__}({_quoted(value.hex())})"


#: The open type, here and below: a value of just the type that was looked up.
_PLAIN: dict[type, Callable[[Any], str]] = {
    type(None): lambda _: "null",
    bool: lambda value: "true" if value else "false",
    int: _whole,
    float: _float,
    str: _text,
    bytes: _bytes,
    bytearray: _bytes,
    complex: lambda value: f"complex({_float(value.real)}, {_float(value.imag)})",
}


def _moment(value: datetime | time) -> str | None:
    return None if value.tzinfo is not None or value.fold else _text(value.isoformat())


#: How values of Python's library look to a person; where nothing is returned, pickle says it better.
_SHOWN: dict[str, Callable[[Any], str | None]] = {
    "datetime.date": lambda value: _text(value.isoformat()),
    "datetime.datetime": _moment,
    "datetime.time": _moment,
    "decimal.Decimal": lambda value: _text(str(value)),
    "uuid.UUID": lambda value: _text(str(value)),
    **{
        f"pathlib.{name}": lambda value: _text(str(value))
        for name in ("PosixPath", "PurePosixPath", "WindowsPath", "PureWindowsPath")
    },
}
#: What has no state that could differ.
_ALIKE = ("_thread.lock", "_thread.RLock")


_VIEWS: tuple[type, ...] = (type({}.keys()), type({}.values()), type({}.items()))


def _held(kind: type, value: Any) -> list[object] | None:
    """Return what an object holds that can be looked at, though pickle refuses it; None for any other."""
    if kind in _VIEWS:
        return list(value)
    if kind is memoryview:
        return [value.format, value.shape, value.tobytes()]
    match _name(kind):
        case "weakref.ReferenceType":
            return [value()]
        case "_contextvars.ContextVar":
            try:
                return [value.name, value.get()]
            except LookupError:  # it was never set
                return [value.name]
        case "_thread._local":
            return [value.__dict__]
    return None


class Writer:
    """Writes one value, and whatever is in it.

    What is met within itself is written as the number of levels up to it. What is met twice is looked at once.
    """

    def __init__(self, define: Define) -> None:
        self._define = define
        self._open: dict[int, int] = {}
        self._known: dict[int, tuple[object, str]] = {}
        self._highest = sys.maxsize

    def __call__(self, value: object) -> str:
        kind = type(value)
        if (plain := _PLAIN.get(kind)) is not None:
            return plain(value)
        key = id(value)
        if key in self._known:
            return self._known[key][1]
        level = len(self._open)
        if key in self._open:
            self._highest = min(self._highest, self._open[key])
            return f"^{level - self._open[key]}"
        self._open[key] = level
        before, self._highest = self._highest, sys.maxsize
        try:
            text = self._nested(kind, value)
        except RecursionError:
            raise Unencodable(f"a {_name(kind)} that is nested too deeply") from None
        finally:
            del self._open[key]
            highest, self._highest = self._highest, before
        if len(text) > _LONG:
            text = f"#{digest(text)}"
        if highest >= level:
            self._known[key] = value, text  # the value too: else its id could become another's
        else:
            self._highest = min(highest, before)
        return text

    def _nested(self, kind: type, value: Any) -> str:
        if kind is list:
            return f"[{', '.join(map(self, value))}]"
        if kind is dict:
            return "{" + ", ".join([f"{self(key)}: {self(inner)}" for key, inner in value.items()]) + "}"
        if kind is tuple:
            return f"({', '.join(map(self, value))}{',' * (len(value) == 1)})"
        if kind is set or kind is frozenset:
            return self._unordered(kind, value)
        if issubclass(kind, type) or kind is FunctionType:
            return self._define(value, self)
        if kind is MethodType:
            return f"method({self(value.__func__)}, {self(value.__self__)})"
        if kind is BuiltinFunctionType and not isinstance(value.__self__, ModuleType | type(None)):
            return f"method({_text(value.__name__)}, {self(value.__self__)})"
        if kind is MappingProxyType:
            return f"mappingproxy({self(dict(value))})"
        if (inner := _held(kind, value)) is not None:
            return f"{_name(kind)}({', '.join(map(self, inner))})"
        if isinstance(value, ModuleType):
            return f"module({value.__name__})"
        if isinstance(value, set | frozenset):  # pickle would keep the order that a hash seed gave
            state = getattr(value, "__dict__", {})
            return f"object({self(kind)}, {self._unordered(kind, value)}, {self(state)})"
        return self._object(kind, value)

    def _unordered(self, kind: type, value: Iterable[object]) -> str:
        return f"{kind.__name__}{{{', '.join(sorted(map(self, value)))}}}"

    def _object(self, kind: type, value: object) -> str:
        name = _name(kind)
        if name in _ALIKE:
            return f"{name}()"
        show = _SHOWN.get(name.replace("pathlib._local.", "pathlib."))
        if show is not None and installed(kind) and (shown := show(value)) is not None:
            return f"{kind.__name__}({shown})"
        try:
            reduce = copyreg.dispatch_table.get(kind)
            reduced = reduce(value) if reduce else value.__reduce_ex__(4)
        except Exception as error:  # whatever the class raises when it is asked
            raise Unencodable(f"a {name}, which cannot be pickled") from error
        if isinstance(reduced, str):
            return self._global(kind, value, reduced)
        make, arguments, *rest = reduced
        state, items, pairs = [*rest[:3], None, None, None][:3]
        parts = [self(make), self(arguments), self(state)]
        parts += [self(added)] if (added := self._beside(kind, value, state)) else []
        parts += [self._each(items), self._each(pairs)] if items or pairs else []
        return f"object({', '.join(parts)})"

    def _beside(self, kind: type, value: object, state: object) -> dict[str, object]:
        """Return the attributes that a class of the user adds to what a package keeps of its own objects in pickles."""
        if installed(kind):
            return {}
        added = getattr(value, "__dict__", None)
        first = next(
            (it for it in kind.__mro__ if "__reduce__" in vars(it) or "__reduce_ex__" in vars(it)), kind
        )
        if not added or added is state or first is object or first is kind or not installed(first):
            return {}
        return dict(added)

    def _each(self, items: Iterable[object] | None) -> str:
        return self(list(items)) if items is not None else "null"

    def _global(self, kind: type, value: object, name: str) -> str:
        """Return the text of an object that pickle would look up by its name."""
        if (inner := getattr(value, "__wrapped__", None)) is not None:
            return f"wrapped({_name(kind)}, {self(inner)})"
        module = getattr(value, "__module__", None) or kind.__module__
        if not installed_module(module):
            raise Unencodable(f"{module}.{name}, which is known by its name alone")
        return f"<{module}.{name}>"


def by_name(thing: type | FunctionType, write: Writer) -> str:
    """Return the name of a function or class of Python or of an installed package; no other is known by its name."""
    if not installed(thing):
        raise Unencodable(f"{_name(thing)}, which is no part of an installed package")
    return f"<{_name(thing)}>"


def installed(thing: object) -> bool:
    """Return whether a function or class stands under its name in Python's library or an installed package."""
    module, name = getattr(thing, "__module__", None), getattr(thing, "__qualname__", "")
    if isinstance(thing, type) and not thing.__flags__ & _HEAP_TYPE:
        return True  # type(None), say, stands nowhere under its name
    if not isinstance(module, str) or not installed_module(module):
        return False
    found: object = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found is thing


def installed_module(module: str) -> bool:
    """Return whether a module that was imported is one of Python's library or of an installed package."""
    there = sys.modules.get(module)
    if there is None or module in ("__main__", "__mp_main__"):
        return False
    file = getattr(there, "__file__", None)
    if file is None:
        return module in sys.builtin_module_names or module.partition(".")[0] in sys.stdlib_module_names
    return "site-packages" in file or "dist-packages" in file or file.startswith(_HOMES)


def _name(thing: type | FunctionType) -> str:
    return f"{thing.__module__}.{thing.__qualname__}"
