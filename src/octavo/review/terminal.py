"""Comparisons of notebooks for a terminal, and as Markdown for a comment on a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ..show.screen import Screen, cut, flat, visible
from .changes import ChangedCell, Comparison, DiffLine

_LONGEST = 2_000
_COLOURS = {"-": "red", "+": "green"}
_REVERSE, _STRAIGHT = "\x1b[7m", "\x1b[27m"


def lines(found: Comparison, to: Screen) -> Iterator[str]:
    """Yield a comparison as lines for a screen."""
    yield to.paint(cut(f"{flat(found.before)} → {flat(found.after)}", to.width), "bold")
    for note in found.notes:
        yield f"  {flat(note)}"
    for change in found.cells:
        kind = f"{change.kind}, moved" if change.moved else change.kind
        head = f"{'─' * 2 if to.wide else '--'} {change.type} {flat(change.name)}: {kind}"
        yield to.paint(cut(head, to.width), "cyan")
        for line in change.lines:
            yield _line(line, to)
        for note in change.notes:
            yield f"  {to.paint('output' if note.startswith('output') else 'also', 'yellow')} {flat(note)}"
    yield flat(found.counted())
    yield ""


def _line(line: DiffLine, to: Screen) -> str:
    if line.sign == "…":
        return to.paint("  …" if to.wide else "  ...", "dim")
    text, more = line.text[:_LONGEST], len(line.text) - _LONGEST
    text = _marked(text, line.marks) if to.colour and line.marks else _plain(text)
    if more > 0:
        text += f" … {more:,} characters more"
    return to.paint(f"{line.sign} {text}", _COLOURS.get(line.sign, ""))


def _marked(text: str, marks: Sequence[tuple[int, int]]) -> str:
    pieces, at = [], 0
    for start, end in marks:
        pieces += [_plain(text[at:start]), _REVERSE, _plain(text[start:end]), _STRAIGHT]
        at = end
    return "".join([*pieces, _plain(text[at:])])


def _plain(text: str) -> str:
    """Return a piece of a notebook without what a terminal would obey: its colours, too, are shown as text."""
    return visible(text.replace("\x1b", "␛")).replace("\r", "␍").replace("\x08", "␈")


# ── Markdown

#: What GitHub takes as a comment, less what others write around it.
COMMENT = 60_000


def markdown(all_: Sequence[Comparison], page: str | None = None, most: int = COMMENT) -> str:
    """Return comparisons as Markdown of at most so many characters, each notebook folded. ``page`` is linked."""
    if not all_:
        return "No notebook differs.\n"
    noun = "file" if any(change.type == "whole" for found in all_ for change in found.cells) else "notebook"
    total = f"**{len(all_)} {noun}{'s' * (len(all_) > 1)} differ{'s' * (len(all_) == 1)}**"
    head = f"{total} ([page]({page}))\n" if page else f"{total}\n"
    pieces, left = [head], most - len(head) - 200
    for number, found in enumerate(all_):
        text = "\n".join(_folded(found)) + "\n"
        if len(text) > left:
            text = f"\n- {quoted(_name(found))}: {quoted(found.counted())} (too long to show here)\n"
        if len(text) > left:
            pieces.append(f"\n… and {len(all_) - number} more notebooks\n")
            break
        pieces.append(text)
        left -= len(text)
    return "".join(pieces)


def _name(found: Comparison) -> str:
    return found.after if found.after == found.before else f"{found.before} → {found.after}"


def _folded(found: Comparison) -> Iterator[str]:
    yield f"\n<details><summary>{quoted(_name(found))}: {quoted(found.counted())}</summary>\n"
    for note in found.notes:
        yield f"- {quoted(note)}"
    for change in found.cells:
        yield f"\n{quoted(change.name)}: {change.kind}{', moved' * change.moved}\n"
        yield from _fenced(change)
        yield from (f"- {quoted(note)}" for note in change.notes)
    yield "\n</details>"


def _fenced(change: ChangedCell) -> Iterator[str]:
    if not change.lines:
        return
    text = [
        f"{' ' if line.sign == '…' else line.sign}{_plain(line.text[:_LONGEST])}" for line in change.lines
    ]
    ticks = max((len(run) for line in text for run in re.findall(r"`+", line)), default=0)
    fence = "`" * max(3, ticks + 1)
    yield f"{fence}diff"
    yield from text
    yield fence


def quoted(text: str) -> str:
    """Return text in which nothing is markup, for Markdown or HTML."""
    return re.sub(r"([\\`*_{}\[\]()#+!|~<>&@-])", lambda sign: f"&#{ord(sign[1])};", flat(text))
