"""Serve ``import ploomber`` from this package wherever the real one is absent."""

from __future__ import annotations

import importlib.abc
import sys
from importlib import import_module, util
from importlib.machinery import ModuleSpec
from types import ModuleType

from .ploomber_names import NAME, OURS, missing, module_of


class Finder:
    """Finds ``ploomber``. It stands first on ``sys.meta_path``: a finder by path would load our files a second time."""

    octavo_ploomber = True

    @classmethod
    def find_spec(cls, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Return how to import a module called ``ploomber`` or ``ploomber.*``, None for any other."""
        return spec(name) if name == NAME or name.startswith(NAME + ".") else None


class Loader(importlib.abc.Loader):
    """Hands out a module of octavo under its other name: one object, so that classes and state are one, too."""

    def __init__(self, served: str) -> None:
        self.served = served

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = import_module(self.served)
        self._spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        # the import system has just put the other name's spec in its place, and relative imports go by it
        module.__spec__ = self._spec


def spec(name: str) -> ModuleSpec | None:
    """Return how to import ``ploomber…`` from octavo; None where the real package is the one in use.

    Raises ``ModuleNotFoundError`` with octavo's own way for modules that Ploomber has and octavo has not.
    """
    rest = name.partition(".")[2]
    if rest:
        known = sys.modules.get(NAME)
        if known is not None and known.__name__ != OURS:
            return None
    elif _real():
        return None
    module = module_of(rest)
    found = util.find_spec(module) if module else None
    if module is None or found is None:
        raise ModuleNotFoundError(missing(name), name=name)
    module_spec = ModuleSpec(name, Loader(module), origin=found.origin)
    # what Ploomber has as a package is a module here, and its parts are asked for all the same
    module_spec.submodule_search_locations = []
    return module_spec


def _real() -> bool:
    """Return whether anybody else on ``sys.meta_path`` knows a package of the name."""
    others = (finder for finder in sys.meta_path if not getattr(finder, "octavo_ploomber", False))
    finds = (find for other in others if (find := getattr(other, "find_spec", None)) is not None)
    # a mere folder of that name, which a project may have, is a namespace package, and has no origin
    return any(found.origin is not None for find in finds if (found := find(NAME, None, None)) is not None)


def install() -> None:
    """Let this interpreter know the name, as the ``.pth`` file of an installed octavo does; doing it twice is fine."""
    # the one that the .pth puts there has the mark too; it is another object because it must not import octavo
    if not any(getattr(finder, "octavo_ploomber", False) for finder in sys.meta_path):
        sys.meta_path.insert(0, Finder)
