"""A key of pipeline.yaml as a row: what it expects, and the tests and turns that rows are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..dataclass import dataclass
from ..model import Call

# ── tests ───────────────────────────────────────────────────────────────────────────────────────────────


def is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def is_line(value: object) -> bool:
    return isinstance(value, str) and is_text(value) and value.isprintable()


def is_texts(value: object) -> bool:
    return is_text(value) or (isinstance(value, list) and all(map(is_text, value)))


def is_mapping(value: object) -> bool:
    return isinstance(value, dict)


def is_seconds(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < float("inf")


def is_count(value: object, least: int = 1) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def is_size(value: object) -> bool:
    return as_bytes(value) > 0


def is_duration(value: object) -> bool:
    return as_seconds(value) > 0


def is_flag(value: object) -> bool:
    return isinstance(value, bool)


def is_marks(value: object) -> bool:
    """Return whether a value says which names are secret: names, names with true or false, or false for none."""
    if isinstance(value, dict):
        return all(is_text(name) and is_flag(said) for name, said in value.items())
    return value is False or is_texts(value)


def is_dotted(value: object) -> bool:
    """Return whether a text is the dotted path of a function: ``package.module.function``."""
    parts = value.split(".") if isinstance(value, str) else ()
    return len(parts) > 1 and all(part.isidentifier() for part in parts)


def is_call(value: object) -> bool:
    """Return whether a value names a function: its dotted path, or a mapping of that and arguments."""
    if isinstance(value, dict):
        return is_call(value.get("dotted_path")) and all(isinstance(key, str) for key in value)
    return isinstance(value, str) and is_dotted(value.replace("::", ".", 1))


def is_evaluated(value: object) -> bool:
    """Return whether a parameter is a function's result: ``mod.sub::fn``, or a mapping with ``dotted_path``."""
    if isinstance(value, dict):
        return "dotted_path" in value
    module, colons, function = value.partition("::") if isinstance(value, str) else ("", "", "")
    return bool(colons) and function.isidentifier() and all(part.isidentifier() for part in module.split("."))


# ── turns ───────────────────────────────────────────────────────────────────────────────────────────────


def as_bytes(value: object) -> int:
    """Return a size in bytes; 0 for what is none. The units are powers of 1024, as systems count memory."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    text = value.strip().upper().removesuffix("B").removesuffix("I") if isinstance(value, str) else ""
    factor = 1024 ** (" KMGT".index(text[-1]) if text[-1:] and text[-1] in "KMGT" else 0)
    try:
        return int(float(text.rstrip("KMGT").strip()) * factor)
    except (ValueError, OverflowError):
        return 0


def as_seconds(value: object) -> float:
    """Return a time such as "90s", "30m", "6h" or "1d" in seconds; 0 for what is none."""
    text = value.strip().lower() if isinstance(value, str) else ""
    unit = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}.get(text[-1:], 0)
    try:
        found = float(text[:-1]) * unit
    except ValueError:
        return 0.0
    return found if 0 < found < 1e9 else 0.0


def as_tuple(value: str | list[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def as_marks(value: bool | str | list[str] | dict[str, bool]) -> dict[str, bool]:
    """Return which names are secret and which are not; "*" stands for all that are not said."""
    if isinstance(value, bool):
        return {"*": value}
    return dict(value) if isinstance(value, dict) else dict.fromkeys(as_tuple(value), True)


def as_call(value: object) -> Call:
    """Return the call that a dotted path stands for, or a mapping of one and arguments."""
    if not isinstance(value, dict):
        return Call(str(value).replace("::", "."))
    arguments = {name: argument for name, argument in value.items() if name != "dotted_path"}
    return Call(str(value["dotted_path"]).replace("::", "."), arguments)


# ── rows ────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Key:
    """A row: what a key expects, in words and as a test.

    ``option``: keep the value under this name in ``TaskSpec.options``, as ``turn`` makes it of what ``fits``. ``known``
    are the words it may be, and ``others`` may say more. ``note``: read, without any effect, and said so, with what to
    do ``instead`` where there is such; but for values that are ``heeded``. ``null``: that it is null says something.
    """

    expects: str = "anything"
    fits: Callable[[object], bool] = lambda value: True
    option: str = ""
    turn: Callable[[Any], object] = lambda value: value
    known: tuple[str, ...] = ()
    others: Callable[[], tuple[str, ...]] = tuple
    note: bool = False
    heeded: Callable[[object], bool] = lambda value: False
    instead: str = ""
    null: bool = False


CALLED = "a dotted path (package.module.function), or a mapping with one as dotted_path"


def call(option: str = "") -> Key:
    """Return the row of a key that names a function."""
    return Key(CALLED, is_call, option=option, turn=as_call)


#: A key with names and values that are passed on.
SETTINGS = Key("a mapping", is_mapping)

Keys = Mapping[str, Key]
