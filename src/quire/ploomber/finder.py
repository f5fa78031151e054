"""Serves ``import ploomber`` and ``ploomber.*`` from here, wherever the real package is absent."""

from __future__ import annotations

import importlib.abc
import sys
from importlib import import_module, util
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

#: The package whose name is served, and the one that serves it.
NAME = "ploomber"
OURS = __name__.rpartition(".")[0]

#: What Ploomber has as a module and quire has not, and what to use instead.
ELSEWHERE = {
    "cli": "the command is quire: quire build, quire status, quire plot",
    "jupyter": "quire reads notebooks where they are; nothing has to be injected into the server",
    "qa": "quire check looks at a pipeline",
    "telemetry": "quire reports nothing to anybody",
    "tracking": "quire history tells what ran, when, and how it ended",
    "scaffold": "quire init begins a project",
}


class Finder:
    """Finds ``ploomber``. It stands first on ``sys.meta_path``: a finder by path would load our files a second time."""

    quire_ploomber = True

    @classmethod
    def find_spec(cls, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Return how to import a module called ``ploomber`` or ``ploomber.*``, None for any other."""
        return spec(name) if name == NAME or name.startswith(NAME + ".") else None


class Loader(importlib.abc.Loader):
    """Hands out a module of quire under its other name: one object, so that classes and state are one, too."""

    def __init__(self, ours: str) -> None:
        self.ours = ours

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = import_module(self.ours)
        self._spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        # the import system has just put the other name's spec in its place, and relative imports go by it
        module.__spec__ = self._spec


def spec(name: str) -> ModuleSpec | None:
    """Return how to import ``ploomber…`` from quire; None where the real package is the one in use.

    Raises ``ModuleNotFoundError`` with quire's own way for modules that Ploomber has and quire has not.
    """
    rest = name.partition(".")[2]
    if rest:
        known = sys.modules.get(NAME)
        if known is not None and known.__name__ != OURS:
            return None
    elif _real():
        return None
    ours = f"{OURS}.{rest}" if rest else OURS
    found = util.find_spec(ours)
    if found is None or rest.partition(".")[0] in ("finder", "factory", "live"):
        raise ModuleNotFoundError(missing(name, rest.partition(".")[0]), name=name)
    made = ModuleSpec(name, Loader(ours), origin=found.origin)
    made.submodule_search_locations = [] if found.submodule_search_locations is not None else None
    return made


def _real() -> bool:
    """Tell whether anybody else on ``sys.meta_path`` knows a package of the name."""
    others = (it for it in sys.meta_path if not getattr(it, "quire_ploomber", False))
    finds = (find for other in others if (find := getattr(other, "find_spec", None)) is not None)
    # a mere folder of that name, which a project may have, is a namespace package, and has no origin
    return any(found.origin is not None for find in finds if (found := find(NAME, None, None)) is not None)


def missing(name: str, module: str) -> str:
    """Return what is said of a name that is not provided."""
    way = ELSEWHERE.get(module)
    return f"quire's {NAME} does not provide {name}" + (f": {way}" if way else "")


def install() -> None:
    """Let this interpreter know the name, as the ``.pth`` file of an installed quire does; doing it twice is fine."""
    # the one that the .pth puts there has the mark too; it is another object because it must not import quire
    if not any(getattr(finder, "quire_ploomber", False) for finder in sys.meta_path):
        sys.meta_path.insert(0, Finder)
