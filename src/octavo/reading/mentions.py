"""Paths that a text names: a shell script, R, a command, any code. It is read and never run, so it may name too much.

What only a run knows, a variable or a number in a format, stands for anything: ``data/$year.csv`` is ``data/*.csv``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import field
from functools import lru_cache
from itertools import islice

from ..dataclass import dataclass

#: Characters of which paths are made where nobody quotes them, with those of patterns, lists and variables.
_WORD = re.compile(r"[\w./~+@%,:*?\[\]{}$()=!^-]+")
_QUOTED = re.compile(r"\"((?:[^\"\\\n]|\\.)+)\"|'((?:[^'\\\n]|\\.)+)'")
#: Texts that are put together: ``file.path("data", year, "x.csv")``, ``Path("data") / "x.csv"``, ``"data/" + name``.
_PIECE = r"(?:[rbfu]?(?:\"[^\"\n]*\"|'[^'\n]*')|[A-Za-z_][\w.]*(?:\([\w.]*\))?)"
_PUT_TOGETHER = re.compile(rf"{_PIECE}\)?(?:\s*[,/+]\s*\(?{_PIECE}){{1,7}}")
_PIECES = re.compile(r"[rbfu]?(?:\"([^\"\n]*)\"|'([^'\n]*)')|[A-Za-z_][\w.]*(?:\([\w.]*\))?")
#: What stands for a value: of a shell, of f-strings and templates, of formats.
_VALUE = re.compile(
    r"\$\([^()]*\)|\$\{[^{}]*\}|\$\w+|\{\{[^{}]*\}\}|\{[^{},]*\}|%[-+ 0#]*\d*(?:\.\d+)?[sdifgr]|%%"
)
_BRACES = re.compile(r"\{([^{}]*,[^{}]*)\}")
_WILD = re.compile(r"[*?\[]")
#: Programs whose arguments are paths, be there anything or not; those that tell how large files are, or their rights.
_ASKING = (
    r"test|\[\[?|ls|dir|find|readlink|realpath|file|cat|head|tail|wc|cp|mv|cmp|diff|grep|sort|source|cd|pushd"
)
_MEASURING = r"stat|du|ls[ \t]+-\w*[ls]\w*"
_BEFORE, _ARGUMENTS = r"(?:^|[\s;&|(`!'\"@])", r"[ \t]+([^;&|)`\n]*)"
_ASKED = re.compile(rf"{_BEFORE}(?:{_ASKING}|{_MEASURING}){_ARGUMENTS}", re.MULTILINE)
_MEASURED = re.compile(rf"{_BEFORE}(?:{_MEASURING}){_ARGUMENTS}", re.MULTILINE)
#: The same in languages: ``file.exists("x")``, ``isfile("x")``, ``Path("x").is_file()``, ``-e 'x'``.
_CALLED = re.compile(
    r"(?:exists?|is_?file|is_?dir\w*|ispath|access|file[._](?:info|size|test)|getsize|filesize|stat|Path)\w*"
    r"[ \t]*\([ \t]*[rbu]?(?:\"([^\"\n]+)\"|'([^'\n]+)')|(?<![\w-])-[bdefghrswxzL][ \t]+()['\"]?([\w./+@%~-]+)"
)
_NAME = re.compile(r"(?![-/%+])[\w./+@%=~-]*\w[\w./+@%=~-]*")
#: Programs and functions that list the folder in which they run, and those that go on into all below.
_HERE = re.compile(
    rf"{_BEFORE}(?:ls|dir|tree|du|find)(?:[ \t]+-\S+)*[ \t]*(?:\./?(?=[\s;&|)'\"]|$)|(?=[;&|)'\"\n]|$))"
    rf"|{_BEFORE}find[ \t]+-"
    r"|(?:listdir|scandir|walk|list\.files|readdir|opendir|glob)[ \t]*\([ \t]*(?:[\"']\.?/?[*\"']|\)|pattern)"
)
_LONGEST, _LONGEST_NAME = 4096, 200
_MOST = 20_000
_MOST_OF_ONE = 64


@dataclass(frozen=True, slots=True)
class Mentions:
    """Paths that are named, and patterns for paths; neither with a dot and a slash before it."""

    paths: set[str] = field(default_factory=set)
    patterns: set[str] = field(default_factory=set)

    def __or__(self, other: Mentions) -> Mentions:
        return Mentions(self.paths | other.paths, self.patterns | other.patterns)

    def names(self, path: str) -> bool:
        """Return whether a path is named: by itself, from a folder below, by a pattern, or by a folder it is in."""
        steps = path.split("/")
        for n in range(len(steps)):
            if "/".join(steps[n:]) in self.paths:
                return True
            if any("/".join(steps[m:n]) in self.paths for m in range(n)):
                return True
        stem, _, suffix = steps[-1].rpartition(".")
        if suffix == "py" and (
            stem in self.paths or any(path.rpartition(".")[2] == stem for path in self.paths)
        ):
            return True  # it was imported
        return any(_expression(pattern).fullmatch(path) for pattern in self.patterns)


def mentions(text: str) -> Mentions:
    """Return what a text names."""
    found = Mentions()
    for word in islice(_words(text), _MOST):
        for path in _paths(word):
            (found.patterns if _WILD.search(path) else found.paths).add(path)
    return found


def inquiries(text: str) -> tuple[set[str], set[str]]:
    """Return paths of which a text asks whether something is there, and those of which it asks how large that is."""
    asked, measured = (
        {word.strip("\"'").rstrip("/") for found in pattern.findall(text) for word in found.split()}
        for pattern in (_ASKED, _MEASURED)
    )
    asked |= {name.rstrip("/") for found in _CALLED.findall(text) for name in found if name}
    return _names(asked), _names(measured)


def _names(words: Iterable[str]) -> set[str]:
    plain = (word.removeprefix("./") for word in words if len(word) < _LONGEST_NAME)
    return {word for word in plain if _NAME.fullmatch(word)}


def lists_here(text: str) -> bool:
    """Return whether a text lists the folder in which it runs."""
    return _HERE.search(text) is not None


def _words(text: str) -> Iterator[str]:
    for one, other in _QUOTED.findall(text):
        yield one or other
    yield from joined(text)
    yield from _WORD.findall(text)


def joined(text: str) -> Iterator[str]:
    """Yield what pieces that are put together give, as steps of a path and as one text.

    What is no literal stands for anything.
    """
    for match in _PUT_TOGETHER.finditer(text):
        pieces = [one or other or "*" for one, other in _PIECES.findall(match[0])]
        if pieces and pieces[0] == "*":  # the function's name, or a folder that nobody knows
            pieces = pieces[1:]
        if any(piece != "*" for piece in pieces):
            yield "/".join(piece.strip("/") if n else piece.rstrip("/") for n, piece in enumerate(pieces))
            yield "".join(pieces)


def _paths(word: str) -> Iterator[str]:
    if not 0 < len(word) < _LONGEST:
        return
    if "://" in word:  # what is fetched is often kept under its last name
        yield word.rpartition("/")[2].partition("?")[0]
        return
    for whole in expanded([word]):
        plain = _VALUE.sub("*", whole)
        for path in {plain, *plain.split(":"), plain.rpartition("=")[2], *plain.split(",")}:
            bare = re.sub(r"\*{3,}", "**", path.strip("\"'`()").rstrip(".,:;!"))
            bare = bare.removeprefix("./").rstrip("/")
            if any(character.isalnum() for character in bare):
                yield bare


def expanded(words: Iterable[str]) -> list[str]:
    """Return words with ``{a,b}`` as a shell would spell them out."""
    done: list[str] = []
    waiting = list(words)
    while waiting and len(done) < _MOST_OF_ONE:
        word = waiting.pop()
        found = _BRACES.search(word)
        if found is None:
            done.append(word)
            continue
        waiting += [f"{word[: found.start()]}{part}{word[found.end() :]}" for part in found[1].split(",")]
    return done


@lru_cache(maxsize=512)
def _expression(pattern: str) -> re.Pattern[str]:
    """Return a pattern of a shell as an expression for whole paths, from any folder on."""
    out, rest = "", pattern.removeprefix("/")
    while rest:
        if rest.startswith("**"):
            out, rest = f"{out}.*", rest[2:].removeprefix("/")
        elif rest[0] == "*":
            out, rest = f"{out}[^/]*", rest[1:]
        elif rest[0] == "?":
            out, rest = f"{out}[^/]", rest[1:]
        elif found := re.match(r"\[([!^]?)([^\]/]+)\]", rest):
            letters = found[2].replace("\\", "\\\\").replace("[", "\\[")
            out, rest = f"{out}[{'^' if found[1] else ''}{letters}]", rest[found.end() :]
        else:
            out, rest = out + re.escape(rest[0]), rest[1:]
    try:
        return re.compile(f"(?:.*/)?{out}")
    except re.error:
        return re.compile(f"(?:.*/)?{re.escape(pattern)}")
