"""NB102: the execution counts that are stored do not run from 1 to the last."""

from __future__ import annotations

from collections.abc import Iterator

from . import Hit, Severity, Subject


class ExecutionOrder:
    code = "NB102"
    name = "execution-order"
    severity: Severity = "warning"

    def check(self, subject: Subject) -> Iterator[Hit]:
        ran = [cell for cell in subject.cells if cell.count is not None and cell.source.strip()]
        for expected, cell in enumerate(ran, start=1):
            if cell.count != expected:
                message = (
                    f"its execution count is {cell.count} in place of {expected}: cells ran in another order"
                )
                yield Hit(
                    message, cell, hint="restart the kernel and run all cells, or octavo run the notebook"
                )
                return


RULE = ExecutionOrder()
