"""Judge from a notebook's file whether its outputs are what its code leaves, run from top to bottom in a new kernel.

The execution counts tell in which order cells ran, and the digests that octavo's own runs keep, which were edited
since. Without digests an edit cannot be ruled out, and nothing is called sound.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..model import Json
from ..notebook.inject import runs, tags
from ..reading.ran import matches
from . import Integrity, Trust


def integrity(cells: Sequence[Json]) -> Integrity:
    """Return the verdict on the outputs that a notebook stores."""
    code = [
        cell for cell in cells if cell.get("cell_type") == "code" and cell["source"].strip() and runs(cell)
    ]
    if not any(cell.get("outputs") or cell.get("execution_count") is not None for cell in code):
        return Integrity(Trust.NOTHING, ("it has not been run, or its outputs were removed",) if code else ())
    if broken := tuple(_broken(code)):
        return Integrity(Trust.UNSOUND, broken)
    unknown = [number for number, cell in enumerate(code, start=1) if matches(cell) is None]
    if unknown:
        which = "cells" if len(unknown) == len(code) else f"cell {', '.join(map(str, unknown[:5]))}"
        return Integrity(
            Trust.UNCERTAIN, (f"{which}: run in order, but edits since then cannot be ruled out",)
        )
    return Integrity(Trust.SOUND)


def _broken(code: Sequence[Json]) -> Iterator[str]:
    """Yield what keeps the outputs from being those of the code; numbers count code cells that run."""
    expected = 1
    for number, cell in enumerate(code, start=1):
        count = cell.get("execution_count")
        if matches(cell) is False:
            yield f"cell {number}: edited after it ran"
        if count is None:
            if number < len(code) or cell.get("outputs"):  # at the end people try things out
                yield f"cell {number}: not run"
        elif count != expected:
            yield f"cell {number}: its execution count is {count}, {expected} expected: run in another order"
            expected = count
        if count is not None:
            expected += 1
        failed = any(output.get("output_type") == "error" for output in cell.get("outputs") or ())
        if failed and "raises-exception" not in tags(cell):
            yield f"cell {number}: it ended with an error"
