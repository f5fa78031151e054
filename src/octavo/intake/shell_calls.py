"""Find calls of papermill in shell scripts and crontabs, following variables, loops and functions."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from . import expansions
from .notebook_calls import Effort, NotebookCall, arguments, gathered

_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
_DECLARING = re.compile(r"(?:export|local|readonly|declare(?:\s+-\w+)*)\s+(?=[A-Za-z_]\w*=)")
_FUNCTION = re.compile(r"(?:function\s+([\w-]+)\s*(?:\(\s*\))?|([\w-]+)\s*\(\s*\))\s*\{?\s*(.*)")
_FOR = re.compile(r"for\s+(\w+)(?:\s+in\s+(.*))?", re.DOTALL)
_FIELD = r"(?:\*|\d+|[A-Za-z]{3})(?:[-/,](?:\*|\d+|[A-Za-z]{3}))*"
_TIMES = re.compile(rf"([*\d]\S*\s+(?:{_FIELD}\s+){{4}}|@\w+\s+)(?=\S)")
_EMPTY = re.compile(r"\(\s*\)")
#: A loop over more than this is looked at no further.
_MOST = 1000

#: A line's number and one command of it.
_Step = tuple[int, str]


def shell(text: str, path: str = "", root: str = "") -> list[NotebookCall]:
    """Return the calls of a shell script or a crontab; ``root`` is the folder that it is started in."""
    return gathered(list(_Shell(path, root).read(text)))


class _Shell:
    """What a shell would know at a line: variables, functions, and the folder that it has gone to."""

    def __init__(self, path: str, root: str) -> None:
        self._root = root
        here = posixpath.normpath(posixpath.join(root, posixpath.dirname(path)))
        self._effort = Effort(path)
        self._values = expansions.Values(here, root, self._effort)
        self._functions: dict[str, list[_Step]] = {}
        self._within: tuple[str, ...] = ()
        self._loop: dict[str, object] = {}
        self._folder = self._before = ""
        self._schedule = ""
        self._count = 0

    def read(self, text: str) -> Iterator[NotebookCall]:
        """Yield the calls of a text; each line of a crontab is a shell of its own."""
        script: list[_Step] = []
        for number, line in _lines(text):
            if match := _TIMES.match(line):
                yield from self._run(script)
                script = []
                known, folder = dict(self._values.variables), self._folder
                self._schedule = match[1].strip()
                yield from self._run(
                    [(number, part) for part in parts(line[match.end() :].replace("\\%", "%"))]
                )
                self._values.variables, self._folder, self._schedule = known, folder, ""
            else:
                script += [(number, part) for part in parts(line)]
        yield from self._run(script)

    def _run(self, steps: Sequence[_Step]) -> Iterator[NotebookCall]:
        at = 0
        folders: list[str] = []
        while at < len(steps):
            self._effort.step()
            number, part = steps[at]
            at += 1
            part = re.sub(r"^(?:(?:do|then|else|\{|!|time|nohup)(?:\s+|$))+", "", part)
            if match := _FUNCTION.fullmatch(part):
                end = _end(steps, at, "{", "}", 1 if "{" in part or match[3] else 0)
                body = [(number, match[3]), *steps[at : end - 1]] if match[3] else [*steps[at : end - 1]]
                self._functions[match[1] or match[2]] = body
                at = end
            elif match := _FOR.fullmatch(part):
                end = _end(steps, at, "for while until select", "done", 1)
                yield from self._each(match[1], match[2], steps[at : end - 1])
                at = end
            elif part == "(":
                folders.append(self._folder)
            elif part == ")":
                self._folder = folders.pop() if folders else self._folder
            else:
                yield from self._step(number, part)

    def _each(self, name: str, words: str | None, body: Sequence[_Step]) -> Iterator[NotebookCall]:
        """Run the body of a loop once for each of its values."""
        values = self._glob(self._values.words(words if words is not None else '"$@"'))
        around = dict(self._loop)
        for value in values[:_MOST]:
            self._values.variables[name] = value
            self._loop = {**around, name: value} if len(values) > 1 else around
            yield from self._run(body)
        self._loop = around

    def _step(self, number: int, part: str) -> Iterator[NotebookCall]:
        """Take in one command."""
        part = _DECLARING.sub("", part)
        match = _ASSIGNMENT.fullmatch(part)
        if match and (len(_split(match[2])) <= 1 or match[2].startswith(("$(", '"$(', "`", "("))):
            self._values.assign(match[1], match[2])
            return
        words = _split(part)
        if not words:
            return
        if words[0] in ("cd", "pushd") and len(words) < 4:
            self._go(self._values.filled(words[-1]) if len(words) > 1 else "")
        elif words[0] == "popd":
            self._folder = self._before
        elif words[0] in self._functions and words[0] not in self._within:
            yield from self._called(words[0], self._values.words(part)[1:])
        elif re.search(r"\b(?:papermill|octavo\s+run)\b", part):
            yield from self._papermill(number, part)

    def _called(self, name: str, given: Sequence[str]) -> Iterator[NotebookCall]:
        """Run a function of the script with its arguments."""
        known, within = dict(self._values.variables), self._within
        self._within = (*within, name)
        self._values.variables |= {str(at): value for at, value in enumerate(given, 1)}
        self._values.lists["@"] = [*given]
        yield from self._run(self._functions[name])
        self._values.variables, self._within = known, within

    def _papermill(self, number: int, part: str) -> Iterator[NotebookCall]:
        words = self._values.words(part)
        start = next((at for at, word in enumerate(words) if word.rsplit("/", 1)[-1] == "papermill"), None)
        if start is None:
            start = next((at + 1 for at, word in enumerate(words[:-1]) if word.endswith("octavo")), None)
        call = arguments(words[start + 1 :], number) if start is not None else None
        if call is None:
            return
        self._count += 1
        said = str((call.source, call.output, dict(call.params), call.cwd, call.files))
        yield replace(
            call,
            folder=self._folder,
            key=f"call {self._count}",
            schedule=self._schedule,
            loop=dict(self._loop),
            unknown={n: origin for n, origin in self._values.unknown.items() if f"{{{{{n}}}}}" in said},
        )

    def _go(self, place: str) -> None:
        target = self._before if place == "-" else place
        if "{{" in target:  # only the shell knows where
            return
        self._before = self._folder
        self._folder = posixpath.normpath(posixpath.join(self._folder, target)) if target else ""
        self._folder = "" if self._folder in (".", self._root) else self._folder

    def _glob(self, words: Iterable[str]) -> list[str]:
        """Return the values of a loop, with the files that patterns stand for."""
        base = Path(self._root, self._folder)
        found: list[str] = []
        for word in words:
            files: list[str] = []
            if self._root and any(sign in word for sign in "*?[") and "{{" not in word and word[0] != "/":
                try:
                    files = sorted(path.relative_to(base).as_posix() for path in base.glob(word))
                except (ValueError, OSError, NotImplementedError):
                    files = []
            found += files or [word]
        return found


def _lines(text: str) -> Iterator[_Step]:
    """Yield the lines of a script with their numbers; what goes on in the next one is one."""
    lines = iter(enumerate(text.splitlines(), 1))
    for number, line in lines:
        while line.rstrip().endswith("\\"):
            line = line.rstrip()[:-1] + " " + next(lines, (0, ""))[1]
        if (line := line.strip()) and not line.startswith("#"):
            yield number, line


def parts(line: str) -> Iterator[str]:
    """Yield the commands of a line, and brackets around some; what stands in quotes or in ``$(…)`` stays whole."""
    part, quote, depth, at = "", "", 0, 0
    while at < len(line):
        sign, two = line[at], line[at : at + 2]
        step = 1
        if quote:
            step = 2 if sign == "\\" and quote == '"' else 1
            quote = "" if sign == quote else quote
        elif sign in "'\"`":
            quote = sign
        elif sign == "\\" or two in ("&>", ">&", ">|"):
            step = 2
        elif two == "$(" or (sign == "(" and (depth or part.endswith("="))):
            depth, step = depth + 1, len("$(") if two == "$(" else 1
        elif depth:
            depth -= sign == ")"
        elif sign == "#" and (not part or part[-1].isspace()):
            break
        elif empty := _EMPTY.match(line, at):  # of the definition of a function
            step = len(empty[0])
        elif sign in "&|;()":
            yield from filter(None, (part.strip(), sign if sign in "()" else ""))
            part, at = "", at + 1
            continue
        part += line[at : at + step]
        at += step
    if part.strip():
        yield part.strip()


def _end(steps: Sequence[_Step], at: int, opening: str, closing: str, depth: int) -> int:
    """Return the place behind the word that closes a block."""
    words = opening.split()
    while at < len(steps):
        part = re.sub(r"^(?:(?:do|then|else)\s+)+", "", steps[at][1])
        at += 1
        first = part.split(maxsplit=1)[0] if part else ""
        if first in words or (opening == "{" and part.endswith("{")):
            depth += 1
        elif first == closing:
            depth -= 1
            if depth <= 0:
                return at
    return at + 1


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text, comments=True)
    except ValueError:
        return text.split()
