"""Find, before anything runs, what would keep the checks of a task from being made on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec

from ..errors import Error, MissingExtra, SpecError
from ..hints import did_you_mean
from ..model import Call, Task
from ..reading import called
from .arguments import of_plain
from .around import product_of
from .frames import installed, stem_of
from .suites import EXTRAS, install, is_file

_QUALITY = 'pip install "octavo[quality]"'
#: Files that pandas reads with pyarrow.
_COLUMNAR = (".parquet", ".pq", ".feather")


def errors(task: Task, root: str) -> Iterator[Error]:
    """Yield an error for each package that checks need and that is absent, and each suite that is not there."""
    for check in map(of_plain, task.own["checks"]):
        product = product_of(task, check)
        if product is not None and product.relation is None:
            library, what = installed(), f"the checks of {product.path} need"
            if library is None:
                yield MissingExtra(f"{what} pandas or polars", task.where, _QUALITY)
            elif (
                library == "pandas" and stem_of(product.path).endswith(_COLUMNAR) and not find_spec("pyarrow")
            ):
                yield MissingExtra(f"{what} pyarrow", task.where, _QUALITY)
        if check.kind not in EXTRAS:
            continue
        if find_spec(check.kind) is None:
            message = f'the package "{check.kind}" is not installed, and the check "{check.name}" needs it'
            yield MissingExtra(message, task.where, install(check.kind))
        yield from _suite(task, check.name, str(check.arguments["suite"]), root)


def _suite(task: Task, name: str, suite: str, root: str) -> Iterator[Error]:
    if is_file(suite):
        folder, file = os.path.split(os.path.join(root, task.cwd, suite))
        there = os.listdir(folder) if os.path.isdir(folder) else []
        if file not in there:
            message = f'the check "{name}" of "{task.name}": there is no file {suite}'
            yield SpecError(message, task.where, did_you_mean(file, there))
    elif "." not in suite:
        hint = "write package.module.name"
        yield SpecError(f'the check "{name}" of "{task.name}": "{suite}" is no dotted path', task.where, hint)
    elif (error := called.missing(Call(suite), root)) is not None:
        yield SpecError(f'the check "{name}" of "{task.name}": {error.message}', task.where, error.hint)
