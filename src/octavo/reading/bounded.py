"""Keep what templates compute within bounds: no text of gigabytes, no number of a million digits, no endless loop."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableMapping, Sized

from jinja2.runtime import Context
from jinja2.sandbox import SandboxedEnvironment

#: Characters of a text, and items of a list, that an expression may make; also what a template may render to.
LARGEST = 100_000_000
#: How often one loop may go round.
ROUNDS = 1_000_000
_BITS = 1_000_000


class Counted(SandboxedEnvironment):
    """A sandbox in which an expression that grows beyond its bounds raises ``OverflowError``."""

    intercepted_binops = frozenset(("*", "**"))  # by which a short expression becomes a large value

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
    elif operator == "*":
        for several, times in ((left, right), (right, left)):
            if isinstance(several, Sized) and isinstance(times, int) and len(several) * times > LARGEST:
                raise OverflowError(f"a value of more than {LARGEST:,} characters or items")


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
