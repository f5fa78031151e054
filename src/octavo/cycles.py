"""Find the cycles among tasks, each as its shortest way around."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from .errors import GraphError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .model import Task


def errors(tasks: Mapping[str, Task], left: set[str], most: int) -> Iterator[GraphError]:
    """Yield a shortest cycle through each task that is in one and in none shown before."""
    inside = {
        name: [up for up in dict.fromkeys(tasks[name].upstream) if up in left and up != name] for name in left
    }
    downstream: dict[str, list[str]] = {name: [] for name in left}
    for name in tasks:  # in the order of the file, so that the same file shows the same cycles
        for up in inside.get(name, ()):
            downstream[up].append(name)
    shown: set[str] = set()
    count = 0
    _peel(inside, downstream)
    for name in tasks:
        if name not in downstream or name in shown:
            continue
        cycle = _cycle(name, downstream)
        if cycle is None:  # between two cycles, and in none
            for other in downstream.pop(name):
                inside[other].remove(name)
            for other in inside.pop(name):
                downstream[other].remove(name)
            _peel(inside, downstream)
            continue
        shown.update(cycle)
        count += 1
        way = cycle if len(cycle) <= most else [*cycle[: most // 2], "…", *cycle[-most // 2 :]]
        hint = "each depends on the one before it; remove a name from an upstream"
        yield GraphError(f"cycle of tasks: {' → '.join(way)}", tasks[name].where, hint)
        if count == most:
            return


def _peel(upstream: dict[str, list[str]], downstream: dict[str, list[str]]) -> None:
    """Take away, again and again, tasks with nothing before or nothing behind them: they are in no cycle."""
    bare = [name for name in upstream if not upstream[name] or not downstream[name]]
    while bare:
        name = bare.pop()
        if name not in upstream:
            continue
        for near, back in ((upstream.pop(name), downstream), (downstream.pop(name), upstream)):
            for other in near:
                if other in back:
                    back[other] = [n for n in back[other] if n != name]
                    if not back[other]:
                        bare.append(other)


def _cycle(start: str, downstream: Mapping[str, Sequence[str]]) -> list[str] | None:
    """Return a shortest way from a task back to itself, both ends named."""
    came: dict[str, str] = {}
    edge = deque([start])
    while edge:
        name = edge.popleft()
        for down in downstream[name]:
            if down == start:
                way = [start, name]
                while way[-1] != start:
                    way.append(came[way[-1]])
                return way[::-1] if name != start else None
            if down not in came:
                came[down] = name
                edge.append(down)
    return None
