"""NB105: a cell was edited after it ran."""

from __future__ import annotations

from collections.abc import Iterator

from ..reading.ran import matches
from . import Hit, Severity, Subject


class EditedAfterRun:
    """A cell's code is not what octavo ran when the cell got its outputs.

    octavo's runs keep a digest of the code beside the outputs, so an edit that came later shows, as execution counts
    cannot. Run the notebook again. Cells without outputs, and notebooks that octavo did not run, are not reported.
    """

    code = "NB105"
    name = "edited-after-run"
    severity: Severity = "warning"

    def check(self, subject: Subject) -> Iterator[Hit]:
        for cell in subject.cells if subject.stored else ():
            if cell.outputs and matches(cell.data) is False:
                yield Hit("it was edited after octavo ran it: its outputs are those of other code", cell)


RULE = EditedAfterRun()
