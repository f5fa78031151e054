"""Ask a factory function of the project for its pipeline, in a child process."""

from __future__ import annotations

import inspect
import os
import sys
from typing import Any

from ..worker import child
from .exceptions import DAGSpecInitializationError, TaskInitializationError
from .spec import factory

#: What is no bug of octavo's, and needs no traceback.
_MISTAKES = (DAGSpecInitializationError, TaskInitializationError)


def spec(location: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Call a factory with the settings that it takes and return the pipeline that it makes as data.

    A function with ``@with_env`` takes keys of its environment ("path.data"); the others are its arguments.
    """
    make = factory(location)
    function = getattr(sys.modules[location.rpartition(".")[0]], location.rpartition(".")[2])
    names = inspect.signature(function).parameters
    with_env = hasattr(function, "_env_source")
    arguments: dict[str, Any] = {}
    for key, value in settings.items():
        if key in names:
            arguments[key] = value
        elif with_env:
            arguments["env__" + key.replace(".", "__")] = value
        else:
            listed = ", ".join(names) or "none"
            raise TaskInitializationError(f"{location} takes no argument {key}; it takes: {listed}")
    return make(**arguments).to_spec(os.getcwd())


def main() -> None:
    """Answer where a factory is, and what it is given, with the pipeline that it makes."""
    child.answer(lambda question: _asked(*question))


def _asked(location: str, settings: dict[str, Any]) -> dict[str, Any]:
    try:
        return spec(location, settings)
    except _MISTAKES as error:
        sys.exit(" ".join(str(error).split()))
