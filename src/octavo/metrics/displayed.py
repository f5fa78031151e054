"""Read metrics in what a cell shows: a mapping, JSON, or lines such as "accuracy: 0.93"."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator

from ..events import MetricsLogged, Note
from ..model import Json, joined
from . import number

#: A number of numpy 2 as it shows itself, and what it holds.
_NUMPY = re.compile(r"\b(?:np|numpy)\.\w+\((-?[\d.]+(?:[eE][-+]?\d+)?)\)")
_LINE = re.compile(r"\s*([^\W\d][\w .%-]*?)\s*[:=]\s*(-?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*")
#: Of a longer text only the beginning is looked at.
_MOST = 100_000


def told(task: str, cell: int, outputs: list[tuple[str, Json]]) -> MetricsLogged | Note:
    """Return the metrics that a cell tagged so has shown, or a note that it has shown none."""
    wrong = "it shows no numbers by their names"
    try:
        if found := metrics(outputs):
            return MetricsLogged(task, found)
    except (TypeError, ValueError) as error:
        wrong = str(error)
    return Note(f"cell {cell} is tagged metrics, but {wrong}", task)


def metrics(outputs: list[tuple[str, Json]]) -> dict[str, int | float]:
    """Return the metrics in the messages of a cell; a later value of a name replaces an earlier one.

    Raises ``ValueError`` or ``TypeError`` for what is shown as a metric, and is no number.
    """
    found: dict[str, int | float] = {}
    printed = "".join(str(content.get("text", "")) for kind, content in outputs if kind == "stream")
    for name, value in (*_of_text(printed), *(row for kind, it in outputs for row in _of_bundle(kind, it))):
        found[name] = number(name, value)
    return found


def _of_bundle(kind: str, content: Json) -> Iterator[tuple[str, object]]:
    bundle = content.get("data")
    if kind not in ("execute_result", "display_data") or not isinstance(bundle, dict):
        return
    if isinstance(table := bundle.get("application/json"), dict):
        yield from table.items()
    else:
        yield from _of_text(joined(bundle.get("text/plain", "")))


def _of_text(text: str) -> Iterator[tuple[str, object]]:
    text = _NUMPY.sub(r"\1", text[:_MOST])
    if isinstance(table := _literal(text.strip()), dict):
        yield from ((str(name), value) for name, value in table.items())
        return
    for line in text.splitlines():
        if isinstance(table := _literal(line.strip()), dict):
            yield from ((str(name), value) for name, value in table.items())
        elif match := _LINE.fullmatch(line):
            yield match[1], float(match[2]) if re.search(r"[.eE]", match[2]) else int(match[2])


def _literal(text: str) -> object:
    if not text.startswith("{"):
        return None
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
