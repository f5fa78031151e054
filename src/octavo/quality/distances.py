"""How far the distribution of a column is from an earlier one.

Of numbers the distance is that of Kolmogorov and Smirnov, the largest difference of the two distribution functions,
here of their percentiles; of other values the total variation. Both are 0 for the same and 1 for all others. What
chance gives for so few rows does not count (for numbers the 5 % point, https://doi.org/10.1214/aoms/1177730256).
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence

from ..model import Json
from .frames import Tabular

#: So many different values are told apart; all others are one.
_MOST = 1000


def profile(frame: Tabular, column: str) -> Json:
    """Return what is kept of a column: its percentiles or frequencies, and how many rows have a value."""
    rows, missing = len(frame), frame.count(frame.null(column))
    found: Json = {"rows": rows, "missing": missing}
    numbers = frame.numbers(column)
    return found | (
        {"counts": frame.frequencies(column, _MOST)} if numbers is None else {"percentiles": numbers}
    )


def distance(was: Json, now: Json) -> float:
    """Return how far one profile is from another, without what chance gives."""
    try:
        known = [int(one["rows"]) - int(one["missing"]) for one in (was, now)]
        gap = abs(_share(was) - _share(now)) if was["rows"] and now["rows"] else 0.0
        if min(known) <= 0:
            return 1.0 if max(known) > 0 else gap
        noise = 1 / known[0] + 1 / known[1]
        if "percentiles" in was and "percentiles" in now:
            found = _apart(was["percentiles"], now["percentiles"]) - 1.36 * math.sqrt(noise)
        elif "counts" in was and "counts" in now:
            one, other = _shares(was["counts"], known[0]), _shares(now["counts"], known[1])
            found = sum(abs(one.get(it, 0.0) - other.get(it, 0.0)) for it in {*one, *other}) / 2
            found -= math.sqrt(len({*one, *other}) * noise) / 2
        else:
            return 1.0  # it holds something else now
    except (KeyError, TypeError, ValueError):
        return 0.0  # what was kept is damaged: there is nothing to compare with
    return max(found, gap - math.sqrt(noise), 0.0)


def _share(one: Json) -> float:
    return float(one["missing"]) / float(one["rows"])


def _shares(counts: Mapping[str, int], total: int) -> dict[str | None, float]:
    found: dict[str | None, float] = {value: count / total for value, count in counts.items()}
    rest = 1 - sum(found.values())
    return found | ({None: rest} if rest > 1e-9 else {})


def _apart(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the largest difference of two distribution functions that are known by their percentiles."""
    return max(abs(_below(one, at) - _below(other, at)) for at in (*one, *other))


def _below(percentiles: Sequence[float], at: float) -> float:
    """Return the share of values up to one: between percentiles in a straight line."""
    last = len(percentiles) - 1
    right = bisect_right(percentiles, at)
    if right > last:
        return 1.0
    if right == 0:
        return 0.0
    left = bisect_left(percentiles, at)
    if left < right:  # it is one of them, perhaps several times
        return (right - 1) / last
    low, high = percentiles[right - 1], percentiles[right]
    return (right - 1 + (at - low) / (high - low)) / last
