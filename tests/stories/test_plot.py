"""``octavo plot``: the graph as a drawing, and the laws of the drawings."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octavo.model import Product, Source, Step, Task
from octavo.parts import PARAM, PRODUCT
from octavo.show.draw import dot, edges, mermaid, reduced
from octavo.show.graph_page import html
from octavo.show.lanes import text
from octavo.show.layout import crossings, layout
from octavo.show.svg import svg
from projects import Folder

SVG = "{http://www.w3.org/2000/svg}"


def steps(graph: Mapping[str, str], stale: str = "") -> dict[str, Step]:
    """Return steps from names and what each needs: {"b": "a"}."""
    made = {}
    for name, ups in graph.items():
        source, products = Source(f"{name}.py"), (Product(f"out/{name}"),)
        task = Task(name, "notebook", source, products, upstream=tuple(ups.split()))
        made[name] = Step(task, (PARAM.reason("n", "1", "2"),) if name in stale.split() else ())
    return made


DIAMOND = {"get": "", "a": "get", "b": "get", "c": "get", "fit": "a b c", "report": "get fit"}


@pytest.fixture
def project(folder: Folder) -> Folder:
    folder.write("steps.py", "def get(product): ...\n\n\ndef fit(product, upstream): ...\n")
    folder.write(
        "pipeline.yaml",
        """
        tasks:
          - source: steps.get
            product: out/get.txt
          - source: steps.fit
            product: out/fit.txt
            upstream: [get]
        """,
    )
    return folder


def test_a_product_that_was_changed_by_hand_is_drawn_everywhere() -> None:
    made = steps(DIAMOND)
    made["a"] = replace(made["a"], reasons=(PRODUCT.reason("out/a", "1", "2"),))
    assert "├─◇─╮ a       product out/a was changed by hand" in text(made) and "◇ blocked" in text(made)
    assert all(draw(made, "t") != draw(steps(DIAMOND), "t") for draw in (svg, html, dot, mermaid))


def test_a_graph_is_drawn_in_the_terminal(project: Folder) -> None:
    assert project.octavo("plot").stdout == (
        "○ get  first run\n│\n○ fit  first run\n\n2 of 2 tasks are stale   (○ stale)\n"
    )


def test_a_terminal_without_such_characters_gets_plain_ones(project: Folder) -> None:
    said = project.octavo("plot", env={"PYTHONIOENCODING": "ascii"}).stdout
    assert said.startswith("o get  first run\n|\no fit")


@pytest.mark.parametrize("name", ["g.svg", "g.html", "g.mmd", "g.dot", "g.json", "g.txt"])
def test_a_files_name_says_its_format(project: Folder, name: str) -> None:
    assert project.octavo("plot", "-o", name).stdout == ""
    drawn = project.read(name)
    begins = {
        "svg": "<svg",
        "html": "<!doctype html",
        "mmd": "---\ntitle",
        "dot": "digraph",
        "json": "{",
        "txt": "○",
    }
    assert drawn.startswith(begins[name.partition(".")[2]])
    assert "get" in drawn and "fit" in drawn


def test_json_has_tasks_and_edges(project: Folder) -> None:
    drawn = json.loads(project.octavo("plot", "--format", "json").stdout)
    assert [task["task"] for task in drawn["tasks"]] == ["get", "fit"]
    assert drawn["edges"] == [["get", "fit"]]


def test_a_selection_is_drawn_alone(project: Folder) -> None:
    assert json.loads(project.octavo("plot", "fit", "--format", "json").stdout)["edges"] == []


def test_an_unknown_format_is_a_mistake(project: Folder) -> None:
    said = project.octavo("plot", "--format", "mermaidd")
    assert (said.returncode, said.stderr) == (
        2,
        'error: there is no format "mermaidd"\n  hint: did you mean "mermaid"?\n',
    )


@pytest.mark.parametrize("name", ["pipeline.png", "steps.py"])
def test_a_file_whose_name_says_something_else_is_not_written(project: Folder, name: str) -> None:
    before = project.read("steps.py")
    done = project.octavo("plot", "-o", name)
    assert done.returncode == 2
    assert f"{name}: cannot draw ." in done.stderr and "dot -Tpng" in done.stderr
    assert not (project.path / "pipeline.png").exists() and project.read("steps.py") == before
    assert project.octavo("plot", "-o", "graph.out", "--format", "dot").returncode == 0


def test_a_drawing_that_cannot_be_written_is_a_mistake(project: Folder) -> None:
    said = project.octavo("plot", "-o", "no/g.svg")
    assert said.returncode == 2
    assert said.stderr == "no/g.svg: there is no folder no for the drawing\n  hint: mkdir -p no\n"


def test_tasks_that_need_the_same_share_a_lane() -> None:
    drawn = text(steps(DIAMOND)).splitlines()
    assert drawn[:8] == [
        "●     get",
        "├─●─╮ a",
        "├─●─┤ b",
        "●───┤ c",
        "    │",
        "    ● fit",
        "    │",
        "    ● report",
    ]
    assert drawn[-1] == "what a task needs through another is not drawn twice"


def test_what_is_not_connected_stands_apart() -> None:
    assert text(steps({"a": "", "b": ""})).splitlines()[:3] == ["● a", "", "● b"]


def test_names_are_data_in_every_language() -> None:
    name = '<b>"x"&\'</script>'
    one = steps({name: ""}, stale="")
    assert [task.get("data-task") for task in ET.fromstring(svg(one, name)).iter(f"{SVG}g")] == [name]
    assert "<b>" not in html(one, name) and html(one, name).count("</script>") == 2
    assert '"x"' not in mermaid(one, name).split("flowchart")[1]
    assert '"<b>\\"x\\"&\'</script>"' in dot(one, "t")


def test_the_picture_shows_every_task_and_line_with_its_reasons() -> None:
    tree = ET.fromstring(svg(steps(DIAMOND, stale="get"), "t"))
    assert [group.get("data-task") for group in tree.iter(f"{SVG}g")] == list(DIAMOND)
    lines = [path for path in tree.iter(f"{SVG}path") if path.get("data-from")]
    assert len(lines) == 8
    assert [(p.get("data-from"), p.get("data-to")) for p in lines if p.get("class") == "implied"] == [
        ("get", "report")
    ]
    assert "param n 1 → 2" in "".join(tree.itertext())


def test_pictures_fetch_nothing() -> None:
    page = html(steps(DIAMOND), "t")
    assert "default-src 'none'" in page
    for word in ("src=", "href=", "@import", "url(http"):
        assert word not in page


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, str]:
    """Graphs of up to 14 tasks in topological order."""
    names = [f"t{n}" for n in range(draw(st.integers(1, 14)))]
    return {
        name: " ".join(draw(st.sets(st.sampled_from(names[:n]), max_size=4))) if n else ""
        for n, name in enumerate(names)
    }


def read(drawing: str) -> dict[str, set[str]]:
    """Return what each task needs, as a reader follows the lines of a drawing downwards."""
    needs: dict[str, set[str]] = {}
    lanes: dict[int, set[str]] = {}  # what flows in each column
    place, task, marked = 0, "", False
    for line in drawing.rpartition("\n\n")[0].splitlines():
        row = line.ljust(200)
        if marked and row[place] not in "│├┤╰╯┼":  # nothing goes on below the mark
            lanes.pop(place, None)
        marked = "●" in row
        if (here := row.find("●")) >= 0:
            place, task = here, line.split()[-1]
            start = here
            while row[start - 1] in "─┼" and start > 0:
                start -= 1
            from_left = start != here
            needs[task] = set(lanes.get(start - 1 if from_left else here, ()))
            end = here + 1
            while row[end] in "─┼":
                end += 1
            if row[end] in "╮┤" and end > here + 1:
                lanes[end] = (lanes[end] if row[end] == "┤" else set()) | {task}
            lanes[here] = {task}
        elif "─" in row:
            ends = [
                n for n, char in enumerate(row) if char in "├┤╭╮╰╯" and "─" in (row[n - 1 : n] + row[n + 1])
            ]
            if row[ends[0]] == "╭":
                lanes[ends[0]] = lanes.pop(ends[1])
            else:
                other = ends[1] if ends[0] == place else ends[0]
                lanes[other] = (set() if row[other] == "╮" else lanes[other]) | {task}
                if row[place] in "╰╯":
                    lanes.pop(place)
    return needs


@given(graphs())
def test_a_reader_finds_in_the_drawing_what_each_task_needs(graph: dict[str, str]) -> None:
    made = steps(graph)
    drawing = text(made).removesuffix("what a task needs through another is not drawn twice\n")
    assert read(drawing) == {name: set(ups) for name, ups in reduced(edges(made)).items()}
    order = [line.split()[-1] for line in drawing.splitlines() if "●" in line.partition(" t")[0]]
    for name, ups in graph.items():
        assert all(order.index(up) < order.index(name) for up in ups.split())


@given(graphs())
def test_leaving_out_what_follows_changes_nothing_that_a_task_needs(graph: dict[str, str]) -> None:
    full = edges(steps(graph))
    few = reduced(full)

    def needs(ups: Mapping[str, tuple[str, ...]], name: str) -> set[str]:
        return {up for near in ups[name] for up in (near, *needs(ups, near))}

    for name in graph:
        assert needs(few, name) == needs(full, name)
        for up in few[name]:
            assert not any(up in needs(full, other) for other in few[name])


@given(graphs())
def test_boxes_keep_their_distance_and_lines_go_to_the_right(graph: dict[str, str]) -> None:
    plan = layout(edges(steps(graph)), box=40, line=10, gap=16)
    for layer in plan.layers:
        for one, two in pairwise(layer):
            assert two.y - one.y >= (one.height + two.height) / 2 + 16 - 1e-6
    assert min(spot.y - spot.height / 2 for spot in plan.boxes.values()) >= -1e-6
    for up, name, path in plan.lines:
        assert plan.boxes[up].layer < plan.boxes[name].layer
        assert [spot.layer for spot in path] == list(range(path[0].layer, path[-1].layer + 1))


def test_a_picture_that_can_do_without_crossings_does() -> None:
    pairs = {f"a{n}": "" for n in range(5)} | {f"b{n}": f"a{4 - n}" for n in range(5)}
    assert crossings(layout(edges(steps(pairs))).layers) == 0


def test_the_colours_of_a_picture_are_attributes_too(folder: Folder) -> None:
    folder.write("tasks.py", "def make(product): ...\n")
    folder.write("pipeline.yaml", "tasks:\n  - {source: tasks.make, product: a.txt}\n")
    assert folder.octavo("plot", "-o", "graph.svg").returncode == 0
    drawn = folder.read("graph.svg").partition("</style>")[2]
    for line in drawn.splitlines():
        for tag in ("<rect ", "<path ", "<text ", "<tspan "):
            for part in line.split(tag)[1:]:
                attributes = part.partition(">")[0]
                assert 'fill="' in attributes, part
                assert "var(" not in attributes


def test_a_drawing_goes_to_standard_output_where_that_is_asked_for(folder: Folder) -> None:
    folder.write("pipeline.yaml", "tasks:\n  - {source: steps.make, product: out.csv}\n")
    folder.write("steps.py", "def make(product):\n    pass\n")
    said = folder.octavo("plot", "--format", "dot", "-o", "-")
    assert said.returncode == 0, said.stderr
    assert said.stdout.startswith("digraph") and not folder.path.joinpath("-").exists()
