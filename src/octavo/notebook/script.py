"""What lines of a script mean in a notebook: strings, magics, escapes, and blank lines between cells.

The rules are those of jupytext's py:percent format (version 1.3), warts included: a file must give the same
cells here and there.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Languages that have scripts of their own, and how their comments start.
COMMENTS = {
    **dict.fromkeys(
        ("python", "coconut", "R", "julia", "bash", "powershell", "robotframework", "sos", "sage", "tcl"), "#"
    ),
    **dict.fromkeys(("gnuplot", "xonsh"), "#"),
    **dict.fromkeys(("c++", "javascript", "typescript", "scala", "rust", "csharp", "fsharp", "java"), "//"),
    **dict.fromkeys(("groovy", "stata", "go"), "//"),
    **dict.fromkeys(("scheme", "clojure"), ";;"),
    **dict.fromkeys(("matlab", "logtalk"), "%"),
    **dict.fromkeys(("wolfram language", "ocaml"), "(*"),
    **dict.fromkeys(("haskell", "lua"), "--"),
    **dict.fromkeys(("maxima", "sas", "jenner"), "/*"),
    "q": "/",
    "idl": ";",
}

#: A cell in one of these languages can stand in a notebook of another, by a magic like %%bash.
LANGUAGES = {
    *COMMENTS,
    *("sh", "python2", "python3", "js", "perl", "html", "latex", "markdown", "pypy", "ruby", "script", "svg"),
    *("octave", "spark", "sql", "cython", "c#", "f#", "cs", "fs"),
}

#: Line ends of str.splitlines that are none to Python.
_ODD_ENDS = re.compile("[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_PYTHON_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")

_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})(.*)$")
_SHELL = "cat|cd|cp|mv|rm|rmdir|mkdir|copy|ddir|echo|ls|ldir|ren"
_COMMAND = re.compile(rf"^(# |#)*({_SHELL})($|\s$|\s[^=,])")
_HELP_OR_BASH = re.compile(r"^\s*(?:(?:# |#)+\s*)?(\?|!)\s*[A-Za-z.~$\\/{}]")
_ASSIGN = re.compile(r"^(# |#)*\s*([a-zA-Z_][a-zA-Z_$0-9]*)\s*=\s*(%|%%|%%%|!)[a-zA-Z](.*)")
_HELP = re.compile(r"^\s*(# )*[^\s]*\?\s*$")
_PLUS = re.compile(r"^(# |#)*(#|# )\+")


def lines(text: str) -> list[str]:
    """Split a text into lines with their ends.

    As ``splitlines`` does, but a line separator, a file separator or the like is left where it is: Python
    sees no line end there, and to make one of it would break a string in two (jupytext does). A form feed is
    a line end only where a line starts or ends, so that a page break is a blank line.
    """
    if not _ODD_ENDS.search(text):
        return text.splitlines(keepends=True)
    result = []
    for line in _PYTHON_LINE.findall(text):
        while line.startswith("\f"):
            result.append("\f")
            line = line[1:]
        body = line.rstrip("\r\n")
        core = body.rstrip("\f")
        feeds = len(body) - len(core)
        if feeds:
            result += [core + "\f", *["\f"] * (feeds - 1)]
            line = line[len(body) :]
        if line:
            result.append(line)
    return result


def bare(line: str) -> str:
    """Return a line of ``lines`` without its end."""
    return line[:-2] if line.endswith("\r\n") else line[:-1] if line.endswith(("\n", "\r", "\f")) else line


def usual(language: str) -> str:
    """Return the usual name of a language that has several."""
    language = language.lower()
    names = {"r": "R", "octave": "matlab", "cs": "csharp", "c#": "csharp", "fs": "fsharp", "f#": "fsharp"}
    return "c++" if language.startswith("c++") else names.get(language, language)


class Quotes:
    """Knows, line after line, whether the next one starts inside a string."""

    __slots__ = ("_comment", "_marks", "_python", "_single", "_triple")

    def __init__(self, language: str | None) -> None:
        self._comment = COMMENTS.get(language or "")
        self._marks = _marks(self._comment)
        self._python = language != "R"  # R has no triple quotes, and its strings may go over lines
        self._single = self._triple = ""

    @property
    def open(self) -> bool:
        return bool(self._single or self._triple)

    def read(self, line: str) -> None:
        if "'" not in line and '"' not in line:
            return
        comment = self._comment
        if not self.open and comment and line.lstrip().startswith(comment):
            return
        start = -1  # where the last triple quote ended
        for match in self._marks.finditer(line):
            mark, at = match[0], match.start()
            if mark == comment:
                if not self.open:
                    break
            elif line[at - 1 : at] == "\\":
                continue
            elif self._single:
                if self._single == mark:
                    self._single = ""
            elif self._python:
                if at >= 2 and line[at - 2 : at + 1] == 3 * mark and at >= start + 3:
                    if not self._triple:
                        self._triple, start = mark, at
                    elif self._triple == mark:
                        self._triple, start = "", at
                elif not self._triple:
                    self._single = mark
        if self._python:
            self._single = ""


@cache
def _marks(comment: str | None) -> re.Pattern[str]:
    return re.compile("[\"']" + (f"|{re.escape(comment)}" if comment else ""))


@cache
def _magic(language: str) -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    mark = re.escape(COMMENTS[language])
    start = rf"^\s*({mark} |{mark})*(%|%%|%%%)[a-zA-Z]"
    return (
        re.compile(start),
        re.compile(rf"{start}(.*){mark}\s*escape"),
        re.compile(rf"{start}(.*){mark}\s*noescape"),
    )


def is_magic(line: str, language: str, *, escape: bool = True, explicit: bool = True) -> bool:
    """Return whether a line is a magic, perhaps already commented out, that has to be commented in a script.

    With ``escape`` off only a line that asks for it (``%magic  # escape``) is; ``explicit`` says that the
    line is known to be code, so that ``name?`` asks for help.
    """
    language = usual(language)
    if language not in COMMENTS or language in ("matlab", "sas", "jenner", "logtalk"):
        return False
    percent = "%" in line
    if percent:
        magic, wanted, unwanted = _magic(language)
        if wanted.match(line):
            return True
        if not escape or unwanted.match(line):
            return False
        if magic.match(line):
            return True
    if not escape or language != "python":
        return False
    if ("!" in line or "?" in line) and (
        _HELP_OR_BASH.match(line) or (explicit and "?" in line and _HELP.match(line))
    ):
        return True
    if "=" in line and (percent or "!" in line) and _ASSIGN.match(line):
        return True
    return bool(_COMMAND.match(line))


def comment_magics(source: list[str], language: str, *, escape: bool = True) -> list[str]:
    """Return the lines with magics and their continuation lines commented out."""
    return _magics(source, language, escape, uncomment=False)


def uncomment_magics(source: list[str], language: str) -> list[str]:
    """Return the lines with the comment mark taken once from each magic."""
    return _magics(source, language, True, uncomment=True)


def _magics(source: list[str], language: str, escape: bool, *, uncomment: bool) -> list[str]:
    quotes = Quotes(language)
    result = []
    continued = False
    for line in source:
        new = line
        if not quotes.open and (continued or is_magic(line, language, escape=escape)):
            if uncomment:
                new = _unescaped(line, language)
            elif continued:
                new = f"{COMMENTS[usual(language)]} {line}"
            else:
                body = line.lstrip()
                new = f"{line[: len(line) - len(body)]}{COMMENTS[usual(language)]} {body}"
            continued = language == "python" and line.rstrip().endswith("\\")
        result.append(new)
        quotes.read(line)
    return result


def _unescaped(line: str, language: str) -> str:
    mark, body = COMMENTS[usual(language)], line.lstrip()
    indent = line[: len(line) - len(body)]
    return indent + uncommented(body, mark)


def unescape_plus(source: list[str], language: str) -> list[str]:
    """Return the lines with ``# # +``, an escaped marker of the light format, back as ``# +``."""
    if not any("+" in line and _PLUS.match(line) for line in source):
        return source
    quotes = Quotes(language)
    result = []
    for line in source:
        new = line
        if not quotes.open and _PLUS.match(line):
            plain = _unescaped(line, language)
            new = plain if _PLUS.match(plain) else line
        result.append(new)
        quotes.read(line)
    return result


def uncommented(line: str, mark: str = "#") -> str:
    """Return a line without a leading comment mark and the space after it."""
    if line.startswith(mark + " "):
        return line[len(mark) + 1 :]
    return line[len(mark) :] if line.startswith(mark) else line


def commented(source: list[str], mark: str = "#") -> list[str]:
    """Return the lines behind comment marks."""
    return [f"{mark} {line}" if line else mark for line in source]


def opens_fence(line: str) -> tuple[str, int] | None:
    """Return the sign and length of the fence that a line of markdown opens."""
    match = _FENCE.match(line) if "```" in line or "~~~" in line else None
    if not match or (match[1][0] == "`" and "`" in match[2]):
        return None
    return match[1][0], len(match[1])


def closes_fence(line: str, fence: tuple[str, int]) -> bool:
    """Return whether a line of markdown closes a fence."""
    match = _FENCE.match(line) if fence[0] in line else None
    return (
        match is not None and match[1][0] == fence[0] and len(match[1]) >= fence[1] and not match[2].strip()
    )


def blank_lines(before: list[str], after: Iterable[str]) -> int:
    """Return how many blank lines PEP 8 wants between two cells' lines."""
    rest = iter(after)
    first = next(rest, None)
    if first is None:
        return 1
    if not before:
        return 0
    rest = chain((first,), rest)
    if _ends_with_definition(before):
        return 2 if _has_code(rest) else 1
    ends_with_code = bool(before[-1].strip()) and not before[-1].startswith("#")
    return 2 if ends_with_code and _starts_with_definition(rest) else 1


def _starts_with_definition(source: Iterable[str]) -> bool:
    quotes = Quotes("python")
    blank = False
    for line in source:
        quoted = quotes.open
        quotes.read(line)
        was_blank, blank = blank, not line.strip()
        if quoted:
            continue
        if blank:
            if was_blank:
                return False
        elif line.startswith(("def ", "async ", "class ")):
            return True
        elif not line.startswith(("#", "@", " ", ")")):
            return False
    return False


def _ends_with_definition(source: list[str]) -> bool:
    quotes = Quotes("python")
    plain = []
    for line in source:
        if not quotes.open:
            plain.append(line)
        quotes.read(line)
    blank = False
    for line in reversed(plain):
        was_blank, blank = blank, not line.strip()
        if blank:
            if was_blank:
                return False
        elif not line.startswith(("#", " ", ")")):
            return line.startswith(("def ", "async ", "class "))
    return False


def _has_code(source: Iterable[str]) -> bool:
    blank = False
    for line in source:
        was_blank, blank = blank, not line.strip()
        if blank:
            if was_blank:
                return False
        elif not line.strip().startswith("#"):
            return True
    return False
