"""Draw the graph as a self-contained SVG picture, in layers from left to right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .draw import COLOURS, edges, reduced
from .layout import layout
from .screen import columns, cut, flat
from .steps import FileStep, state

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..model import Step
    from .layout import Spot

_MARGIN, _BETWEEN, _BOX = 20, 64, 46
_CHAR = 7.9  # a column of the monospaced 13 pixel font
_LONGEST = 36  # columns of a name; the rest is in the tooltip

#: Line and fill of each state on dark ground.
_DARK = {
    "fresh": ("#66bb6a", "#16281a"),
    "stale": ("#ffb74d", "#33260f"),
    "waits": ("#64b5f6", "#12263a"),
    "blocked": ("#ce93d8", "#2c1831"),
}

#: Text, text that matters less, and lines, on light ground. Attributes say the colours, too: rsvg and Inkscape know
#: no variables of CSS, and would draw all in black.
_INK, _SOFT, _LINE = "#1c1c1c", "#5c6470", "#8a929c"
_FONT = 'font-family="ui-monospace,Menlo,Consolas,DejaVu Sans Mono,monospace"'

STYLE = (
    ":root{color-scheme:light dark}"
    f".octavo{{--ink:{_INK};--soft:{_SOFT};--line:{_LINE};"
    + "".join(f"--{word}:{line};--{word}-fill:{fill};" for word, (line, fill) in COLOURS.items())
    + "}@media(prefers-color-scheme:dark){.octavo{--ink:#ececec;--soft:#a9b1bb;--line:#7a828c;"
    + "".join(f"--{word}:{line};--{word}-fill:{fill};" for word, (line, fill) in _DARK.items())
    + "}}"
    ".octavo text{font:13px ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:var(--ink)}"
    ".octavo .more{font-size:11px;fill:var(--soft)}"
    ".octavo path{fill:none;stroke:var(--line);stroke-width:1.5}"
    ".octavo path.implied{opacity:.35}"
    ".octavo marker path{fill:var(--line);stroke:none}"
    ".octavo rect{stroke-width:1.5}"
    + "".join(f".octavo .{word} rect{{stroke:var(--{word});fill:var(--{word}-fill)}}" for word in COLOURS)
    + "".join(f".octavo .{word} .state{{fill:var(--{word})}}" for word in COLOURS)
)


def svg(steps: Mapping[str, Step], title: str, *, style: bool = True) -> str:
    """Return the graph as SVG, light or dark as the reader's system; without ``style`` a page brings it.

    Lines that follow from others (a → c where a → b → c) are faint. Each box has its reasons as tooltip.
    """
    ups = edges(steps)
    above = reduced(ups)
    plan = layout(ups, box=_BOX)
    own = {name: _width(step) for name, step in steps.items()}
    widths = [
        max((own[spot.name] for spot in layer if spot.name is not None), default=0) for layer in plan.layers
    ]
    lefts, x = [], float(_MARGIN)
    for width in widths:
        lefts.append(x)
        x += width + _BETWEEN
    right = x - _BETWEEN + _MARGIN if widths else 2 * _MARGIN
    height = (
        max((spot.y + spot.height / 2 for layer in plan.layers for spot in layer), default=0) + 2 * _MARGIN
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="octavo" role="img" aria-label="{escaped(title)}" '
        f'width="{right:.0f}" height="{height:.0f}" viewBox="0 0 {right:.0f} {height:.0f}">',
        f"<style>{STYLE}</style>" if style else "",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        f'orient="auto"><path fill="{_LINE}" stroke="none" d="M0 0 8 4 0 8z"/></marker></defs>',
    ]
    for up, name, path in plan.lines:
        kind = "" if up in above[name] else ' class="implied"'
        route = _route(path, lefts, widths, own[up])
        parts.append(
            f'<path{kind} fill="none" stroke="{_LINE}" d="{route}" marker-end="url(#tip)" '
            f'data-from="{escaped(up)}" data-to="{escaped(name)}"/>'
        )
    for name, spot in plan.boxes.items():
        parts.append(_box(steps[name], lefts[spot.layer], spot.y + _MARGIN, own[name]))
    return "\n".join(part for part in parts if part) + "\n</svg>\n"


def escaped(text: str) -> str:
    """Return text for XML; characters that XML forbids become spaces."""
    text = flat(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace('"', "&quot;").replace("'", "&#39;")


def _width(step: Step) -> float:
    shown = min(columns(flat(step.task.name)), _LONGEST)
    return max(96.0, shown * _CHAR + 28, columns(f"{state(step)} · {step.task.kind}") * _CHAR * 11 / 13 + 28)


def _box(step: Step, x: float, y: float, width: float) -> str:
    word, name = state(step), step.task.name
    why = [str(reason) for reason in step.reasons] + [f"waits for {up}" for up in step.waits]
    tip = "&#10;".join(
        escaped(line) for line in [name, step.task.source.entry or step.task.source.path, *why]
    )
    top = y - _BOX / 2
    line, fill = COLOURS[word]
    edge = 1 if isinstance(step, FileStep) else 8
    return (
        f'<g class="task {word}" data-task="{escaped(name)}" tabindex="0"><title>{tip}</title>'
        f'<rect x="{x:.1f}" y="{top:.1f}" width="{width:.1f}" height="{_BOX}" rx="{edge}" '
        f'fill="{fill}" stroke="{line}"/>'
        f'<text {_FONT} font-size="13" fill="{_INK}" x="{x + 14:.1f}" y="{top + 20:.1f}">'
        f"{escaped(cut(flat(name), _LONGEST))}</text>"
        f'<text class="more" {_FONT} font-size="11" fill="{_SOFT}" x="{x + 14:.1f}" y="{top + 36:.1f}">'
        f'<tspan class="state" fill="{line}">{word}</tspan>'
        f" · {escaped(step.task.kind)}</text></g>"
    )


def _route(path: list[Spot], lefts: list[float], widths: list[float], width: float) -> str:
    """Return the line through its spots: curved between layers, level while it passes one."""
    first = path[0]
    x, y = lefts[first.layer] + widths[first.layer], first.y + _MARGIN
    route = f"M{lefts[first.layer] + width:.1f} {y:.1f}H{x:.1f}"
    for spot in path[1:]:
        left, new = lefts[spot.layer], spot.y + _MARGIN
        half = (left - x) / 2
        route += f"C{x + half:.1f} {y:.1f} {left - half:.1f} {new:.1f} {left:.1f} {new:.1f}"
        x, y = left, new
        if spot.name is None:
            x = left + widths[spot.layer]
            route += f"H{x:.1f}"
    return route
