"""A call of papermill: which notebook, with what, to where; and one task for calls that differ by a loop's values."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from itertools import product

from ..dataclass import dataclass
from ..errors import Error
from ..model import Json
from ..spec import document

#: Papermill's options that take values: how many words, and what they are.
_OPTIONS = {
    **dict.fromkeys(("-p", "--parameters", "-r", "--parameters_raw"), 2),
    **dict.fromkeys(("-f", "--parameters_file", "-y", "--parameters_yaml", "-b", "--parameters_base64"), 1),
    **dict.fromkeys(("-k", "--kernel", "-l", "--language", "--engine", "--cwd", "--start_timeout"), 1),
    **dict.fromkeys(
        ("--execution_timeout", "--start-timeout", "--execution-timeout", "--request-save-on-cell-execute"), 1
    ),
    **dict.fromkeys(("--autosave-cell-every",), 1),
}

#: How many commands, statements and expressions are followed, and how long a text they may make.
_STEPS, _LONGEST = 10_000, 10_000
_SHORTER = "put the calls of papermill into a shorter script"


@dataclass(frozen=True, slots=True)
class NotebookCall:
    """One notebook that papermill is asked to run. ``unknown`` are values that only its caller knows, by a name."""

    source: str
    output: str
    line: int
    params: Mapping[str, object] = field(default_factory=dict)
    grid: Mapping[str, list[object]] = field(default_factory=dict)
    kernel: str | None = None
    cwd: str | None = None
    #: Where the script has gone (``cd``) before the call: its paths count from there.
    folder: str = ""
    name: str = ""
    #: Tells the calls of one file apart; ``after`` has the keys of those that it waits for.
    key: str = ""
    after: tuple[str, ...] = ()
    unknown: Mapping[str, str] = field(default_factory=dict)
    schedule: str = ""
    #: Files with parameters (``-f``), whose values come before those of ``params``.
    files: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    #: What the variables of loops around the call are.
    loop: Mapping[str, object] = field(default_factory=dict)


class Effort:
    """How far a script is followed: loops in loops and texts that double would have no end."""

    def __init__(self, path: str) -> None:
        self._path, self._left = path, _STEPS

    def step(self) -> None:
        """Take one more step, or raise ``Error``."""
        self._left -= 1
        if self._left < 0:
            raise Error("its loops and functions are too long to follow", self._path, _SHORTER)

    def text(self, text: str) -> str:
        """Return a text, or raise ``Error`` for one that no path is as long as."""
        if len(text) > _LONGEST:
            raise Error("it makes texts that are too long to follow", self._path, _SHORTER)
        return text


def arguments(words: Sequence[str], line: int) -> NotebookCall | None:
    """Return the call that papermill's words make; None where they name no notebook."""
    places: list[str] = []
    params: Json = {}
    options: dict[str, str] = {}
    files: list[str] = []
    notes: list[str] = []
    rest = iter(words)
    for word in rest:
        if word in (">", ">>", "2>", "2>&1", "&>", "<") or word.startswith((">", "2>", "&>")):
            break
        option, equals, given = word.partition("=")
        if option not in _OPTIONS:
            places += [word] if not word.startswith("-") or word == "-" else []
            continue
        values = [given] if equals else []
        values += [next(rest, "") for _ in range(_OPTIONS[option] - len(values))]
        match option:
            case "-p" | "--parameters":
                params[values[0]] = typed(values[1])
            case "-r" | "--parameters_raw":
                params[values[0]] = values[1]
            case "-y" | "--parameters_yaml" | "-b" | "--parameters_base64":
                found = _mapping(values[0], encoded=option in ("-b", "--parameters_base64"))
                params |= found or {}
                if found is None:
                    notes.append(f"{option} {values[0]} is no mapping: its parameters are left out")
            case "-f" | "--parameters_file":
                files.append(values[0])
            case _:
                options[option] = values[0]
    if not places or "." not in places[0]:
        return None
    kernel = options.get("-k", options.get("--kernel"))
    output = places[1] if len(places) > 1 and places[1] != "-" else ""
    return NotebookCall(
        places[0],
        output,
        line,
        params,
        kernel=kernel,
        cwd=options.get("--cwd"),
        files=tuple(files),
        notes=tuple(notes),
    )


def _mapping(text: str, *, encoded: bool) -> Json | None:
    try:
        plain = base64.b64decode(text, validate=True).decode() if encoded else text
        found = document.parse(plain, "the command line").data
    except (binascii.Error, UnicodeDecodeError, Error, ExceptionGroup):
        return None
    return found if isinstance(found, dict) else None


def typed(text: str) -> object:
    """Return a value as papermill's -p takes it: numbers, true and null, else the text."""
    words = {"True": True, "False": False, "true": True, "false": False, "None": None, "null": None}
    if text in words:
        return words[text]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text


def gathered(calls: Sequence[NotebookCall]) -> list[NotebookCall]:
    """Return the calls, those of a loop as one with a grid where they differ by parameters of the notebook alone."""
    groups: dict[tuple[object, ...], list[NotebookCall]] = {}
    for number, call in enumerate(calls):
        same = (call.line, call.source, call.folder, *call.loop) if call.loop else (number, call.line)
        groups.setdefault(same, []).append(call)
    found: list[NotebookCall] = []
    stands_for: dict[str, str] = {}
    for group in groups.values():
        one = _one(group) if group[0].loop else None
        if one is not None:
            stands_for |= {call.key: one.key for call in group}
        found += group if one is None else [one]
    return [
        replace(call, after=tuple(dict.fromkeys(stands_for.get(key, key) for key in call.after)))
        for call in found
    ]


def _one(calls: Sequence[NotebookCall]) -> NotebookCall | None:
    """Return the one call, with a grid, that calls of a loop amount to; None where they do not."""
    first = calls[0]
    values = {name: [*dict.fromkeys(_hashable(call.loop[name] for call in calls))] for name in first.loop}
    takes: dict[str, str] = {}  # the parameter that a loop's variable is
    for name in [name for name, each in values.items() if len(each) > 1]:
        for param in first.params:
            if all(param in call.params and _same(call.params[param], call.loop[name]) for call in calls):
                takes[name] = param
                break
        else:
            return None
    whole = [dict(zip(takes, row, strict=True)) for row in product(*(values[name] for name in takes))]
    if len(whole) != len(calls) or not takes:
        return None
    grid = {takes[name]: [*dict.fromkeys(_hashable(c.params[takes[name]] for c in calls))] for name in takes}
    marks = {name: f"[[{param}]]" for name, param in takes.items()}
    params = {name: value for name, value in first.params.items() if name not in grid}
    template: object = (first.name, first.output, params)
    for name in sorted(takes, key=lambda name: -len(str(first.loop[name]))):
        template = _replaced(template, str(first.loop[name]), marks[name])
    for call in calls:
        back = template
        for name, mark in marks.items():
            back = _replaced(back, mark, str(call.loop[name]))
        rest = {name: value for name, value in call.params.items() if name not in grid}
        if back != (call.name, call.output, rest) or call.files != first.files:
            return None
    match template:
        case (str(name), str(output), dict(params)):
            return replace(first, name=name, output=output, params=params, grid=grid, loop={})
    return None


def _hashable(values: Iterable[object]) -> list[object]:
    return [value for value in values if isinstance(value, str | int | float | bool | None)]


def _same(given: object, value: object) -> bool:
    return given == value or (isinstance(value, str) and given == typed(value))


def _replaced(value: object, old: str, new: str) -> object:
    """Return a value with a part of its texts replaced, also of those in tuples, lists and mappings."""
    match value:
        case str():
            return value.replace(old, new)
        case tuple():
            return tuple(_replaced(item, old, new) for item in value)
        case list():
            return [_replaced(item, old, new) for item in value]
        case dict():
            return {key: _replaced(item, old, new) for key, item in value.items()}
    return value
