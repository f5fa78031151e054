"""Draw the graph for other programs: mermaid, dot, json."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from .steps import plain, state

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..model import Step

#: Line and fill of each state, on light ground; the words say the same, for who sees no colour.
COLOURS = {
    "fresh": ("#2e7d32", "#e6f3e7"),
    "stale": ("#b26a00", "#fff1d8"),
    "waits": ("#1565c0", "#e5f0fc"),
    "blocked": ("#8e24aa", "#f7e9fa"),
}


def edges(steps: Mapping[str, Step]) -> dict[str, tuple[str, ...]]:
    """Return the upstream tasks of each task, among those that are drawn."""
    return {
        name: tuple(up for up in dict.fromkeys(step.task.upstream) if up in steps)
        for name, step in steps.items()
    }


def reduced(ups: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Return the edges that do not follow from others: a → c is left out where a → b → c.

    The tasks stand in topological order. Sets of ancestors are whole numbers with a bit for each task.
    """
    before: dict[str, int] = {}
    bits = {name: 1 << n for n, name in enumerate(ups)}
    left: dict[str, tuple[str, ...]] = {}
    for name, above in ups.items():
        further = 0
        for up in above:
            further |= before[up]
        before[name] = further
        for up in above:
            before[name] |= bits[up]
        left[name] = tuple(up for up in above if not further & bits[up])
    return left


def mermaid(steps: Mapping[str, Step], title: str) -> str:
    """Return the graph as a Mermaid flowchart, as GitHub and GitLab show it in a page."""
    ids = {name: f"t{n}" for n, name in enumerate(steps)}
    lines = ["---", f"title: {json.dumps(title, ensure_ascii=False)}", "---", "flowchart LR"]
    for name, step in steps.items():
        lines.append(f'  {ids[name]}["{_entities(name)}"]:::{state(step)}')
    for name, ups in edges(steps).items():
        lines += [f"  {ids[up]} --> {ids[name]}" for up in ups]
    for word, (line, fill) in COLOURS.items():
        lines.append(f"  classDef {word} fill:{fill},stroke:{line},color:#111")
    return "\n".join(lines) + "\n"


def dot(steps: Mapping[str, Step], title: str) -> str:
    """Return the graph in the language of Graphviz."""
    lines = [
        f"digraph {_quoted(title)} {{",
        "  rankdir=LR",
        '  node [shape=box, style="rounded,filled", fontname="Helvetica"]',
    ]
    for name, step in steps.items():
        line, fill = COLOURS[state(step)]
        tip = "; ".join(map(str, step.reasons)) or state(step)
        lines.append(f'  {_quoted(name)} [color="{line}", fillcolor="{fill}", tooltip={_quoted(tip)}]')
    for name, ups in edges(steps).items():
        lines += [f"  {_quoted(up)} -> {_quoted(name)}" for up in ups]
    return "\n".join([*lines, "}"]) + "\n"


def as_json(steps: Mapping[str, Step], title: str) -> str:
    """Return the graph as JSON: the tasks as ``octavo status --json`` says them, and the edges."""
    pairs = [[up, name] for name, ups in edges(steps).items() for up in ups]
    data = {"title": title, "tasks": [plain(step) for step in steps.values()], "edges": pairs}
    return json.dumps(data, indent=1, ensure_ascii=False, default=str) + "\n"


def _entities(text: str) -> str:
    """Return text for a quoted Mermaid label: what is not plain becomes an entity code."""
    return "".join(c if c.isalnum() or c in " _-./+:()" else f"#{ord(c)};" for c in text)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'
