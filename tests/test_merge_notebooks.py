"""octavo merge: by cells, then by lines; never an invalid notebook, never a lost edit, whoever is called ours."""

from __future__ import annotations

import copy
import io
import json
import random
from pathlib import Path
from typing import Any

import nbformat
import pytest

from octavo.cli import main
from octavo.cli import merge as verb
from octavo.errors import Error
from octavo.model import Json
from octavo.notebook.cells import Notebook, load_ipynb
from octavo.review import conflicts, merge_text
from octavo.review.merge import Merged, merge
from octavo.review.merge_text import Labels


def cell(source: str, key: str | None = None, kind: str = "code", **more: Any) -> Json:
    found: Json = {"cell_type": kind, "metadata": {}, "source": source}
    if kind == "code":
        found |= {"execution_count": None, "outputs": []}
    return found | ({"id": key} if key else {}) | more


def book(*cells: Json, **metadata: object) -> Json:
    found = {"cells": list(cells), "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return load_ipynb(json.dumps(found).encode(), "a.ipynb").data


def printed(text: str) -> list[Json]:
    return [{"output_type": "stream", "name": "stdout", "text": text}]


def merged(base: Json, ours: Json, theirs: Json) -> Merged:
    before = copy.deepcopy((base, ours, theirs))
    found = merge(base, ours, theirs, Labels())
    assert (base, ours, theirs) == before
    return found


def validated(found: Merged) -> Merged:
    nbformat.validate(nbformat.from_dict(copy.deepcopy(found.data)))
    keys = [one["id"] for one in found.data["cells"]]
    assert len(set(keys)) == len(keys)
    return found


def sources(found: Merged) -> list[str]:
    return [one["source"] for one in found.data["cells"]]


LINES = [f"line {n}" for n in range(8)]


def edited(**lines: str) -> str:
    return "\n".join(lines.get(f"l{n}", line) for n, line in enumerate(LINES))


# ── what merges


def test_edits_of_different_cells_and_lines_merge() -> None:
    base = book(cell(edited(), "a"), cell("b", "b"), cell("c", "c"))
    ours = book(cell("new", "n"), cell(edited(l0="ours"), "a"), cell("b", "b"), cell("c", "c"))
    theirs = book(cell(edited(l7="theirs"), "a"), cell("c", "c"), cell("end", "e"))
    found = validated(merged(base, ours, theirs))
    assert found.conflicts == ()
    assert sources(found) == ["new", edited(l0="ours", l7="theirs"), "c", "end"]
    assert [one["id"] for one in found.data["cells"]] == ["n", "a", "c", "e"]


def test_an_insertion_on_top_and_an_edit_below_merge_in_notebooks_whose_cells_are_numbered() -> None:
    """nbstripout numbers cells, and what goes by ids then mixes up two different cells."""
    texts = [f"x{n} = {n}\nprint(x{n})" for n in range(5)]
    base = book(*(cell(text, str(n)) for n, text in enumerate(texts)))
    ours = book(*(cell(text, str(n)) for n, text in enumerate(["import os", *texts])))
    changed = [*texts[:3], "x3 = 4\nprint(x3)", texts[4]]
    theirs = book(*(cell(text, str(n)) for n, text in enumerate(changed)))
    found = validated(merged(base, ours, theirs))
    assert (found.conflicts, sources(found)) == ((), ["import os", *changed])


def test_what_both_sides_did_alike_is_there_once() -> None:
    base = book(cell("a", "a"), cell("gone", "g"))
    ours = book(cell("a2", "a"), cell("same", "s1"), cell("same too", "t1"))
    theirs = book(cell("a2", "a"), cell("same", "s2"), cell("same too", "t2"))
    found = validated(merged(base, ours, theirs))
    assert (found.conflicts, sources(found)) == ((), ["a2", "same", "same too"])


def test_counts_widgets_and_outputs_never_conflict() -> None:
    def ran(count: int, text: str, **metadata: object) -> Json:
        one = cell("x", "x", outputs=printed(text), execution_count=count, metadata={"scrolled": count})
        return book(one, **metadata)

    base = ran(1, "base", widgets={"state": 1}, language_info={"name": "a"})
    ours = ran(7, "ours", widgets={"state": 2}, language_info={"name": "b"})
    theirs = ran(9, "theirs", widgets={"state": 3}, language_info={"name": "c"})
    for found in (merged(base, ours, theirs), merged(base, theirs, ours)):
        assert (found.conflicts, found.stale) == ((), ())
        assert (found.data["cells"][0]["outputs"], found.data["cells"][0]["execution_count"]) == (
            printed("theirs"),
            9,
        )


def test_outputs_go_with_their_code_or_not_at_all() -> None:
    base = book(
        cell(edited(), "a", outputs=printed("old"), execution_count=1), cell("b", "b", outputs=printed("b"))
    )
    ours = book(
        cell(edited(l0="ours"), "a", outputs=printed("ours"), execution_count=2),
        cell("b", "b", outputs=printed("b")),
    )
    alone = merged(base, ours, base)
    assert alone.data["cells"][0]["outputs"] == printed("ours")
    theirs = book(
        cell(edited(l7="theirs"), "a", outputs=printed("theirs")), cell("b", "b", outputs=printed("new"))
    )
    found = validated(merged(base, ours, theirs))
    first, second = found.data["cells"]
    assert (first["outputs"], first["execution_count"], first["metadata"]) == (
        [],
        None,
        {"octavo": {"stale": True}},
    )
    assert (found.stale, found.conflicts, second["outputs"]) == (("1",), (), printed("new"))
    again = merged(found.data, found.data, found.data)  # what one merge says, the next does not repeat
    assert (again.stale, again.data["cells"][0]["metadata"]) == ((), {})


def test_tags_and_metadata_merge_key_by_key() -> None:
    base = book(cell("x", "x", metadata={"tags": ["a", "b"], "k": 1, "d": {"p": 1}}), title="t")
    ours = book(cell("x", "x", metadata={"tags": ["a", "b", "mine"], "k": 1, "d": {"p": 2}}), title="t", o=1)
    theirs = book(cell("x", "x", metadata={"tags": ["b", "yours"], "k": 2, "d": {"p": 1, "q": 1}}), title="u")
    found = validated(merged(base, ours, theirs))
    assert found.conflicts == ()
    assert found.data["metadata"] == {"title": "u", "o": 1}
    metadata = found.data["cells"][0]["metadata"]
    assert metadata == {"tags": ["b", "mine", "yours"], "k": 2, "d": {"p": 2, "q": 1}}


# ── what does not


def test_lines_that_both_changed_stand_between_markers_in_a_cell_that_says_so() -> None:
    base, ours, theirs = (book(cell(f"a\n{text}\nz", "a")) for text in ("b", "ours", "theirs"))
    found = validated(merged(base, ours, theirs))
    assert found.conflicts == ("cell 1: both sides changed the same lines",)
    assert sources(found) == ["a\n<<<<<<< ours\nours\n=======\ntheirs\n>>>>>>> theirs\nz"]
    assert found.data["cells"][0]["metadata"] == {"octavo": {"conflict": "source"}}


def test_a_cell_that_one_side_removed_and_the_other_changed_is_kept_and_marked() -> None:
    base = book(cell("a", "a"), cell("b = 1\nc = 2", "b"))
    found = validated(merged(base, book(cell("a", "a")), book(cell("a", "a"), cell("b = 1\nc = 3", "b"))))
    marks = ["`<<<<<<< ours (removed)`", "`=======`", "b = 1\nc = 3", "`>>>>>>> theirs`"]
    assert sources(found) == ["a", *marks]
    assert found.conflicts == ("cell m1: one side changed a cell that the other removed",)
    # run again is no change
    again = book(cell("a", "a"), cell("b = 1\nc = 2", "b", outputs=printed("x"), execution_count=3))
    assert sources(merged(base, book(cell("a", "a")), again)) == ["a"]


def test_cells_that_both_inserted_at_one_place_are_both_kept_and_marked() -> None:
    base = book(cell("a", "a"))
    found = validated(
        merged(base, book(cell("a", "a"), cell("ours", "n")), book(cell("a", "a"), cell("theirs", "n")))
    )
    assert sources(found) == ["a", "`<<<<<<< ours`", "ours", "`=======`", "theirs", "`>>>>>>> theirs`"]
    assert found.conflicts == ("cell m1: both sides inserted cells here",)


def test_metadata_that_both_changed_is_kept_with_both_values() -> None:
    base, ours, theirs = (book(cell("x", "x", metadata={"k": n}), kernel=n) for n in range(3))
    found = validated(merged(base, ours, theirs))
    assert found.data["metadata"] == {
        "kernel": 1,
        "octavo": {"conflicts": {"kernel": {"ours": 1, "theirs": 2}}},
    }
    assert found.conflicts == ("cell 1: metadata: k", "the notebook's metadata: kernel")


def test_a_type_that_one_side_changed_is_taken_and_what_clashes_is_kept() -> None:
    base = book(cell("some text here", "a"))
    marked = book(cell("some text here", "a", "markdown"))
    assert merged(base, marked, base).data["cells"][0]["cell_type"] == "markdown"
    found = validated(merged(base, marked, book(cell("some text here, too", "a"))))
    assert {"some text here", "some text here, too"} <= set(sources(found))
    assert len(found.conflicts) == 1


# ── three generated versions


def changed(nb: Json, random_: random.Random, side: str) -> tuple[Json, list[str]]:
    """Return a notebook with some edits, and the lines that are new in it."""
    cells = copy.deepcopy(nb["cells"])
    new: list[str] = []
    for number in range(random_.randint(0, 4)):
        word = f"{side}{number} = {random_.random()}"
        at = random_.randrange(len(cells) + 1)
        what = random_.random()
        if what < 0.25 or at == len(cells):
            key = random_.choice([None, f"{side}{number}", "same", str(at)])
            cells.insert(at, cell(word, key, random_.choice(["code", "markdown"])))
            new.append(word)
        elif what < 0.6:
            lines = cells[at]["source"].split("\n")
            lines[random_.randrange(len(lines))] = word
            cells[at] = {**cells[at], "source": "\n".join(lines)}
            new.append(word)
        elif what < 0.75:
            del cells[at]
        elif what < 0.85:
            cells.insert(random_.randrange(len(cells)), cells.pop(at))
        elif cells[at]["cell_type"] == "code":
            cells[at] |= {"outputs": printed(word), "execution_count": number}
        else:
            cells[at]["metadata"] = {"tags": [side]}
    return book(*cells), new


def check(seed: int) -> None:
    random_ = random.Random(seed)
    texts = [
        "\n".join(f"v{n}_{k} = {n * k}" for k in range(random_.randint(1, 5)))
        for n in range(random_.randint(0, 7))
    ]
    ids = random_.random() < 0.7
    kinds = ["code", "code", "markdown"]
    base = book(
        *(cell(text, f"c{n}" if ids else None, random_.choice(kinds)) for n, text in enumerate(texts))
    )
    (ours, mine), (theirs, others) = changed(base, random_, "o"), changed(base, random_, "t")
    found, other = validated(merged(base, ours, theirs)), merged(base, theirs, ours)
    every = "\n".join(sources(found)).split("\n")
    for side, lines in ((ours, mine), (theirs, others)):
        there = "\n".join(one["source"] for one in side["cells"]).split("\n")
        assert [line for line in lines if line in there and line not in every] == []
    assert bool(found.conflicts) == bool(other.conflicts)
    if not found.conflicts:
        assert found.data == other.data
    assert sorted(every_line(found)) == sorted(every_line(other))
    assert merged(base, ours, base).data["cells"] == ours["cells"]
    assert merged(base, ours, ours).data["cells"] == ours["cells"]


def every_line(found: Merged) -> list[str]:
    lines = "\n".join(sources(found)).split("\n")
    return [line for line in lines if not line.strip("`").startswith(("<<<<", "====", ">>>>"))]


@pytest.mark.parametrize("start", range(0, 200, 50))
def test_generated_merges_are_valid_lose_nothing_and_know_no_sides(start: int) -> None:
    for seed in range(start, start + 50):
        check(seed)


@pytest.mark.nightly
@pytest.mark.parametrize("start", range(200, 2_000, 300))
def test_many_more_generated_merges(start: int) -> None:
    for seed in range(start, start + 300):
        check(seed)


# ── deciding


def test_a_conflict_is_found_and_a_side_taken() -> None:
    base = book(cell("a\nb\nz", "a"), cell("c = 1\nd = 2", "c"))
    ours, theirs = book(cell("a\nours\nz", "a")), book(cell("a\ntheirs\nz", "a"), cell("c = 1\nd = 3", "c"))
    expected = {
        "ours": ["a\nours\nz"],
        "theirs": ["a\ntheirs\nz", "c = 1\nd = 3"],
        "both": ["a\nours\ntheirs\nz", "c = 1\nd = 3"],
    }
    for side in ("ours", "theirs", "both"):
        notebook = Notebook(copy.deepcopy(merged(base, ours, theirs).data))
        found = list(conflicts.find(notebook))
        assert [(one.kind, one.ours, one.theirs) for one in found] == [
            ("source", "a\nours\nz", "a\ntheirs\nz"),
            ("cells", "", "c = 1\nd = 3"),
        ]
        while found := list(conflicts.find(notebook)):
            conflicts.decide(notebook, found[0], side)
        assert [one["source"] for one in notebook.cells] == expected[side]
        assert all(one["metadata"] == {} for one in notebook.cells)


def test_text_without_markers_of_a_merge_is_no_conflict() -> None:
    assert conflicts.blocks("a\n=======\nb\n>>>>>>> x") == []
    assert conflicts.chosen("Title\n=======", "ours") == "Title\n======="


# ── files


def write(path: Path, nb: Json) -> str:
    path.write_text(json.dumps(nb))
    return str(path)


def test_files_are_merged_and_the_conflicts_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names = {"base": "b", "ours": "o", "theirs": "t"}
    for name, text in names.items():
        write(tmp_path / f"{name}.ipynb", book(cell(f"a\n{text}", "a"), cell("same", "s")))
        kept, number = ("base", 2) if name == "theirs" else (name, 1)
        (tmp_path / f"{name}.py").write_text(f"# %%\na = {number}\n\n# %% keep\nx = '{kept}'\n")
    files = [f"{name}.ipynb" for name in names]
    assert main(["merge", *files, "-o", "m.ipynb"]) == 1
    said = capsys.readouterr().err
    assert said == "conflict m.ipynb: cell 1: both sides changed the same lines\n"
    assert "<<<<<<< ours.ipynb" in (tmp_path / "m.ipynb").read_text()
    answers = io.BytesIO(b"what\nt\n")
    assert verb._tool(["m.ipynb"], answers) == 0
    nb = json.loads((tmp_path / "m.ipynb").read_text())
    assert "".join(nb["cells"][0]["source"]) == "a\nt"
    # scripts too, and what nobody changed keeps its bytes
    assert main(["merge", *(f"{name}.py" for name in names), "-o", "m.py"]) == 0
    assert (tmp_path / "m.py").read_text() == "# %%\na = 2\n\n# %% keep\nx = 'ours'\n"
    (tmp_path / "theirs.ipynb").write_text('{"cells": [')
    with pytest.raises(Error, match=r"theirs\.ipynb:1:12: the notebook is not JSON"):
        main(["merge", *files])
    with pytest.raises(Error, match="three files are merged"):
        main(["merge", "a.ipynb"])


def test_lines_of_scripts_that_nobody_changed_keep_their_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    script = "#!/usr/bin/env python\n# %%\n\na  =  1\n\n\n\n# %%   odd\nb = 1\n\n\n# %% [markdown]\n#Text\n"
    (tmp_path / "base.py").write_text(script)
    (tmp_path / "ours.py").write_text(script.replace("b = 1", "b = 2"))
    (tmp_path / "theirs.py").write_text(script.replace("a  =  1", "a  =  3"))
    assert main(["merge", "base.py", "ours.py", "theirs.py", "-o", "m.py"]) == 0
    assert (tmp_path / "m.py").read_text() == script.replace("b = 1", "b = 2").replace("a  =  1", "a  =  3")


def test_lines_merge_as_in_diff3() -> None:
    def lines(base: str, ours: str, theirs: str) -> tuple[str, bool]:
        found = merge_text.merge("\n".join(base), "\n".join(ours), "\n".join(theirs), Labels())
        return found.text.replace("\n", ""), found.conflict

    assert lines("abc", "xabc", "abcy") == ("xabcy", False)
    assert lines("abc", "ac", "abc") == ("ac", False)
    assert lines("abc", "axc", "axc") == ("axc", False)
    assert lines("abc", "xbc", "xby") == ("xby", False)
    assert lines("abc", "axc", "ayc")[1]
    # what both sides of a conflict begin or end with is no part of it
    assert lines("abc", "pxqc", "pyqc") == ("p<<<<<<< oursx=======y>>>>>>> theirsqc", True)
