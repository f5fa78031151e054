"""What differs between two results, by meaning: numbers, text, tables, pictures, data, outputs of cells."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import replace
from enum import StrEnum

from ..dataclass import dataclass


class Likeness(StrEnum):
    """How two results stand to one another."""

    SAME = "same"
    CLOSE = "equal within tolerance"
    DIFFERS = "differs"


@dataclass(frozen=True, slots=True)
class Differing:
    """One place where two results are not the same. ``close``: within tolerance."""

    where: str
    before: str
    after: str
    close: bool = False

    def __str__(self) -> str:
        return f"{self.where}: {_short(self.before)} → {_short(self.after)}"


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What may differ: numbers by ``rtol`` and ``atol``, as NumPy's isclose has them, whole numbers never.

    Each channel of a pixel may differ by the share ``colour``, but for a share ``pixels`` of them, which may be
    anything. ``now`` (seconds since the epoch, 0: unknown) is when the second result was made: a time of that day in
    it is that of the run. ``sanitize`` holds patterns and what is written for them in every text.
    """

    rtol: float = 1e-6
    atol: float = 1e-12
    colour: float = 0.1
    pixels: float = 1e-5
    now: float = 0.0
    sanitize: tuple[tuple[re.Pattern[str], str], ...] = ()

    def loose(self) -> Tolerance:
        """Return the tolerance of cells that only need to be roughly the same."""
        return replace(
            self,
            rtol=max(self.rtol, 0.01),
            atol=max(self.atol, 1e-6),
            colour=max(self.colour, 0.25),
            pixels=max(self.pixels, 0.01),
        )

    def close(self, before: float, after: float) -> bool:
        """Return whether two numbers are equal within tolerance; NaN is equal to NaN."""
        if math.isnan(before) or math.isnan(after):
            return math.isnan(before) and math.isnan(after)
        if before == after:
            return True
        return math.isfinite(before + after) and abs(before - after) <= self.atol + self.rtol * abs(before)


def likeness(found: Iterable[Differing]) -> Likeness:
    """Return what differences come to."""
    all_ = [difference.close for difference in found]
    return Likeness.SAME if not all_ else Likeness.CLOSE if all(all_) else Likeness.DIFFERS


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 80 else f"{line[:79]}…"
