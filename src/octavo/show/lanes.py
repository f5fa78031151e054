"""Draw the graph in a terminal: one row per task, time downwards.

Tasks that need exactly the same things share one lane. A task stands after all that it needs, so on a lane
first come those that feed it, then those it feeds: what enters a task comes from above or from its left, what
leaves it goes down or to its right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..dataclass import dataclass
from .draw import edges, reduced
from .screen import COLOURS, columns, cut, flat, several
from .steps import counted, state

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..model import Step
    from .screen import Screen

_MARKS = {"fresh": "●", "stale": "○", "waits": "◌", "blocked": "◇"}
_ASCII = str.maketrans("│─├┤┼╮╯╰╭●○◌◇→←…", "|-+++++++*o.x><~")


@dataclass(slots=True, eq=False)
class Lane:
    """A line shared by tasks that need the same upstream: ``feeds`` tasks feed it, ``left`` are still to be fed."""

    feeds: int
    left: int
    column: int = -1


class Rows:
    """The rows of a drawing, and which lane stands in which column now."""

    def __init__(self) -> None:
        self.lanes: list[Lane | None] = []
        self.rows: list[tuple[str, str]] = []  # the lines, and the task that the row is of

    def free(self, start: int) -> int:
        """Return the first column from ``start`` on without a lane."""
        while start < len(self.lanes) and self.lanes[start] is not None:
            start += 1
        while len(self.lanes) <= start:
            self.lanes.append(None)
        return start

    def put(self, column: int, lane: Lane | None) -> None:
        self.free(column)
        self.lanes[column] = lane
        if lane is not None:
            lane.column = column

    def row(self, spans: list[tuple[int, int]], at: Mapping[int, str], name: str = "") -> None:
        """Add a row: open lanes, horizontal lines over them, and the characters ``at`` columns."""
        chars = [c for lane in self.lanes for c in ("│" if lane else " ", " ")]
        chars += [" "] * (2 * max([-1, *at]) + 2 - len(chars))
        for low, high in spans:
            for x in range(2 * low, 2 * high + 1):
                chars[x] = "┼" if chars[x] == "│" else "─"
        for column, char in at.items():
            chars[2 * column] = char
        self.rows.append(("".join(chars).rstrip(), name))

    def last_at(self, column: int) -> str:
        """Return the character in a column of the last row."""
        line = self.rows[-1][0] if self.rows else ""
        return line[2 * column] if len(line) > 2 * column else " "


def text(steps: Mapping[str, Step], to: Screen | None = None) -> str:
    """Return the graph as lines; ``to`` says which colours, characters and width are at hand."""
    ups = edges(steps)
    above = reduced(ups)
    rows = _rows(above)
    width = to.width if to else None
    margin = max((len(line) for line, _ in rows), default=0) + 1
    if width is not None and margin > max(24, width * 2 // 3):
        rows = [("#", name) for name in steps]
        margin, named = (
            2,
            {name: f"{name} ← {several(list(found), 3)}" if found else name for name, found in above.items()},
        )
    else:
        named = {name: name for name in steps}
    names = max(map(columns, named.values()), default=0)
    lines = [
        _line(line, steps.get(name), named.get(name, ""), margin, names, width, to) for line, name in rows
    ]
    lines += ["", counted(steps) + _legend(steps, to)]
    if sum(map(len, ups.values())) > sum(map(len, above.values())):
        lines.append("what a task needs through another is not drawn twice")
    drawn = "\n".join(lines) + "\n"
    return drawn.translate(_ASCII) if to is not None and not to.wide else drawn


def _line(
    line: str, step: Step | None, name: str, margin: int, names: int, width: int | None, to: Screen | None
) -> str:
    if step is None:
        return line
    word = state(step)
    why = flat("; ".join(map(str, step.reasons)))
    padded = name + " " * min(names - columns(name), 40)
    if width is not None:
        room = width - margin - columns(padded) - 2
        why = cut(why, room) if room >= 8 else ""
    mark = _MARKS[word]
    if to is not None:
        mark, why = to.paint(mark, COLOURS[word]), to.paint(why, "dim")
    name = padded if why else name
    if width is not None:
        name = cut(name, max(1, width - margin))
    lead = line.ljust(margin).replace("#", mark)
    return f"{lead}{name}  {why}".rstrip()


def _legend(steps: Mapping[str, Step], to: Screen | None) -> str:
    words = dict.fromkeys(state(step) for step in steps.values())
    marks = (f"{to.paint(_MARKS[word], COLOURS[word]) if to else _MARKS[word]} {word}" for word in words)
    return f"   ({'  '.join(marks)})" if words else ""


def _rows(above: Mapping[str, tuple[str, ...]]) -> list[tuple[str, str]]:
    """Return the lines of the drawing, with the task that each row is of; its mark is "#"."""
    into: dict[str, Lane] = {}
    lanes: dict[frozenset[str], Lane] = {}
    out: dict[str, list[Lane]] = {name: [] for name in above}
    for name, ups in above.items():
        if ups:
            key = frozenset(ups)
            if key not in lanes:
                lanes[key] = Lane(len(key), 0)
                for up in ups:
                    out[up].append(lanes[key])
            lanes[key].left += 1
            into[name] = lanes[key]
    rows = Rows()
    for name in _order(above):
        if rows.rows and not any(rows.lanes):
            rows.lanes.clear()
            rows.rows.append(("", ""))
        _task(rows, name, into.get(name), sorted(out[name], key=lambda lane: (lane.feeds > 1, lane.column)))
    return rows.rows


def _task(rows: Rows, name: str, lane: Lane | None, out: list[Lane]) -> None:
    """Draw a task: where it comes in, its mark, and where it goes."""
    spans: list[tuple[int, int]] = []
    at: dict[int, str] = {}
    if lane is None:
        place = rows.free(0)
    elif lane.left == 1:
        place = _take_over(rows, lane)
    else:
        lane.left -= 1
        place = rows.free(lane.column + 1)
        spans.append((lane.column, place))
        at[lane.column] = "├"
    at[place] = "#"
    stays = Lane(0, 0)
    rows.put(place, stays)
    later: list[Lane] = []
    down: Lane | None = None
    for n, other in enumerate(out):
        if other.feeds == 1:
            down = other
        elif n - (down is not None) == 0 and (other.column < 0 or other.column > place):
            spans.append((place, _open(rows, other, place, at)))
        else:
            later.append(other)
    rows.row(spans, at, name)
    _settle(rows, place, down, later)


def _open(rows: Rows, lane: Lane, place: int, at: dict[int, str]) -> int:
    """Join a lane on the right, or open it there; return its column."""
    if lane.column < 0:
        column = rows.free(place + 1)
        rows.put(column, lane)
        at[column] = "╮"
    else:
        at[lane.column] = "┤"
    return lane.column


def _take_over(rows: Rows, lane: Lane) -> int:
    """Let a lane's last task stand in its column, or further left where that has become free."""
    left = rows.free(0)
    if lane.column - left >= 3 and not any(rows.lanes[left : lane.column]):
        old = lane.column
        rows.put(old, None)
        rows.row([(left, old)], {left: "╭", old: "╯"})
        return left
    if rows.last_at(lane.column) in "#╮┤":
        rows.row([], {})
    return lane.column


def _settle(rows: Rows, place: int, down: Lane | None, later: list[Lane]) -> None:
    """Draw the lines that leave a task below its own row, and give its column to what goes on there."""
    for n, lane in enumerate(later):
        ends = down is None and n == len(later) - 1
        if lane.column < 0:
            column = rows.free(place + 1)
            far = "╮"
        else:
            column = lane.column
            far = "┤" if column > place else "├"
        near = ("╰" if column > place else "╯") if ends else ("├" if column > place else "┤")
        rows.row([(min(place, column), max(place, column))], {place: near, column: far})
        if lane.column < 0:
            rows.put(column, lane)
    rows.put(place, down)


def _order(above: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Return an order in which each task follows soon after the last thing that it needs."""
    below: dict[str, list[str]] = {name: [] for name in above}
    for name, ups in above.items():
        for up in ups:
            below[up].append(name)
    missing = {name: len(ups) for name, ups in above.items()}
    order: list[str] = []
    for part in _parts(above, below):
        ready = [name for name in reversed(part) if not above[name]]
        while ready:
            name = ready.pop()
            order.append(name)
            for after in reversed(below[name]):
                missing[after] -= 1
                if not missing[after]:
                    ready.append(after)
    return order


def _parts(above: Mapping[str, tuple[str, ...]], below: Mapping[str, list[str]]) -> list[list[str]]:
    """Return the tasks in groups that nothing connects."""
    seen: set[str] = set()
    parts = []
    position = {name: n for n, name in enumerate(above)}
    for name in above:
        if name in seen:
            continue
        part, edge = [], [name]
        seen.add(name)
        while edge:
            here = edge.pop()
            part.append(here)
            for other in (*above[here], *below[here]):
                if other not in seen:
                    seen.add(other)
                    edge.append(other)
        parts.append(sorted(part, key=position.__getitem__))
    return parts
