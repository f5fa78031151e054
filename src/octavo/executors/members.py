"""Find an executor by its name: one of ours, or one that another package brings."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .. import plugins
from ..lazy import lazy_imports
from . import Maker

with lazy_imports():
    from . import inline, local

EXECUTORS: Mapping[str, Callable[[], Maker]] = {
    "local": lambda: local.Local,
    "inline": lambda: inline.Inline,
}


def executor(name: str) -> Maker:
    """Return what makes an executor; an unknown name is an error with a hint."""
    if name in EXECUTORS:
        return EXECUTORS[name]()
    found: Maker = plugins.member("executors", name, EXECUTORS)
    return found
