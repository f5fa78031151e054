"""NB133: an output so large that the notebook is slow to open, to diff and to store."""

from __future__ import annotations

from collections.abc import Iterator

from ..model import Json
from . import Hit, Severity, Subject


class HugeOutput:
    """The outputs of one cell have more than 2 MB, so the notebook is slow to open, to diff and to store.

    Show a part (`df.head()`), write it to a file, or make the picture smaller. How large is too large says
    `max-output-mb` of the settings.
    """

    code = "NB133"
    name = "huge-output"
    severity: Severity = "warning"

    def check(self, subject: Subject) -> Iterator[Hit]:
        large = subject.limit("max-output-mb") * 1e6
        for cell in subject.cells:
            if not cell.outputs:
                continue
            size = sum(_size(output) for output in cell.outputs)
            if size > large:
                yield Hit(
                    f"its outputs are {size / 1e6:.1f} MB", cell, hint="show a part, or write it to a file"
                )


def _size(output: Json) -> int:
    texts = [output.get("text"), *(output.get("data") or {}).values()]
    return sum(len(text) for text in texts if isinstance(text, str))


RULE = HugeOutput()
