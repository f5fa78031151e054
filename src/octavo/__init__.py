"""octavo takes notebooks to production: incremental, parallel, reviewed pipelines of notebooks and functions.

>>> import octavo
>>> report = octavo.load("project/").build()
>>> bool(report), report.outcomes
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType

__version__ = "0.1.0"

_WHERE = {
    "load": "project",
    "run": "project",
    "Project": "project",
    "Report": "report",
    "Graph": "graph",
    "Task": "model",
    "Product": "model",
    "Step": "model",
    "Reason": "model",
    "Outcome": "model",
    "Failure": "model",
    "Error": "errors",
    "Errors": "errors",
}

__all__ = ["Error", "Errors", "Failure", "Graph", "Outcome", "Product", "Project", "Reason", "Report", "Step"]
__all__ += ["Task", "load", "run"]


def __getattr__(name: str) -> object:
    # PEP 562: the menu is short, and nothing on it is cooked before it is ordered
    if name in _WHERE:
        return getattr(import_module(f".{_WHERE[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class _Menu(ModuleType):
    """A package in which ``octavo.load`` stays the function after its module ``octavo.load`` was imported."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _WHERE and isinstance(value, ModuleType)):  # which the import system binds
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Menu


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
