"""Run a notebook again: a scratch copy of it, in its folder, as ``octavo run`` does."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from .. import single
from ..dataclass import dataclass
from ..errors import Error, Place, each
from ..events import Event, TaskFinished
from ..executed.provenance import MARKER
from ..executed.writer import ExecutedNotebook
from ..executors import Executor
from ..model import Json
from ..notebook.cells import Notebook, dump_ipynb
from ..notebook.inject import INJECTED, tags
from ..products.scratch import Scratch
from .wishes import Wish

#: The key of a cell's metadata that holds its index in the notebook that is verified.
INDEX = "octavo-verify"
_PRINTED = re.compile(
    r"\AUsageError:|^ *\+ Exception Group Traceback \(most recent call last\):", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Ran:
    """A fresh run: the outputs of the cells that ran, by index, and how it ended if that was not well."""

    outputs: Mapping[int, list[Json]]
    counts: Mapping[int, int | None]
    failure: str = ""
    failed: int | None = None  # the index of the cell


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """How notebooks are run: options of ``octavo run``, and an executor that all of them share."""

    kernel: str | None = None
    cwd: str | None = None
    timeout: float | None = None
    cell_timeout: float | None = None
    executor: Executor | None = None


def run(
    notebook: Notebook,
    wishes: Sequence[Wish],
    options: VerifyOptions,
    prelude: str = "",
    environ: Mapping[str, str] | None = None,
) -> Ran:
    """Run the cells of a notebook and return their outputs; the file is not touched.

    ``prelude`` is code that runs before them, ``environ`` what its kernel gets as environment variables besides.
    """
    of_run = single.NotebookOptions(
        kernel=options.kernel,
        cwd=options.cwd or str(Path(notebook.path).resolve().parent),
        allow_errors=through_errors(notebook, wishes),
        strict=False,
        timeout=options.timeout,
        cell_timeout=options.cell_timeout,
        output_limit=0,
    )
    shared = None if environ else options.executor  # whose processes have their environment already
    with Scratch() as scratch:
        path = Path(scratch.path) / Path(notebook.path).with_suffix(".ipynb").name
        path.write_bytes(b"".join(dump_ipynb(copied(notebook.data, wishes, prelude))))
        listener = Fresh()
        with environment(environ or {}), told_of(notebook.path, path):
            single.run(path, None, parameters(notebook.data, scratch.path), of_run, [listener], shared)
    return listener.ran()


@contextmanager
def told_of(notebook: str, copy: Path) -> Iterator[None]:
    """Let mistakes that are found in the copy of a notebook have the place of the notebook."""
    try:
        yield
    except (Error, ExceptionGroup) as error:
        for one in each(error):
            if one.where is not None and one.where.path == str(copy):
                one.where = Place(notebook)
        raise


def through_errors(notebook: Notebook, wishes: Sequence[Wish]) -> bool:
    """Return whether a notebook was run through its errors: it is run so again."""
    return any(
        _error(output)
        for cell, wish in zip(notebook.cells, wishes, strict=True)
        for output in cell.get("outputs") or ()
        if not wish.raises
    )


def _error(output: Json) -> bool:
    """Return whether an output is that of an error.

    IPython only prints some: its own, of magics that are not there, and groups of exceptions.
    """
    printed = output.get("name") == "stderr" and _PRINTED.search(str(output.get("text")))
    return output.get("output_type") == "error" or bool(printed)


class environment:
    """Environment variables for as long as something runs: the process that serves it is a child of this one."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self.values = values
        self.before: dict[str, str | None] = {}

    def __enter__(self) -> None:
        self.before = {name: os.environ.get(name) for name in self.values}
        os.environ.update(self.values)

    def __exit__(self, *_: object) -> None:
        for name, value in self.before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


class Fresh:
    """Folds the events of a run into what it is compared by."""

    def __init__(self) -> None:
        self.executed = ExecutedNotebook(output_limit=0)
        self.end: TaskFinished | None = None

    def __call__(self, event: Event) -> None:
        self.executed(event)
        if isinstance(event, TaskFinished):
            self.end = event

    def ran(self) -> Ran:
        """Return what has run until now."""
        cells = (self.executed.finished() or {"cells": []})["cells"]
        outputs: dict[int, list[Json]] = {}
        counts: dict[int, int | None] = {}
        place: dict[int, int] = {}
        for at, cell in enumerate(cells):
            index = cell["metadata"].get(INDEX)
            # what has no times of its execution was not run
            if isinstance(index, int) and "execution" in cell["metadata"]:
                outputs[index], counts[index], place[at] = cell["outputs"], cell["execution_count"], index
        failure = self.end.failure if self.end else None
        if failure is None:
            return Ran(outputs, counts)
        said = f"{failure.kind}: {failure.message}".strip().partition("\n")[0]
        return Ran(outputs, counts, said, place.get(failure.cell) if failure.cell is not None else None)


def copied(data: Json, wishes: Sequence[Wish], prelude: str) -> Json:
    """Return the notebook as it is run: each cell with its index, without those that nobody wants to run."""
    cells: list[Json] = []
    if prelude:
        cells.append(
            {"cell_type": "code", "id": "octavo-prelude", "metadata": {}, "source": prelude}
            | {"outputs": [], "execution_count": None}
        )
    for index, (cell, wish) in enumerate(zip(data["cells"], wishes, strict=True)):
        if MARKER in tags(cell):
            continue
        metadata = {**(cell.get("metadata") or {}), INDEX: index}
        metadata.pop("execution", None)
        words = list(tags(cell))
        words += ["skip-execution"] if wish.skip else []
        words += ["raises-exception"] if wish.raises else []
        if words:
            metadata["tags"] = words
        cells.append({**cell, "metadata": metadata})
        if cell["cell_type"] == "code":
            cells[-1] |= {"outputs": [], "execution_count": None}
    return {**data, "cells": cells}


def parameters(data: Json, scratch: str) -> dict[str, object]:
    """Return what is injected once more: the parameters of an executed notebook, with its products in a scratch folder.

    Only where it has products: else its injected cell says all of it.
    """
    known = (data["metadata"].get("papermill") or {}).get("parameters") or {}
    if not (known.get("product") and any(INJECTED in tags(cell) for cell in data["cells"])):
        return {}
    made = Path(scratch) / "products"
    return {**known, "product": _moved(known["product"], made)}


def _moved(product: object, folder: Path) -> object:
    if isinstance(product, str):
        path = folder / product.lstrip("/").replace("..", "__")
        path.parent.mkdir(parents=True, exist_ok=True)
        return str(path)
    if isinstance(product, dict):
        return {key: _moved(value, folder) for key, value in product.items()}
    if isinstance(product, list):
        return [_moved(value, folder) for value in product]
    return product
