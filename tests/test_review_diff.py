"""octavo diff: which cells belong together, what differs in them, and how it is shown."""

from __future__ import annotations

import copy
import json
import re
import sys
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from octavo.cli import main
from octavo.errors import Error
from octavo.model import Json
from octavo.review import align, branch_page, changes, page, patch, terminal
from octavo.review.branch_sides import Review, Value
from octavo.show.screen import Screen


def cell(source: str, key: str | None = None, kind: str = "code", **more: Any) -> Json:
    found: Json = {"cell_type": kind, "metadata": {}, "source": source}
    if kind == "code":
        found |= {"execution_count": None, "outputs": []}
    return found | ({"id": key} if key else {}) | more


def book(*cells: Json, **metadata: object) -> Json:
    return {"cells": list(cells), "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def shown(*texts: str, mime: str = "text/plain") -> list[Json]:
    return [{"output_type": "display_data", "data": {mime: text}, "metadata": {}} for text in texts]


def compared(first: Json, second: Json, **looked: Any) -> changes.Comparison:
    return changes.compare(first, second, "a", "b", changes.Looked(**looked))


def kinds(first: Json, second: Json) -> list[tuple[str, str]]:
    return [(change.kind, change.number) for change in compared(first, second).cells]


# ── alignment


def test_an_equal_cell_is_the_same_whatever_its_id_says() -> None:
    """An insertion on top, in notebooks whose cells are numbered: every id is wrong."""
    first = [cell(f"x{n} = {n}\nprint(x{n})", str(n)) for n in range(6)]
    second = [cell("import os", "0"), *(cell(one["source"], str(n + 1)) for n, one in enumerate(first))]
    second[4]["source"] = "x3 = 4\nprint(x3)"
    pairs = align.align(first, second)
    assert pairs == [(None, 0), *((n, n + 1) for n in range(6))]
    assert kinds(book(*first), book(*second)) == [("added", "1"), ("changed", "5")]


def test_a_cell_that_was_rewritten_is_known_by_its_id_or_its_place() -> None:
    first = [cell("a = 1"), cell("load data from here", "load"), cell("plot it", "p"), cell("z")]
    second = [cell("a = 1"), cell("new"), cell("read data now", "load"), cell("z")]
    assert align.align(first, second) == [(0, 0), (None, 1), (1, 2), (2, None), (3, 3)]


def test_many_cells_without_ids_are_aligned_at_once() -> None:
    """What takes the square of the cells elsewhere: run again, reformatted, all rewritten, all equal."""
    many = 1_000
    first = [cell(f"a = f('{n}')\nprint(a, {n})") for n in range(many)]
    reformatted = [cell(one["source"].replace("'", '"')) for one in first]
    rewritten = [cell(f"b = {n * 7}\nshow(b)") for n in range(many)]
    equal = [cell("x") for _ in range(many)]
    assert align.align(first, reformatted) == [(n, n) for n in range(many)]
    assert {one for one, _ in align.align(first, rewritten)} >= set(range(many))
    assert align.align(equal, equal[1:])[-1] == (many - 1, None)
    assert len(align.align([cell("y")] * 100_000, [cell("y")] * 99_000)) == 100_000


@given(some.lists(some.integers(0, 6), max_size=25), some.lists(some.integers(0, 6), max_size=25))
def test_matches_are_equal_and_in_order(first: list[int], second: list[int]) -> None:
    found = align.matches(first, second)
    assert all(first[one] == second[two] for one, two in found)
    assert all(a[0] < b[0] and a[1] < b[1] for a, b in pairwise(found))
    if first == second:
        assert len(found) == len(first)


# ── operations

_TEXT = some.text(alphabet="ab \n\r\x0c=", max_size=12)
_VALUE = some.none() | some.booleans() | some.integers(0, 2) | some.sampled_from([0.0, 1.0]) | _TEXT
_METADATA = some.dictionaries(
    some.sampled_from("abc"),
    _VALUE | some.lists(_VALUE, max_size=3) | some.dictionaries(_TEXT, _VALUE, max_size=2),
)
_CELL = some.builds(
    lambda kind, source, key, metadata, outputs: (
        cell(source, key, kind, metadata=metadata) | ({"outputs": outputs} if kind == "code" else {})
    ),
    some.sampled_from(["code", "markdown"]),
    _TEXT,
    some.none() | some.sampled_from("ABCD"),
    _METADATA,
    some.lists(some.builds(lambda text: shown(text)[0], _TEXT), max_size=3),
)
_BOOK = some.builds(
    lambda cells, metadata: book(*cells, **metadata), some.lists(_CELL, max_size=6), _METADATA
)


@settings(max_examples=50, deadline=None)
@given(_BOOK, _BOOK)
def test_operations_make_the_second_notebook_of_the_first(first: Json, second: Json) -> None:
    before = copy.deepcopy(first)
    operations = json.loads(json.dumps(patch.difference(first, second)))
    assert patch.same(patch.patched(first, operations), second)
    assert first == before
    assert patch.difference(first, first) == []


def test_operations_are_those_of_nbdime() -> None:
    first = book(cell("a = 1\nb = 2\n", "x"), cell("old"), k=1)
    second = book(cell("new"), cell("a = 1\nb = 3\n", "x"), k=True)
    assert patch.difference(first, second) == [
        {
            "op": "patch",
            "key": "cells",
            "diff": [
                {"op": "addrange", "key": 0, "valuelist": [cell("new")]},
                {
                    "op": "patch",
                    "key": 0,
                    "diff": [
                        {
                            "op": "patch",
                            "key": "source",
                            "diff": [
                                {"op": "addrange", "key": 1, "valuelist": ["b = 3\n"]},
                                {"op": "removerange", "key": 1, "length": 1},
                            ],
                        }
                    ],
                },
                {"op": "removerange", "key": 1, "length": 1},
            ],
        },
        {"op": "patch", "key": "metadata", "diff": [{"op": "replace", "key": "k", "value": True}]},
    ]


# ── meaning


def test_outputs_are_compared_by_what_they_mean() -> None:
    first = book(cell("score", outputs=shown("score 0.91 at 0x7f0011223344", "a\n0  1.0")))
    again = book(cell("score", outputs=shown("score 0.91 at 0x7f99aabbccdd", "a\n0  1.0"), execution_count=9))
    assert not compared(first, again).differs
    better = book(cell("score", outputs=shown("score 0.93 at 0x7f99aabbccdd", "a\n0  1.0")))
    (change,) = compared(first, better).cells
    assert change.notes == ("output 1 (text/plain): 0.91 → 0.93",)
    assert not compared(first, better, outputs=False).differs
    assert not compared(first, book(cell("score"))).differs  # stripped
    more = book(cell("score", outputs=[*first["cells"][0]["outputs"], *shown("more")]))
    assert compared(first, more).cells[0].notes == ("output 3: nothing → text/plain",)


def test_metadata_and_ids_are_left_out_unless_asked_for() -> None:
    first = book(cell("a", "one", metadata={"tags": ["x"], "scrolled": True}), kernelspec={"name": "a"})
    second = book(cell("a", "two", metadata={"tags": ["y"]}), kernelspec={"name": "b"})
    assert not compared(first, second).differs
    found = compared(first, second, metadata=True)
    assert found.cells[0].notes == ('metadata tags: ["x"] → ["y"]', "id: one → two")
    assert found.notes == ('notebook kernelspec: {"name": "a"} → {"name": "b"}',)


def test_words_that_differ_are_marked_and_lines_far_away_left_out() -> None:
    lines = [f"line {n}" for n in range(20)]
    other = [*lines[:10], "line ten", *lines[11:]]
    (change,) = compared(book(cell("\n".join(lines))), book(cell("\n".join(other)))).cells
    assert "".join(line.sign for line in change.lines) == "…   -+   …"
    gone, new = (line for line in change.lines if line.sign in "-+")
    assert [gone.text[start:end] for start, end in gone.marks] == ["10"]
    assert [new.text[start:end] for start, end in new.marks] == ["ten"]


def test_a_cell_that_was_moved_is_said_to_be() -> None:
    first, second = [cell("a"), cell("b"), cell("c")], [cell("b"), cell("c"), cell("a")]
    found = compared(book(*first), book(*second)).cells
    assert [(one.kind, one.moved) for one in found] == [("removed", True), ("added", True)]


def test_an_id_that_an_editor_gave_is_enough_where_nothing_else_fits() -> None:
    first, second = book(cell("1", "8f3a")), book(cell("load()", "8f3a"))
    assert kinds(first, second) == [("changed", "1")]
    numbered = book(cell("1", "0")), book(cell("load()", "0"))  # a tool counts cells so: it says nothing
    assert kinds(*numbered) == [("removed", "1"), ("added", "1")]


# ── shown

HOSTILE = "</code></pre></details><script>alert(1)</script>\x1b]0;t\x07\x1b[2J```\n````\r" + "x" * 10_000


def hostile() -> changes.Comparison:
    first = book(cell("print(1)\nsame", outputs=shown("1")))
    second = book(
        cell(HOSTILE + "\nsame", outputs=shown("<script>2</script>")), cell("# <b>", kind="markdown")
    )
    return changes.compare(first, second, "a<b>.ipynb", "[x](javascript:1).ipynb", changes.Looked())


def test_nothing_of_a_notebook_is_obeyed_by_a_terminal() -> None:
    text = "\n".join(terminal.lines(hostile(), Screen(sys.stdout, colour=True)))
    assert set(re.findall("\x1b[^m]*m", text)) <= {
        f"\x1b[{code}m" for code in (0, 1, 2, 7, 22, 27, *range(31, 37), 39)
    }
    assert len(text) < 8_000
    assert "characters more" in text


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_nothing_of_a_notebook_is_markup_on_a_page() -> None:
    text = page.page([hostile()], "octavo diff")
    tags = Tags()
    tags.feed(text)
    assert tags.open == []
    assert "script" not in tags.seen
    assert "default-src 'none'" in text
    assert 'tabindex="0"' in text  # what scrolls can be reached by keys
    assert "No notebook differs" in page.page([], "x")


def test_pictures_stand_side_by_side_on_a_page_and_over_one_another() -> None:
    one, two = (book(cell("p", outputs=shown(data, mime="image/png"))) for data in ("QUJD\n", "QUJE\n"))
    text = page.page([compared(one, two)], "x")
    assert text.count("data:image/png;base64,QUJD") == text.count("data:image/png;base64,QUJE") == 2


def test_markdown_stays_within_its_size_and_its_fences() -> None:
    text = terminal.markdown([hostile()], "https://example.org/page")
    assert "<script" not in text.replace("<script>alert", "")  # which stands in a fence
    assert text.count("`````diff\n") == 1
    assert text.splitlines()[0] == "**1 notebook differs** ([page](https://example.org/page))"
    long = terminal.markdown([hostile()] * 30, most=20_000)
    assert len(long) <= 20_000
    assert "too long to show here" in long
    assert len(terminal.markdown([hostile()] * 2_000)) <= terminal.COMMENT
    assert terminal.markdown([]) == "No notebook differs.\n"


def test_markdown_of_a_large_branch_names_every_notebook_and_shows_what_fits() -> None:
    one = compared(book(cell("x = 1\n" * 20)), book(cell("x = 2\n" * 20)))
    many = [replace(one, after=f"n{n}.ipynb") for n in range(300)]
    many[0] = replace(hostile(), after="n0.ipynb")
    text = unescape(terminal.markdown(many))
    assert all(f"n{n}.ipynb" in text for n in range(300))
    assert 100 < text.count("```diff") < 300
    assert len(terminal.markdown(many, most=32_768)) <= 32_768
    short = terminal.markdown(many, most=2_000)
    assert len(short) <= 2_000
    assert "more notebooks" in short


def test_nothing_in_markdown_is_a_reference_and_no_address_ends_its_link() -> None:
    names = terminal.quoted("@team #12 !7 ~label $3 a@b </details> <!-- `x` ](javascript:1)")
    assert not re.search(r"[@#!~$](?=\w)", unescape(names))
    assert not re.search(r"[<>`\]\[()]", names)
    text = terminal.markdown([hostile()], "https://example.org/a (1)\n/close")
    assert "([page](https://example.org/a%20%281%29%0A/close))" in text


def test_markdown_of_a_pipeline_is_cut_to_its_size() -> None:
    values = tuple(Value(f"fit_{n}", "*" * 90, "[" * 300, "]" * 300) for n in range(50))
    found = Review(
        "a", "b", {}, removed=tuple(f"t{n}" * 100 for n in range(50)), values=values, notes=("!" * 2_000,)
    )
    for most in (1_000, 5_000, branch_page.MARKDOWN):
        text = branch_page.markdown(found, most)
        assert len(text) <= most
    assert "| | and 20 more | |" in text
    assert text.count("\n| fit") + int(text.split("| and ")[-1].split()[0]) == 50


# ── files


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for folder, source in (("old", "x = 1\ny = 2\n"), ("new", "x = 1\ny = 3\n")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.ipynb").write_text(json.dumps(book(cell(source, "k"))))
        (tmp_path / folder / "s.py").write_text(f"# %%\n{source}")
        (tmp_path / folder / "same.ipynb").write_text(json.dumps(book(cell("same", "k"))))
    (tmp_path / "new" / "b.ipynb").write_text(json.dumps(book(cell("b", "k"))))
    return tmp_path


def test_files_and_folders_are_compared(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "old/same.ipynb", "new/same.ipynb"]) == 0
    assert capsys.readouterr().out == ""
    assert main(["diff", "old/a.ipynb", "new/a.ipynb"]) == 1
    assert capsys.readouterr().out == (
        "old/a.ipynb → new/a.ipynb\n── code cell 1 #k: changed\n  x = 1\n- y = 2\n+ y = 3\n  \ncells: 1 changed\n\n"
    )
    assert main(["diff", "old", "new"]) == 1
    said = capsys.readouterr().out
    assert [line for line in said.splitlines() if " → " in line] == [
        "old/a.ipynb → new/a.ipynb",
        "old/b.ipynb → new/b.ipynb",
        "old/s.py → new/s.py",
    ]
    assert main(["diff", "old/a.ipynb", "new/a.ipynb", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)[0]["op"] == "patch"
    assert main(["diff", "old", "new", "--json"]) == 1
    assert {one["before"] for one in json.loads(capsys.readouterr().out)} == {
        f"old/{n}" for n in ("a.ipynb", "b.ipynb", "s.py")
    }
    assert main(["diff", "old", "new", "--html", "d.html"]) == 1
    assert "old/a.ipynb" in (files / "d.html").read_text()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "the file is empty"),
        (b'{"cells": [{"ce', "cut off"),
        (b"\x89PNG\r\n\x1a\n\0\0", "not UTF-8"),
        (b"<html>", "a web page"),
        (b"[1]", "not a notebook"),
    ],
)
def test_a_side_that_cannot_be_read_is_named(
    files: Path, data: bytes, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (files / "new" / "a.ipynb").write_bytes(data)
    assert main(["diff", "old/a.ipynb", "new/a.ipynb"]) == 2
    said = capsys.readouterr().err
    assert "new/a.ipynb" in said
    assert words in said


def test_an_old_format_is_compared_as_the_new_one(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = {"cell_type": "code", "input": ["x = 1\n", "y = 3\n"], "outputs": [], "language": "python"}
    (files / "v3.ipynb").write_text(
        json.dumps({"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": [old]}]})
    )
    assert main(["diff", "new/a.ipynb", "v3.ipynb"]) == 0
    assert capsys.readouterr().out == ""


def test_words_that_name_nothing_are_mistakes(files: Path) -> None:
    for words, message in {("old", "new/a.ipynb"): "a file and a folder", ("nowhere", "old"): "git"}.items():
        with pytest.raises(Error, match=message):
            main(["diff", *words])


def test_a_notebook_that_is_nested_too_deeply_is_an_error_and_no_crash(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, inner in (("a", 1), ("b", 2), ("c", 3)):
        deep = '{"k": ' * 900 + "1" + "}" * 900
        text = (
            f'{{"cells": [], "metadata": {{"k": {deep}, "n": {inner}}}, "nbformat": 4, "nbformat_minor": 5}}'
        )
        (files / f"{name}.ipynb").write_text(text)
    assert main(["diff", "a.ipynb", "b.ipynb", "--metadata"]) == 2
    assert main(["diff", "a.ipynb", "b.ipynb", "--json"]) == 2
    assert capsys.readouterr().err.count("b.ipynb: the notebook is nested too deeply to be compared") == 2
    with pytest.raises(Error, match="nested too deeply"):
        main(["merge", "a.ipynb", "b.ipynb", "c.ipynb"])
