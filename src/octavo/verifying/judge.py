"""Judge each cell of a notebook: its stored outputs beside those of a fresh run, or of two."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from .. import notebook as documents
from ..compare import Differing, Likeness, Tolerance, likeness, outputs
from ..dataclass import dataclass
from ..errors import NotebookError
from ..model import Json
from ..notebook.cells import Notebook
from ..notebook.inject import INJECTED, tags
from . import CellState, CellVerdict, NotebookVerdict, causes
from .again import Ran, VerifyOptions, run
from .wishes import Wish, wishes


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of all notebooks. ``twice``: whether two fresh runs agree, and if not, why."""

    tolerance: Tolerance
    options: VerifyOptions
    twice: bool = False
    lax: bool = False


_STATES = {
    Likeness.SAME: CellState.SAME,
    Likeness.CLOSE: CellState.CLOSE,
    Likeness.DIFFERS: CellState.DIFFERS,
}


def read(path: str, *, fresh: bool = False) -> tuple[Notebook, bytes]:
    """Return a notebook with stored outputs, and its bytes; raise for one that is none.

    One that was never run is one only where it is to be run for the first time (``fresh``).
    """
    try:
        read = Path(path).read_bytes()
        notebook = documents.loads(read, path)
    except OSError as error:
        raise NotebookError(f"it cannot be read: {error.strerror}", path) from None
    if notebook.format != "ipynb":
        hint = "verify its executed notebook, or the task that makes it: octavo verify TASK"
        raise NotebookError("notebooks of this format store no outputs", path, hint)
    code = [cell for cell in notebook.cells if cell["cell_type"] == "code"]
    if not fresh and not any(cell.get("outputs") or cell.get("execution_count") for cell in code):
        hint = "run it in Jupyter, or accept what it produces now: octavo verify --update"
        raise NotebookError("it was never run: no outputs are stored", path, hint)
    return notebook, read


def judge(notebook: Notebook, asked: Asked) -> tuple[NotebookVerdict, Ran]:
    """Run a notebook and return what is to be said of it, and the run."""
    began = time.time()
    wanted = wishes(notebook.data, notebook.path, lax=asked.lax)
    ran = run(notebook, wanted, asked.options)
    tolerance = replace(asked.tolerance, now=time.time())
    cells: list[CellVerdict] = []
    number = 0
    for index, cell in enumerate(notebook.cells):
        number += cell["cell_type"] == "code"
        # what is injected has no output, and is injected anew where products go elsewhere
        left_out = INJECTED in tags(cell) and not cell.get("outputs")
        if cell["cell_type"] == "code" and cell.get("source", "").strip() and not left_out:
            cells.append(cell_verdict(cell, (number, index), wanted[index], ran, tolerance))
    judged = tuple(cells)
    if asked.twice and not ran.failure:
        judged = _settled(notebook, wanted, asked, judged, ran)
    failure = "" if ran.failed is not None else ran.failure
    return NotebookVerdict(notebook.path, judged, time.time() - began, failure), ran


def cell_verdict(cell: Json, at: tuple[int, int], wish: Wish, ran: Ran, tolerance: Tolerance) -> CellVerdict:
    """Return what is to be said of a cell, whose number and index are ``at``."""
    number, index = at
    before = tuple(cell.get("outputs") or ())
    found = CellVerdict(number, index, CellState.NOT_RUN, cell["source"], before)
    if wish.skip:
        return replace(found, note=wish.skip)
    if index not in ran.outputs:
        return replace(
            found, note="a cell before it failed" if ran.failure else "the notebook ended before it"
        )
    after = tuple(ran.outputs[index])
    found = replace(found, after=after)
    if ran.failed == index or (_raised(after) and not _raised(before) and not wish.raises):
        return replace(found, state=CellState.FAILED, note=_error(after) or ran.failure)
    if wish.ignore:
        return replace(found, state=CellState.IGNORED)
    if cell.get("execution_count") is None and not before:
        # nbval compares nothing with a cell that was never run, either
        return (
            replace(found, note="no output is stored: it was never run")
            if after
            else replace(found, state=CellState.SAME)
        )
    here = differences(wish, index, before, after, tolerance)
    return replace(found, state=_STATES[likeness(here)], differences=here)


def differences(
    wish: Wish, index: int, before: Sequence[Json], after: Sequence[Json], tolerance: Tolerance
) -> tuple[Differing, ...]:
    """Return where the outputs of a cell differ, as its wish has it."""
    if wish.loose:
        tolerance = tolerance.loose()
    return tuple(outputs.differences(wish.applied(before, index), wish.applied(after, index), tolerance))


def _raised(shown: Sequence[Json]) -> bool:
    return any(output.get("output_type") == "error" for output in shown)


def _error(shown: Sequence[Json]) -> str:
    for output in shown:
        if output.get("output_type") == "error":
            return f"{output.get('ename')}: {output.get('evalue')}".partition("\n")[0]
    return ""


def _settled(
    notebook: Notebook, wanted: Sequence[Wish], asked: Asked, cells: tuple[CellVerdict, ...], first: Ran
) -> tuple[CellVerdict, ...]:
    """Run once more, and return the verdicts with those that differ between the two runs as unstable, and why."""
    second = run(notebook, wanted, asked.options)
    tolerance = replace(asked.tolerance, now=time.time())

    def apart(one: Ran, other: Ran, index: int) -> tuple[Differing, ...]:
        pair = (one.outputs.get(index, []), other.outputs.get(index, []))
        return differences(wanted[index], index, *pair, tolerance)

    unstable: dict[int, tuple[Differing, ...]] = {}
    for cell in cells:
        if cell.state in (CellState.SAME, CellState.CLOSE, CellState.DIFFERS):
            found = apart(first, second, cell.index)
            if likeness(found) is Likeness.DIFFERS:
                unstable[cell.index] = found

    def agree(one: Ran, other: Ran, index: int) -> bool:
        return likeness(apart(one, other, index)) is not Likeness.DIFFERS

    why = causes.found(notebook, wanted, asked.options, set(unstable), agree)
    steady = {cell.index for cell in cells if cell.state is CellState.DIFFERS} - unstable.keys()
    why |= causes.of_place(notebook, wanted, asked.options, first, steady, agree)
    cells = tuple(replace(cell, causes=why.get(cell.index, ())) for cell in cells)
    return tuple(
        replace(cell, state=CellState.UNSTABLE, differences=unstable[cell.index])
        if cell.index in unstable
        else cell
        for cell in cells
    )
