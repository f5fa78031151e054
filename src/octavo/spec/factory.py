"""Ask a factory function of the project for its pipeline, in a child process."""

from __future__ import annotations

import importlib
import inspect
import os
import sys

from ..model import Json
from ..process import child


def spec(location: str, settings: dict[str, object]) -> object:
    """Call a factory with the settings that it takes and return the pipeline that it makes as data.

    A function with ``@with_env`` takes keys of its environment ("path.data"); the others are its arguments.
    """
    module, _, name = location.rpartition(".")
    make = getattr(importlib.import_module(module), name)
    names = inspect.signature(make).parameters
    with_env = hasattr(make, "_env_source")
    arguments: Json = {}
    for key, value in settings.items():
        if key in names:
            arguments[key] = value
        elif with_env:
            arguments["env__" + key.replace(".", "__")] = value
        else:
            listed = ", ".join(names) or "none"
            sys.exit(f"{location} takes no argument {key}; it takes: {listed}")
    dag = make(**arguments)
    if not hasattr(dag, "to_spec"):
        raise TypeError(f"{location} must return a DAG, and returned {type(dag).__name__}")
    return dag.to_spec(os.getcwd())


def main() -> None:
    """Answer where a factory is, and what it is given, with the pipeline that it makes."""
    child.answer(lambda question: _answer(*question))


def _answer(location: str, settings: Json) -> object:
    try:
        return spec(location, settings)
    except Exception as error:
        # what Ploomber's API refuses is no bug, and needs no traceback; its exceptions are far from here
        if getattr(error, "mistake", False):
            sys.exit(" ".join(str(error).split()))
        raise
