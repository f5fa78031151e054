"""NB102: the execution counts that are stored do not run from 1 to the last."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from . import Hit, Severity, Subject

_HINT = "restart the kernel and run all cells, or octavo run the notebook"


class ExecutionOrder:
    """The execution counts that are stored with the outputs are not 1, 2, 3 … from top to bottom.

    Cells ran in another order than they stand, or something ran between them that is in the notebook no more. So what
    the notebook shows need not be what it produces. Restart the kernel and run all cells. Only the first place is
    reported. Cells that were never run are those of NB104.
    """

    code = "NB102"
    name = "execution-order"
    severity: Severity = "warning"

    def check(self, subject: Subject) -> Iterator[Hit]:
        ran = [(cell, cell.count) for cell in subject.cells if cell.count is not None and cell.source.strip()]
        if all(count == expected for expected, (_, count) in enumerate(ran, start=1)):
            return
        for (_, before), (cell, count) in pairwise(ran):
            if count < before:
                yield Hit(
                    f"it ran before the cell above it: as number {count}, after {before}", cell, hint=_HINT
                )
                return
        for expected, (cell, count) in enumerate(ran, start=1):
            if count != expected:
                what = (
                    "something that is not in the notebook, or a cell twice" if expected > 1 else "other code"
                )
                yield Hit(
                    f"it ran as number {count} in place of {expected}: {what} ran before", cell, hint=_HINT
                )
                return


RULE = ExecutionOrder()
