"""NB131: a notebook without a title."""

from __future__ import annotations

from collections.abc import Iterator

from ..reading.title import title
from . import Hit, Severity, Subject


class Untitled:
    """A notebook of several cells has no heading, so that lists, reports and pages can show only its file name.

    Begin it with a markdown cell such as `# Clean the orders`.
    """

    code = "NB131"
    name = "untitled"
    severity: Severity = "warning"

    def check(self, subject: Subject) -> Iterator[Hit]:
        if len(subject.cells) > 1 and not title(subject.notebook.cells):
            yield Hit("it has no title", hint="begin it with a markdown cell such as: # Clean the orders")


RULE = Untitled()
