"""Serve ``import ploomber`` from this package wherever the real one is absent."""

from __future__ import annotations

import importlib.abc
import sys
from collections.abc import Callable
from importlib import import_module, util
from importlib.machinery import ModuleSpec
from types import ModuleType

#: The package whose name is served, and the one that serves it.
NAME = "ploomber"
OURS = "octavo.ploomber"

#: What Ploomber has and octavo has not, module or name, and what to use instead.
ELSEWHERE = {
    "cli": "use octavo build, octavo status, octavo plot",
    "clients.RemoteShellClient": "use ssh in a shell task, or run the build on that machine",
    "entrypoint": "use ploomber.lazily_load_entry_point to find a pipeline",
    "io.FileLoaderMixin": "use task.load() to read a product",
    "io.TerminalWriter": "octavo build shows its progress itself",
    "jupyter": "notebooks are read as they are, without a server extension",
    "qa": "octavo status reports errors in a pipeline before anything runs",
    "scaffold": "octavo status names missing sources",
    "static_analysis": "octavo status reports notebooks that cannot be read",
    "tasks.TaskFactory": "use a function that returns the task",
    "tasks.task_factory": "use a function that returns the task",
    "telemetry": "there is no telemetry",
    "testing.sql.SQLParser": "make each part of a long query a task with a table or view",
    "tracking": "use octavo history to see past runs",
}
_PACKAGES = {
    "clients": "client db shell storage storage.aws storage.gcloud storage.local",
    "dag": "dag dagconfiguration dagconfigurator",
    "env": "decorators env",
    "executors": "parallel parallel_dill serial",
    "io": "serialize unserialize",
    "micro": "_micro",
    "placeholders": "placeholder sourceloader",
    "products": "file genericproduct metaproduct product sql",
    "spec": "dagspec",
    "tasks": "abc aws notebook param_forward sql taskgroup tasks",
    "testing.sql": "duplicated functions",
    "util": "param_grid",
    "validators": "validators",
}
#: Modules of Ploomber whose names are in another module here: its packages are modules.
_DEEPER = {f"{here}.{part}": here for here, parts in _PACKAGES.items() for part in parts.split()}
_DEEPER |= {"dag.inmemorydag": "memory", "dag.onlinedag": "online", "table": "report"}
#: Modules here that are no part of the API.
_INNER = (
    *("__main__", "building", "command", "finder", "groups", "here"),
    *("pipeline", "report", "sources", "task", "to_spec", "unimportable"),
)


class Finder:
    """Finds ``ploomber``. It stands first on ``sys.meta_path``: a finder by path would load our files a second time."""

    octavo_ploomber = True

    @classmethod
    def find_spec(cls, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Return how to import a module called ``ploomber`` or ``ploomber.*``, None for any other."""
        return spec(name) if name == NAME or name.startswith(NAME + ".") else None


class Loader(importlib.abc.Loader):
    """Hands out a module of octavo under its other name: one object, so that classes and state are one, too."""

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
    ours = _ours(rest)
    found = util.find_spec(ours) if ours else None
    if ours is None or found is None:
        raise ModuleNotFoundError(missing(name), name=name)
    module_spec = ModuleSpec(name, Loader(ours), origin=found.origin)
    # what Ploomber has as a package is a module here, and its parts are asked for all the same
    module_spec.submodule_search_locations = []
    return module_spec


def _ours(rest: str) -> str | None:
    """Return the module here that has the names of ``ploomber.…``; None where there is none."""
    if rest in _DEEPER:
        return f"{OURS}.{_DEEPER[rest]}"
    if rest.partition(".")[0] in _INNER or rest.count(".") > rest.startswith("testing."):
        return None
    return f"{OURS}.{rest}" if rest else OURS


def _real() -> bool:
    """Return whether anybody else on ``sys.meta_path`` knows a package of the name."""
    others = (it for it in sys.meta_path if not getattr(it, "octavo_ploomber", False))
    finds = (find for other in others if (find := getattr(other, "find_spec", None)) is not None)
    # a mere folder of that name, which a project may have, is a namespace package, and has no origin
    return any(found.origin is not None for find in finds if (found := find(NAME, None, None)) is not None)


def missing(name: str) -> str:
    """Return the message for a name that is not provided: ``ploomber.tasks.TaskFactory``."""
    rest = name.removeprefix(NAME + ".")
    way = ELSEWHERE.get(rest) or ELSEWHERE.get(rest.partition(".")[0])
    return f"octavo's {NAME} does not provide {name}" + (f": {way}" if way else "")


def absent(module: str) -> Callable[[str], object]:
    """Return the ``__getattr__`` of a module here: it says what is not provided, and what to use instead."""
    inside = module.removeprefix(OURS).removeprefix(".")

    def __getattr__(name: str) -> object:
        path = ".".join(filter(None, (NAME, inside, name)))
        # "from … import …" has words of its own for an AttributeError, and drops ours
        kind = ImportError if path.removeprefix(NAME + ".") in ELSEWHERE else AttributeError
        raise kind(missing(path))

    return __getattr__


def install() -> None:
    """Let this interpreter know the name, as the ``.pth`` file of an installed octavo does; doing it twice is fine."""
    # the one that the .pth puts there has the mark too; it is another object because it must not import octavo
    if not any(getattr(finder, "octavo_ploomber", False) for finder in sys.meta_path):
        sys.meta_path.insert(0, Finder)
