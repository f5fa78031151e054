"""What octavo verify found, as text, JSON, Markdown and JUnit's XML."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from xml.etree import ElementTree

from ..model import Json
from ..verifying import CellState, CellVerdict, NotebookVerdict
from .junit import xml_text
from .screen import Screen, flat, many

_COLOURS = {
    CellState.SAME: "green",
    CellState.CLOSE: "green",
    CellState.NOT_RUN: "yellow",
    CellState.IGNORED: "dim",
}
#: How many differences of a cell are shown.
MOST = 5


def lines(found: NotebookVerdict, out: Screen, *, quiet: bool = False) -> None:
    """Print a line for a notebook, and below it those for cells that are not the same."""
    if quiet and found.good:
        return
    out.say(f"{flat(found.path)}: {counted(found)}")
    if found.failure:
        out.say(f"  {out.paint('failed', 'red')}: {flat(found.failure)}")
    for cell in found.cells:
        if cell.state is CellState.SAME or (cell.state.good and quiet):
            continue
        word = out.paint(cell.state.value, _COLOURS.get(cell.state, "red"))
        out.say(f"  cell {cell.number}: {word}{_reason(cell)}")
        for line in _differences(cell):
            out.say(f"    {flat(line)}")


def _reason(cell: CellVerdict) -> str:
    words = ", ".join(cell.causes)
    cause = f", probably because of: {words}" if words else ""
    if cell.state is CellState.UNSTABLE:
        return f" between two runs{cause}"
    return cause or (f" ({flat(cell.note)})" if cell.note else "")


def _differences(cell: CellVerdict) -> list[str]:
    if cell.state is CellState.CLOSE:
        found = [f"{one} (within tolerance)" for one in cell.differences]
    else:
        found = [str(one) for one in cell.differences if not one.close]
    if len(found) > MOST:
        found[MOST:] = [f"… and {len(found) - MOST} more"]
    return found


def counted(found: NotebookVerdict) -> str:
    """Return how many cells are in each state: ``5 cells: 4 same, 1 differs``."""
    counts = Counter(cell.state for cell in found.cells)
    words = ", ".join(f"{counts[state]} {state.value}" for state in CellState if counts[state])
    return f"{many(len(found.cells), 'cell')}: {words}" if words else "no cells"


def plain(found: NotebookVerdict) -> Json:
    """Return it as a value of JSON."""
    return {
        "path": found.path,
        "good": found.good,
        "seconds": round(found.seconds, 3),
        "failure": found.failure or None,
        "cells": [
            {
                "cell": cell.number,
                "verdict": cell.state.value,
                "note": cell.note or None,
                "causes": list(cell.causes),
                "differences": [
                    {
                        "where": one.where,
                        "before": one.before,
                        "after": one.after,
                        "within_tolerance": one.close,
                    }
                    for one in cell.differences
                ],
            }
            for cell in found.cells
        ],
    }


def markdown(all_: Sequence[NotebookVerdict]) -> str:
    """Return a page for a pull request: a table of notebooks, and below it what differs."""
    rows = ["| notebook | verdict | cells |", "|---|---|---|"]
    for found in all_:
        rows.append(f"| {_escaped(found.path)} | {'good' if found.good else 'not good'} | {counted(found)} |")
    for found in all_:
        if found.good:
            continue
        rows += ["", f"### {_escaped(found.path)}", ""]
        if found.failure:
            rows.append(f"- **failed**: {_escaped(found.failure)}")
        for cell in found.cells:
            if not cell.state.good:
                rows.append(f"- cell {cell.number}: **{cell.state.value}**{_escaped(_reason(cell))}")
                rows += [f"  - {_escaped(line)}" for line in _differences(cell)]
    return "\n".join(rows) + "\n"


def _escaped(text: str) -> str:
    text = flat(text).replace("&", "&amp;").replace("<", "&lt;")
    for sign in "\\`*_|[]":
        text = text.replace(sign, "\\" + sign)
    return text


def junit(all_: Sequence[NotebookVerdict]) -> str:
    """Return JUnit's XML: a suite for each notebook, a case for each cell."""
    suites = ElementTree.Element("testsuites")
    for found in all_:
        states = [cell.state for cell in found.cells]
        skipped = states.count(CellState.NOT_RUN) + states.count(CellState.IGNORED)
        suite = ElementTree.SubElement(
            suites,
            "testsuite",
            name=xml_text(found.path),
            tests=str(len(states)),
            failures=str(states.count(CellState.DIFFERS) + states.count(CellState.UNSTABLE)),
            errors=str(states.count(CellState.FAILED) + bool(found.failure)),
            skipped=str(skipped),
            time=f"{found.seconds:.3f}",
        )
        if found.failure:
            case = ElementTree.SubElement(
                suite, "testcase", name="the notebook", classname=xml_text(found.path)
            )
            ElementTree.SubElement(case, "error", message=xml_text(found.failure))
        for cell in found.cells:
            _case(suite, found.path, cell)
    ElementTree.indent(suites)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(suites, encoding="unicode") + "\n"
    )


def _case(suite: ElementTree.Element, path: str, cell: CellVerdict) -> None:
    case = ElementTree.SubElement(suite, "testcase", name=f"cell {cell.number}", classname=xml_text(path))
    if cell.state in (CellState.NOT_RUN, CellState.IGNORED):
        ElementTree.SubElement(case, "skipped", message=xml_text(cell.note or cell.state.value))
    elif not cell.state.good:
        message = f"{cell.state.value}{_reason(cell)}"
        kind = "error" if cell.state is CellState.FAILED else "failure"
        element = ElementTree.SubElement(case, kind, type=cell.state.value, message=xml_text(message))
        element.text = xml_text("\n".join(_differences(cell)))
