"""What differs between two versions of a notebook, cell by cell: code by lines and words, outputs by what they mean."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import field, replace

from .. import notebook as documents
from ..compare import Tolerance
from ..dataclass import dataclass
from ..lazy import lazy_imports
from ..model import Json, joined
from ..reading.language import language_of
from . import align
from .patch import same
from .text import numbers

with lazy_imports():
    import difflib

    from ..compare import outputs as comparing

#: Lines that are shown around a changed one.
CONTEXT = 3
#: Longer lines are marked as a whole, and more bytes of outputs than these are compared byte by byte.
_LONG_LINE, _MUCH = 2_000, 4_000_000
_TOKEN = re.compile(r"\w+|\s+|[^\w\s]")
#: The most differences of the outputs of a cell that are told one by one.
_TOLD = 20
#: What is another each time a notebook is opened or run, and so no change.
_NOISE = frozenset(["execution", "ExecuteTime", "collapsed", "scrolled", "trusted"])
_NOISE_OF_BOOK = frozenset(["widgets", "signature", "language_info"])


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line of a changed text: removed "-", added "+", or the same " ". ``marks`` are the words that differ.

    "…" stands for lines that are left out. ``at`` is the line's number in the text that it is of, from 0.
    """

    sign: str
    text: str
    marks: tuple[tuple[int, int], ...] = ()
    at: int = field(default=-1, compare=False)


@dataclass(frozen=True, slots=True)
class ChangedCell:
    """A cell that differs: "added", "removed" or "changed"; ``moved`` where the same cell stands elsewhere, too.

    ``notes`` say in words what differs beside the source: outputs, and metadata where asked for. ``language`` is that
    of the notebook.
    """

    kind: str
    number: str
    type: str
    before: Json | None
    after: Json | None
    lines: tuple[DiffLine, ...]
    notes: tuple[str, ...] = ()
    moved: bool = False
    language: str = ""

    @property
    def name(self) -> str:
        """What the cell is called: its number, with its id where it has one."""
        if not self.number:
            return "file"
        cell = self.after or self.before or {}
        known = f" #{cell['id']}" if cell.get("id") else ""
        return f"{'old ' * (self.after is None)}cell {self.number}{known}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two versions of a notebook: what they are called, the cells that differ, and notes on the whole."""

    before: str
    after: str
    cells: tuple[ChangedCell, ...]
    notes: tuple[str, ...] = ()

    @property
    def differs(self) -> bool:
        return bool(self.cells or self.notes)

    def counted(self) -> str:
        """Return how many cells are changed, added and removed."""
        kinds = [change.kind for change in self.cells]
        words = [f"{kinds.count(k)} {k}" for k in ("changed", "added", "removed") if k in kinds]
        return f"{'cells: ' * bool(words)}{', '.join(words)}" if words else ", ".join(self.notes)


@dataclass(frozen=True, slots=True)
class Looked:
    """What is compared beside the code: outputs, and metadata with ids."""

    outputs: bool = True
    metadata: bool = False
    tolerance: Tolerance = field(default_factory=Tolerance)


def compare(first: Json, second: Json, before: str, after: str, looked: Looked) -> Comparison:
    """Compare two notebooks, their texts joined. A side that is not there is a notebook without cells.

    Where one of them has no outputs at all, it was stripped, or never run: outputs are then not compared.
    """
    cells, cells_after = first["cells"], second["cells"]
    if looked.outputs and not (_ran(cells) and _ran(cells_after)):
        looked = replace(looked, outputs=False)
    known, known_after = numbers(cells), numbers(cells_after)
    pairs = align.align(cells, cells_after)
    gone = {_content(cells[one]) for one, two in pairs if two is None and one is not None}
    new = {_content(cells_after[two]) for one, two in pairs if one is None and two is not None}
    found: list[ChangedCell] = []
    for one, two in pairs:
        if one is None and two is not None:
            cell = cells_after[two]
            moved = _content(cell) in gone
            found.append(_whole("added", "+", known_after[two], None, cell, moved))
        elif two is None and one is not None:
            found.append(_whole("removed", "-", known[one], cells[one], None, _content(cells[one]) in new))
        elif one is not None and two is not None:
            changed = _changed(known_after[two], cells[one], cells_after[two], looked)
            found += [changed] if changed else []
    notes: tuple[str, ...] = ()
    if looked.metadata:
        notes = tuple(_metadata(first.get("metadata"), second.get("metadata"), "notebook", _NOISE_OF_BOOK))
    language = _language(second if cells_after else first, after if cells_after else before)
    return Comparison(before, after, tuple(replace(one, language=language) for one in found), notes)


def _language(data: Json, path: str) -> str:
    return language_of(documents.Notebook(data, path=path.partition("@")[0]))[0].lower()


def _ran(cells: Sequence[Json]) -> bool:
    return any(cell.get("outputs") for cell in cells)


def _content(cell: Json) -> tuple[object, str]:
    return cell.get("cell_type"), joined(cell.get("source", ""))


def _whole(
    kind: str, sign: str, number: str, before: Json | None, after: Json | None, moved: bool
) -> ChangedCell:
    cell = after or before or {}
    source = joined(cell.get("source", ""))
    lines = tuple(DiffLine(sign, line, at=at) for at, line in enumerate(source.split("\n")))
    return ChangedCell(kind, number, str(cell.get("cell_type")), before, after, lines, (), moved)


def _changed(number: str, before: Json, after: Json, looked: Looked) -> ChangedCell | None:
    one, two = joined(before.get("source", "")), joined(after.get("source", ""))
    lines = tuple(_lines(one, two)) if one != two else ()
    notes: list[str] = []
    if looked.outputs:
        notes += _outputs(before.get("outputs") or [], after.get("outputs") or [], looked.tolerance)
    if not same(before.get("attachments") or {}, after.get("attachments") or {}):
        notes.append("attachments differ")
    if looked.metadata:
        notes += _metadata(before.get("metadata"), after.get("metadata"), "metadata", _NOISE)
        if before.get("id") != after.get("id"):
            notes.append(f"id: {before.get('id')} → {after.get('id')}")
    if not lines and not notes:
        return None
    return ChangedCell("changed", number, str(after.get("cell_type")), before, after, lines, tuple(notes))


def _outputs(before: list[Json], after: list[Json], tolerance: Tolerance) -> Iterator[str]:
    if before == after:
        return
    if not before or not after:
        count = len(before or after)
        yield f"{count} output{'s' * (count > 1)} {'removed' if before else 'added'}"
        return
    if sum(_size(output) for output in [*before, *after]) > _MUCH:
        heavy = [
            at for at, (one, two) in enumerate(zip(before, after, strict=False)) if _shown(one) != _shown(two)
        ]
        heavy += range(min(len(before), len(after)), max(len(before), len(after)))
        yield from (f"output {at + 1} differs" for at in heavy[:_TOLD])
        return
    found = [str(one) for one in comparing.differences(before, after, tolerance) if not one.close]
    yield from found[:_TOLD]
    if len(found) > _TOLD:
        yield f"and {len(found) - _TOLD} more differences of the output"


def _shown(output: Json) -> object:
    return output.get("data") or output.get("text") or (output.get("ename"), output.get("evalue"))


def _size(output: Json) -> int:
    data = output.get("data")
    values = data.values() if isinstance(data, dict) else [output.get("text", "")]
    return sum(len(value) for value in values if isinstance(value, str))


def _metadata(before: object, after: object, where: str, noise: frozenset[str]) -> Iterator[str]:
    one = before if isinstance(before, dict) else {}
    two = after if isinstance(after, dict) else {}
    for key in sorted({*one, *two} - noise):
        if not (key in one and key in two and same(one[key], two[key])):
            yield f"{where} {key}: {_value(one, key)} → {_value(two, key)}"


def _value(table: Json, key: str) -> str:
    text = json.dumps(table[key], ensure_ascii=False) if key in table else "nothing"
    return text if len(text) <= 60 else f"{text[:59]}…"


def text_lines(before: str, after: str) -> tuple[DiffLine, ...]:
    """Return the lines of a text that differ, with those around them."""
    return tuple(_lines(before, after))


def _lines(before: str, after: str) -> Iterator[DiffLine]:
    """Yield the lines of a changed source with those around them."""
    every = list(_all_lines(before.split("\n"), after.split("\n")))
    changed = [at for at, line in enumerate(every) if line.sign != " "]
    near = {at for one in changed for at in range(one - CONTEXT, one + CONTEXT + 1)}
    hidden = False
    for at, line in enumerate(every):
        if at in near:
            yield line
        elif not hidden:
            yield DiffLine("…", "")
        hidden = at not in near


def _all_lines(first: Sequence[str], second: Sequence[str]) -> Iterator[DiffLine]:
    at, other = 0, 0
    for one, two in [*align.matches(first, second), (len(first), len(second))]:
        gone, new = first[at:one], second[other:two]
        marks, marks_after = _marks(gone, new)
        yield from (DiffLine("-", text, marks[n], at + n) for n, text in enumerate(gone))
        yield from (DiffLine("+", text, marks_after[n], other + n) for n, text in enumerate(new))
        if one < len(first):
            yield DiffLine(" ", first[one], at=two)
        at, other = one + 1, two + 1


_Marks = tuple[tuple[int, int], ...]


def _marks(gone: Sequence[str], new: Sequence[str]) -> tuple[list[_Marks], list[_Marks]]:
    """Return which words differ in lines that stand for one another."""
    one, two = [list[_Marks]() for _ in range(2)]
    for before, after in zip(gone, new, strict=False):
        marks: tuple[_Marks, _Marks] = ((), ())
        if max(len(before), len(after)) <= _LONG_LINE:
            marks = _words(_TOKEN.findall(before), _TOKEN.findall(after))
        one.append(marks[0])
        two.append(marks[1])
    return one + [()] * (len(gone) - len(one)), two + [()] * (len(new) - len(two))


def _words(first: list[str], second: list[str]) -> tuple[_Marks, _Marks]:
    matcher = difflib.SequenceMatcher(None, first, second, autojunk=False)
    if matcher.real_quick_ratio() < 0.3 or matcher.ratio() < 0.3:
        return (), ()  # another line: nothing to see in single words
    one, two = list[tuple[int, int]](), list[tuple[int, int]]()
    starts, starts_after = _starts(first), _starts(second)
    for kind, i, j, m, n in matcher.get_opcodes():
        if kind != "equal":
            one += [(starts[i], starts[j])] if j > i else []
            two += [(starts_after[m], starts_after[n])] if n > m else []
    return tuple(one), tuple(two)


def _starts(words: Sequence[str]) -> list[int]:
    found = [0]
    for word in words:
        found.append(found[-1] + len(word))
    return found
