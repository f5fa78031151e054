"""The history of cells, folded from snapshots."""

from __future__ import annotations

from octavo.model import Json
from octavo.timeline import Snapshot
from octavo.timeline.fold import as_it_was, histories
from octavo.timeline.snapshots import merged


def cell(source: str, text: str = "", count: int = 1) -> Json:
    output = {"output_type": "execute_result", "data": {"text/plain": text}, "execution_count": count}
    return {"cell_type": "code", "source": source, "outputs": [output] if text else [], "metadata": {}}


def snapshot(name: str, *cells: Json, origin: str = "commit", outputs: bool = True) -> Snapshot:
    return Snapshot(origin, name, f"2026-01-0{name}T00:00:00+00:00", cells, outputs=outputs)


def test_each_cell_is_followed_to_where_it_last_changed_and_its_output_apart_from_it() -> None:
    found = [
        snapshot("1", cell("load_all_rows()"), cell("mean(rows)", "1.5")),
        snapshot("2", cell("import os"), cell("load_all_rows()"), cell("mean(rows)", "1.5", 7)),
        snapshot("3", cell("load_all_rows()"), cell("mean(rows, 2)", "1.7"), cell("import os")),
        snapshot("4", cell("load_all_rows()"), cell("mean(rows, 2)", "1.8"), cell("new", "")),
    ]
    load, mean, new = histories(found)
    assert (load.first.name, load.changed.name, load.changes, load.output) == ("1", "1", 0, None)
    assert (mean.first.name, mean.changed.name, mean.changes) == ("1", "3", 1)
    assert mean.output and mean.output.name == "4"
    assert (new.first.name, new.number) == ("4", 3)
    assert [one and one["source"] for one in as_it_was(found, 1)] == ["mean(rows)"] * 2 + [
        "mean(rows, 2)"
    ] * 2
    assert as_it_was(found, 2)[:2] == [None, None]
    assert histories([]) == []


def test_runs_tell_of_outputs_and_commits_of_code() -> None:
    found = [
        snapshot("1", cell("x = 1"), outputs=False),
        snapshot("2", cell("x = 2", "a"), origin="run"),
        snapshot("3", cell("x = 2"), outputs=False),
        snapshot("4", cell("x = 2", "b"), origin="run"),
        snapshot("5", cell("x = 2"), outputs=False, origin="now"),
    ]
    (only,) = histories(found)
    assert only.changed.name == "3" and only.output and only.output.name == "4"
    assert [one.name for one in merged(found[::-1])] == ["1", "2", "3", "4"]  # what is there now is as it was


def test_an_output_that_only_counts_otherwise_has_not_changed() -> None:
    found = [snapshot("1", cell("1", "1", count=1)), snapshot("2", cell("1", "1", count=5))]
    (only,) = histories(found)
    assert only.output and only.output.name == "1"
