"""The graph of files and jobs, its trees, its picture and its events, and the cells that show a value."""

from __future__ import annotations

import io
import json
import uuid
from datetime import datetime
from pathlib import Path

import pytest

from octavo.errors import Error
from octavo.lineage import FileUse, Job, Lineage, WithId, reach
from octavo.lineage import cells as shown
from octavo.lineage.alone import gather
from octavo.lineage.openlineage import Issuer, RunEnd, events
from octavo.model import Source, Step, Task
from octavo.notebook import loads
from octavo.parts import PARAM
from octavo.show import lineage as words
from octavo.show.draw import edges
from octavo.show.screen import Screen

OUT = Screen(io.StringIO())


def job(name: str, reads: str = "", writes: str = "") -> Job:
    """Return a job by what it reads and writes: "a b:3", where cell 3 read b."""

    def uses(text: str) -> dict[str, FileUse]:
        pairs = (word.partition(":") for word in text.split())
        return {path: FileUse("d" * 32, (int(cell),) if cell else ()) for path, _, cell in pairs}

    return Job(name, "notebook", f"{name}.py", reads=uses(reads), writes=uses(writes), run="20260102-1")


CHAIN = [
    job("get", "raw", "a:2"),
    job("fit", "a:3", "model a"),
    job("show", "model a", "page"),
]


def test_a_file_leads_to_what_it_was_made_from_and_to_who_uses_it() -> None:
    lineage = Lineage(CHAIN)
    assert [*words.up(lineage, {"page": ""}, OUT)] == [
        "  page  ← show (show.py)",
        "    model  ← fit (fit.py)",
        "    a  ← get (get.py), fit (fit.py)",
        "      raw",
    ]
    assert [*words.down(lineage, ["raw"], OUT)] == [
        "  get (get.py)",
        "    → a  cell 2",
        "    show (show.py)",
        "      → page",
    ]
    assert "raw" in lineage and "get.py" in lineage and "other" not in lineage


def test_what_stands_above_is_not_told_again_however_deep_the_graph_is() -> None:
    lineage = Lineage(job(f"t{n}", f"f{n} f{n // 2}", f"f{n + 1}") for n in range(3_000))
    lines = [*words.up(lineage, {"f3000": ""}, OUT)]
    assert len(lines) == 1 + 2 * 3_000 - 1  # t0 has one input
    assert sum(line.endswith("(above)") for line in lines) > 2_000
    assert len(reach([lineage.jobs["t0"]], lineage.after)) == 3_000
    assert len([*words.down(lineage, ["f0"], OUT)]) > 6_000


def test_parents_that_notebooks_declare_are_edges_and_unknown_ones_are_shown_by_their_ids() -> None:
    lineage = Lineage(
        [job("get", "", "a get.ipynb")],
        [WithId("get.py", "AAA"), WithId("get.ipynb", "AAA"), WithId("story.ipynb", "BBB", ("AAA", "ZZZ"))],
    )
    assert [*lineage.parents("story.ipynb")] == ["get.py", "ZZZ"]
    assert [*words.up(lineage, {"story.ipynb": ""}, OUT)] == [
        "  story.ipynb",
        "    get.py  parent  ← get (get.py)",
        "    ZZZ  parent",
    ]
    assert [*words.down(lineage, ["get.py"], OUT)] == ["  story.ipynb  names it as a parent"]


def test_the_picture_has_files_between_tasks_in_an_order_without_circles() -> None:
    tasks = {
        one.name: Step(
            Task(one.name, "notebook", Source(one.source)),
            (PARAM.reason("n", "1", "2"),) if one.name == "fit" else (),
        )
        for one in CHAIN
    }
    steps = words.steps(Lineage(CHAIN), tasks)
    assert edges(steps)["get"] == ("raw",) and edges(steps)["model"] == ("fit",)
    assert edges(steps)["show"] == ("model", "a")
    assert steps["model"].waits == ("fit",) and steps["a"].fresh
    order = [*steps]
    for name, ups in edges(steps).items():
        assert all(order.index(up) < order.index(name) for up in ups)
    same = words.steps(Lineage([job("a", "", "a")]), {"a": Step(Task("a", "notebook", Source("a.py")))})
    assert [*same] == ["a", "a (file)"]


def test_events_have_what_openlineage_requires_and_the_same_ids_each_time() -> None:
    place = Issuer("project", "/there", "urn:octavo:1")
    runs = [
        (CHAIN[1], RunEnd("20260102-1", 1e9, "done", 2.5)),
        (CHAIN[0], RunEnd("20260102-2", 2e9, "failed", 1)),
    ]
    found = [*events(runs, place)]
    assert [event["eventType"] for event in found] == ["START", "COMPLETE", "START", "FAIL"]
    for event in found:
        assert {"run", "job", "inputs", "outputs", "producer", "schemaURL", "eventTime"} < set(event)
        assert uuid.UUID(event["run"]["runId"])
        assert datetime.fromisoformat(event["eventTime"]).tzinfo is not None
        assert event["job"]["namespace"] == "project"
        for facets in (event["job"], event["run"], *event["inputs"], *event["outputs"]):
            assert all({"_producer", "_schemaURL"} <= set(facet) for facet in facets["facets"].values())
    assert [one["name"] for one in found[1]["outputs"]] == ["model", "a"] and not found[3]["outputs"]
    assert found[0]["run"]["runId"] == found[1]["run"]["runId"] != found[2]["run"]["runId"]
    assert found == [*events(runs, place)] and json.dumps(found)


def code(source: str, text: str = "", **metadata: object) -> dict[str, object]:
    outputs = [{"output_type": "stream", "name": "stdout", "text": text}] if text else []
    return {
        "cell_type": "code",
        "source": source,
        "outputs": outputs,
        "execution_count": 1,
        "metadata": {"octavo": metadata} if metadata else {},
    }


def book(*cells: dict[str, object], **metadata: object) -> bytes:
    text = {"cell_type": "markdown", "source": "# Title", "metadata": {}}
    whole = {"cells": [text, *cells], "metadata": metadata, "nbformat": 4, "nbformat_minor": 4}
    return json.dumps(whole).encode()


def test_a_cell_rests_on_those_that_define_or_may_change_what_it_uses() -> None:
    notebook = loads(
        book(code("a = 1"), code("b = [2]"), code("c = 3"), code("b.append(a)"), code("b", "[2, 1]")),
        "n.ipynb",
    )
    found = shown.cell(notebook, 5)
    assert (found.index, found.rests_on, found.text, found.ran) == (5, (1, 2, 4), "[2, 1]", None)
    with pytest.raises(Error, match="no code cell 6"):
        shown.cell(notebook, 6)


@pytest.mark.parametrize(
    ("value", "numbers", "exact"),
    [
        ("0.91", [1], True),
        ("0.913", [2], False),
        ("1234567", [3], True),
        ("1,234,567", [3], True),
        ("done at", [4], True),
        ("12", [], True),
        ("-3", [4], True),
        ("3", [], True),
    ],
)
def test_the_cells_that_show_a_value_are_found(
    value: str, numbers: list[int], exact: bool, tmp_path: Path
) -> None:
    cells = [
        code("", "score 0.91\n"),
        code("", "x=0.91299\n"),
        code("", "1,234,567 rows"),
        code("", "done at -3"),
    ]
    path = tmp_path / "n.ipynb"
    path.write_bytes(book(*cells))
    found = shown.showing([("n", str(path))], value)
    assert [hit.number for hit in found] == numbers
    assert all(hit.exact == exact for hit in found)


def test_a_table_of_html_shows_its_numbers_too() -> None:
    data = {"text/html": "<td>0.5&nbsp;%</td>", "text/plain": "<Styler>"}
    assert "0.5" in shown.text({"outputs": [{"output_type": "display_data", "data": data}]})


def test_notebooks_that_ran_without_a_pipeline_tell_what_their_cells_used(tmp_path: Path) -> None:
    run = {
        "start_time": "2026-01-02T03:04:05+00:00",
        "duration": 2,
        "input_path": "a.py",
        "parameters": {"n": 1},
    }
    cells = [code("1"), code("2", reads=["raw.csv"], writes=["b.csv"])]
    (tmp_path / "a.ipynb").write_bytes(book(*cells, papermill=run, nbproject={"id": "AAA", "parent": "BBB"}))
    (tmp_path / "failed.ipynb").write_bytes(book(papermill={**run, "exception": True}))
    (tmp_path / "broken.ipynb").write_text("{")
    lineage = gather(str(tmp_path))
    (found,) = lineage.jobs.values()
    assert (found.source, found.params) == ("a.py", {"n": "1"})
    assert found.reads == {"raw.csv": FileUse("", (2,))} and found.writes["b.csv"].cells == (2,)
    assert [*lineage.parents("a.ipynb")] == ["BBB"]
