"""Print the mistakes of a user, each with its place and a hint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import Error, each
from ..lazy import lazy_imports

with lazy_imports():
    from ..secrets import hiding

if TYPE_CHECKING:
    from .screen import Screen


def show(error: Error | ExceptionGroup[Error], to: Screen) -> None:
    """Print the mistakes of a user: the one place that does."""
    mistakes = list(each(error))
    for mistake in mistakes:
        # an address that somebody typed may have a password
        place, message, hint = map(
            hiding.discreet, (str(mistake.where or ""), mistake.message, mistake.hint or "")
        )
        start = to.paint(f"{place}:", "bold") if place else to.paint("error:", "red")
        to.say(f"{start} {message}")
        if hint:
            to.say(f"  {to.paint('hint:', 'cyan')} {hint}")
    if len(mistakes) > 1:
        to.say(f"{len(mistakes)} errors")


class shown:
    """Prints the mistakes that end a ``with`` block, without a traceback; whatever else it raises goes on."""

    def __init__(self, to: Screen) -> None:
        self._to = to

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> bool:
        mine, other = error.split(Error) if isinstance(error, ExceptionGroup) else (error, None)
        if other is not None or not isinstance(mine, Error | ExceptionGroup):
            return False
        show(mine, self._to)
        return True
