"""Which parts of a line are keywords, strings, numbers, comments and names, as Pygments reads the source it is in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from ..lazy import lazy_imports
from ..model import Json, joined
from .changes import ChangedCell

with lazy_imports():
    from pygments import lexers, token, util

#: A part of a line: where it begins and ends, and what it is: "keyword", "string", "number", "comment" or "name".
Span = tuple[int, int, str]

#: Longer sources, and those with longer lines, are data rather than code, and would take long to read.
_LONGEST, _LONGEST_LINE = 50_000, 2_000
#: Cell magics that say what language the rest of a cell is in; other magics do not change it.
_MAGICS = {
    "bash": "bash",
    "sh": "bash",
    "script": "bash",
    "sql": "sql",
    "bigquery": "sql",
    "R": "r",
    "html": "html",
    "HTML": "html",
    "svg": "html",
    "javascript": "javascript",
    "js": "javascript",
    "latex": "latex",
    "markdown": "markdown",
    "perl": "perl",
    "ruby": "ruby",
    "cython": "cython",
    "writefile": "",
}
_MAGIC = re.compile(r"\s*%%(\w+)")
#: Of files that are no notebooks the language, by their extensions.
_FILES = {
    "py": "python",
    "sql": "sql",
    "r": "r",
    "jl": "julia",
    "sh": "bash",
    "yaml": "yaml",
    "yml": "yaml",
    "toml": "toml",
    "json": "json",
    "md": "markdown",
    "js": "javascript",
    "scala": "scala",
}


def of_file(path: str) -> str:
    """Return the language of a file by its extension; "" where it tells none."""
    return _FILES.get(path.rpartition(".")[2].lower(), "")


def of_cell(cell: Json, language: str) -> str:
    """Return the language of a cell of a notebook in a language."""
    if cell.get("cell_type") != "code":
        return "markdown" if cell.get("cell_type") == "markdown" else ""
    found = _MAGIC.match(joined(cell.get("source", "")))
    return _MAGICS.get(found[1], language) if found else language


def spans(change: ChangedCell) -> list[tuple[Span, ...]]:
    """Return for each line of a change its parts that have a colour; none where its language is not known."""
    plain: list[tuple[Span, ...]] = [() for _ in change.lines]
    if not any(line.at >= 0 for line in change.lines):
        return plain
    sides = [
        _Source(cell, change.language) if cell is not None else None for cell in (change.before, change.after)
    ]
    for number, line in enumerate(change.lines):
        side = sides[0] if line.sign == "-" else sides[1]
        # of a line that does not say any more what the source says, its secrets hidden, nothing is known
        if side is not None and 0 <= line.at < len(side.lines) and side.lines[line.at] == line.text:
            plain[number] = side.spans[line.at]
    return plain


class _Source:
    """The source of a cell on one side: its lines, and their parts."""

    def __init__(self, cell: Json, language: str) -> None:
        text = joined(cell.get("source", ""))
        self.lines = text.split("\n")
        self.spans: list[tuple[Span, ...]] = [() for _ in self.lines]
        name = of_cell(cell, language) if cell.get("cell_type") else language
        if name and len(text) <= _LONGEST and max(map(len, self.lines)) <= _LONGEST_LINE:
            self._read(text, name)

    def _read(self, text: str, name: str) -> None:
        try:
            lexer = lexers.get_lexer_by_name(name)
        except util.ClassNotFound:
            return
        found: list[list[Span]] = [[] for _ in self.lines]
        number, start = 0, 0  # the line, and where it begins
        for at, kind, value in lexer.get_tokens_unprocessed(text):
            style = _style(kind)
            for nth, piece in enumerate(
                value.split("\n")
            ):  # other ends of lines are characters of a line here
                if nth:
                    at += 1
                    number, start = number + 1, at
                if style and piece:
                    _add(found[number], at - start, at - start + len(piece), style)
                at += len(piece)
        self.spans = [tuple(line) for line in found]


def _add(spans: list[Span], start: int, end: int, style: str) -> None:
    """Add a part of a line; what goes on from the last one, as the quotes of a string do, becomes one with it."""
    if spans and spans[-1][1:] == (start, style):
        start = spans.pop()[0]
    spans.append((start, end, style))


def _style(kind: object) -> str:
    for style, parents in (
        ("comment", (token.Comment,)),
        ("string", (token.String, token.Generic.Emph)),
        ("number", (token.Number, token.Keyword.Constant)),
        ("keyword", (token.Keyword, token.Operator.Word, token.Generic.Heading, token.Generic.Subheading)),
        (
            "name",
            (token.Name.Builtin, token.Name.Function, token.Name.Class, token.Name.Decorator, token.Name.Tag),
        ),
    ):
        if any(kind in parent for parent in parents):
            return style
    return ""


def pieces(
    text: str, marks: Sequence[tuple[int, int]], spans: Sequence[Span]
) -> Iterator[tuple[str, bool, str]]:
    """Yield a line in pieces, each with whether it is marked, and what it is."""
    places = {place for mark in marks for place in mark} | {place for span in spans for place in span[:2]}
    cuts = sorted({0, len(text), *(place for place in places if place < len(text))})
    mark, span = 0, 0
    for start, end in pairwise(cuts):
        while mark < len(marks) and marks[mark][1] <= start:
            mark += 1
        while span < len(spans) and spans[span][1] <= start:
            span += 1
        marked = mark < len(marks) and marks[mark][0] <= start
        style = spans[span][2] if span < len(spans) and spans[span][0] <= start else ""
        yield text[start:end], marked, style
