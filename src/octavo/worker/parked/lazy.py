"""Attributes of modules that come when they are asked for, each time as if it were the first."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from types import ModuleType

from .seen import MISSING, Effect


class Lazy:
    """Modules with a ``__getattr__`` of their own, such as SciPy, which imports its parts when they are used.

    What one import asked for is there for the next, which then asks for nothing. So it is taken away again each time.
    """

    def __init__(self, modules: Iterable[ModuleType], do: Callable[[Effect], None]) -> None:
        self._do = do
        self._own: list[tuple[dict[str, object], Callable[[str], object]]] = []
        self._given: list[tuple[dict[str, object], str, object]] = []
        for module in modules:
            self.add(module)

    def add(self, module: ModuleType) -> None:
        space = getattr(module, "__dict__", {})
        if isinstance(space, dict) and callable(own := space.get("__getattr__")):
            self._own.append((space, own))
            known: dict[str, object] = {}

            def ask(name: str) -> object:
                try:
                    value = own(name)
                except (AttributeError, KeyError):
                    if name not in known:
                        raise
                    value = space[name] = known[name]  # it comes only once: let it stay
                    return value
                # a part that was imported is there for good: __getattr__ itself may count on it
                if space.get(name, MISSING) is value and not isinstance(value, ModuleType):
                    known[name] = value
                    self._given.append((space, name, value))
                    self._do(partial(_ask_again, space, own, name))
                return value

            space["__getattr__"] = ask

    def forget(self) -> None:
        """Take away what has come."""
        given, self._given = self._given, []
        for space, name, value in given:
            if space.get(name, MISSING) is value:
                del space[name]

    def end(self) -> None:
        """Let the modules answer for themselves again."""
        self.forget()
        for space, own in self._own:
            space["__getattr__"] = own
        self._own.clear()


def _ask_again(space: dict[str, object], own: Callable[[str], object], name: str) -> None:
    if name not in space:
        own(name)
