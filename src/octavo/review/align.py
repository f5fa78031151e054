"""Align the cells, or the lines, of two versions: by content first, then by what is nearly the same, then by id.

What is equal to the letter is never given up for an equal id: tools that number cells make ids that mean nothing.
Nearly linear: between what stands once on both sides (patience diff) there is little left to compare pair by pair.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence

from ..model import Json, joined

#: Pairs of cells that stand between two others and are all compared; where there are more, they are paired in order.
_PAIRS = 60_000
#: How like two cells must be to be one that was edited; with an equal id less is enough.
_LIKE, _LIKE_BY_ID = 0.5, 0.2
_WORD = re.compile(r"\w+")
_LAYOUT = re.compile(r"[\s'\",;()\\]+")

Pair = tuple[int | None, int | None]
_Match = tuple[int, int]


def matches(first: Sequence[Hashable], second: Sequence[Hashable]) -> list[_Match]:
    """Return which items of two sequences are the same, in order: a longest common subsequence, or nearly one."""
    found: list[_Match] = []
    todo = [(0, len(first), 0, len(second))]
    while todo:
        i, i_end, j, j_end = todo.pop()
        while i < i_end and j < j_end and first[i] == second[j]:
            found.append((i, j))
            i, j = i + 1, j + 1
        while i < i_end and j < j_end and first[i_end - 1] == second[j_end - 1]:
            i_end, j_end = i_end - 1, j_end - 1
            found.append((i_end, j_end))
        if i == i_end or j == j_end:
            continue
        anchors = _anchors(first[i:i_end], second[j:j_end])
        at, other = i, j
        for one, two in anchors:
            todo.append((at, i + one, other, j + two))
            found.append((i + one, j + two))
            at, other = i + one + 1, j + two + 1
        if anchors:
            todo.append((at, i_end, other, j_end))
    return sorted(found)


def _anchors(first: Sequence[Hashable], second: Sequence[Hashable]) -> list[_Match]:
    """Return matches of what stands once on both sides; where nothing does, of the first with the first, and so on."""
    count, count_after = Counter(first), Counter(second)
    places = {key: at for at, key in enumerate(second) if count_after[key] == 1}
    pairs = [(at, places[key]) for at, key in enumerate(first) if count[key] == 1 and key in places]
    if not pairs:
        numbered = {key: at for at, key in enumerate(_numbered(second))}
        pairs = [(at, numbered[key]) for at, key in enumerate(_numbered(first)) if key in numbered]
    return _increasing(pairs)


def _numbered(keys: Sequence[Hashable]) -> Iterator[tuple[Hashable, int]]:
    seen: Counter[Hashable] = Counter()
    for key in keys:
        yield key, seen[key]
        seen[key] += 1


def _increasing(pairs: list[_Match]) -> list[_Match]:
    """Return a longest part of some pairs, ordered by their first, in which the second increases, too."""
    tails: list[int] = []
    ends: list[int] = []
    before = [-1] * len(pairs)
    for at, (_, value) in enumerate(pairs):
        place = bisect_left(tails, value)
        if place == len(tails):
            tails.append(value)
            ends.append(at)
        else:
            tails[place], ends[place] = value, at
        before[at] = ends[place - 1] if place else -1
    found: list[_Match] = []
    at = ends[-1] if ends else -1
    while at >= 0:
        found.append(pairs[at])
        at = before[at]
    return found[::-1]


def align(first: Sequence[Json], second: Sequence[Json]) -> list[Pair]:
    """Return which cell became which, in the order of both; a cell without a partner stands with None."""
    work = _Alignment(first, second)
    work.by(lambda cell: (cell.get("cell_type"), joined(cell.get("source", ""))))
    work.by(lambda cell: (cell.get("cell_type"), _LAYOUT.sub("", joined(cell.get("source", "")))))
    work.by(lambda cell: (cell.get("cell_type"), cell.get("id")), like=_LIKE_BY_ID)
    work.by_likeness()
    return work.pairs()


class _Alignment:
    """Two lists of cells, and what is known of them so far."""

    def __init__(self, first: Sequence[Json], second: Sequence[Json]) -> None:
        self.first, self.second = first, second
        self.found: list[_Match] = []
        self._words: dict[int, frozenset[str]] = {}

    def gaps(self) -> Iterator[tuple[int, int, int, int]]:
        at, other = 0, 0
        for one, two in [*self.found, (len(self.first), len(self.second))]:
            if one > at and two > other:
                yield at, one, other, two
            at, other = one + 1, two + 1

    def by(self, key: Callable[[Json], Hashable], like: float = 0.0) -> None:
        """Match cells of equal keys, between those that are matched already."""
        new: list[_Match] = []
        for i, i_end, j, j_end in self.gaps():
            # without an id there is nothing to match by
            one = [key(cell) if not like or cell.get("id") else "first" for cell in self.first[i:i_end]]
            two = [key(cell) if not like or cell.get("id") else "second" for cell in self.second[j:j_end]]
            for at, other in matches(one, two):
                if not like or self._named(i + at) or self.likeness(i + at, j + other) >= like:
                    new.append((i + at, j + other))
        self.found = sorted([*self.found, *new])

    def _named(self, i: int) -> bool:
        """Return whether the id of a cell is its own, as editors give them, and no number that a tool has counted."""
        return not str(self.first[i].get("id")).isdecimal()

    def by_likeness(self) -> None:
        """Match cells that were edited, so that all together are as like as can be."""
        new: list[_Match] = []
        for i, i_end, j, j_end in self.gaps():
            if (i_end - i) * (j_end - j) <= _PAIRS:
                new += self._best(i, i_end, j, j_end)
            else:
                both = zip(range(i, i_end), range(j, j_end), strict=False)
                new += [(one, two) for one, two in both if self.likeness(one, two) >= _LIKE]
        self.found = sorted([*self.found, *new])

    def _best(self, i: int, i_end: int, j: int, j_end: int) -> list[_Match]:
        rows, columns = i_end - i, j_end - j
        if rows == columns == 1 and self._alone(i, j):
            return [(i, j)]
        like = [[self.likeness(i + row, j + column) for column in range(columns)] for row in range(rows)]
        best = [[0.0] * (columns + 1) for _ in range(rows + 1)]
        for row in reversed(range(rows)):
            here, below = best[row], best[row + 1]
            for column in reversed(range(columns)):
                value = like[row][column]
                pair = below[column + 1] + value if value >= _LIKE else -1.0
                here[column] = max(pair, below[column], here[column + 1])
        found: list[_Match] = []
        row = column = 0
        while row < rows and column < columns:
            value = like[row][column]
            if value >= _LIKE and best[row][column] == best[row + 1][column + 1] + value:
                found.append((i + row, j + column))
                row, column = row + 1, column + 1
            elif best[row][column] == best[row + 1][column]:
                row += 1
            else:
                column += 1
        return found

    def _alone(self, i: int, j: int) -> bool:
        """Return whether one cell between the same two became another: then a little in common is enough."""
        return self.likeness(i, j) >= _LIKE_BY_ID

    def likeness(self, i: int, j: int) -> float:
        """Return how much two cells have in common, from 0 to 1; cells of two types nothing."""
        one, two = self.first[i], self.second[j]
        if one.get("cell_type") != two.get("cell_type"):
            return 0.0
        words, words_after = self._of(one), self._of(two)
        if not words and not words_after:
            return 1.0
        return 2 * len(words & words_after) / (len(words) + len(words_after))

    def _of(self, cell: Json) -> frozenset[str]:
        found = self._words.get(id(cell))
        if found is None:
            found = self._words[id(cell)] = frozenset(_WORD.findall(joined(cell.get("source", ""))[:50_000]))
        return found

    def pairs(self) -> list[Pair]:
        """Return all pairs: between two matches first what is gone, then what is new."""
        result: list[Pair] = []
        at, other = 0, 0
        for one, two in [*self.found, (len(self.first), len(self.second))]:
            result += [(gone, None) for gone in range(at, one)]
            result += [(None, new) for new in range(other, two)]
            if one < len(self.first):
                result.append((one, two))
            at, other = one + 1, two + 1
        return result
