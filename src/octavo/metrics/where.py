"""Conditions on runs, as people type them: "accuracy > 0.9 and model == forest"."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from operator import eq, ge, gt, le, lt, ne

from ..dataclass import dataclass
from ..errors import Error
from ..hints import did_you_mean
from .kept import RunMetrics

_SIGNS: Mapping[str, Callable[..., object]] = {
    ">=": ge,
    "<=": le,
    "==": eq,
    "!=": ne,
    ">": gt,
    "<": lt,
    "=": eq,
}
_PART = re.compile(r"\s*(.+?)\s*(>=|<=|==|!=|>|<|=)\s*(.+?)\s*")
_HINT = '--where "accuracy > 0.9 and model == forest"'


@dataclass(frozen=True, slots=True)
class Where:
    """A metric or parameter, a sign, and what it is compared with."""

    name: str
    sign: str
    wanted: str

    def holds(self, row: RunMetrics) -> bool:
        """Return whether it holds for what a task reported; not for one that has no such value."""
        value = row.value(self.name)
        if self.name == "task":
            value = row.task
        if value is None:
            return False
        compare = _SIGNS[self.sign]
        if isinstance(value, int | float) and not isinstance(value, bool):
            try:
                return bool(compare(value, float(self.wanted)))
            except ValueError:
                return self.sign == "!="
        return bool(compare(str(value), self.wanted))


def parsed(text: str, of: str = "--where", hint: str = _HINT) -> list[Where]:
    """Return the comparisons of a condition, all of which must hold; ``of`` is where it was said."""
    found = []
    for part in re.split(r"\s+and\s+|,", text):
        if (match := _PART.fullmatch(part)) is None:
            raise Error(f'{of}: "{part.strip()}" compares nothing', hint=hint)
        found.append(Where(match[1], match[2], match[3].strip("\"'")))
    return found


def chosen(rows: Sequence[RunMetrics], text: str) -> list[RunMetrics]:
    """Return the rows for which a condition holds; a name that none of them has is a mistake."""
    asked = parsed(text)
    known = {"task", *(name for row in rows for name in (*row.metrics, *row.params))}
    for one in asked:
        if rows and one.name not in known:
            hint = did_you_mean(one.name, known) or f"there are: {', '.join(sorted(known)[:10])}"
            raise Error(f'--where: no run has a metric or parameter "{one.name}"', hint=hint)
    return [row for row in rows if all(one.holds(row) for one in asked)]
