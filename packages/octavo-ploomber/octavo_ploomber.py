"""Lets every Python of an environment find ``ploomber`` in octavo, without importing octavo before somebody asks."""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # as in typing, which costs milliseconds that every start of Python would pay
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from typing import NoReturn


class Finder:
    """Finds ``ploomber``, and stands first on ``sys.meta_path``: octavo's own finder says why."""

    #: By which octavo's processes, which know the name by themselves, see that this one is here.
    octavo_ploomber = True

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Return how octavo imports a module called ``ploomber`` or ``ploomber.*``; None for any other."""
        if name != "ploomber" and not name.startswith("ploomber."):
            return None
        try:
            from octavo.ploomber import finder  # noqa: PLC0415 - most programs never ask for it
        except ModuleNotFoundError as error:
            if error.name != "octavo":
                raise
            return None  # this was left behind when octavo was uninstalled
        return finder.spec(name)


def start() -> None:
    """Put the finder in place, once: what Python calls when it starts."""
    if not any(getattr(finder, "octavo_ploomber", False) for finder in sys.meta_path):
        sys.meta_path.insert(0, Finder)


def command() -> NoReturn:
    """Run a command line of Ploomber's by octavo: what the command ``ploomber`` calls."""
    from octavo.ploomber.command import entry  # noqa: PLC0415 - what Python calls when it starts needs none of it

    entry()
