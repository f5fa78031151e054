"""Find the executor of a build: one of ours by its name, or one that another package brings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from .. import plugins
from ..errors import Error, raise_all
from ..lazy import lazy_imports
from ..model import Json, Task
from . import Asked, Executor, Maker

with lazy_imports():
    from . import dask, inline, local

EXECUTORS: Mapping[str, Callable[[], Maker]] = {
    "local": lambda: local.Local,
    "inline": lambda: inline.Inline,
    "dask": lambda: dask.Dask,
}


def executor(name: str) -> Maker:
    """Return what makes an executor; an unknown name is an error with a hint."""
    if name in EXECUTORS:
        return EXECUTORS[name]()
    found: Maker = plugins.member("executors", name, EXECUTORS)
    return found


def chosen(wanted: Asked, said: Json, tasks: Iterable[str]) -> Maker:
    """Return what makes the executor of a build: as somebody asks, or else as pipeline.yaml says, or else ``local``.

    A name may have an address: ``dask=tcp://host:8786``.
    """
    if wanted is not None and not isinstance(wanted, str):
        return wanted
    name, equals, address = (wanted or str(said.get("name", "local"))).partition("=")
    if name == "dask":
        return dask.of(said if said.get("name") == "dask" else {}, tasks, address)
    if equals:
        raise Error(
            f'the executor {name} has no address, as "{address}"', hint="dask has: dask=tcp://host:8786"
        )
    return executor(name)


def agree(executor: Executor, tasks: Iterable[Task]) -> None:
    """Raise what an executor refuses of tasks, each reason once."""
    refused = {str(error): error for task in tasks if (error := executor.refuses(task))}
    raise_all(refused.values())
