"""The program that asks a function of the project for its pipeline, and says it as JSON.

``python -m octavo.ploomber.factory package.module.function --env '{"path.data": "elsewhere"}'``
"""

from __future__ import annotations

import argparse
import inspect
import json
import os
import sys
from typing import Any

from ..reading.sources import folders
from . import finder
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
    """Answer on the standard output, whose only line it is; what the factory prints goes to the standard error."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    finder.install()
    sys.path[:0] = folders(os.getcwd())
    parser = argparse.ArgumentParser(prog="octavo.ploomber.factory")
    parser.add_argument("location")
    parser.add_argument("--env", type=json.loads, default={})
    args = parser.parse_args()
    try:
        pipeline = spec(args.location, args.env)
    except _MISTAKES as error:
        sys.exit(" ".join(str(error).split()))
    print(json.dumps(pipeline), file=answers, flush=True)


if __name__ == "__main__":
    main()
