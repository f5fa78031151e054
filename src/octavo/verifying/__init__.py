"""Run notebooks again, and say of each cell whether it still produces the outputs that are stored."""

from __future__ import annotations

from enum import StrEnum

from ..compare import Differing
from ..dataclass import dataclass
from ..model import Json


class CellState(StrEnum):
    """What is said of a cell."""

    SAME = "same"
    CLOSE = "equal within tolerance"
    DIFFERS = "differs"
    UNSTABLE = "unstable"  # differs between two fresh runs
    FAILED = "failed"
    NOT_RUN = "not run"
    IGNORED = "ignored"  # run, but its outputs are not to be compared

    @property
    def good(self) -> bool:
        return self not in (CellState.DIFFERS, CellState.UNSTABLE, CellState.FAILED)


@dataclass(frozen=True, slots=True)
class CellVerdict:
    """What is said of one code cell, and why. ``number`` counts code cells from 1, ``index`` all cells from 0."""

    number: int
    index: int
    state: CellState
    source: str
    before: tuple[Json, ...] = ()
    after: tuple[Json, ...] = ()
    differences: tuple[Differing, ...] = ()
    note: str = ""
    causes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NotebookVerdict:
    """What is said of a notebook. ``failure`` is set where it could not run at all, or not to its end."""

    path: str
    cells: tuple[CellVerdict, ...]
    seconds: float
    failure: str = ""

    @property
    def good(self) -> bool:
        return not self.failure and all(cell.state.good for cell in self.cells)
