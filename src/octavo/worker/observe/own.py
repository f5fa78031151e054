"""See who takes names from the module of a task's function other than the function's own code.

What the code itself names is read before the run. Other modules, pickles and hooks take names from the module as an
object; there, they are seen.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

#: Who looks into all of a module only to find out what names mean that stand in its own code.
_RESOLVING = ("dataclasses", "typing", "inspect", "enum", "functools", "typing_extensions")


class Own:
    """The module of a task's function. It stands first in ``sys.meta_path`` until it has found it."""

    def __init__(self, name: str) -> None:
        self.name = name
        #: What was taken from the module; None where that cannot be known.
        self.used: set[str] | None = None
        #: Called when a name was taken for the first time.
        self.after: Callable[[], None] | None = None

    def begin(self) -> None:
        if self.name not in sys.modules:  # else somebody may have used it already
            sys.meta_path.insert(0, self)

    def end(self) -> None:
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of the module as any finder would, but for its class; None for any other module."""
        if name != self.name or target is not None:
            return None
        self.end()
        spec = PathFinder.find_spec(name, path)
        if spec is None or spec.loader is None:
            return None
        custom = getattr(spec.loader, "create_module", lambda spec: None)(spec)
        if custom is not None:
            return None
        self.used = set()
        module = _observed(self._take)(name)
        spec.loader.create_module = lambda spec: module  # type: ignore[method-assign]
        return spec

    def _take(self, name: str) -> None:
        if self.used is not None and name not in self.used:
            self.used.add(name)
            if self.after is not None:
                self.after()


def _observed(take: Callable[[str], None]) -> type[ModuleType]:
    """Return a class of modules that tells which names are taken from it, and is like any other."""
    plain: Callable[[ModuleType, str], object] = ModuleType.__getattribute__

    def look(module: ModuleType, name: str) -> object:
        if name == "__dict__":
            # attribute access says nothing of who asks
            around = sys._getframe(1).f_globals.get("__name__", "")
            if around.partition(".")[0] not in (*_RESOLVING, "importlib"):
                take("__dict__")
        elif not name.startswith("__"):
            take(name)
        return plain(module, name)

    return type("module", (ModuleType,), {"__getattribute__": look, "__module__": "builtins"})
