"""Merge notebooks three ways: by cells, then by lines; conflicts are marked cells of a notebook that stays valid.

Outputs are never merged: they are taken with the code that made them, and dropped where the code is of both sides.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import field

from ..dataclass import dataclass
from ..model import Json, joined
from ..notebook.cells import add_ids
from . import align, merge_text
from .merge_text import Labels
from .patch import same
from .text import numbers

#: In the metadata of a cell or notebook: what a merge has left for a person to do.
KEY = "octavo"
#: What is another each time, and of no interest to anybody who merges.
_NOISE = frozenset(
    ["widgets", "signature", "language_info", "execution", "ExecuteTime", "collapsed", "scrolled"]
)


@dataclass(frozen=True, slots=True)
class Merged:
    """A merged notebook: what is left to decide, in words, and which cells lost their outputs."""

    data: Json
    conflicts: tuple[str, ...]
    stale: tuple[str, ...]


@dataclass(slots=True)
class _Merging:
    """What a merge has found so far."""

    labels: Labels
    cells: list[Json] = field(default_factory=list)
    conflicts: list[tuple[Json, str]] = field(default_factory=list)
    stale: list[Json] = field(default_factory=list)
    whole: list[str] = field(default_factory=list)


def merge(base: Json, ours: Json, theirs: Json, labels: Labels) -> Merged:
    """Merge three notebooks, their texts joined; they stay as they are. The result is valid, whatever they are."""
    work = _Merging(labels)
    before, one, two = base["cells"], _Side(base, ours), _Side(base, theirs)
    for at in range(len(before) + 1):
        _inserted(one.new.get(at, []), two.new.get(at, []), work)
        if at < len(before):
            _cell(before[at], one.kept.get(at), two.kept.get(at), work)
    data = {key: value for key, value in {**theirs, **ours}.items() if key not in ("cells", "metadata")}
    minors = (found.get("nbformat_minor", 0) for found in (ours, theirs))
    data["nbformat_minor"] = max(minor if isinstance(minor, int) else 0 for minor in minors)
    metadata, clashes = _table(*(found.get("metadata") or {} for found in (base, ours, theirs)))
    if clashes:
        metadata = _noted(metadata, {"conflicts": clashes})
        work.whole += [f"the notebook's metadata: {', '.join(clashes)}"]
    # a cell of one side may stand in the notebook of the other, and gets what it must have there
    data |= {"metadata": metadata, "cells": [dict(cell) for cell in work.cells]}
    if data["nbformat_minor"] >= 5:
        add_ids(data["cells"])
    else:
        for cell in data["cells"]:
            cell.pop("id", None)
    known = dict(zip(map(id, work.cells), numbers(work.cells), strict=True))
    conflicts = [f"cell {known[id(cell)]}: {words}" for cell, words in work.conflicts]
    return Merged(data, (*conflicts, *work.whole), tuple(known[id(cell)] for cell in work.stale))


class _Side:
    """What one side made of the base: ``kept`` cells by their places, ``new`` ones by the place they stand before."""

    def __init__(self, base: Json, side: Json) -> None:
        self.kept: dict[int, Json] = {}
        self.new: dict[int, list[Json]] = {}
        place = 0
        for one, two in align.align(base["cells"], side["cells"]):
            if one is not None:
                place = one + 1
                if two is not None:
                    self.kept[one] = side["cells"][two]
            elif two is not None:
                self.new.setdefault(place, []).append(side["cells"][two])


def _content(cell: Json) -> tuple[object, str]:
    return cell.get("cell_type"), joined(cell.get("source", ""))


def _inserted(ours: Sequence[Json], theirs: Sequence[Json], work: _Merging) -> None:
    """Put in what both sides have inserted at one place: what is the same once, what is not with marks around it."""
    one, two = 0, 0
    pairs = align.matches([_content(cell) for cell in ours], [_content(cell) for cell in theirs])
    for at, other in [*pairs, (len(ours), len(theirs))]:
        mine, others = ours[one:at], theirs[two:other]
        if mine and others:
            _both(mine, others, "both sides inserted cells here", work)
        else:
            work.cells += [*mine, *others]
        if at < len(ours):
            _cell(ours[at], ours[at], theirs[other], work)
        one, two = at + 1, other + 1


def _both(mine: Sequence[Json], others: Sequence[Json], words: str, work: _Merging) -> None:
    """Put in the cells of both sides, with cells around them that say so; a side without cells has removed them."""
    gone = {True: " (removed)", False: ""}
    start = _mark("ours", f"{merge_text.OURS} {work.labels.ours}{gone[not mine]}")
    end = _mark("theirs", f"{merge_text.THEIRS} {work.labels.theirs}{gone[not others]}")
    work.cells += [start, *mine, _mark("middle", merge_text.MIDDLE), *others, end]
    work.conflicts.append((start, words))


def _mark(place: str, text: str) -> Json:
    metadata = {KEY: {"conflict": place}}
    return {"cell_type": "markdown", "metadata": metadata, "source": f"`{text}`"}


def _cell(base: Json, ours: Json | None, theirs: Json | None, work: _Merging) -> None:
    """Merge what became of one cell."""
    if ours is None and theirs is None:
        return
    if ours is None or theirs is None:
        kept = ours or theirs or {}
        if _content(kept) != _content(base) or not same(_telling(kept), _telling(base)):
            sides = ([kept], []) if ours else ([], [kept])
            _both(*sides, "one side changed a cell that the other removed", work)
        return
    kinds = {base.get("cell_type"), ours.get("cell_type"), theirs.get("cell_type")}
    if len(kinds) > 1 and ours.get("cell_type") != theirs.get("cell_type"):
        rest = (
            theirs
            if _content(ours) == _content(base)
            else ours
            if _content(theirs) == _content(base)
            else None
        )
        if rest is None:
            _both([ours], [theirs], "both sides changed a cell, one of them its type", work)
        else:
            work.cells.append(rest)
        return
    work.cells.append(_merged(base, ours, theirs, work))


def _merged(base: Json, ours: Json, theirs: Json, work: _Merging) -> Json:
    was, one, two = (joined(cell.get("source", "")) for cell in (base, ours, theirs))
    text = merge_text.merge(was, one, two, work.labels)
    cell = {**theirs, **ours, "source": text.text}
    metadata, clashes = _table(*(found.get("metadata") or {} for found in (base, ours, theirs)))
    notes: Json = {}
    if text.conflict:
        notes["conflict"] = "source"
    if clashes:
        notes["conflicts"] = clashes
    if "attachments" in ours or "attachments" in theirs:
        attached, others = _table(*(found.get("attachments") or {} for found in (base, ours, theirs)))
        cell["attachments"] = attached
        if others:
            notes["conflicts"] = {**notes.get("conflicts", {}), **others}
    _outputs(base, ours, theirs, cell, notes, work)
    cell["metadata"] = _noted(metadata, notes)
    if key := _one_of(*(found.get("id") for found in (base, ours, theirs))):
        cell["id"] = key
    if "conflict" in notes:
        work.conflicts.append((cell, "both sides changed the same lines"))
    if "conflicts" in notes:
        work.conflicts.append((cell, f"metadata: {', '.join(notes['conflicts'])}"))
    return cell


def _outputs(base: Json, ours: Json, theirs: Json, cell: Json, notes: Json, work: _Merging) -> None:
    """Give a cell the outputs of the side whose code it has; with the code of both none are true."""
    if cell.get("cell_type") != "code":
        return
    sources = {name: joined(side.get("source", "")) for name, side in (("ours", ours), ("theirs", theirs))}
    taken = [side for side, name in ((ours, "ours"), (theirs, "theirs")) if sources[name] == cell["source"]]
    if len(taken) == 2:
        changed = [side for side in taken if not same(side.get("outputs"), base.get("outputs"))]
        taken = sorted(changed or taken, key=_rank)  # whichever side is called ours
    if taken:
        cell["outputs"] = taken[-1].get("outputs") or []
        cell["execution_count"] = taken[-1].get("execution_count")
        return
    if ours.get("outputs") or theirs.get("outputs"):
        notes["stale"] = True
        work.stale.append(cell)
    cell |= {"outputs": [], "execution_count": None}


def _rank(cell: Json) -> tuple[bool, int, str]:
    count = cell.get("execution_count")
    outputs = cell.get("outputs") or []
    return bool(outputs), count if isinstance(count, int) else 0, json.dumps(outputs, sort_keys=True)


def _telling(cell: Json) -> Json:
    """Return the metadata of a cell that people write."""
    metadata = cell.get("metadata") or {}
    return {key: value for key, value in metadata.items() if key not in _NOISE}


def _one_of(base: object, ours: object, theirs: object) -> object:
    """Return the value that a side changed; of two changed ones the same, whichever side is called ours."""
    if same(ours, theirs) or same(theirs, base):
        return ours
    return theirs if same(ours, base) else max(ours, theirs, key=_written)


def _written(value: object) -> str:
    return json.dumps(value, sort_keys=True)


_GONE = object()


def _table(
    base: Mapping[str, object], ours: Mapping[str, object], theirs: Mapping[str, object]
) -> tuple[Json, Json]:
    """Merge tables key by key; the second result are the keys that both changed, with both values."""
    result: Json = {}
    clashes: Json = {}
    for key in {**ours, **theirs}:
        was, one, two = (table.get(key, _GONE) for table in (base, ours, theirs))
        if _equal(one, two) or _equal(two, was):
            value = one
        elif _equal(one, was):
            value = two
        else:
            value = _settled(key, was, one, two)
            if value is None:
                value = one if one is not _GONE else two
                clashes[key] = {
                    name: each for name, each in (("ours", one), ("theirs", two)) if each is not _GONE
                }
        if value is not _GONE:
            result[key] = value
    return result, clashes


def _equal(one: object, two: object) -> bool:
    return one is two or (one is not _GONE and two is not _GONE and same(one, two))


def _settled(key: str, was: object, one: object, two: object) -> object:
    """Return what two changes of a value come to; None where a person must say."""
    if key in _NOISE:
        return max((each for each in (one, two) if each is not _GONE), key=_written)
    if key == KEY:
        return {}
    lists = [[] if each is _GONE else each for each in (was, one, two)]
    if key == "tags" and all(isinstance(each, list) for each in lists):
        return _set(*(list(map(str, each)) if isinstance(each, list) else [] for each in lists))
    if isinstance(one, dict) and isinstance(two, dict):
        inner, clashes = _table(was if isinstance(was, dict) else {}, one, two)
        return None if clashes else inner
    return None


def _set(was: list[str], one: list[str], two: list[str]) -> list[str]:
    """Return tags with those that either side added, and without those that either removed."""
    kept = [tag for tag in was if tag in one and tag in two]
    return kept + sorted({tag for tag in [*one, *two] if tag not in was})


def _noted(metadata: Json, notes: Json) -> Json:
    """Return metadata with what this merge has to say, and without what an earlier one said."""
    rest = {key: value for key, value in metadata.items() if key != KEY or not _ours(value)}
    return {**rest, KEY: notes} if notes else rest


def _ours(value: object) -> bool:
    return isinstance(value, dict) and set(value) <= {"conflict", "conflicts", "stale"}
