"""octavo takes notebooks to production: incremental, parallel, reviewed pipelines of notebooks and functions.

>>> import octavo
>>> report = octavo.load("project/").build()
>>> bool(report), report.outcomes
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

from .lazy import lazy_imports

with lazy_imports():
    from . import errors, graph, metrics, model, project, report
    from .jupyter import dag as dags
    from .jupyter import loading, magic
    from .metadata import header as headers

if TYPE_CHECKING:
    from .errors import Error, Errors
    from .graph import Graph
    from .jupyter.dag import dag
    from .jupyter.loading import load_product
    from .metadata.header import header
    from .metrics import log
    from .model import Failure, Outcome, Product, Reason, Step, Task
    from .project import Project, load, run
    from .report import Report

__version__ = "0.1.0"

__all__ = ["Error", "Errors", "Failure", "Graph", "Outcome", "Product", "Project", "Reason", "Report", "Step"]
__all__ += ["Task", "dag", "header", "load", "load_product", "log", "run"]

_WHERE = {
    **dict.fromkeys(("Error", "Errors"), errors),
    **dict.fromkeys(("Failure", "Outcome", "Product", "Reason", "Step", "Task"), model),
    **dict.fromkeys(("Project", "load", "run"), project),
    "Graph": graph,
    "header": headers,
    "Report": report,
    "dag": dags,
    "load_product": loading,
    "log": metrics,
    **dict.fromkeys(("load_ipython_extension", "unload_ipython_extension"), magic),
}


def __getattr__(name: str) -> object:
    # PEP 562: the menu is short, and nothing on it is cooked before it is ordered
    if name in _WHERE:
        return getattr(_WHERE[name], name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class _Menu(ModuleType):
    """A package in which ``octavo.load`` stays the function after its module ``octavo.load`` was imported."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _WHERE and isinstance(value, ModuleType)):  # which the import system binds
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Menu


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
