"""What changed between two versions of a source, in cells and names."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from octavo.reading.diff import CellChange, cells, definitions, in_words, unified

sources = st.lists(st.sampled_from(["a", "b", "c", "d", "e"]), max_size=8)


def applied(old: list[str], changes: list[CellChange]) -> list[str]:
    """Replay changes: what was not removed or changed stays, the rest stands where its number says."""
    gone = {c.number for c in changes if c.kind == "removed"}
    new: dict[int, str] = {c.number: c.new for c in changes if c.kind != "removed"}
    changed = [c.old for c in changes if c.kind == "changed"]
    kept = [text for number, text in enumerate(old, 1) if number not in gone]
    for text in changed:
        kept.remove(text) if text in kept else None
    rest = iter(kept)
    total = len(kept) + len(new)
    return [new[n] if n in new else next(rest) for n in range(1, total + 1)]


@given(sources)
def test_what_is_the_same_has_no_changes(old: list[str]) -> None:
    assert cells(old, old) == []


@given(st.lists(st.integers(), unique=True, max_size=8), st.lists(st.integers(), unique=True, max_size=8))
def test_changes_lead_from_the_old_cells_to_the_new(old: list[int], new: list[int]) -> None:
    was, now = [str(n) for n in old], [str(n) for n in new]
    assert applied(was, cells(was, now)) == now


def test_an_edited_cell_is_changed_and_not_removed_and_added() -> None:
    assert cells(["x = 1", "y", "z"], ["x = 1", "y + 1", "z"]) == [CellChange("changed", 2, "y", "y + 1")]


def test_changes_are_told_in_a_few_words() -> None:
    assert in_words(cells(["a", "b", "c"], ["a", "x", "c", "d"])) == "cell 2, cell 4 added"
    assert in_words(cells(list("abcdefgh"), list("ABCDEFGH"))) == "cells 1, 2, 3, 4 and 4 more"
    assert in_words(cells(["a", "b"], ["a"])) == "cell 2 removed"


OLD = '''
"""A module."""
import os

LIMIT = 3

def scale(x):
    """Scale."""
    return x * LIMIT  # quickly

class Model:
    def fit(self):
        """Fit."""
        return 1
'''


def test_the_names_of_changed_definitions_are_told() -> None:
    assert definitions(OLD, OLD.replace("x * LIMIT", "x + LIMIT")) == ["scale"]
    assert definitions(OLD, OLD.replace("return 1", "return 2")) == ["Model"]
    assert definitions(OLD, OLD.replace("LIMIT = 3", "LIMIT = 4")) == ["LIMIT"]
    assert definitions(OLD, OLD + "\ndef new(): ...\n") == ["new"]
    assert definitions(OLD, OLD.replace("import os", "import sys")) == ["import sys", "import os"]


def test_comments_docstrings_and_formatting_change_no_definition() -> None:
    new = OLD.replace("# quickly", "").replace("Scale.", "Scale it.").replace("Fit.", "Fit it.")
    assert definitions(OLD, new.replace("x * LIMIT", "(x*LIMIT)")) == []


def test_what_python_cannot_read_has_no_names() -> None:
    assert definitions("def (", OLD) != []
    assert definitions("def (", "also (") == []


def test_a_unified_diff_shows_lines() -> None:
    assert list(unified("a\nb\nc", "a\nx\nc")) == [" a", "-b", "+x", " c"]
