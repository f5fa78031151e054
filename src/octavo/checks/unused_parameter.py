"""NB142: a parameter is declared, and no cell reads it."""

from __future__ import annotations

from collections.abc import Iterator

from ..notebook.inject import tags
from . import Hit, Severity, Subject

_INJECTED = frozenset(("upstream", "product"))


class UnusedParameter:
    """The cell tagged `parameters` declares a parameter that no cell reads.

    Whoever sets it believes that it does something. Remove it, or read it where it was meant.
    """

    code = "NB142"
    name = "unused-parameter"
    severity: Severity = "warning"

    def check(self, subject: Subject) -> Iterator[Hit]:
        declares = next((cell for cell in subject.cells if "parameters" in tags(cell.data)), None)
        if declares is None or any(cell.tree is None for cell in subject.cells):
            return
        reads = set[str]().union(*(cell.names.uses | cell.names.weak for cell in subject.cells))
        for name in sorted(declares.names.defines - declares.names.imports - reads - _INJECTED):
            line = next(
                (
                    n
                    for n, text in enumerate(declares.source.splitlines(), 1)
                    if text.strip().startswith(name)
                ),
                1,
            )
            yield Hit(f'no cell reads the parameter "{name}"', declares, line)


RULE = UnusedParameter()
