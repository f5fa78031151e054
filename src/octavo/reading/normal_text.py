"""Normalise SQL and shell scripts: no comments, no whitespace outside of quotes.

What is left is compared, never run. Where a text could be read in two ways, more of it is kept: a needless run is
better than a missed one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_TAG = re.compile("\x00(\\d+)\x00")
#: The parts of SQL: what is kept as it is (quotes, also PostgreSQL's $$, and [names]), comments, space, all other.
_SQL = re.compile(
    r"""
    (?P<quoted>'[^']*' | "[^"]*" | `[^`]*` | \[[^\[\]\n]*\] | (?P<tag>\$(?:[A-Za-z_]\w*)?\$).*?(?P=tag))
  | (?P<line>--[^\n]*)
  | (?P<block>/\*.*?\*/)
  | (?P<space>\s+)
  | (?P<other>\x00\d+\x00 | \w+ | .)
    """,
    re.VERBOSE | re.DOTALL,
)
_TIGHT = frozenset(",();")


def sql(text: str, pieces: Iterable[tuple[str, str]]) -> str:
    """Return a SQL template in a form that comments and white space do not change.

    ``pieces`` is the text as Jinja cuts it: ("data", …) and ("tag", …), its comments left out.
    """
    # a backslash may end a quote or not, by database; comments in comments end at one place or another
    if "\x00" in text or "\\'" in text or '\\"' in text or _nested(text):
        return text
    tags: list[str] = []
    joined = ""
    for kind, value in pieces:
        if kind == "tag":
            tags.append(value)
            value = f"\x00{len(tags) - 1}\x00"
        joined += value
    return _TAG.sub(lambda found: tags[int(found[1])], _tightened(joined))


def _tightened(text: str) -> str:
    kept: list[str] = []
    gap = ""
    for found in _SQL.finditer(text):
        token = found[0]
        match found.lastgroup:
            case "space":
                gap += token
                continue
            case "other" if token in "'\"`":  # it is never closed, or not where it seems
                return text
            case "line" if "\x00" not in token and token[2:3] in ("", " ", "\t", "\r", "-"):
                continue
            case "block" if "\x00" not in token and token[2:3] not in ("+", "!"):  # hints to the database
                gap += " "
                continue
        if kept and (gap or kept[-1].startswith("--")):
            kept.append(_between(kept[-1], token, gap))
        kept.append(token)
        gap = ""
    return "".join(kept)


def _between(before: str, after: str, gap: str) -> str:
    """Return what is left of white space between two tokens."""
    if before.startswith("--"):
        return "\n"
    # what a tag becomes may end in a comment; two texts on two lines are one text
    if "\x00" in before or "\x00" in after or (before[-1] == "'" and after[0] == "'"):
        return "\n" if "\n" in gap else " "
    return "" if before[-1] in _TIGHT or after[0] in _TIGHT else " "


def _nested(text: str) -> bool:
    begin = text.find("/*")
    while begin >= 0:
        end = text.find("*/", begin + 2)
        if end < 0 or "/*" in text[begin + 2 : end]:
            return True
        begin = text.find("/*", end + 2)
    return False


def shell(text: str, pieces: Iterable[tuple[str, str]] = ()) -> str:
    """Return a shell script without lines that are blank or a comment, where each line can be read on its own."""
    lines = text.splitlines()
    kept = [
        line.rstrip()
        for number, line in enumerate(lines)
        if line.strip()
        and (not line.lstrip().startswith("#") or "{" in line or (number == 0 and line[:2] == "#!"))
    ]
    # in a here-document, a quote over several lines or a line that goes on, "#" begins no comment
    if "<<" in text or any(_open(line) for line in kept):
        return text
    return "\n".join(kept)


def _open(line: str) -> bool:
    """Return whether a line ends within quotes, or goes on in the next one."""
    quote, escaped = "", False
    for character in line:
        if escaped:
            escaped = False
        elif character == "\\" and quote != "'":
            escaped = True
        elif character == quote:
            quote = ""
        elif character in "'\"`" and not quote:
            quote = character
    return bool(quote) or escaped
