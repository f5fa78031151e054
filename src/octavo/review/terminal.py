"""Comparisons of notebooks for a terminal, and as Markdown for a comment on a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ..show.screen import Screen, cut, flat, visible
from . import syntax
from .changes import ChangedCell, Comparison, DiffLine

_LONGEST = 2_000
_COLOURS = {"-": "red", "+": "green"}
_REVERSE, _STRAIGHT = "\x1b[7m", "\x1b[27m"
_DEFAULT, _NORMAL = "\x1b[39m", "\x1b[22m"
_SIGNS = {"-": "\x1b[31m", "+": "\x1b[32m"}
#: How parts of code begin and end: colours but red and green, which are of the signs, and weights.
_STYLES = {
    "keyword": ("\x1b[35m", _DEFAULT),
    "string": ("\x1b[33m", _DEFAULT),
    "number": ("\x1b[36m", _DEFAULT),
    "name": ("\x1b[1m", _NORMAL),
    "comment": ("\x1b[2m", _NORMAL),
}


def lines(found: Comparison, to: Screen) -> Iterator[str]:
    """Yield a comparison as lines for a screen."""
    yield to.paint(cut(f"{flat(found.before)} → {flat(found.after)}", to.width), "bold")
    for note in found.notes:
        yield f"  {flat(note)}"
    for change in found.cells:
        kind = f"{change.kind}, moved" if change.moved else change.kind
        head = f"{'─' * 2 if to.wide else '--'} {change.type} {flat(change.name)}: {kind}"
        yield to.paint(cut(head, to.width), "cyan")
        parts = syntax.spans(change) if to.colour else [() for _ in change.lines]
        for line, spans in zip(change.lines, parts, strict=True):
            yield _line(line, spans, to)
        for note in change.notes:
            yield f"  {to.paint('output' if note.startswith('output') else 'also', 'yellow')} {flat(note)}"
    if found.cells:
        yield flat(found.counted())
    yield ""


def _line(line: DiffLine, spans: Sequence[syntax.Span], to: Screen) -> str:
    if line.sign == "…":
        return to.paint("  …" if to.wide else "  ...", "dim")
    text, more = line.text[:_LONGEST], len(line.text) - _LONGEST
    text = _styled(text, line, spans) if to.colour and (line.marks or spans) else _plain(text)
    if more > 0:
        text += f" … {more:,} characters more"
    return to.paint(f"{line.sign} {text}", _COLOURS.get(line.sign, ""))


def _styled(text: str, line: DiffLine, spans: Sequence[syntax.Span]) -> str:
    """Return a line with colours: what has none keeps that of the sign, and words that differ are reversed."""
    made = []
    for piece, marked, style in syntax.pieces(text, line.marks, spans):
        shown = _plain(piece)
        if style:
            begin, end = _STYLES[style]
            # 39 is the terminal's colour: that of the sign is to go on
            shown = f"{begin}{shown}{_SIGNS.get(line.sign, end) if end == _DEFAULT else end}"
        made.append(f"{_REVERSE}{shown}{_STRAIGHT}" if marked else shown)
    return "".join(made)


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
    # in an address these would end the link
    link = re.sub(r"[\s()<>\\]", lambda sign: f"%{ord(sign[0]):02X}", page or "")
    head = f"{total} ([page]({link}))\n" if page else f"{total}\n"
    lines = [f"\n- {quoted(_name(one))}: {quoted(one.counted())} (too long to show here)\n" for one in all_]
    # each is named, where there is room for that, and as many as fit in the rest are shown
    left = most - len(head) - 100
    spare = left - sum(map(len, lines))
    pieces = [head]
    for number, (found, line) in enumerate(zip(all_, lines, strict=True)):
        text = "\n".join(_folded(found)) + "\n" if spare > 0 else line
        if len(text) - len(line) > spare:
            text = line
        if len(text) > left:
            pieces.append(f"\n… and {len(all_) - number:,} more {noun}s\n")
            break
        pieces.append(text)
        left -= len(text)
        spare -= len(text) - len(line)
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


#: What forges make references of: people to be told, issues, merge requests, labels, milestones, snippets, epics.
_REFERENCE = re.compile(r"[@#!~%$&](?=\w)")


def quoted(text: str) -> str:
    """Return text in which nothing is markup, and nothing a reference, for Markdown or HTML.

    Forges look for references after they have read entities, so a space without width keeps the sign from its word.
    """
    text = _REFERENCE.sub(lambda sign: f"{sign[0]}\u200b", flat(text))
    return re.sub(r"([\\`*_{}\[\]()#+!|~<>&@-])", lambda sign: f"&#{ord(sign[1])};", text)
