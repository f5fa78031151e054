"""Variables of a shell and what they expand to; what only the shell can know becomes a ``{{name}}``."""

from __future__ import annotations

import posixpath
import re
import shlex
from fnmatch import fnmatchcase
from itertools import accumulate

from .notebook_calls import Effort

_VARIABLE = re.compile(
    r"\$(?:\{([A-Za-z_]\w*|\d)(?:(:?[-=]|%%?|##?)((?:[^{}]|\{[^{}]*\})*))?\}|([A-Za-z_]\w*)|(\d))"
)
_COMMAND = re.compile(r"\$\(([^()]*)\)|`([^`]*)`")
_LIST = re.compile(r"\"?\$(?:\{([A-Za-z_]\w*)\[[@*]\]\}|(@|\*)|\{(@|\*)\})\"?")
_BRACES = re.compile(r"\{(-?\d+)\.\.(-?\d+)\}|\{([^{}$\s]*,[^{}$\s]*)\}")
#: The script itself, as people write it to find its folder.
_SELF = r"\$\{?(?:0|BASH_SOURCE(?:\[0\])?)\}?"
_REAL = re.compile(rf"\$\(\s*(?:readlink\s+-\w+|realpath)\s+(?:--\s+)?\"?{_SELF}\"?\s*\)")
_DIRNAME = re.compile(
    rf"\$\(\s*dirname\s+(?:--\s+)?\"?{_SELF}\"?\s*\)|\$\{{(?:0|BASH_SOURCE(?:\[0\])?)%/\*\}}|`dirname\s+\"?{_SELF}\"?`"
)
_PWD = re.compile(
    r"\$\(\s*cd\s+(?:--\s+)?\"?([^\"$()&;>]*)\"?\s*(?:&?>\s*/dev/null\s*(?:2>&1\s*)?)?(?:&&|;)\s*pwd(?:\s+-P)?\s*\)"
)
_TOP = re.compile(r"\$\(\s*(?:git\s+rev-parse\s+--show-toplevel|pwd(?:\s+-P)?)\s*\)|`pwd`|\$\{PWD\}|\$PWD\b")
_MOST = 1000


class Values:
    """The variables that a script has set, as texts in which all is filled in that can be known."""

    def __init__(self, here: str, root: str, effort: Effort) -> None:
        self.variables: dict[str, str] = {}
        self.lists: dict[str, list[str]] = {}
        #: What only the shell knows, by the name of its placeholder, as the script says it.
        self.unknown: dict[str, str] = {}
        self._here, self._root, self._effort = here or ".", root or ".", effort

    def assign(self, name: str, text: str) -> None:
        """Set a variable to what stands behind its "="."""
        if text.startswith("(") and text.endswith(")"):
            self.lists[name] = self.words(text[1:-1])
            return
        plain = text.strip().strip('"')
        if _COMMAND.fullmatch(self._placed(plain)) and self._known(self._placed(plain)) is None:
            self.unknown[name] = plain
            self.variables[name] = f"{{{{{name}}}}}"
            return
        words = self.words(text)
        self.variables[name] = words[0] if words else ""

    def words(self, text: str) -> list[str]:
        """Return the words of a command, expanded."""
        text = _LIST.sub(self._listed, text)
        found: list[str] = []
        for word in _words(self.filled(text)):
            found += _braced(word)
        return found

    def filled(self, text: str) -> str:
        """Return a text with what its variables and commands stand for."""
        placed = _COMMAND.sub(self._command, self._effort.text(self._placed(text)))
        return self._effort.text(_VARIABLE.sub(self._variable, placed))

    def _placed(self, text: str) -> str:
        """Return a text with the folder of the script, and the one that it was started in, filled in."""
        text = _DIRNAME.sub(lambda _: self._here, _REAL.sub("$0", text))
        text = _PWD.sub(lambda match: posixpath.normpath(match[1].strip() or "."), text)
        return _TOP.sub(lambda _: self._root, text)

    def _listed(self, match: re.Match[str]) -> str:
        values = self.lists.get(match[1] or match[2] or match[3])
        return match[0] if values is None else shlex.join(values)

    def _variable(self, match: re.Match[str]) -> str:
        name = match[1] or match[4] or match[5]
        if name not in self.variables:
            if match[2] and match[2][-1] in "-=":
                return self.filled(match[3])
            name = f"argument_{name}" if name.isdigit() else name
            self.unknown[name] = match[0]
            return f"{{{{{name}}}}}"
        value = self.variables[name]
        match match[2] or "":
            case "%" | "%%" as sign:
                return _without(value, match[3], end=True, longest=len(sign) > 1)
            case "#" | "##" as sign:
                return _without(value, match[3], end=False, longest=len(sign) > 1)
        return value

    def _command(self, match: re.Match[str]) -> str:
        known = self._known(match[0])
        if known is not None:
            return known
        words = re.findall(r"\w+", match[1] or match[2] or "")
        name = words[0] if words and not words[0][0].isdigit() else "value"
        self.unknown[name] = match[0]
        return f"{{{{{name}}}}}"

    def _known(self, text: str) -> str | None:
        """Return what a command prints, where its words tell; None where only the shell can."""
        match = _COMMAND.fullmatch(text)
        words = self.words(match[1] or match[2] or "") if match else []
        match words:
            case ["basename", path]:
                return posixpath.basename(path.rstrip("/"))
            case ["basename", path, ending] | ["basename", "-s", ending, path]:
                return posixpath.basename(path.rstrip("/")).removesuffix(ending)
            case ["dirname", path]:
                return posixpath.dirname(path) or "."
            case ["echo", *said]:
                return " ".join(said)
            case ["ls", pattern]:
                return pattern
            case ["seq", *numbers] if 1 <= len(numbers) <= 3 and all(_whole(n) for n in numbers):
                first, by, last = {
                    1: (1, 1, int(numbers[0])),
                    2: (int(numbers[0]), 1, int(numbers[-1])),
                    3: (int(numbers[0]), int(numbers[1 % len(numbers)]), int(numbers[-1])),
                }[len(numbers)]
                values = range(first, last + (1 if by > 0 else -1), by) if by else range(0)
                return " ".join(map(str, values[:_MOST]))
        return None


def _whole(text: str) -> bool:
    return re.fullmatch(r"-?\d{1,9}", text) is not None


def _without(value: str, pattern: str, *, end: bool, longest: bool) -> str:
    """Return a value without the part at its beginning or end that a pattern matches, as ``${x%.*}`` says."""
    pieces = list(accumulate(value[::-1] if end else value, initial=""))
    for piece in reversed(pieces) if longest else pieces:
        part = piece[::-1] if end else piece
        if part and fnmatchcase(part, pattern):
            return value[: len(value) - len(part)] if end else value[len(part) :]
    return value


def _braced(word: str) -> list[str]:
    """Return the words that ``{1..3}`` and ``{a,b}`` stand for."""
    match = _BRACES.search(word) if "{{" not in word else None
    if match is None:
        return [word]
    if match[3] is not None:
        inner = match[3].split(",")
    else:
        first, last = int(match[1][:9]), int(match[2][:9])
        by = 1 if last >= first else -1
        inner = [str(number) for number in range(first, last + by, by)[:_MOST]]
    head, ends = word[: match.start()], _braced(word[match.end() :])
    return [head + text + end for text in inner for end in ends][:_MOST]


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text, comments=True)
    except ValueError:
        return text.split()
