"""octavo convert, pair and sync: round trips lose nothing that a format holds, and pairs are jupytext's."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import jupytext
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from jupytext.cli import jupytext as run_jupytext

from octavo import notebook as documents
from octavo.cli import main
from octavo.errors import Error
from octavo.notebook.cells import Notebook
from octavo.pairing import convert, forms

PY, IPYNB = forms.form("py"), forms.form("ipynb")
STREAM = {"output_type": "stream", "name": "stdout", "text": "1\n"}


def cell(source: str, kind: str = "code", name: str = "", **metadata: Any) -> dict[str, Any]:
    made = {
        "cell_type": kind,
        "id": name or f"c{abs(hash(source)) % 10**6}",
        "metadata": metadata,
        "source": source,
    }
    return made | ({"outputs": [deepcopy(STREAM)], "execution_count": 3} if kind == "code" else {})


def book(*cells: dict[str, Any], **metadata: Any) -> Notebook:
    spec = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    data = {"cells": list(cells), "metadata": {**spec, **metadata}, "nbformat": 4, "nbformat_minor": 5}
    return Notebook(data, "ipynb", "fit.ipynb")


def usual() -> Notebook:
    return book(
        cell("# Fit", "markdown", "title") | {"attachments": {"a.png": {"image/png": "aaaa"}}},
        cell("n = 3", name="given", tags=["parameters"], collapsed=True),
        cell("print(n)", name="show"),
        language_info={"name": "python"},
    )


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    documents.write(usual(), tmp_path / "fit.ipynb")
    return tmp_path


def said(capsys: pytest.CaptureFixture[str]) -> str:
    found = capsys.readouterr()
    return found.out + found.err


def older(path: Path, seconds: float = 60) -> None:
    at = path.stat().st_mtime - seconds
    os.utime(path, (at, at))


def put(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def sources(path: Path) -> list[str]:
    return [cell["source"] for cell in documents.read(path).cells]


# ── round trips

WORDS = some.sampled_from(
    ["x = 1", "%matplotlib inline", "# %%", "", "def f():\n    '''a'''\n\n\n", "!ls", "é", "+ 1"]
)
SOURCES = some.lists(WORDS, max_size=3).map("\n".join)
METADATA = some.dictionaries(
    some.sampled_from(["tags", "name", "slide", "collapsed"]),
    some.sampled_from([["a", "b"], "x", True, {"k": 1}]),
)
CELLS = some.lists(some.builds(cell, SOURCES, some.sampled_from(["code", "markdown", "raw"])), max_size=5)


@given(CELLS, METADATA, some.integers(0, 4), SOURCES)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_an_ipynb_comes_back_from_its_script_whole_and_with_the_edit_of_one_cell(
    cells: list[dict[str, Any]], metadata: dict[str, Any], at: int, source: str
) -> None:
    for number, one in enumerate(cells):
        one["id"] = f"id{number}"
    if cells:
        cells[0]["metadata"] = dict(metadata)
    notebook = book(*cells)
    before = deepcopy(notebook.data)
    script = convert.converted(notebook, PY, {})
    assert convert.converted(script, IPYNB, {}, notebook).data == before == notebook.data
    text = documents.dumps(script)
    again = convert.converted(notebook, PY, {}, documents.loads(text, "fit.py"))
    assert documents.dumps(again) == text
    if at >= len(script.cells):
        return
    script.cells[at]["source"] += "\n" + source
    edited = documents.loads(documents.dumps(script), "fit.py")
    updated = convert.converted(edited, IPYNB, {}, notebook)
    assert convert.alike(convert.through(updated, PY, {}), edited)
    ids = [one["id"] for one in updated.cells]
    old = {one["id"]: one for one in cells}
    assert len({*ids}) == len(ids)
    assert all(
        old[one["id"]].get("outputs") == one.get("outputs") for one in updated.cells if one["id"] in old
    )
    if len(updated.cells) == len(cells):
        assert sum(one in cells for one in updated.cells) >= len(cells) - 2


@pytest.mark.parametrize("word", ["py", "py:light", "md", "md:myst", "Rmd", "R"])
def test_what_a_format_does_not_hold_is_named_and_is_the_ipynbs_again_afterwards(word: str) -> None:
    notebook = usual()
    held = convert.through(notebook, forms.form(word), {})
    lost = "; ".join(convert.lost(notebook, held))
    for name in ("outputs (2 cells)", "ids", "attachments (#m1)", "language_info", "collapsed of #1"):
        assert name in lost
    assert "source" not in lost and "tags" not in lost
    assert convert.converted(held, IPYNB, {}, notebook).data == usual().data


@pytest.mark.skipif(shutil.which("quarto") is not None, reason="quarto writes it itself")
def test_quarto_documents_are_written_without_quarto_and_read_again() -> None:
    raw = {"cell_type": "raw", "id": "r", "metadata": {}, "source": "rm -rf ```"}
    notebook = usual()
    notebook.cells.append(raw)
    held = convert.through(notebook, forms.form("qmd"), {})
    text = documents.dumps(held).decode()
    assert "#| tags: [" in text
    assert "jupytext" not in text
    assert "\n````\nrm -rf ```\n````\n" in text  # text, which quarto does not run
    tags = [(cell["source"].partition("\n")[0], cell["metadata"].get("tags")) for cell in held.cells]
    for cell in notebook.cells:
        if wanted := cell["metadata"].get("tags"):
            assert (f"#| tags: [{', '.join(wanted)}]", wanted) in tags
    again = convert.through(held, forms.form("qmd"), {})
    assert [cell["source"] for cell in again.cells] == [cell["source"] for cell in held.cells]


def test_scripts_say_what_jupytext_would_write_into_them() -> None:
    notebook = usual()
    ours = documents.dumps(convert.converted(notebook, PY, {})).decode()
    theirs = jupytext.writes(jupytext.reads(json.dumps(notebook.data), "ipynb"), "py:percent")
    kept = [line for line in theirs.splitlines() if "jupytext_version" not in line]
    assert ours.splitlines() == kept


def test_a_script_without_a_header_gets_none_by_going_through_an_ipynb() -> None:
    text = b'# %% tags=["parameters"]\nx = 1\n\n\n# %% [markdown]\n# hi\n'
    made = convert.converted(documents.loads(text, "a.py"), IPYNB, {})
    back = convert.converted(documents.loads(documents.dumps(made), "a.ipynb"), PY, {})
    assert documents.dumps(back) == text


# ── convert


def test_convert_writes_beside_says_what_is_left_behind_and_replaces_nothing(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["convert", "fit.ipynb", "--to", "py", "--check"]) == 1
    assert not (here / "fit.py").exists()
    assert main(["convert", "fit.ipynb", "--to", "py"]) == 0
    assert "does not hold: outputs (2 cells); ids; attachments (#m1)" in said(capsys)
    assert main(["convert", "fit.ipynb", "--to", "py", "--check"]) == 0
    put(here / "fit.py", "print(n)", "print(n + 1)")
    assert main(["convert", "fit.ipynb", "--to", "py"]) == 2
    assert "fit.py: it is there already, and says something else than fit.ipynb" in said(capsys)
    assert main(["convert", "fit.py", "-o", "fit.ipynb"]) == 2
    assert main(["convert", "fit.py", "-o", "fit.ipynb", "--force"]) == 0
    found = documents.read(here / "fit.ipynb")
    assert [one["id"] for one in found.cells] == ["title", "given", "show"]
    assert found.cells[2]["source"] == "print(n + 1)" and found.cells[2]["outputs"]


def test_convert_takes_folders_and_the_standard_streams(
    here: Path, capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "inner").mkdir()
    documents.write(usual(), here / "inner" / "b.ipynb")
    (here / "module.py").write_text("x = 1\n")
    (here / "README.md").write_text("# Hello\n")
    assert main(["convert", ".", "--to", "py", "-o", "out/"]) == 0
    assert sorted(str(p.relative_to(here)) for p in (here / "out").rglob("*.*")) == [
        "out/fit.py",
        "out/inner/b.py",
    ]
    capsysbinary.readouterr()

    class Input:
        buffer = io.BytesIO((here / "out/fit.py").read_bytes())

    monkeypatch.setattr(sys, "stdin", Input)
    assert main(["convert", "-", "--to", "md"]) == 0
    assert b"```python tags=" in capsysbinary.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["fit.ipynb"], "convert to what"),
        (["fit.ipynb", "--to", "pdf"], 'there is no format "pdf"'),
        (["gone.ipynb", "--to", "py"], "no such file"),
        (["fit.ipynb", "-", "--to", "py"], "standard input alone"),
        (["fit.ipynb", "-o", "fit.pdf"], "no notebook format"),
        (["fit.ipynb", "-o", "fit.ipynb"], "replace itself"),
        (["cut.ipynb", "--to", "py"], "cut.ipynb:1:11"),
    ],
)
def test_a_conversion_that_cannot_be_is_told_before_anything_is_written(
    here: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "cut.ipynb").write_text('{"cells": ')
    try:
        assert main(["convert", *words]) == 2
    except Error as error:
        assert message in str(error)
    else:
        assert message in said(capsys)
    assert sorted(os.listdir(here)) == ["cut.ipynb", "fit.ipynb"]


# ── pairs


def test_a_pair_is_jupytexts_and_both_leave_it_as_it_is(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["pair", "fit.ipynb"]) == 0
    assert "paired: fit.ipynb and fit.py (wrote fit.ipynb, fit.py)" in said(capsys)
    assert documents.read(here / "fit.ipynb").data["metadata"]["jupytext"] == {"formats": "ipynb,py:percent"}
    before = {name: (here / name).read_bytes() for name in ("fit.ipynb", "fit.py")}
    assert run_jupytext(["--sync", "fit.ipynb", "--quiet"]) == 0
    text = [line for line in (here / "fit.py").read_text().splitlines() if "jupytext_version" not in line]
    assert text == before["fit.py"].decode().splitlines()
    assert (
        documents.loads((here / "fit.ipynb").read_bytes(), "a.ipynb").data
        == documents.loads(before["fit.ipynb"], "a.ipynb").data
    )
    assert main(["sync", "--check"]) == 0
    assert main(["pair", "fit.py", "--off"]) == 0
    assert "jupytext" not in documents.read(here / "fit.ipynb").data["metadata"]
    assert main(["sync"]) == 0 and said(capsys).endswith("no pairs here\n")


def test_each_side_is_taken_when_it_was_edited_and_keeps_what_is_its_own(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["pair", "fit.ipynb"])
    put(here / "fit.py", "n = 3", "n = 4")
    assert main(["sync", "--check"]) == 1 and sources(here / "fit.ipynb")[1] == "n = 3"
    assert main(["sync"]) == 0
    assert "wrote fit.ipynb from fit.py (edited since the last sync)" in said(capsys)
    found = documents.read(here / "fit.ipynb")
    wanted = usual()
    wanted.cells[1]["source"] = "n = 4"
    assert found.cells == wanted.cells
    assert (here / "fit.py").stat().st_mtime >= (here / "fit.ipynb").stat().st_mtime - 1  # jupytext's rule
    script = (here / "fit.py").read_text()
    put(here / "fit.ipynb", "print(n)", "print(-n)")
    assert main(["sync", "fit.py", "--json"]) == 0
    row = json.loads(capsys.readouterr().out)[0]
    assert (row["source"], row["written"]) == ("fit.ipynb", ["fit.py"])
    assert (here / "fit.py").read_text() == script.replace("print(n)", "print(-n)")


def test_outputs_alone_are_no_edit_and_layout_of_a_script_is_none(here: Path) -> None:
    main(["pair", "fit.ipynb"])
    put(here / "fit.ipynb", '"1\\n"', '"2\\n"')
    put(here / "fit.py", "\n# %%\nprint(n)", "\n\n# %%\nprint(n)")
    before = {name: (here / name).read_bytes() for name in ("fit.ipynb", "fit.py")}
    assert main(["sync", "--check"]) == 0 and main(["sync"]) == 0
    assert before == {name: (here / name).read_bytes() for name in before}


def test_where_both_sides_were_changed_nothing_is_written_until_one_is_chosen(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["pair", "fit.ipynb"])
    put(here / "fit.ipynb", "n = 3", "n = 5")
    put(here / "fit.py", "print(n)", "print(n + 1)")
    before = {name: (here / name).read_bytes() for name in ("fit.ipynb", "fit.py")}
    capsys.readouterr()
    assert main(["sync"]) == 2
    assert before == {name: (here / name).read_bytes() for name in before}
    message = said(capsys)
    assert "fit.ipynb and fit.py say different things: both were changed since the last sync" in message
    assert "octavo sync fit.ipynb --take fit.ipynb, or --take fit.py, keeps one" in message
    assert main(["sync", "fit.ipynb", "--take", "fit.py"]) == 0
    kept = said(capsys).rpartition("kept: ")[2].strip()
    assert (here / kept).read_bytes() == before["fit.ipynb"]
    assert sources(here / "fit.ipynb") == ["# Fit", "n = 3", "print(n + 1)"]


def test_without_a_last_sync_git_tells_and_then_the_times(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def git(*words: str) -> None:
        subprocess.run(
            ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", *words], check=True, capture_output=True
        )

    def forget() -> None:
        for file in (here / ".octavo" / "pairs").glob("*.json"):
            file.unlink()

    main(["pair", "fit.ipynb"])
    git("init", "-q")
    git("add", "fit.ipynb", "fit.py")
    git("commit", "-qm", "a")
    put(here / "fit.py", "n = 3", "n = 4")
    older(here / "fit.py")
    forget()
    assert main(["sync"]) == 0
    assert "from fit.py (edited since the last commit)" in said(capsys)
    put(here / "fit.ipynb", "n = 4", "n = 6")
    put(here / "fit.py", "n = 4", "n = 7")
    forget()
    assert main(["sync"]) == 2
    assert "both were changed since the last commit" in said(capsys)
    git("rm", "-q", "--cached", "fit.ipynb", "fit.py")
    git("commit", "-qm", "b")
    older(here / "fit.ipynb")
    assert main(["sync"]) == 0
    message = said(capsys)
    assert "wrote fit.ipynb from fit.py (newer)" in message and "n = 6" in (
        here / message.rpartition("kept: ")[2].strip()
    ).read_text("utf-8")


def test_pairs_of_jupytexts_configuration_are_kept_the_same_in_their_folders(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "pyproject.toml").write_text(
        '[tool.jupytext]\ncell_metadata_filter = "tags,-all"\n'
        '[tool.jupytext.formats]\n"notebooks/" = "ipynb"\n"scripts/" = "py:percent"\n'
    )
    (here / "notebooks").mkdir()
    (here / "fit.ipynb").rename(here / "notebooks/fit.ipynb")
    assert main(["sync"]) == 0
    assert f"wrote {os.path.join('scripts', 'fit.py')} from" in said(capsys)
    script = (here / "scripts/fit.py").read_text()
    assert '# %% tags=["parameters"]' in script and "collapsed" not in script
    put(here / "scripts/fit.py", "print(n)", "print(n, n)")
    assert main(["sync"]) == 0
    found = documents.read(here / "notebooks/fit.ipynb")
    assert found.cells[2]["source"] == "print(n, n)" and found.cells[1]["metadata"]["collapsed"] is True
    assert "cell_metadata_filter" not in json.dumps(found.data)
    (here / "pyproject.toml").write_text("[tool.jupytext]\nformats = 3\n")
    assert main(["sync"]) == 2
    assert "pyproject.toml: jupytext cannot read its configuration" in said(capsys)


def test_a_file_that_is_no_pair_and_sides_that_are_none_are_told(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sync", "fit.ipynb"]) == 2
    assert "fit.ipynb: it is not paired\n  hint: octavo pair fit.ipynb" in said(capsys)
    main(["convert", "fit.ipynb", "--to", "py"])
    put(here / "fit.py", "n = 3", "n = 4")
    capsys.readouterr()
    assert main(["pair", "fit.ipynb"]) == 2
    assert "fit.py: it is there already, and says something else than fit.ipynb" in said(capsys)
    (here / "fit.py").unlink()
    main(["pair", "fit.ipynb"])
    (here / "fit.py").write_text("<<<<<<< a\n# %%\nx\n=======\n# %%\ny\n>>>>>>> b\njupytext: formats\n")
    capsys.readouterr()
    assert main(["sync"]) == 2
    assert "fit.py:1:1: the file has merge conflict markers" in said(capsys)
    (here / "fit.py").unlink()
    assert main(["sync", "--take", "other.py", "fit.ipynb"]) == 2
    assert main(["sync"]) == 0 and (here / "fit.py").exists()


def test_formats_that_lead_out_of_the_project_or_are_none_write_nothing(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inner = here / "project"
    inner.mkdir()
    (inner / ".git").mkdir()
    for formats, message in {
        "ipynb,../out/py:percent": "lead out of the project, to out",
        "ipynb,nonsense": "'nonsense' is not a notebook extension\n",
    }.items():
        documents.write(book(cell("x"), jupytext={"formats": formats}), inner / "a.ipynb")
        assert main(["sync"]) == 2
        assert message in said(capsys)
    assert sorted(os.listdir(here)) == ["fit.ipynb", "project"] and len(os.listdir(inner)) == 2


def test_a_script_is_written_in_the_encoding_that_it_declares(here: Path) -> None:
    (here / "a.py").write_bytes('# -*- coding: latin-1 -*-\n# %%\nx = "é"\n'.encode("latin-1"))
    assert main(["pair", "a.py"]) == 0 and main(["sync", "--check"]) == 0
    (here / "a.py").unlink()
    assert main(["sync"]) == 0
    assert "é" in (here / "a.py").read_text("latin-1") and sources(here / "a.py") == ['x = "é"']


def test_a_copy_of_a_side_in_another_place_is_of_no_pair(here: Path) -> None:
    assert main(["pair", "fit.ipynb"]) == 0
    assert main(["convert", "fit.py", "--to", "md"]) == 0
    assert "formats" not in (here / "fit.md").read_text("utf-8")
    assert main(["sync", "--check"]) == 0
    (here / "fit.py").unlink()
    assert main(["convert", "fit.ipynb", "--to", "py"]) == 0
    assert "formats: ipynb,py:percent" in (here / "fit.py").read_text("utf-8")
