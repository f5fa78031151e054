"""Run a notebook cell by cell, as far as a test asks: a copy, with what nbmake's metadata put between its cells."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from .. import single
from ..dataclass import dataclass
from ..events import CellFinished, Event, NotebookOpened, Output, TaskFinished
from ..executors import Executor
from ..executors.lent import Lent
from ..executors.local import Local
from ..model import Failure, Json
from ..notebook.cells import Notebook, dump_ipynb
from ..products.scratch import Scratch
from ..reading.facts import facts
from ..verifying.again import INDEX, Fresh, Ran, copied, parameters, told_of
from ..verifying.wishes import Wish

#: The key of the metadata of a cell that runs after one, and belongs to it.
_AFTER = "octavo-after"
#: Ends code that is no cell of the notebook: the next one has the number that it would have without it.
REWOUND = "\nget_ipython().execution_count -= 1"


@dataclass(frozen=True, slots=True)
class Choices:
    """How the notebooks of a session run. Times are seconds; ``through``: errors end no notebook."""

    kernel: str | None = None
    cell_timeout: float | None = None
    start_timeout: float | None = None
    through: bool = False
    pause: Mapping[str, object] | None = None
    prelude: str = ""


class WarmKernels:
    """The executor that all notebooks of a session share, so that its processes start once."""

    def __init__(self, root: str, modules: Sequence[str] = ()) -> None:
        """``modules`` are imported ahead."""
        self._root, self._modules = root, tuple(modules)
        self._local: Local | None = None

    def lent(self) -> Executor:
        """Return it for one run."""
        if self._local is None:
            self._local = Local(self._root, 1)
            if self._modules:
                self._local.prepare((), self._modules)
        return Lent(self._local)

    def close(self) -> None:
        """End its processes; another run starts them again."""
        if self._local is not None:
            self._local.close()
            self._local = None


class Stepwise:
    """One run of a notebook, as far as it was asked for."""

    def __init__(
        self, notebook: Notebook, wishes: Sequence[Wish], choices: Choices, warm: WarmKernels
    ) -> None:
        self.seconds: dict[int, float] = {}
        self.printed: list[str] = []
        self.ended = False
        self._notebook, self._warm = notebook, warm
        self._fresh = Fresh()
        self._lasts: dict[int, int] = {}
        self._places: dict[int, int] = {}
        settings = _execution(notebook)
        #: Whether the notebook itself says that errors end nothing.
        self.allows_errors = bool(settings.get("allow_errors"))
        timeout = settings.get("timeout", choices.cell_timeout)
        options = single.NotebookOptions(
            kernel=choices.kernel,
            cwd=str(Path(notebook.path).resolve().parent),
            allow_errors=choices.through or self.allows_errors,
            strict=False,
            cell_timeout=timeout if isinstance(timeout, int | float) and timeout > 0 else None,
            start_timeout=choices.start_timeout,
            output_limit=0,
            pause=choices.pause,
            early=False,
        )
        python = facts(notebook).language.lower() == "python"
        self._scratch = Scratch()
        folder = self._scratch.__enter__().path
        path = Path(folder) / Path(notebook.path).with_suffix(".ipynb").name
        data = _between(copied(notebook.data, wishes, choices.prelude if python else ""), python)
        path.write_bytes(b"".join(dump_ipynb(data)))
        try:
            given = parameters(notebook.data, folder)
            with told_of(os.path.relpath(notebook.path), path):
                self._events: Iterator[Event] = single.events(path, None, given, options, warm.lent())
        except BaseException:
            self._scratch.__exit__(None, None, None)
            raise

    def to(self, index: int | None = None) -> Ran:
        """Run until the cell of an index has ended, or to the end, and return what there is until then."""
        while not self.ended and (index is None or index not in self.seconds):
            event = next(self._events, None)
            if event is None:
                self.ended = True
                break
            self._fresh(event)
            self._note(event)
        return self.ran()

    def ran(self) -> Ran:
        """Return what there is until now."""
        return self._fresh.ran()

    def _note(self, event: Event) -> None:
        match event:
            case NotebookOpened(notebook=opened):
                for at, cell in enumerate(opened["cells"]):
                    index = cell["metadata"].get(INDEX, cell["metadata"].get(_AFTER))
                    if isinstance(index, int) and cell["cell_type"] == "code":
                        self._lasts[index], self._places[at] = at, index
            case CellFinished(cell=at, seconds=seconds) if at in self._places:
                index = self._places[at]
                if at == self._lasts[index]:
                    self.seconds[index] = seconds
            case Output(kind="stream", content=content):
                self.printed.append(content["text"])
            case _:
                pass

    @property
    def end(self) -> TaskFinished | None:
        """How it ended; None as long as it has not."""
        return self._fresh.end

    def failure(self) -> tuple[Failure, int | None] | None:
        """Return why it ended before its end, and the index of the cell."""
        failure = self.end.failure if self.end else None
        if failure is None:
            return None
        return failure, self._places.get(failure.cell) if failure.cell is not None else None

    def close(self) -> None:
        """End it where it stands."""
        if not self.ended:
            close = getattr(self._events, "close", None)
            if close is not None:
                close()
            self._warm.close()
        self.ended = True
        self._scratch.__exit__(None, None, None)


def _execution(notebook: Notebook) -> Json:
    found = (notebook.data.get("metadata") or {}).get("execution") or {}
    return found if isinstance(found, dict) else {}


def _between(data: Json, python: bool) -> Json:
    """Return a notebook with a cell after each for which nbmake's metadata have values or lines of code."""
    cells: list[Json] = []
    for cell in data["cells"]:
        cells.append(cell)
        own = (cell.get("metadata") or {}).get("nbmake") or {}
        if cell["cell_type"] != "code" or not isinstance(own, dict):
            continue
        lines = [f"{name} = {value!r}" for name, value in (own.get("mock") or {}).items()]
        lines += own.get("post_cell_execute") or []
        if lines:
            code = "\n".join(map(str, lines)) + (REWOUND if python else "")
            metadata = {_AFTER: cell["metadata"].get(INDEX)}
            cells.append(
                {"cell_type": "code", "id": f"after-{len(cells)}", "metadata": metadata, "source": code}
                | {"outputs": [], "execution_count": None}
            )
    return {**data, "cells": cells}
