"""NB104: a cell was never run, and others were."""

from __future__ import annotations

from collections.abc import Iterator

from ..notebook.inject import runs
from . import Hit, Severity, Subject


class NeverRun:
    code = "NB104"
    name = "never-run"
    severity: Severity = "warning"

    def check(self, subject: Subject) -> Iterator[Hit]:
        cells = [cell for cell in subject.cells if cell.source.strip() and runs(cell.data)]
        if all(cell.count is None for cell in cells):
            return
        for cell in cells[:-1]:  # at the end people try things out
            if cell.count is None:
                yield Hit("it was never run, and cells after it were", cell)


RULE = NeverRun()
