"""NB103: an output that is stored is an error."""

from __future__ import annotations

from collections.abc import Iterator

from ..notebook.inject import tags
from . import Hit, Severity, Subject


class StoredError:
    """An output that is stored is an error, so what the notebook shows is not whole.

    Mend the cell and run the notebook again. If the error is meant to be shown, tag the cell `raises-exception`.
    """

    code = "NB103"
    name = "stored-error"
    severity: Severity = "warning"

    def check(self, subject: Subject) -> Iterator[Hit]:
        for cell in subject.cells:
            if not cell.outputs or "raises-exception" in tags(cell.data):
                continue
            for output in cell.outputs:
                if output.get("output_type") == "error":
                    yield Hit(
                        f"it shows the error {output.get('ename', '')}: {str(output.get('evalue', ''))[:80]}",
                        cell,
                        hint="if it belongs there, tag the cell raises-exception",
                    )
                    break


RULE = StoredError()
