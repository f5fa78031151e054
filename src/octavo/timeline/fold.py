"""Fold the snapshots of a notebook into the history of each of its cells."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from ..model import Json
from ..review.align import align
from . import CellHistory, Snapshot, outputs


def histories(snapshots: Sequence[Snapshot]) -> list[CellHistory]:
    """Return the history of each cell of the newest snapshot; they come with the oldest first.

    Outputs are compared among the snapshots that keep any: what a notebook shows, not how often it ran.
    """
    if not snapshots:
        return []
    tracks = [[index] for index in range(len(snapshots[-1].cells))]
    for older, newer in reversed([*pairwise(snapshots)]):
        was = before(older, newer)
        for track in tracks:
            track.append(was.get(track[-1], -1))  # -1: it was not there yet
    found = []
    number = 0
    for index, track in enumerate(tracks):
        cell = snapshots[-1].cells[index]
        number += cell["cell_type"] == "code"
        found.append(_history(snapshots, track, index, number if cell["cell_type"] == "code" else 0))
    return found


def before(older: Snapshot, newer: Snapshot) -> dict[int, int]:
    """Return the indices that cells had in the snapshot before, by those that they have."""
    pairs = align(older.cells, newer.cells)
    return {now: was for was, now in pairs if was is not None and now is not None}


def _history(snapshots: Sequence[Snapshot], track: Sequence[int], index: int, number: int) -> CellHistory:
    seen = [
        (snapshot, snapshot.cells[place])
        for snapshot, place in zip(reversed(snapshots), track, strict=False)
        if place >= 0
    ]
    seen.reverse()
    source = seen[-1][1]["source"]
    # a run is made from what was there before it: it tells of the code only where no commits do
    told = [one for one in seen if one[0].origin != "run"]
    coded = told if any(snapshot.origin == "commit" for snapshot, _ in told) else seen
    changed, changes = coded[0][0], 0
    for (_, was), (snapshot, now) in pairwise(coded):
        if was["source"].strip() != now["source"].strip():
            changed, changes = snapshot, changes + 1
    output: Snapshot | None = None
    shown = ""
    for snapshot, cell in seen:
        if number and snapshot.outputs and (text := outputs(cell)) != shown:
            output, shown = snapshot, text
    return CellHistory(index, number, source, coded[0][0], changed, changes, output)


def as_it_was(snapshots: Sequence[Snapshot], index: int) -> list[Json | None]:
    """Return a cell of the newest snapshot as each of them has it; None where it was not there."""
    found: list[Json | None] = [snapshots[-1].cells[index]]
    place = index
    for older, newer in reversed([*pairwise(snapshots)]):
        place = before(older, newer).get(place, -1)
        found.append(older.cells[place] if place >= 0 else None)
    return found[::-1]
