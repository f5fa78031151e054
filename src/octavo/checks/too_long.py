"""NB206: a notebook is too long to be tested."""

from __future__ import annotations

from collections.abc import Iterator

from . import Hit, Severity, Subject


class TooLong:
    """A notebook has more than 100 cells of code, or more than 1,500 lines of it.

    Nobody reads it at once, a failure near its end costs a whole run, and it cannot be tested in parts. Split it into
    tasks of a pipeline where data pass from one part to the next. `max-cells` and `max-lines` of the settings are the
    limits.
    """

    code = "NB206"
    name = "too-long"
    severity: Severity = "warning"

    def check(self, subject: Subject) -> Iterator[Hit]:
        cells = sum(bool(cell.source.strip()) for cell in subject.cells)
        lines = sum(len(cell.source.splitlines()) for cell in subject.cells)
        hint = "split it into tasks where data pass from one part to the next"
        if cells > subject.limit("max-cells"):
            yield Hit(f"it has {cells} cells of code", hint=hint)
        elif lines > subject.limit("max-lines"):
            yield Hit(f"it has {lines:,} lines of code", hint=hint)


RULE = TooLong()
