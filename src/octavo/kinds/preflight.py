"""Find, before anything runs, what would make a task fail on this machine."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ..errors import Error, MissingExtra, Place, ProductError, SpecError
from ..lazy import lazy_imports, missing_extra
from ..model import STORED, SYNTAX, Call, Task
from ..products import special
from . import members, row

with lazy_imports():
    from importlib import util

    from ..executed import editions
    from ..kernels import specs
    from ..quality import before as quality
    from ..reading import called
    from ..tables import connections, stored

_TASK = ("task", "product", "params", "client", "upstream")
#: What the hooks of a task, and those of a pipeline, may name as arguments.
_OF_TASK = {"on_render": _TASK, "on_finish": _TASK, "on_failure": (*_TASK, "traceback")}
_OF_PIPELINE = {
    "on_render": ("dag",),
    "on_finish": ("dag", "report"),
    "on_failure": ("dag", "report", "traceback"),
}
_CLIENT = "SQLAlchemyClient"
#: How many arguments a serializer gets in any case: the value and the product; an unserializer: the product.
_POSITIONAL = {"serializer": 2, "unserializer": 1}


def errors(
    tasks: Sequence[Task],
    unfit: Mapping[str, Sequence[Error]],
    hooks: Mapping[str, Call],
    root: str,
    path: str,
) -> Iterator[Error]:
    """Yield the errors of tasks that are to run, each message once. ``unfit`` are errors known from loading.

    ``hooks`` are those of the pipeline itself, which stands at ``path``.
    """
    reported: set[str] = set()
    for name, call in hooks.items():
        yield from _absent(name, call, _OF_PIPELINE, root, Place(os.path.relpath(path)))
    for task in tasks:
        known = _sources(task, unfit.get(task.name, ()))
        for error in (
            *known,
            *_missing(task),
            *_calls(task, root),
            *_connections(task, root),
            *_checks(task, root),
            *_stored(task),
        ):
            if error.message not in reported or (error.where is not None and str(error) not in reported):
                yield error
            reported |= {error.message, str(error)}


def places(tasks: Iterable[Task], root: str) -> Iterator[Error]:
    """Yield what stands where a product should, and is no file that could be replaced."""
    for task in tasks:
        for product in task.products:
            if found := special(os.path.join(root, product.path)):
                message = f'task "{task.name}" makes "{product.path}": it is {found}'
                yield ProductError(
                    message, task.where, "a product is a file or a folder: choose another path"
                )


def _sources(task: Task, known: Sequence[Error]) -> Iterator[Error]:
    """Yield what is wrong with a source, but for syntax errors where another Python is to run it."""
    for error in known:
        if SYNTAX not in error.message or specs.is_this_environment(task.kernel or task.source.facts.kernel):
            yield error


def _calls(task: Task, root: str) -> Iterator[Error]:
    """Yield an error for each function that the task names and that is not there, or takes other arguments."""
    run = {"on_failure": task.run.on_failure, "client": task.run.file_client}
    named = [*task.calls.named(), *((name, call) for name, call in run.items() if call is not None)]
    for name, call in named:
        yield from _absent(name, call, _OF_TASK, root, task.where)
    why = called.idle(task.source.entry, root) if task.kind == "function" and task.source.entry else ""
    if why and (why != "a generator" or task.calls.serializer is None):
        yield SpecError(f"{task.source.entry} would not run: it is {why}", task.where, called.PLAIN)


def _connections(task: Task, root: str) -> Iterator[Error]:
    """Yield an error for each connection that nobody makes, or that is made with a package that is not there."""
    if not row(task.kind).connects:
        return
    for product in (False, True) if row(task.kind).sends else (False,):
        try:
            call = connections.call_of(task, product)
        except Error as error:
            yield error
            continue
        own = call.path.endswith(f".{_CLIENT}")
        if (own or called.mentions(call.path, _CLIENT, root)) and _absent_package("sqlalchemy"):
            absent = missing_extra("sqlalchemy")
            yield MissingExtra(f"{absent.message}, and {call.path} needs it", task.where, absent.hint)


def _absent(
    name: str, call: Call, hooks: Mapping[str, tuple[str, ...]], root: str, where: Place | None
) -> Iterator[Error]:
    error = called.missing(call, root, hooks.get(name, ()), _POSITIONAL.get(name, 0))
    if error is not None:
        yield SpecError(f"{name}: {error.message}", where, error.hint)


def _missing(task: Task) -> Iterator[Error]:
    """Yield an error for each thing that a task needs and that is not installed."""
    for package, what in _packages(task):
        if _absent_package(package):
            error = missing_extra(package)
            yield MissingExtra(f"{error.message}, and {what} needs it", task.where, error.hint)
    missing = getattr(members.kind(task.kind), "missing", None)
    for error in missing(task) if missing is not None else ():
        # octavo run has the option, a pipeline the key
        error.hint = error.hint and re.sub(r"--kernel (\S+)", r"add kernel: \1 to the task", error.hint)
        yield error


def _packages(task: Task) -> Iterator[tuple[str, str]]:
    """Yield the packages that octavo itself uses for a task, and what for."""
    converted = next((edition.path for edition in editions.exports(task) if not edition.plain), None)
    if converted is not None:
        yield "nbconvert", converted
    if task.kind == "dump" and task.products[0].path.endswith(".parquet") and not task.own.get("io_handler"):
        yield "pyarrow", task.products[0].path
    reads = task.kind in ("upload", "copy_from") and not task.own.get("io_handler")
    if task.kind == "transfer" or reads:
        yield "pandas", f'"{task.name}"'


def _checks(task: Task, root: str) -> Iterator[Error]:
    return quality.errors(task, root) if "checks" in task.own else iter(())


def _stored(task: Task) -> Iterator[Error]:
    """Yield an error for each product in a store that does not answer."""
    for product in task.products:
        if product.relation is not None and product.relation.kind == STORED:
            if _absent_package("obstore"):
                error: Error | None = missing_extra("obstore")
            else:
                error = stored.check(str(product.relation))
            if error is not None:
                error.where = error.where or task.where
                yield error


def _absent_package(package: str) -> bool:
    """Return whether a package at the top is not installed; it is not imported."""
    try:
        return util.find_spec(package) is None
    except ValueError:  # it is loaded, with nothing to tell where it is from
        return False
