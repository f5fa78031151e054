"""Draw what the tasks of a grid reported: parallel coordinates, and a heat map where two parameters differ."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from ..dataclass import dataclass
from .runs_table import shown

if TYPE_CHECKING:
    from ..metrics.kept import RunMetrics

_WIDTH, _HEIGHT, _MARGIN = 860, 280, 70
_CELL, _LEFT, _TOP = 84, 150, 40
#: So many values has an axis of a heat map at most, and so many lines are drawn.
_MOST, _MOST_LINES = 24, 2000
#: From low to high; its darkness grows evenly, so that it reads without colour, too.
_LOW, _HIGH = (253, 216, 120), (58, 15, 110)
_GREY = "#777"


@dataclass(frozen=True, slots=True)
class Axis:
    """A parameter or a metric: its name, its values in order, and whether they are numbers."""

    name: str
    values: tuple[object, ...]
    numbers: bool

    def at(self, value: object) -> float | None:
        """Return where a value stands, from 0 to 1; None for one that is not there."""
        if value not in self.values:
            return None
        if not self.numbers:
            return (self.values.index(value) + 0.5) / len(self.values)
        low, high = _ends(self)
        return 0.5 if low == high else (_number(value) - low) / (high - low)


def picture(rows: Sequence[RunMetrics]) -> str | None:
    """Return an SVG of what was reported; None where no parameter differs, or nobody reported a metric of all."""
    rows = [row for row in rows if row.metrics][:_MOST_LINES]
    params = [axis for axis in _axes(rows, "params") if len(axis.values) > 1]
    metrics = _axes(rows, "metrics")
    if len(rows) < 2 or not params or not metrics:
        return None
    parts = [_parallel(rows, [*params, *metrics], metrics[0])]
    height = _HEIGHT
    if len(params) == 2 and all(len(axis.values) <= _MOST for axis in params):
        for metric in metrics:
            parts.append(f'<g transform="translate(0 {height})">{_heat(rows, params, metric)}</g>')
            height += _TOP + _CELL // 2 * (len(params[0].values) + 1)
    width = max(_WIDTH, _LEFT + _CELL * len(params[1].values) if len(params) == 2 else 0)
    label = f"{', '.join(it.name for it in metrics)} by {', '.join(it.name for it in params)}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape(label)}" width="{width}" '
        f'height="{height}" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12" '
        f'fill="{_GREY}">\n{"".join(parts)}</svg>\n'
    )


def _axes(rows: Sequence[RunMetrics], which: str) -> list[Axis]:
    names = dict.fromkeys(name for row in rows for name in getattr(row, which))
    found = []
    for name in names:
        values = [getattr(row, which).get(name) for row in rows]
        numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
        texts = values if numbers else [shown(value) for value in values]
        distinct = dict.fromkeys(texts)
        found.append(Axis(name, tuple(sorted(distinct, key=_number) if numbers else distinct), numbers))
    return found


def _value(row: RunMetrics, axis: Axis) -> object:
    value = row.params.get(axis.name, row.metrics.get(axis.name))
    return value if axis.numbers else shown(value)


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _ends(axis: Axis) -> tuple[float, float]:
    return _number(axis.values[0]), _number(axis.values[-1])


def _colour(share: float | None) -> str:
    if share is None:
        return _GREY
    mixed = (round(low + (high - low) * share) for low, high in zip(_LOW, _HIGH, strict=True))
    return "#" + "".join(f"{part:02x}" for part in mixed)


def _text(x: float, y: float, words: str, more: str = "", most: int = 24) -> str:
    cut = words if len(words) <= most else f"{words[: most - 1]}…"
    return f'<text x="{x:.1f}" y="{y:.1f}" {more}>{escape(cut)}</text>\n'


def _parallel(rows: Sequence[RunMetrics], axes: Sequence[Axis], by: Axis) -> str:
    """Return an axis for each parameter and metric, and a line for each row, coloured by one metric."""
    step = (_WIDTH - 2 * _MARGIN) / (len(axes) - 1)
    top, bottom = 40, _HEIGHT - 30
    parts = []
    for row in rows:
        places = [(at, axis.at(_value(row, axis))) for at, axis in enumerate(axes)]
        points = " ".join(
            f"{_MARGIN + at * step:.1f},{bottom - place * (bottom - top):.1f}"
            for at, place in places
            if place is not None
        )
        told = ", ".join(f"{axis.name} {shown(_value(row, axis))}" for axis in axes)
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{_colour(by.at(_value(row, by)))}" '
            f'stroke-width="1.6" stroke-opacity="0.85"><title>{escape(f"{row.task}: {told}")}</title></polyline>\n'
        )
    for at, axis in enumerate(axes):
        x = _MARGIN + at * step
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}" stroke="{_GREY}"/>\n')
        parts.append(_text(x, 18, axis.name, 'text-anchor="middle" font-weight="bold"'))
        ends = (axis.values[0], axis.values[-1]) if axis.numbers else axis.values[:_MOST]
        for value in dict.fromkeys(ends):
            place = axis.at(value)
            if place is not None:
                parts.append(_text(x + 5, bottom - place * (bottom - top) + 4, shown(value)))
    return "".join(parts)


def _heat(rows: Sequence[RunMetrics], params: Sequence[Axis], metric: Axis) -> str:
    """Return a cell for each pair of values, of the newest row that has it."""
    down, across = params
    title = f"{metric.name} by {down.name} (rows) and {across.name}"
    parts = [_text(10, 18, title, 'font-weight="bold"', 120)]
    cells: dict[tuple[object, object], object] = {}
    for row in rows:  # the newest first
        cells.setdefault((_value(row, down), _value(row, across)), row.metrics.get(metric.name))
    height = _CELL // 2
    for at, value in enumerate(across.values):
        parts.append(_text(_LEFT + (at + 0.5) * _CELL, _TOP - 4, shown(value), 'text-anchor="middle"'))
    for line, one in enumerate(down.values):
        y = _TOP + line * height
        parts.append(_text(_LEFT - 8, y + height / 2 + 4, shown(one), 'text-anchor="end"'))
        for at, other in enumerate(across.values):
            found = cells.get((one, other))
            share = metric.at(found if metric.numbers else shown(found)) if found is not None else None
            x = _LEFT + at * _CELL
            fill = "none" if share is None else _colour(share)
            parts.append(
                f'<rect x="{x}" y="{y}" width="{_CELL}" height="{height}" fill="{fill}" stroke="{_GREY}"/>\n'
            )
            ink = "#fff" if share is not None and share > 0.45 else "#000"
            if found is not None:
                more = f'text-anchor="middle" fill="{ink}"'
                parts.append(_text(x + _CELL / 2, y + height / 2 + 4, shown(found), more))
    return "".join(parts)
