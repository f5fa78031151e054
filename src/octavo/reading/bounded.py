"""Keep what templates compute within bounds: no text of gigabytes, no number of a million digits, no endless loop."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, MutableMapping, Sized
from functools import wraps

from jinja2.runtime import Context
from jinja2.sandbox import SandboxedEnvironment

#: Characters of a text, and items of a list, that an expression may make; also what a template may render to.
LARGEST = 100_000_000
#: How often one loop may go round.
ROUNDS = 1_000_000
_BITS = 1_000_000
#: Filters and methods of texts that are told how much to make.
_FILTERS = ("batch", "center", "format", "indent", "slice", "tojson")
_METHODS = ("center", "expandtabs", "ljust", "rjust", "zfill")
#: A width in a format: %0999999999d, {:>999999999}.
_WIDE = re.compile(r"[%{][^%{}]*?\d{9}")


class Counted(SandboxedEnvironment):
    """A sandbox in which an expression that grows beyond its bounds raises ``OverflowError``."""

    intercepted_binops = frozenset(("*", "**", "%"))  # by which a short expression becomes a large value

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)
        self.filters |= {name: _modest(self.filters[name]) for name in _FILTERS}

    def call(self, context: Context, obj: object, /, *arguments: object, **options: object) -> object:
        method = getattr(obj, "__wrapped__", obj)  # the sandbox has its own str.format
        if isinstance(text := getattr(method, "__self__", None), str | bytes):
            name = getattr(method, "__name__", "")
            nested = name == "format" and re.search(r"\{[^{}]*\{", str(text))
            _check_width(
                str(text) if name == "format" else "", *(arguments if nested or name in _METHODS else ())
            )
        return super().call(context, obj, *arguments, **options)

    def call_binop(self, context: Context, operator: str, left: object, right: object) -> object:
        _check(operator, left, right)
        return super().call_binop(context, operator, left, right)


class Bounded(Counted):
    """An environment without the sandbox's walls: templates are the project's own. What is left is its bounds."""

    def make_globals(self, d: MutableMapping[str, object] | None) -> MutableMapping[str, object]:
        return super().make_globals({"range": _range, **(d or {})})

    def is_safe_attribute(self, obj: object, attr: str, value: object) -> bool:
        return True

    def is_safe_callable(self, obj: object) -> bool:
        return True


def _check(operator: str, left: object, right: object) -> None:
    """Raise ``OverflowError`` where ``left * right`` or ``left ** right`` would grow beyond all use."""
    if isinstance(left, int) and isinstance(right, int):
        bits = left.bit_length() * right if operator == "**" else left.bit_length() + right.bit_length()
        if bits > _BITS:
            raise OverflowError(f"a number of more than {_BITS:,} bits")
    elif operator == "%" and isinstance(left, str):
        _check_width(left, *(right if isinstance(right, tuple) and "*" in left else ()))
    elif operator == "*":
        for several, times in ((left, right), (right, left)):
            if isinstance(several, Sized) and isinstance(times, int) and len(several) * times > LARGEST:
                raise OverflowError(f"a value of more than {LARGEST:,} characters or items")


def _modest(filter: Callable[..., object]) -> Callable[..., object]:
    """Return a filter that refuses to make something large: ``'a' | center(10 ** 10)``."""

    @wraps(filter)
    def modest(*arguments: object, **options: object) -> object:
        texts = [
            it for it in arguments if isinstance(it, str)
        ]  # of some the first is no value, but their surroundings
        if filter.__name__ == "do_format":
            _check_width(*texts[:1], *(arguments if "*" in "".join(texts[:1]) else ()))
        else:
            _check_width(*arguments[1:], *options.values())
        return filter(*arguments, **options)

    return modest


def _check_width(*values: object) -> None:
    """Raise ``OverflowError`` for a width beyond all use: a number, or one in what a text says of a format."""
    for value in values:
        wide = isinstance(value, int) and value > LARGEST
        if wide or (isinstance(value, str) and ("%" in value or "{" in value) and _WIDE.search(value)):
            raise OverflowError(f"a width of more than {LARGEST:,} characters or items")


def within(pieces: Iterable[str]) -> str:
    """Return the text that a template renders to piece by piece; ``OverflowError`` for one that does not end."""
    return "".join(_counted(pieces))


def _counted(pieces: Iterable[str]) -> Iterator[str]:
    length = 0
    for piece in pieces:
        length += len(piece)
        if length > LARGEST:
            raise OverflowError(f"a text of more than {LARGEST:,} characters")
        yield piece


def _range(*arguments: int) -> range:
    rounds = range(*arguments)
    if len(rounds[: ROUNDS + 1]) > ROUNDS:
        raise OverflowError(f"a range of more than {ROUNDS:,} numbers")
    return rounds
