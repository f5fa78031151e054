"""What a cell shows, what it rests on, and which cells of executed notebooks show a value."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import unescape
from math import isclose

from .. import notebook as documents
from ..dataclass import dataclass
from ..errors import Error, Errors
from ..model import Json, joined
from ..notebook.cells import Notebook
from ..notebook.inject import tags
from ..reading import ran
from ..reading.facts import facts

_NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?(?:[eE][-+]?\d+)?(?![\w.]*\w)")
_TAG = re.compile(r"<[^>]*>")


@dataclass(frozen=True, slots=True)
class ShownCell:
    """A code cell: its number among these from 1, its code, what it shows as text, and what was kept of its run.

    ``rests_on`` are the numbers of the cells before it that define or may change what it uses. ``ran`` tells whether
    the code is what ran; None where nothing was kept. ``injected``: it was added with the parameters of a task.
    """

    number: int
    index: int
    source: str
    text: str
    rests_on: tuple[int, ...]
    ran: bool | None
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    injected: bool = False


@dataclass(frozen=True, slots=True)
class ShowingCell:
    """A cell of a notebook that shows a value: a line of its output, and whether that has the value as it was asked."""

    path: str
    number: int
    line: str
    exact: bool


def cell(notebook: Notebook, number: int) -> ShownCell:
    """Return a code cell by its number; raise ``Error`` for one that is not there."""
    code = [index for index, one in enumerate(notebook.cells) if one["cell_type"] == "code"]
    if not 1 <= number <= len(code):
        raise Error(f"it has no code cell {number}", notebook.path, f"it has {len(code)} code cells, from 1")
    index = code[number - 1]
    one = notebook.cells[index]
    numbers = {index: place for place, index in enumerate(code, start=1)}
    return ShownCell(
        number,
        index,
        one["source"],
        text(one),
        tuple(numbers[place] for place in _rests_on(notebook, index, code)),
        ran.matches(one),
        ran.used(one, "reads"),
        ran.used(one, "writes"),
        "injected-parameters" in tags(one),
    )


def _rests_on(notebook: Notebook, index: int, code: Sequence[int]) -> list[int]:
    """Return the indices of the cells that a cell rests on, itself not among them.

    A cell that uses a name may change what it stands for, so it counts, too. Where the names are not known, as in
    other languages than Python, all cells before it count.
    """
    before = [place for place in code if place < index]
    known = {fact.cell: fact for fact in facts(notebook).cells}
    if index not in known:
        return before
    wanted, found = set(known[index].uses), []
    for place in reversed(before):
        fact = known.get(place)
        if fact is None:
            if notebook.cells[place]["source"].strip():
                found.append(place)  # nobody knows what it does
        elif not wanted.isdisjoint((*fact.defines, *fact.uses)):
            found.append(place)
            wanted |= set(fact.uses)
    return found[::-1]


def text(one: Json) -> str:
    """Return what a code cell shows, as text."""
    return "\n".join(part.rstrip("\n") for output in one.get("outputs") or () for part in _texts(output))


def _texts(output: Json) -> Iterator[str]:
    if output.get("output_type") == "stream":
        yield joined(output.get("text", ""))
    elif output.get("output_type") == "error":
        yield f"{output.get('ename', '')}: {output.get('evalue', '')}"
    else:
        data = output.get("data") or {}
        plain = next(
            (data[mime] for mime in ("text/plain", "text/markdown", "text/latex") if mime in data), ""
        )
        html = data.get("text/html")
        plain = joined(plain)
        if html is not None and (not plain or plain.startswith("<")):
            plain = unescape(_TAG.sub(" ", joined(html)))
        if plain:
            yield plain


def showing(paths: Sequence[tuple[str, str]], value: str) -> list[ShowingCell]:
    """Return the cells of notebooks (their names, and their files) whose outputs show a value.

    A number that is shown nowhere as it is asked is looked for among those that round to it.
    """
    found = [hit for name, full in paths for hit in _in_file(name, full, value, exact=True)]
    if not found and (digits := _digits(value)) is not None:
        found = [hit for name, full in paths for hit in _in_file(name, full, value, False, digits)]
    return found


def _in_file(name: str, full: str, value: str, exact: bool, digits: int = 0) -> Iterator[ShowingCell]:
    try:
        with open(full, "rb") as file:  # noqa: PTH123 - one of many
            data = file.read()
        if exact and not any(form.encode() in data for form in _forms(value)):
            return  # most notebooks need not be parsed
        cells = documents.loads(data, full).cells
    except (Error, Errors, OSError):
        return
    number = 0
    for one in cells:
        if one["cell_type"] != "code":
            continue
        number += 1
        for line in text(one).splitlines():
            if _shows(line, value) if exact else _rounds(line, value, digits):
                yield ShowingCell(name, number, line.strip(), exact)
                break


def _forms(value: str) -> list[str]:
    """Return texts of which one is in every file that shows a value; what JSON escapes has none but the empty one."""
    if _digits(value) is not None:
        whole, dot, rest = value.lstrip("+-").partition(".")
        return [value.lstrip("+"), f"{int(whole):,}{dot}{rest}"]
    return [value if value.isascii() and value.isalnum() else ""]


def _digits(value: str) -> int | None:
    """Return how many decimals a number is asked with; None for what is no plain number."""
    found = re.fullmatch(r"[-+]?\d+(?:\.(\d*))?", value)
    return len(found[1] or "") if found else None


def _numbers(line: str) -> Iterator[float]:
    for found in _NUMBER.finditer(line):
        if any(char.isdigit() for char in found[0]):
            yield float(found[0].replace(",", ""))


def _shows(line: str, value: str) -> bool:
    if _digits(value) is None:
        return value in line
    return any(isclose(number, float(value), rel_tol=1e-12, abs_tol=0.0) for number in _numbers(line))


def _rounds(line: str, value: str, digits: int) -> bool:
    return any(f"{number:.{digits}f}" == f"{float(value):.{digits}f}" for number in _numbers(line))
