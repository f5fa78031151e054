"""Compare texts: numbers by tolerance, times of the run, data frames as tables, everything else by its words."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from difflib import SequenceMatcher

from . import Differing, Tolerance
from .normal import clean

_DAY = 86_400.0
_TIME = (
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"
    r"|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}|\d\d:\d\d:\d\d(?:[.,]\d+)?"
)
_NUMBER = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"
_TOKEN = re.compile(
    rf"(?P<time>(?<![\w.:-])(?:{_TIME})(?![\w:]))|(?P<number>(?<![\w.]){_NUMBER}(?![\d]|\.\d))|\s+|[^\W\d]\w*|."
)
#: Texts of more lines than these are aligned by their beginnings and ends alone: aligning takes the square of it.
_MANY = 2_000


def differences(before: str, after: str, where: str, tolerance: Tolerance) -> Iterator[Differing]:
    """Yield where two texts differ, line by line."""
    if before == after:
        return
    first, second = _lines(before, after, tolerance)
    if first == second:
        return
    if len(first) == len(second):
        for number, (one, other) in enumerate(zip(first, second, strict=True)):
            if one != other:
                yield from _line(first, second, number, where, tolerance)
        return
    same = leading(first, second)
    ends = leading(first[same:][::-1], second[same:][::-1])
    old, new = first[same : len(first) - ends], second[same : len(second) - ends]
    if max(len(old), len(new)) > _MANY:
        yield Differing(where, f"{len(first)} lines", f"{len(second)} lines")
        return
    for kind, i, j, m, n in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind != "equal":
            place = f"{where}, line {same + i + 1}" if len(first) > 1 else where
            yield Differing(place, "\n".join(old[i:j]) or "nothing", "\n".join(new[m:n]) or "nothing")


def _lines(before: str, after: str, tolerance: Tolerance) -> tuple[list[str], list[str]]:
    """Return the lines of two texts, those clean that differ.

    To clean 20 MB takes a minute, and most of what a notebook prints is as it was. A line is cleaned by itself, but for
    a user's own patterns and what moves the cursor.
    """
    first, second = before.split("\n"), after.split("\n")
    if tolerance.sanitize or "\x1b" in before or "\x1b" in after:
        sides = [clean(text, tolerance.sanitize).split("\n") for text in (before, after)]
        return _trimmed(sides[0]), _trimmed(sides[1])
    same = leading(first, second)
    ends = leading(first[same:][::-1], second[same:][::-1])
    one, other = first[same : len(first) - ends], second[same : len(second) - ends]
    if len(one) == len(other):
        pairs = [(a, b) if a == b else (clean(a), clean(b)) for a, b in zip(one, other, strict=True)]
        one, other = [a for a, _ in pairs], [b for _, b in pairs]
    elif max(len(one), len(other)) <= _MANY:  # more are not aligned: that they are others is all that is said
        one, other = [*map(clean, one)], [*map(clean, other)]
    last = len(first) - ends, len(second) - ends
    return (
        _trimmed([*first[:same], *one, *first[last[0] :]]),
        _trimmed([*second[:same], *other, *second[last[1] :]]),
    )


def _trimmed(lines: list[str]) -> list[str]:
    """Return lines without the blanks at their end."""
    while len(lines) > 1 and not lines[-1].strip():
        lines.pop()
    lines[-1] = lines[-1].rstrip()
    return lines


def leading(first: Sequence[str], second: Sequence[str]) -> int:
    """Return how many lines are the same at the beginnings of two texts."""
    pairs = enumerate(zip(first, second, strict=False))
    return next((n for n, (one, other) in pairs if one != other), min(len(first), len(second)))


def _line(
    first: list[str], second: list[str], at: int, where: str, tolerance: Tolerance
) -> Iterator[Differing]:
    one, other = _tokens(first[at]), _tokens(second[at])
    place = f"{where}, line {at + 1}" if len(first) > 1 else where
    if len(one) != len(other):
        yield Differing(place, first[at], second[at])
        return
    found: list[Differing] = []
    for (kind, start, text), (kind_after, _, text_after) in zip(one, other, strict=True):
        if text == text_after:
            continue
        if kind != kind_after or kind is None:
            yield Differing(place, first[at], second[at])
            return
        if kind == "time" and _of_the_run(text_after, tolerance.now):
            continue
        close = kind == "number" and near(text, text_after, tolerance)
        found.append(Differing(_cell(first, at, start) or place, text, text_after, close))
    yield from found


def near(before: str, after: str, tolerance: Tolerance) -> bool:
    """Return whether two numbers, as written, are equal within tolerance; whole numbers are counts, and exact."""
    if before.lstrip("+-").isdecimal() and after.lstrip("+-").isdecimal():
        return before.lstrip("+") == after.lstrip("+")
    return tolerance.close(float(before), float(after))


def _tokens(line: str) -> list[tuple[str | None, int, str]]:
    """Return what a line consists of: its kind (time, number), where it starts and what it says; no blanks."""
    found = ((match.lastgroup, match.start(), match[0]) for match in _TOKEN.finditer(line))
    return [token for token in found if not token[2].isspace()]


def _of_the_run(text: str, now: float) -> bool:
    """Return whether a time is that of a run that was made now: an hour of this day, or a time of it."""
    if not now:
        return False
    text = text.replace(",", ".")
    if text[2] == ":":
        of_day = sum(float(part) * unit for part, unit in zip(text.split(":"), (3600, 60, 1), strict=True))
        here = time.localtime(now)
        # the clock of this place, or that of UTC
        clocks = (now % _DAY, here.tm_hour * 3600.0 + here.tm_min * 60 + here.tm_sec)
        return any((clock - of_day) % _DAY <= 3600 for clock in clocks) or any(
            (of_day - clock) % _DAY <= 60 for clock in clocks
        )
    try:
        then = datetime.fromisoformat(text) if text[0].isdigit() else datetime.strptime(text, "%c")
        return abs(then.timestamp() - now) < _DAY
    except (ValueError, OverflowError, OSError):
        return False


def _cell(lines: list[str], at: int, start: int) -> str | None:
    """Return where in a data frame a field stands, or None where the text is none.

    pandas aligns columns to the right, under a line that has one field less than those with the index.
    """
    fields = lines[at].split()
    column = len(lines[at][:start].split())
    if column == 0 or len(fields) < 2:
        return None
    for above in range(at - 1, -1, -1):
        names = lines[above].split()
        if len(names) == len(fields) - 1:
            if not any(re.fullmatch(_NUMBER, name) for name in names) or lines[above][:1].isspace():
                return f'row "{fields[0]}", column "{names[column - 1]}"'
        elif len(names) != len(fields):
            return None
    return None
