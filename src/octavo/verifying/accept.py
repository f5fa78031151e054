"""Accept what cells produce now: write their fresh outputs into the notebook, and nothing else."""

from __future__ import annotations

from collections.abc import Set
from pathlib import Path

from .. import notebook as documents
from ..errors import NotebookError
from ..notebook.cells import Notebook
from . import CellState, CellVerdict
from .again import Ran

#: What is accepted: what is the same stays as it is stored, so that a version control system shows less.
_ACCEPTED = (CellState.CLOSE, CellState.DIFFERS, CellState.UNSTABLE, CellState.NOT_RUN)


def accept(
    notebook: Notebook, read: bytes, cells: tuple[CellVerdict, ...], ran: Ran, numbers: Set[int]
) -> list[CellVerdict]:
    """Write the outputs of cells (by ``numbers``; none: of all) and return those that were accepted.

    Raises if the file is another by now than the bytes that were ``read``: someone is at work on it.
    """
    taken = [
        cell
        for cell in cells
        if cell.state in _ACCEPTED and cell.index in ran.outputs and (not numbers or cell.number in numbers)
    ]
    if not taken:
        return taken
    path = Path(notebook.path)
    if path.read_bytes() != read:
        raise NotebookError(
            "it was changed while it ran: nothing was accepted", notebook.path, "verify it again"
        )
    fresh = documents.loads(read, notebook.path)
    for cell in taken:
        fresh.cells[cell.index]["outputs"] = ran.outputs[cell.index]
        fresh.cells[cell.index]["execution_count"] = ran.counts[cell.index]
    documents.write(fresh, path)
    return taken
