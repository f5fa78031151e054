"""Metrics: what tasks report, what is kept of it, and how runs are found and compared by it."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import octavo
from octavo.cli import main
from octavo.errors import Error
from octavo.events import MetricsLogged, Note
from octavo.metrics import displayed, kept, log, number, where
from octavo.metrics.kept import RunMetrics
from octavo.metrics.reported import tell_of
from octavo.results import RunsOfSource
from octavo.results import page as compared_page
from octavo.show import grid_picture, runs_table
from projects import Folder


def measured(task: str, accuracy: float, **params: object) -> RunMetrics:
    return RunMetrics(
        "20260102-101500-000001", task, 0.0, "done", 1.0, {"accuracy": accuracy}, params, "c0de"
    )


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("high", "the metric accuracy is the text 'high', not a number"),
        (True, "the metric accuracy is True, not a number"),
        (None, "the metric accuracy is None, not a number"),
        ([1, 2], "the metric accuracy is a list, not a number"),
        (1j, "the metric accuracy is a complex, not a number"),
        (float("nan"), "the metric accuracy is nan, not a finite number"),
        (float("-inf"), "the metric accuracy is -inf, not a finite number"),
    ],
)
def test_what_is_not_a_number_is_told(value: object, message: str) -> None:
    with pytest.raises((TypeError, ValueError)) as raised:
        log(accuracy=value)
    assert str(raised.value) == message


def test_numbers_of_other_libraries_are_numbers() -> None:
    numpy = pytest.importorskip("numpy")
    values = (numpy.float32(0.5), numpy.int64(3), numpy.array([0.25]), Decimal("0.5"), 10**20)
    assert [number("x", value) for value in values] == [0.5, 3, 0.25, 0.5, 10**20]
    with pytest.raises(ValueError, match="needs a name on one line"):
        log({"a\nb": 1})


def test_what_is_reported_is_told_once_and_what_is_odd_is_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "reported" / "1.jsonl"
    monkeypatch.setenv("OCTAVO_METRICS", str(path))
    log(loss=2, accuracy=0.5)
    log({"loss": 1})
    with path.open("a") as file:
        file.write('{"bad": "x"}\n[1]\nno\n')
    told: list[object] = []
    tell_of(str(path), "fit", told.append)
    assert told[-1] == octavo.events.MetricsLogged("fit", {"loss": 1, "accuracy": 0.5})
    assert "the metric bad is the text 'x', not a number" in str(told[0])
    assert len(told) == 4 and not path.exists()


@pytest.mark.parametrize(
    ("text", "tasks"),
    [
        ("accuracy > 0.6", "bc"),
        ("accuracy>=0.5 and model = forest", "ac"),
        ("model != forest", "b"),
        ("depth < 10", "ab"),
        ("task == a", "a"),
        ("depth > many", ""),
        ('model == "forest", accuracy < 0.6', "a"),
    ],
)
def test_runs_are_found_by_what_they_reported(text: str, tasks: str) -> None:
    rows = [
        measured("a", 0.5, model="forest", depth=2),
        measured("b", 0.7, model="tree", depth=9),
        measured("c", 0.9, model="forest"),
    ]
    assert "".join(row.task for row in where.chosen(rows, text)) == tasks


@pytest.mark.parametrize(
    ("text", "message"),
    [("accuracy", "compares nothing"), ("acuracy > 1", 'parameter "acuracy"'), ("", "nothing")],
)
def test_a_condition_that_means_nothing_is_told(text: str, message: str) -> None:
    with pytest.raises(Error, match=message):
        where.chosen([measured("a", 0.5)], text)


def test_tables_show_what_differs_and_nothing_hostile() -> None:
    rows = [measured("=a", 0.5, model="<b>", code=1), measured("b", 0.75, model="tree", code=1)]
    table = runs_table.side_by_side(rows)
    assert [row[0] for row in table] == ["", "task *", "outcome", "model *", "code", "accuracy *", "code"]
    assert "'=a" in runs_table.as_csv(table)
    page = compared_page.page([RunsOfSource((*rows,))])
    assert "&lt;b&gt;" in page and "<b>" not in page
    assert runs_table.listed(rows)[0] == ["run", "when", "task", "model", "accuracy"]
    assert [*runs_table.text([["a", "bb"], ["ccc", "d"]])] == ["a    bb", "ccc  d"]


@pytest.mark.parametrize(
    ("outputs", "found"),
    [
        ([("execute_result", {"data": {"text/plain": "{'accuracy': np.float64(0.93), 'n': 3}"}})], (0.93, 3)),
        ([("execute_result", {"data": {"text/plain": ["{'accuracy': 0.5,\n", " 'n': 3}"]}})], (0.5, 3)),
        ([("display_data", {"data": {"application/json": {"accuracy": 0.5, "n": 3}}})], (0.5, 3)),
        (
            [("stream", {"name": "stdout", "text": "accu"}), ("stream", {"text": "racy: 0.5\nn = 3\n"})],
            (0.5, 3),
        ),
        (
            [("stream", {"text": '{"accuracy": 1}\nepoch 3 of 4\n{"accuracy": -2.5e-3, "n": 7}'})],
            (-0.0025, 7),
        ),
    ],
)
def test_what_a_cell_shows_is_read_as_metrics(
    outputs: list[tuple[str, dict[str, Any]]], found: tuple[float, int]
) -> None:
    told = displayed.told("fit", 4, outputs)
    assert told == MetricsLogged("fit", {"accuracy": found[0], "n": found[1]})


@pytest.mark.parametrize(
    ("outputs", "words"),
    [
        ([], "it shows no numbers by their names"),
        ([("stream", {"text": "all is well\n"})], "it shows no numbers by their names"),
        (
            [("stream", {"text": "{'accuracy': 'high'}"})],
            "the metric accuracy is the text 'high', not a number",
        ),
        ([("stream", {"text": '{"accuracy": NaN}'})], "the metric accuracy is nan, not a finite number"),
        ([("execute_result", {"data": {"text/plain": "{" * 10_000}})], "it shows no numbers by their names"),
        ([("execute_result", {"data": None}), ("stream", {})], "it shows no numbers by their names"),
    ],
)
def test_a_cell_that_shows_no_metrics_is_told(outputs: list[tuple[str, dict[str, Any]]], words: str) -> None:
    assert displayed.told("fit", 4, outputs) == Note(f"cell 4 is tagged metrics, but {words}", "fit")


def test_a_cell_tagged_metrics_reports_what_it_shows(folder: Folder) -> None:
    folder.write("fit.py", '# %%\nscore = 1 / 4\n\n# %% tags=["metrics"]\n{"accuracy": score, "n": 3}\n')
    folder.write("pipeline.yaml", "tasks:\n  - {source: fit.py, product: out/fit.ipynb}\n")
    assert folder.octavo("build").returncode == 0
    (row,) = json.loads(folder.octavo("runs", "--json").stdout)
    assert row["metrics"] == {"accuracy": 0.25, "n": 3}


def grid(*points: tuple[object, object, float]) -> list[RunMetrics]:
    return [measured(f"fit-{at}", value, depth=one, rate=two) for at, (one, two, value) in enumerate(points)]


def test_a_grid_is_drawn_as_lines_and_as_a_heat_map() -> None:
    drawn = grid_picture.picture(grid((1, 0.1, 0.5), (3, 0.1, 0.75), (1, "auto", 0.9), (3, "<auto>", 0.25)))
    assert drawn is not None
    svg = ElementTree.fromstring(drawn)
    name = "{http://www.w3.org/2000/svg}"
    lines = svg.findall(f".//{name}polyline")
    assert [len(line.get("points", "").split()) for line in lines] == [3, 3, 3, 3]
    heights = [float(line.get("points", "").split()[-1].split(",")[1]) for line in lines]
    assert sorted(heights) == [heights[2], heights[1], heights[0], heights[3]], "the best stands highest"
    cells = svg.findall(f".//{name}rect")
    assert [cell.get("fill") == "none" for cell in cells] == [False, False, True, False, True, False]
    texts = [text.text for text in svg.iter(f"{name}text")]
    assert {"depth", "rate", "accuracy", "0.75", "<auto>", "accuracy by depth (rows) and rate"} <= {*texts}
    assert svg.get("aria-label") == "accuracy by depth, rate"


@pytest.mark.parametrize("rows", [[], grid((1, 2, 0.5)), grid((1, 2, 0.5), (1, 2, 0.75))])
def test_where_no_parameter_differs_nothing_is_drawn(rows: list[RunMetrics]) -> None:
    assert grid_picture.picture(rows) is None


def test_the_same_value_everywhere_is_drawn_in_the_middle() -> None:
    drawn = grid_picture.picture(grid((1, 2, 0.5), (2, 2, 0.5)))
    assert drawn is not None and ElementTree.fromstring(drawn) is not None
    assert "nan" not in drawn and drawn.count("<rect") == 0


def test_torn_and_damaged_lines_are_left_out(tmp_path: Path) -> None:
    folder = tmp_path / ".octavo" / "metrics"
    folder.mkdir(parents=True)
    whole = json.dumps(measured("a", 0.5).plain())
    (folder / "r.jsonl").write_text(f'{whole}\n[]\n{{"run": 1}}\n{whole[:50]}')
    assert [row.task for row in kept.rows(tmp_path)] == ["a"]


def test_what_tasks_report_stays_with_their_runs(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder.write(
        "pipeline.yaml",
        """
        tasks:
          - source: model.fit
            product: out/fit.txt
            params: {depth: 1}
          - source: note.py
            product: out/note.ipynb
          - source: model.scored
            product: {scores: out/scores.json, more: out/more.json}
            metrics: scores
          - source: model.worded
            product: out/words.json
            metrics: out/words.json
          - source: model.fails
            product: out/no.txt
          - source: say.sh
            product: out/said.txt
        """,
    )
    folder.write(
        "model.py",
        """
        import octavo

        def fit(product, depth):
            octavo.log(accuracy=depth / 4)
            open(product, "w").close()

        def scored(product):
            product["scores"].write_text('{"f1": 0.5, "test": {"f1": 0.25}}')
            product["more"].write_text('"not looked at"')

        def worded(product):
            product.write_text('{"f1": "high"}')

        def fails(product):
            octavo.log(accuracy="high")
        """,
    )
    folder.write(
        "note.py",
        "# %% tags=['parameters']\nupstream = None\n\n# %%\nimport octavo\noctavo.log({'mean error': 0.5})\n",
    )
    folder.write(
        "say.sh",
        """echo '{"lines": 3}' >> "$OCTAVO_METRICS"; echo made > {{product}}\n""",
    )
    done = folder.octavo("build")
    assert done.returncode == 1
    assert "TypeError: the metric accuracy is the text 'high', not a number" in done.stdout
    assert "model.py:15" in done.stdout
    assert "MetricsError: out/words.json: the metric f1 is the text 'high', not a number" in done.stdout
    folder.write("pipeline.yaml", folder.read("pipeline.yaml").replace("depth: 1", "depth: 3"))
    folder.octavo("build")
    monkeypatch.chdir(folder.path)

    def said(*words: str) -> str:
        assert main([*words]) == 0
        return capsys.readouterr().out

    rows = json.loads(said("runs", "--json"))
    assert [(row["task"], row["metrics"]) for row in rows if row["task"] == "fit"] == [
        ("fit", {"accuracy": 0.75}),
        ("fit", {"accuracy": 0.25}),
    ]
    found = {row["task"]: row["metrics"] for row in rows}
    assert found["note"] == {"mean error": 0.5} and found["say"] == {"lines": 3}
    assert found["scored"] == {"f1": 0.5, "test.f1": 0.25}
    assert not {"fails", "worded"} & found.keys()
    one, other = (row["run"] for row in rows if row["task"] == "fit")
    assert said("runs", "--where", "accuracy > 0.5").splitlines()[1].split()[0] == one
    table = said("compare", one, other, "-t", "fit", "--html", "page.html", "--csv")
    assert table.splitlines()[0] == f",{one},{other}"
    assert "depth *,3,1" in table and "accuracy *,0.75,0.25" in table
    assert one in folder.read("page.html")
    with pytest.raises(Error, match='no run "1999" is known'):
        main(["compare", "1999"])
