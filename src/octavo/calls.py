"""Import and call the functions that pipeline.yaml names by dotted path."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping
from typing import Any

from .errors import SpecError
from .hints import did_you_mean
from .lazy import lazy_imports
from .model import Call

with lazy_imports():
    import pkgutil  # 5 ms that only a mistake should cost


_MOST = 8


# Any, here and below: whatever the project's code is and returns; who names it in pipeline.yaml says what for


def resolve(call: Call) -> Any:
    """Import what a call names and return it.

    A module or a name that is not there raises ``SpecError``; what the module itself raises is passed on.
    """
    path = call.path
    parts = path.split(".")
    if len(parts) < 2 or not all(parts):
        hint = "a module and a name in it, as in checks.no_gaps for the function no_gaps of checks.py"
        raise SpecError(f'"{path}" is not a dotted path', hint=hint)
    # what stands behind the last module may be a name in a class: octavo.clients.SQLAlchemyClient.from_env
    for last in range(len(parts) - 1, 0, -1):
        module = ".".join(parts[:last])
        if _exists(module):
            return _inside(importlib.import_module(module), parts[last:], path)
    raise SpecError(f'there is no module "{parts[0]}" for {path}', hint=_near(parts[0]))


def invoke(call: Call, offered: Mapping[str, object] | None = None) -> Any:
    """Call what a call names with its own arguments and those of ``offered`` that it names; return its value.

    What is offered is looked up only when it is named. An argument without a default that nobody gives, and one of the
    call's own that is not taken, raise ``SpecError``.
    """
    target = resolve(call)
    if not callable(target):
        raise SpecError(f"{call.path} is not callable: it is {target!r:.60}")
    return target(**fitting(target, call.path, call.arguments, offered or {}))


def fitting(
    target: Callable[..., object], path: str, own: Mapping[str, object], offered: Mapping[str, object]
) -> dict[str, object]:
    """Return the arguments for a callable: all of ``own``, and what it names of ``offered``."""
    try:
        parameters = inspect.signature(target).parameters
    except (TypeError, ValueError):  # of a callable in C, nothing may be known
        return dict(own)
    return fitted(parameters, path, own, offered)


def fitted(
    parameters: Mapping[str, inspect.Parameter],
    path: str,
    own: Mapping[str, object],
    offered: Mapping[str, object],
) -> dict[str, object]:
    """Return the arguments for a callable with these parameters, as ``fitting`` does."""
    named = {
        parameter.name: parameter
        for parameter in parameters.values()
        if parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
    }
    open_ended = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    if not open_ended and (unknown := [name for name in own if name not in named]):
        listed = f"its arguments: {', '.join(named)}" if named else "it takes no arguments"
        hint = did_you_mean(unknown[0], named) or listed
        raise SpecError(f"{path} has no argument {', '.join(unknown)}", hint=hint)
    there = dict.fromkeys(
        offered
    )  # a mapping that makes what it is asked for is asked only for what is named
    wanted = [name for name in offered if name not in own and (open_ended or name in named)]
    lacking = [
        name
        for name, parameter in named.items()
        if parameter.default is parameter.empty and name not in own and name not in there
    ]
    if lacking:
        listed = f"available: {', '.join(offered)}" if offered else "give it beside dotted_path"
        hint = did_you_mean(lacking[0], offered) or listed
        raise SpecError(f"{path} requires {', '.join(lacking)}, which is not given", hint=hint)
    return {**{name: offered[name] for name in wanted}, **own}


def _exists(module: str) -> bool:
    """Return whether a module can be found; its packages are imported for that, as Python does."""
    if module in sys.modules:
        return True
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError as error:
        # "a.b.c" where there is no a, or where a is no package. What a itself lacks is its own mistake
        if error.name is not None and (module == error.name or module.startswith(error.name + ".")):
            return False
        raise


def _inside(found: object, names: list[str], path: str) -> object:
    for number, name in enumerate(names):
        try:
            found = getattr(found, name)
        except AttributeError:
            where = path.rsplit(".", len(names) - number)[0]
            names = [name for name in getattr(found, "__dict__", ()) if not name.startswith("_")]
            known = [name for name in names if callable(getattr(found, name, None))]
            hint = did_you_mean(name, known) or (f"there are: {', '.join(known[:_MOST])}" if known else None)
            raise SpecError(f'there is no "{name}" in {where}', hint=hint) from None
    return found


def _near(name: str) -> str | None:
    """Return a hint for a module that is not there: one with a name like it, beside the pipeline or anywhere."""
    here = [module.name for module in pkgutil.iter_modules(sys.path[:1])]
    return did_you_mean(name, here) or "modules are searched for in the project's folder first"
