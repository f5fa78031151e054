"""Ploomber's Python API, so that code written for it runs unchanged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import lazy_imports
from ..process.ploomber_names import absent

with lazy_imports():
    from . import dag, env, memory, online, placeholders, spec

if TYPE_CHECKING:
    from .dag import DAG, DAGConfigurator
    from .env import Env, load_env, with_env
    from .memory import InMemoryDAG
    from .online import OnlineDAG, OnlineModel
    from .placeholders import SourceLoader
    from .spec import lazily_load_entry_point

#: The version of Ploomber whose names these are.
__version__ = "0.23.3"

_WHERE = {
    "DAG": dag,
    "DAGConfigurator": dag,
    "Env": env,
    "InMemoryDAG": memory,
    "OnlineDAG": online,
    "OnlineModel": online,
    "SourceLoader": placeholders,
    "lazily_load_entry_point": spec,
    "load_env": env,
    "with_env": env,
}

__all__ = ["DAG", "DAGConfigurator", "Env", "InMemoryDAG", "OnlineDAG", "OnlineModel", "SourceLoader"]
__all__ += ["lazily_load_entry_point", "load_env", "with_env"]


def __getattr__(name: str) -> object:
    # PEP 562: a project that imports one client does not pay for the whole
    if name in _WHERE:
        found: object = getattr(_WHERE[name], name)
        return found
    return absent(__name__)(name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
