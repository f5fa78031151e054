"""What a branch changes in a pipeline in words: for a terminal, as Markdown for a comment, as a part of a page."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING

from ..model import Json
from ..show.screen import flat, many, several
from ..show.svg import STYLE, svg
from .terminal import quoted

if TYPE_CHECKING:
    from ..show.screen import Screen
    from .branch_sides import Review, Value

#: So many tasks are listed one by one in a comment, and so many drawn: more are a picture of nothing.
_LISTED, _DRAWN = 30, 150
#: Characters of it in a comment, of which the notebooks take the rest.
MARKDOWN = 30_000
_SIGNS = {"added": "+", "removed": "-", "changed": "~", "runs again": " "}
_COLOURS = {"added": "green", "removed": "red", "changed": "yellow", "runs again": "dim"}


def counted(found: Review) -> str:
    """Return how many tasks are added, removed and changed, and how many must run."""
    stale = sum(not step.fresh for step in found.steps.values())
    words = [
        f"{len(names):,} {word}"
        for word, names in (("added", found.added), ("removed", found.removed), ("changed", found.changed))
        if names
    ]
    total = many(len(found.steps), "task")
    if not stale and not words:
        return f"the pipeline is the same: {total}"
    return f"{', '.join(words) or 'no task changed'}; {stale:,} of {total} must run"


def rows(found: Review) -> Iterator[tuple[str, str, str]]:
    """Yield what becomes of each task that is touched, its name, and why."""
    yield from (("removed", name, "") for name in found.removed)
    for name, step in found.steps.items():
        if step.fresh:
            continue
        if name in found.added:
            yield "added", name, step.task.source.entry or step.task.source.path
        elif step.reasons:
            yield "changed", name, ", ".join(flat(str(reason)) for reason in step.reasons)
        else:
            yield "runs again", name, f"after {several(list(step.waits), 3)}"


def _value(value: Value) -> str:
    shown = [flat(text) if text is not None else "not known" for text in (value.before, value.after)]
    return f"{shown[0]} → {shown[1]}{_change(value)}"


def _change(value: Value) -> str:
    """Return by how much a number has changed."""
    try:
        one, other = float(value.before or "x"), float(value.after or "x")
        return f" ({other - one:+.4g})"
    except ValueError:
        return ""


def data(found: Review) -> Json:
    """Return it as data for programs."""
    return {
        "before": found.before,
        "after": found.after,
        "tasks": [{"task": name, "what": word, "why": why} for word, name, why in rows(found)],
        "results": [
            {"task": one.task, "name": one.name, "before": one.before, "after": one.after}
            for one in found.values
        ],
        "code": [{"before": one.before, "after": one.after} for one in found.code],
        "unknown": [*found.unknown],
        "findings": [*found.findings],
        "notes": [*found.notes],
    }


def lines(found: Review, to: Screen) -> Iterator[str]:
    """Yield it for a terminal."""
    yield f"{to.paint('pipeline', 'bold')} {flat(found.before)} → {flat(found.after)}: {counted(found)}"
    for word, name, why in rows(found):
        yield f"  {to.paint(f'{_SIGNS[word]} {word:<10}', _COLOURS[word])}  {flat(name)}{f'  {why}' if why else ''}"
    if found.values:
        yield to.paint("results", "bold")
    for value in found.values:
        yield f"  {flat(value.task)}  {flat(value.name)}: {_value(value)}"
    if found.unknown:
        yield f"  not known on both sides: {several(list(found.unknown), 5)}"
    if found.findings:
        yield to.paint("new findings", "bold")
    yield from (f"  {flat(text)}" for text in found.findings)
    yield from (f"{to.paint('note:', 'cyan')} {flat(note)}" for note in found.notes)
    yield ""


def markdown(found: Review, most: int = MARKDOWN) -> str:
    """Return it as Markdown of at most so many characters: of each list its beginning, and how much more there is."""
    text = f"**Pipeline:** {quoted(counted(found))}\n\n"
    left = most - len(text)
    for head, each, foot in _sections(found):
        shown = ""
        for number, row in enumerate(each):
            if number == _LISTED or len(head) + len(shown) + len(row) + len(foot) + 40 > left:
                shown += foot.format(f"{len(each) - number:,}")
                break
            shown += row
        text += f"{head}{shown}\n"
        left -= len(head) + len(shown) + 1
    return text


def _sections(found: Review) -> Iterator[tuple[str, list[str], str]]:
    """Yield for each list its head, its lines, and the line that says how many are left out."""
    tasks = [f"| {word} | {_short(name)} | {_short(why, 200)} |\n" for word, name, why in rows(found)]
    if tasks:
        yield "| | task | |\n|---|---|---|\n", tasks, "| | and {} more | |\n"
    if found.values:
        values = [
            f"| {_short(value.task)}: {_short(value.name)} | {_known(value.before)} "
            f"| {_known(value.after)}{_change(value)} |\n"
            for value in found.values
        ]
        yield "| result | before | after |\n|---|---|---|\n", values, "| and {} more | | |\n"
    if found.unknown:
        yield "", [f"Results not known on both sides: {_short(several(list(found.unknown), 5), 400)}\n"], ""
    if found.findings:
        findings = [f"- {_short(one, 300)}\n" for one in found.findings]
        yield "**New findings:**\n\n", findings, "- and {} more\n"
    if found.notes:
        yield "", [f"- {_short(note, 500)}\n" for note in found.notes], "- and {} more\n"


def _short(text: str, most: int = 100) -> str:
    """Return text for Markdown, cut where it is longer than people write such things."""
    text = flat(text)
    return quoted(text if len(text) <= most else f"{text[: most - 1]}…")


def _known(text: str | None) -> str:
    return "not known" if text is None else _short(text)


def html(found: Review) -> str:
    """Return it as a part of the page of a comparison."""
    body = [f"<p>{escape(counted(found))}</p>"]
    if found.steps and len(found.steps) <= _DRAWN:
        picture = svg(found.steps, "the pipeline after the change")
        body.append(
            f'<div tabindex="0" role="region" aria-label="graph of the pipeline" class="wide">{picture}</div>'
        )
    every = [*rows(found)]
    if every:
        cells = "".join(
            f"<tr><td>{escape(word)}</td><td>{escape(flat(name))}</td><td>{escape(why)}</td></tr>"
            for word, name, why in every
        )
        head = '<tr><th scope="col">what</th><th scope="col">task</th><th scope="col">why</th></tr>'
        body.append(f"<table><thead>{head}</thead><tbody>{cells}</tbody></table>")
    if found.values:
        cells = "".join(
            f"<tr><td>{escape(flat(value.task))}</td><td>{escape(flat(value.name))}</td>"
            f"<td>{escape(flat(value.before or 'not known'))}</td>"
            f"<td>{escape(flat(value.after or 'not known'))}{escape(_change(value))}</td></tr>"
            for value in found.values
        )
        names = ("task", "result", "before", "after")
        head = "".join(f'<th scope="col">{name}</th>' for name in names)
        body.append(f"<h2>Results</h2><table><thead><tr>{head}</tr></thead><tbody>{cells}</tbody></table>")
    if found.unknown:
        body.append(f"<p>Results not known on both sides: {escape(several(list(found.unknown), 20))}</p>")
    if found.findings:
        listed = "".join(f"<li>{escape(flat(one))}</li>" for one in found.findings)
        body.append(f"<h2>New findings</h2><ul>{listed}</ul>")
    body += [f"<p>{escape(note)}</p>" for note in found.notes]
    return f"<style>{STYLE}</style>\n" + "\n".join(body)
