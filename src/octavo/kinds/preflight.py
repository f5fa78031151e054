"""Find, before anything runs, what would make a task fail on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ..errors import Error, ProductError
from ..lazy import lazy_imports
from ..model import SYNTAX, Task
from ..products import special
from . import members

with lazy_imports():
    from ..kernels import specs


def errors(tasks: Sequence[Task], unfit: Mapping[str, Sequence[Error]]) -> Iterator[Error]:
    """Yield the errors of tasks that are to run, each message once. ``unfit`` are errors known from loading."""
    reported: set[str] = set()
    for task in tasks:
        for error in (*_sources(task, unfit.get(task.name, ())), *_missing(task)):
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


def _missing(task: Task) -> Iterator[Error]:
    """Yield an error for each thing that a task needs and that is not installed."""
    missing = getattr(members.kind(task.kind), "missing", None)
    if missing is not None:
        yield from missing(task)
