"""Merge the lines of a text three ways; where both sides changed the same lines, both stand between markers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..compare.texts import leading
from ..dataclass import dataclass
from . import align

#: What stands before, between and after two sides, as git writes it.
OURS, MIDDLE, THEIRS = "<<<<<<<", "=======", ">>>>>>>"


@dataclass(frozen=True, slots=True)
class Labels:
    """What the sides are called in markers."""

    ours: str = "ours"
    theirs: str = "theirs"


@dataclass(frozen=True, slots=True)
class MergedText:
    """A merged text, and whether there are markers in it."""

    text: str
    conflict: bool


def merge(base: str, ours: str, theirs: str, labels: Labels) -> MergedText:
    """Merge three versions of a text by their lines."""
    if ours == theirs or theirs == base:
        return MergedText(ours, False)
    if ours == base:
        return MergedText(theirs, False)
    pieces: list[str] = []
    conflict = False
    for was, one, two in _regions(*(_split(text) for text in (base, ours, theirs))):
        if one == two or two == was:
            pieces += one
        elif one == was:
            pieces += two
        else:
            conflict = True
            # what both begin or end with, they agree on, as in git
            start = leading(one, two)
            end = leading(one[start:][::-1], two[start:][::-1])
            pieces += one[:start]
            pieces += [f"{OURS} {labels.ours}", *one[start : len(one) - end], MIDDLE]
            pieces += [*two[start : len(two) - end], f"{THEIRS} {labels.theirs}", *one[len(one) - end :]]
    return MergedText("\n".join(pieces), conflict)


def _split(text: str) -> list[str]:
    return text.split("\n")


_Region = tuple[Sequence[str], Sequence[str], Sequence[str]]


def _regions(base: Sequence[str], ours: Sequence[str], theirs: Sequence[str]) -> Iterator[_Region]:
    """Yield regions in order: those that all have, and between them those that some changed (diff3)."""
    in_ours, in_theirs = dict(align.matches(base, ours)), dict(align.matches(base, theirs))
    at, one, two = 0, 0, 0
    for stable in [*(line for line in range(len(base)) if line in in_ours and line in in_theirs), len(base)]:
        to_one, to_two = in_ours.get(stable, len(ours)), in_theirs.get(stable, len(theirs))
        if at < stable or one < to_one or two < to_two:
            yield base[at:stable], ours[one:to_one], theirs[two:to_two]
        if stable < len(base):
            yield base[stable : stable + 1], base[stable : stable + 1], base[stable : stable + 1]
        at, one, two = stable + 1, to_one + 1, to_two + 1
