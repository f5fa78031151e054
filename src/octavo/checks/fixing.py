"""Mend what rules found, or excuse it where it stands, in a notebook's file, without changing what its code does."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from .. import notebook as documents
from ..dataclass import dataclass
from ..errors import NotebookError
from ..notebook.cells import Notebook
from ..notebook.pieces import Edit, change, changed
from ..products import writing
from . import Around, Finding, Named, excuses, run, subject
from .settings import Selection

#: So often a notebook is looked at again after edits, as one may make room for another.
_ROUNDS = 10


@dataclass(frozen=True, slots=True)
class Mended:
    """A notebook's file before and after, and how many findings the edits settled."""

    path: str
    before: bytes
    after: bytes
    settled: int

    def write(self) -> None:
        """Write it, unless someone else has written the file since it was read."""
        if Path(self.path).read_bytes() != self.before:
            raise NotebookError(
                "it was changed while it was checked: nothing was written", self.path, "check it again"
            )
        writing.write(Path(self.path), [self.after])


def fix(path: str, rules: Iterable[Named], settings: Selection, around: Around | None = None) -> Mended:
    """Return a notebook's file with the edits of all findings that have some."""
    return _mend(
        path, [*rules], settings, around, lambda _, findings: [one for f in findings for one in f.edits]
    )


def add_noqa(path: str, rules: Iterable[Named], settings: Selection, around: Around | None = None) -> Mended:
    """Return a notebook's file with all findings excused that stand in a cell, where each stands."""
    return _mend(path, [*rules], settings, around, _excusing)


def _excusing(notebook: Notebook, findings: Sequence[Finding]) -> list[Edit]:
    looked = subject.of(notebook)
    edits: list[Edit] = []
    for cell in looked.cells:
        places: dict[int, list[str]] = {}
        for one in findings:
            if one.cell == cell.number and one.code not in places.setdefault(one.line, []):
                places[one.line].append(one.code)
        edits += excuses.excused(cell, places) if places else []
    return edits


def _mend(
    path: str,
    rules: Sequence[Named],
    settings: Selection,
    around: Around | None,
    edits_of: Callable[[Notebook, Sequence[Finding]], list[Edit]],
) -> Mended:
    try:
        before = data = Path(path).read_bytes()
    except OSError as error:
        raise NotebookError(f"it cannot be read: {error.strerror}", path) from error
    first: int | None = None
    for _ in range(_ROUNDS):
        notebook = documents.loads(data, path)
        findings = run.of(notebook, rules, settings, around).findings
        first = len(findings) if first is None else first
        edits = _apart(edits_of(notebook, findings))
        if not edits:
            break
        fresh = _changed(data, notebook, edits)
        if fresh == data:
            break
        _refuse_if_changed(notebook, documents.loads(fresh, path))
        data = fresh
    left = (
        len(run.of(documents.loads(data, path), rules, settings, around).findings)
        if data != before
        else first or 0
    )
    return Mended(path, before, data, max(0, (first or 0) - left))


def _changed(data: bytes, notebook: Notebook, edits: Sequence[Edit]) -> bytes:
    if notebook.format == "ipynb":
        return changed(data, notebook, edits)
    fresh = documents.loads(data, notebook.path)
    for edit in edits:
        change(fresh.cells[edit.index], edit)
    return documents.dumps(fresh)


def _apart(edits: Iterable[Edit]) -> list[Edit]:
    """Return edits of which no two change the same line or tags; the others have their turn in the next round."""
    found: dict[tuple[object, ...], Edit] = {}
    for edit in edits:
        found.setdefault((edit.index, edit.line and edit.line[0], edit.tags is None), edit)
    return [*found.values()]


def _refuse_if_changed(before: Notebook, after: Notebook) -> None:
    """Raise where an edit would change what the code does: a bug of the rule that proposed it."""
    one, other = subject.of(before), subject.of(after)
    same = len(before.cells) == len(after.cells) and all(
        a.source == b.source
        or (a.tree is not None and b.tree is not None and ast.dump(a.tree) == ast.dump(b.tree))
        for a, b in zip(one.cells, other.cells, strict=True)
    )
    if not same:
        raise AssertionError(f"an edit would change the code of {before.path}")
