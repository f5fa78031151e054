"""Lay out the graph in layers with few crossings and straight lines.

The method of K. Sugiyama, S. Tagawa and M. Toda (1981): layers by longest path, lines over several layers cut
by stand-ins, the order in each layer by medians, then heights as near to the neighbours' as the distances
allow, which for a fixed order is an isotonic regression. Time grows with the number of lines.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import field
from itertools import pairwise
from typing import TYPE_CHECKING

from ..dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SWEEPS = 12
_PULL = 8.0  # how much more a stand-in insists on its place than a box: long lines become straight


@dataclass(slots=True, eq=False)
class Spot:
    """A box, or the stand-in of a line that passes a layer (``name`` is then None)."""

    layer: int
    height: float
    name: str | None = None
    y: float = 0.0
    before: list[Spot] = field(default_factory=list)
    after: list[Spot] = field(default_factory=list)


@dataclass(slots=True)
class Layout:
    """Boxes by name, lines as the spots they pass, and the layers from left to right."""

    boxes: dict[str, Spot]
    lines: list[tuple[str, str, list[Spot]]]
    layers: list[list[Spot]]


def layout(
    ups: Mapping[str, tuple[str, ...]], *, box: float = 44, line: float = 10, gap: float = 16
) -> Layout:
    """Return where everything stands; ``ups`` are the upstream tasks of each, in topological order.

    ``y`` of a spot is its middle; boxes are ``box`` high, lines take ``line``, and ``gap`` is between them.
    """
    depth = _layers(ups)
    boxes = {name: Spot(depth[name], box, name) for name in ups}
    layers: list[list[Spot]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for spot in boxes.values():
        layers[spot.layer].append(spot)
    lines = []
    for name, above in ups.items():
        for up in above:
            path = [boxes[up], *(Spot(n, line) for n in range(depth[up] + 1, depth[name])), boxes[name]]
            for spot in path[1:-1]:
                layers[spot.layer].append(spot)
            for one, two in pairwise(path):
                one.after.append(two)
                two.before.append(one)
            lines.append((up, name, path))
    _untangle(layers)
    _place(layers, gap)
    return Layout(boxes, lines, layers)


def crossings(layers: Sequence[Sequence[Spot]]) -> int:
    """Return how many pairs of lines cross between neighbouring layers."""
    total = 0
    for left, right in pairwise(layers):
        place = {id(spot): n for n, spot in enumerate(right)}
        seen: list[int] = []
        for spot in left:
            ends = sorted(place[id(other)] for other in spot.after)
            total += sum(len(seen) - bisect_left(seen, end + 1) for end in ends)
            for end in ends:
                insort(seen, end)
    return total


def _layers(ups: Mapping[str, tuple[str, ...]]) -> dict[str, int]:
    """Return the layer of each task: one more than the last it needs; what needs nothing stands by its user."""
    depth: dict[str, int] = {}
    first: dict[str, int] = {}
    for name, above in ups.items():
        depth[name] = max((depth[up] + 1 for up in above), default=0)
        for up in above:
            first[up] = min(first.get(up, depth[name]), depth[name])
    return {name: first.get(name, 1) - 1 if not ups[name] else layer for name, layer in depth.items()}


def _untangle(layers: list[list[Spot]]) -> None:
    """Order each layer by the medians of its neighbours, to and fro; keep the best order met."""
    best, least = [list(layer) for layer in layers], crossings(layers)
    for sweep in range(_SWEEPS):
        if not least:
            break
        forth = sweep % 2 == 0
        for n in range(1, len(layers)) if forth else range(len(layers) - 2, -1, -1):
            beside = layers[n - 1] if forth else layers[n + 1]
            place = {id(spot): float(k) for k, spot in enumerate(beside)}
            keys = {}
            for k, spot in enumerate(layers[n]):
                near = sorted(place[id(other)] for other in (spot.before if forth else spot.after))
                keys[id(spot)] = _median(near) if near else float(k)
            layers[n].sort(key=lambda spot: keys[id(spot)])
        found = crossings(layers)
        if found < least:
            best, least = [list(layer) for layer in layers], found
    for layer, order in zip(layers, best, strict=True):
        layer[:] = order


def _place(layers: list[list[Spot]], gap: float) -> None:
    """Give every spot its height: near its neighbours, in order, not nearer to the next than allowed."""
    for layer in layers:
        y = 0.0
        for spot in layer:
            spot.y = y + spot.height / 2
            y += spot.height + gap
    for sweep in range(_SWEEPS):
        forth = sweep % 2 == 0
        for layer in layers if forth else reversed(layers):
            wanted = []
            for spot in layer:
                near = (spot.before if forth else spot.after) or (spot.after if forth else spot.before)
                if sweep >= _SWEEPS - 2:
                    near = [*spot.before, *spot.after]
                wanted.append(sum(other.y for other in near) / len(near) if near else spot.y)
            _spread(layer, wanted, gap)
    top = min((spot.y - spot.height / 2 for layer in layers for spot in layer), default=0.0)
    for layer in layers:
        for spot in layer:
            spot.y -= top


def _spread(layer: list[Spot], wanted: list[float], gap: float) -> None:
    """Set the heights nearest to those wanted that keep order and distances, by pooling adjacent violators."""
    offsets, total = [], 0.0
    for n, spot in enumerate(layer):
        if n:
            total += (layer[n - 1].height + spot.height) / 2 + gap
        offsets.append(total)
    pools: list[list[float]] = []  # mean, weight, members
    for spot, want, offset in zip(layer, wanted, offsets, strict=True):
        pools.append([want - offset, _PULL if spot.name is None else 1.0, 1])
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            mean, weight, members = pools.pop()
            other = pools[-1]
            other[0] = (other[0] * other[1] + mean * weight) / (other[1] + weight)
            other[1] += weight
            other[2] += members
    n = 0
    for mean, _, members in pools:
        for _ in range(int(members)):
            layer[n].y = mean + offsets[n]
            n += 1


def _median(values: Sequence[float]) -> float:
    middle = len(values) // 2
    return values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2
