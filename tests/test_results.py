"""Runs side by side: tables with the cells that differ, plots, and what notebooks show."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
from pathlib import Path

import pytest

from octavo.cli import main
from octavo.metrics.kept import RunMetrics
from octavo.results import Left, RunsOfSource, Sort, Table, beside, looks, page, shown, tables
from projects import Folder

TABLE: Table = (("name", "value"), ("a", "1"), ("b", "2"), ("c", "3"))


def cells(*all_: Table | None) -> list[list[str]]:
    """Return tables that are put beside each other as what is shown of each row."""
    found = tables.merged(all_)
    return [[shown.cell(line, at) for at in range(len(found.columns))] for line in found.lines]


def test_rows_are_known_by_their_names_wherever_they_stand() -> None:
    other: Table = (("name", "value"), ("c", "3"), ("n", "9"), ("a", "7"))
    assert cells(TABLE, other) == [["a", "1 → 7"], ["b", "2"], ["c", "3"], ["n", "9"]]
    assert beside._of_tables(tables.merged([TABLE, other]), 1) == "1 differ, 1 new, 1 gone (of 3 rows)"


def test_rows_without_names_are_known_by_their_order_and_by_what_is_equal() -> None:
    first: Table = (("x", "y"), ("0.5", "1"), ("1.5", "1"), ("2.5", "1"))
    assert cells(first, (("x", "y"), ("0.5", "1"), ("1.5", "2"), ("2.5", "1")))[1] == ["1.5", "1 → 2"]
    inserted = (*first[:2], ("0.75", "0"), *first[2:])
    assert cells(first, inserted)[1] == ["0.75", "0"]
    assert cells(inserted, first)[1] == ["0.75", "0"]
    twice: Table = (("k", "v"), ("a", "1"), ("a", "2"))
    assert cells(twice, (*twice, ("a", "3"))) == [["a", "1"], ["a", "2"], ["a", "3"]]


def test_columns_are_known_by_their_names_and_three_runs_stand_in_a_row() -> None:
    other: Table = (("value", "name", "more"), ("1", "a", "x"), ("2.0000000001", "b", "y"), ("4", "c", "z"))
    assert cells(TABLE, other, TABLE) == [
        ["a", "1", "– → x → –"],
        ["b", "2", "– → y → –"],
        ["c", "3 → 4 → 3", "– → z → –"],
    ], "what computing again may change is no difference"
    assert cells(TABLE, None) == [["a", "1"], ["b", "2"], ["c", "3"]]
    assert cells(TABLE, TABLE[:2], TABLE)[1] == ["b → – → b", "2 → – → 2"]


@pytest.mark.parametrize(
    ("name", "data", "table"),
    [
        ("a.csv", b"name,value\na,1\n", (("name", "value"), ("a", "1"))),
        ("a.csv", "\ufeffname;value\r\n\u00e4;1,5\r\n".encode(), (("name", "value"), ("\u00e4", "1,5"))),
        ("a.tsv", b"name\tvalue\na\t1\n", (("name", "value"), ("a", "1"))),
        ("a.csv", b"x,x,x\n1,2,3\n4\n", (("x", "x (2)", "x (3)"), ("1", "2", "3"), ("4", "", ""))),
        ("a.csv.gz", gzip.compress(b"x\n1\n"), (("x",), ("1",))),
        ("A.CSV.bz2", bz2.compress(b"x\n1\n"), (("x",), ("1",))),
        ("a.csv.xz", lzma.compress(b"x\n1\n"), (("x",), ("1",))),
        ("a.csv.gz", b"no gzip", None),
        ("a.json", b'[{"x": 1}, {"x": null, "y": "b"}]', (("x", "y"), ("1", ""), ("null", "b"))),
        (
            "a.json",
            b'{"t": {"f1": 0.5}, "n": [1, 2]}',
            (("name", "value"), ("t.f1", "0.5"), ("n[0]", "1"), ("n[1]", "2")),
        ),
        ("a.jsonl", b'{"x": 1}\n\n{"x": 2}\n', (("x",), ("1",), ("2",))),
        ("a.json", b"{", None),
        ("a.json", b"[1, 2]", None),
        ("a.csv", b"", None),
        ("a.pkl", b"", None),
        ("a.txt", b"a,b\n1,2\n", None),
    ],
    ids=lambda value: value if isinstance(value, str) else "",  # gzip's bytes hold the time
)
def test_files_are_read_as_tables(tmp_path: Path, name: str, data: bytes, table: Table | None) -> None:
    (tmp_path / "blob").write_bytes(data)
    assert tables.of_file(str(tmp_path / "blob"), name) == table


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_parquet_is_read_with_what_is_there(tmp_path: Path, library: str) -> None:
    frames = pytest.importorskip(library)
    pytest.importorskip("pyarrow")
    frame = frames.DataFrame({"x": [1, 2], "y": ["a", None]})
    path = str(tmp_path / "a.parquet")
    frame.to_parquet(path) if library == "pandas" else frame.write_parquet(path)
    assert tables.of_file(path, path) == (("x", "y"), ("1", "a"), ("2", "null"))


@pytest.mark.parametrize(
    ("page", "table"),
    [
        (
            "<style>td { x }</style><table><thead><tr><th></th><th>a</th></tr><tr><th>id</th><th></th></tr></thead>"
            "<tbody><tr><th>0</th><td>1 <b>x</b></td></tr></tbody></table><table><tr><td>not this</td></tr></table>",
            (("id", "a"), ("0", "1 x")),
        ),
        ("<table><tr><td>a<td>b<tr><td>1<td>2</table>", (("a", "b"), ("1", "2"))),
        (
            "<table><tr><th colspan=2>wide</th></tr><tr><td>1</td><td>2</td></tr></table>",
            (("wide", "wide (2)"), ("1", "2")),
        ),
        (
            "<table><tr><td>in <table><tr><td>inner</td></tr></table></td></tr><tr><td>2</td></tr></table>",
            None,
        ),
        ("<p>none</p>", None),
        ("<table><tr><td>", None),
    ],
)
def test_the_first_table_of_a_page_is_read(page: str, table: Table | None) -> None:
    found = tables.of_page(page)
    assert found == table or (table is None and found is not None and found[1:] == (("2",),))


def test_texts_pictures_and_what_is_lost_have_their_words() -> None:
    def said(one: Left | None, other: Left | None) -> str:
        return beside.put("x", [one, other]).said[0]

    def text(data: str) -> Left:
        return Left(Sort.TEXT, data=data)

    assert said(text("a 1"), text("a 2")) == "text: 1 → 2"
    assert said(text("x at 0x7f0000000000"), text("x at 0x7f1111111111")) == "", "addresses say nothing"
    assert said(None, text("a")) == "new" and said(text("a"), None) == "not there" and said(None, None) == ""
    lost = Left(Sort.OTHER, words="not kept any more")
    assert said(text("a"), lost) == "not kept any more"
    assert said(
        Left(Sort.PICTURE, data="YQ==", mime="image/svg+xml"), Left(Sort.PICTURE, mime="image/png")
    ) == ("image/png instead of image/svg+xml")
    assert (
        said(Left(Sort.OTHER, words="9 bytes"), Left(Sort.OTHER, words="9 bytes", digest="x"))
        == "another content"
    )
    many = "\n".join(map(str, range(9)))
    assert said(text(many), text(many.replace("\n", "0\n"))).endswith("; and 5 more")


def test_a_table_of_which_only_the_beginning_was_read_is_not_called_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "MOST", 2)
    for name, last in (("a.csv", 3), ("b.csv", 4)):
        (tmp_path / name).write_text(f"x\n1\n2\n{last}\n")
    sides = [looks.at_file(str(tmp_path / name), name, name) for name in ("a.csv", "b.csv")]
    assert beside.put("x", sides).said == ("differs beyond the first 2 rows",)


def test_what_a_cell_shows_is_a_text_then_its_displays() -> None:
    outputs = [
        {"output_type": "stream", "name": "stdout", "text": ["a\n", "b\n"]},
        {"output_type": "display_data", "data": {"image/png": "aGk=\n", "text/plain": "<Figure>"}},
        {"output_type": "display_data", "data": {"image/svg+xml": ["<svg/>"], "text/plain": "s"}},
        {
            "output_type": "execute_result",
            "data": {"text/html": "<table><tr><th>x</th></tr><tr><td>1</td></tr></table>"},
        },
        {"output_type": "execute_result", "data": {"text/html": "<p>chart</p>", "text/plain": "Chart()"}},
        {"output_type": "error", "ename": "ValueError", "evalue": "no"},
        "damaged",
        {"output_type": "display_data"},
    ]
    found = looks.of_cell({"outputs": outputs})
    assert [left.sort for left in found] == [
        Sort.TEXT,
        Sort.PICTURE,
        Sort.PICTURE,
        Sort.TABLE,
        Sort.TEXT,
        Sort.TEXT,
    ]
    assert [found[0].data, found[1].data, found[4].data, found[5].data] == [
        "a\nb\n",
        "aGk=",
        "Chart()",
        "ValueError: no",
    ]
    assert found[3].table == (("x",), ("1",)) and looks.of_cell({"outputs": None}) == []


def test_a_page_marks_what_differs_and_runs_nothing_hostile() -> None:
    rows = tuple(RunMetrics(run, "<fit>", 0.0, "done", 1.0, {}, {}, "c0de") for run in ("r1", "r2"))
    hostile: Table = (("name", "<script>"), ("a", "<img onerror=x>"))
    results = (
        beside.put("<t>.csv", [Left(Sort.TABLE, hostile), Left(Sort.TABLE, (*hostile, ("b", "2")))]),
        beside.put("p.png", [Left(Sort.PICTURE, data='"><script>', mime="image/png")] * 2),
        beside.put("t.txt", [Left(Sort.TEXT, data="<script>1"), None]),
    )
    html = page.page([RunsOfSource(rows, results)])
    assert "<script" not in html and "<img onerror" not in html and "&lt;script&gt;" in html
    assert '<tr class="added">' in html or "<tr class=added>" in html
    assert html.count("<img") == 1, "a picture that is the same stands there once"


PIPELINE = """
tasks:
  - source: model.table
    product: {table: out/table.csv, plot: out/plot.svg}
    params: {n: %d}
  - source: show.py
    product: out/show.ipynb
  - source: model.quiet
    product: out/quiet.txt
"""
MODEL = """
import octavo

def table(product, n):
    octavo.log(total=n)
    product["table"].write_text(f"name,value\\na,1\\nb,{n}\\n")
    product["plot"].write_text(f"<svg xmlns='http://www.w3.org/2000/svg' width='{n}'/>")

def quiet(product):
    product.write_text("quiet")
"""
SHOW = """
# %% tags=["parameters"]
upstream = ["table"]

# %%
rows = open(upstream["table"]["table"]).read().split()[1:]

# %%
class Frame:
    def _repr_html_(self):
        cells = "".join(f"<tr><td>{name}</td><td>{value}</td></tr>" for name, value in (row.split(",") for row in rows))
        return f"<table><thead><tr><th>name</th><th>value</th></tr></thead>{cells}</table>"

Frame()
"""


def test_tables_and_plots_of_runs_stand_side_by_side(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder.write("model.py", MODEL)
    folder.write("show.py", SHOW)
    monkeypatch.chdir(folder.path)

    def said(*words: str) -> str:
        assert main([*words]) == 0
        return capsys.readouterr().out

    for n in (3, 4):
        folder.write("pipeline.yaml", PIPELINE % n)
        assert folder.octavo("build").returncode == 0
    rows = json.loads(said("runs", "--json"))
    one, other = rows[1]["run"], rows[0]["run"]
    text = said("compare", one, other)
    assert "out/table.csv: 1 differ (of 2 rows)\n  name  value\n  a     1\n  b     3 → 4\n" in text
    assert "out/plot.svg: another picture" in text
    assert "out/show.ipynb cell 4: 1 differ (of 2 rows)\n  name  value\n  a     1\n  b     3 → 4\n" in text
    assert text.endswith("the same in all: quiet\n")
    html = said("compare", one, other, "--html", "page.html") + folder.read("page.html")
    assert html.count("data:image/svg+xml;base64,") == 4, "each plot, and both over each other"
    assert html.count('<td class="changed"><del>3</del> → <ins>4</ins></td>') == 2
    assert "out/table.csv row 2 value *,3,4" in said("compare", one, other, "-t", "table", "--csv")
    found = {(row["run"], row["task"]): row for row in json.loads(said("compare", one, other, "--json"))}
    assert found[other, "quiet"]["outcome"] == "fresh" and found[one, "quiet"]["outcome"] == "done"
    (table, plot) = found[other, "table"]["results"]
    assert table["changes"] == [{"row": 2, "column": "value", "before": "3", "after": "4"}]
    assert table["rows"] == [["a", "1"], ["b", "4"]] and plot["kind"] == "picture"
    assert found[one, "table"]["params"] == {"n": 3} and found[one, "show"]["metrics"] == {}

    # a run that restores the first result is like it; what the cache does not have any more is said to be lost
    folder.write("pipeline.yaml", PIPELINE % 3)
    assert folder.octavo("build").returncode == 0
    third = max(path.name.split(".")[0] for path in (folder.path / ".octavo" / "runs").iterdir())
    assert "out/plot.svg" in (same := said("compare", one, third)) and "another" not in same
    assert folder.octavo("cache", "clear").returncode == 0
    lost = said("compare", other, third, "-t", "table", "--json")
    assert [it["words"] for it in json.loads(lost)[0]["results"]] == ["not kept any more"] * 2
    folder.write("pipeline.yaml", "tasks: 3\n")
    assert main(["compare", one, other]) == 0
    both = capsys.readouterr()
    assert "note: tables and plots are left out" in both.err and "total *" in both.out
