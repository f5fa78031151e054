"""NB104: a cell was never run, and others were."""

from __future__ import annotations

from collections.abc import Iterator

from ..notebook.inject import runs
from . import CodeCell, Hit, Severity, Subject


class NeverRun:
    """A cell was never run, and cells after it were.

    So what is stored further down came about without it. Restart the kernel and run all cells, or remove the cell.
    Nothing is said of a notebook that was not run at all, of cells that hold only comments or are skipped when it
    runs, and of the last ones, where people try things out. It is said once for each notebook.
    """

    code = "NB104"
    name = "never-run"
    severity: Severity = "warning"

    def check(self, subject: Subject) -> Iterator[Hit]:
        cells = [cell for cell in subject.cells if cell.once(_does) and runs(cell.data)]
        last = max((n for n, cell in enumerate(cells) if cell.count is not None), default=0)
        never = [cell for cell in cells[:last] if cell.count is None and not cell.outputs]
        if not never:
            return
        more = (
            f", nor were {len(never) - 1} others"
            if len(never) > 2
            else ", nor was another"
            if never[1:]
            else ""
        )
        yield Hit(f"it was never run{more}, and cells after it were", never[0])


def _does(cell: CodeCell) -> bool:
    """Return whether a cell does anything: it is not empty, and not only comments."""
    return any(line.strip() and not line.lstrip().startswith("#") for line in cell.source.splitlines())


RULE = NeverRun()
