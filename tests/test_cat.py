"""octavo cat: notebooks as text, and the addresses of their cells."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from octavo.cli import main
from octavo.errors import Error

SCRIPT = """\
# %% [markdown]
# # Title

# %% tags=["parameters"]
n = 1

# %%
print(n)
"""


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    shown = [
        {"output_type": "stream", "name": "stdout", "text": ["a\n", "b\n"]},
        {"output_type": "display_data", "metadata": {}, "data": {"image/png": "A" * 2_000_000}},
        {"output_type": "error", "ename": "ValueError", "evalue": "no \x1b[31m", "traceback": []},
    ]
    cells = [
        {"cell_type": "markdown", "id": "top", "metadata": {}, "source": "# T"},
        {
            "cell_type": "code",
            "id": "load",
            "metadata": {"tags": ["x", "both"]},
            "source": ["a = 1\n", "b = 2"],
            "outputs": shown,
            "execution_count": 1,
        },
        {
            "cell_type": "code",
            "id": "fit",
            "metadata": {"tags": ["both"]},
            "source": "\x1b]0;title\x07",
            "outputs": [],
            "execution_count": 2,
        },
    ]
    nb = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps(nb))
    return path


def test_a_large_notebook_is_short_to_read(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cat", "a.ipynb", "--outputs"]) == 0
    assert capsys.readouterr().out == (
        "# %% [m1] markdown id=top\n# T\n\n"
        "# %% [1] code id=load tags=x,both\na = 1\nb = 2\n"
        "#> stdout: a … 2 lines\n#> image/png, 2,000,000 characters\n#> error: ValueError: no \x1b[31m\n\n"
        "# %% [2] code id=fit tags=both\n␛]0;title␇\n\n"
    )


@pytest.mark.parametrize("address", ["1", "load", "x"])
def test_a_cell_is_addressed_by_number_id_or_tag(
    book: Path, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["cat", f"a.ipynb#{address}", "--json"]) == 0
    (cell,) = json.loads(capsys.readouterr().out)["cells"]
    assert (cell["number"], cell["source"], cell["tags"]) == ("1", "a = 1\nb = 2", ["x", "both"])


def test_addresses_that_mean_none_or_several_are_told(book: Path) -> None:
    for address, words in {
        "both": "2 cells have the tag",
        "laod": 'did you mean "load"',
        "": "follows #",
    }.items():
        with pytest.raises(Error, match=words):
            main(["cat", f"a.ipynb#{address}"])
    with pytest.raises(Error, match="No such file"):
        main(["cat", "b.ipynb"])


def test_scripts_are_read_too_and_git_gets_no_numbers(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (book.parent / "s.py").write_text(SCRIPT)
    main(["cat", "s.py#parameters"])
    assert capsys.readouterr().out.splitlines()[1] == "n = 1"
    (book.parent / "x_a").write_bytes(book.read_bytes())
    assert main(["cat", "--textconv", "x_a"]) == 0
    assert capsys.readouterr().out.splitlines()[:4] == ["# %% [markdown]", "# T", "# %% tags=x,both", "a = 1"]


# ── one cell replaced


@pytest.mark.parametrize("indent", [1, 4, None])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_a_cell_is_replaced_and_no_other_byte_changes(
    book: Path, indent: int | None, ascii_only: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    nb = json.loads(book.read_bytes())
    nb["metadata"] = {"z": "é", "a": 1}
    nb["cells"][2]["source"] = []

    def written() -> bytes:
        return json.dumps(nb, indent=indent, ensure_ascii=ascii_only).encode()

    book.write_bytes(written())
    (book.parent / "new.py").write_text("c = 'ü'\nd = 4\n")
    assert main(["cell", "a.ipynb#load", "--source", "new.py"]) == 0
    nb["cells"][1]["source"] = ["c = 'ü'\n", "d = 4"]
    assert book.read_bytes() == written()
    assert main(["cell", "a.ipynb#m1", "--source", "new.py"]) == 0
    nb["cells"][0]["source"] = "c = 'ü'\nd = 4"
    assert book.read_bytes() == written()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"n = 3\n")))
    assert main(["cell", "a.ipynb#fit", "--source", "-"]) == 0
    nb["cells"][2]["source"] = ["n = 3"]
    assert json.loads(book.read_bytes()) == nb
    if indent in (1, None):
        assert book.read_bytes() == written()


def test_a_cell_of_a_script_is_replaced_and_the_rest_keeps_its_bytes(
    book: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = book.parent / "s.py"
    script.write_text(SCRIPT.replace("\nprint", "\n\n\nprint"))
    (book.parent / "new.py").write_text("n = 2")
    assert main(["cell", "s.py#parameters", "--source", "new.py"]) == 0
    assert script.read_text() == SCRIPT.replace("\nprint", "\n\n\nprint").replace("n = 1", "n = 2")
    capsys.readouterr()
    assert main(["cell", "s.py#1"]) == 0
    assert capsys.readouterr().out == "n = 2\n"
    assert main(["cell", "s.py#1", "--source", "new.py", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["tags"] == ["parameters"]
    with pytest.raises(Error, match="which cell"):
        main(["cell", "s.py"])
    with pytest.raises(Error, match="No such file"):
        main(["cell", "s.py#1", "--source", "nowhere.py"])


def test_a_terminal_sees_what_a_cell_would_do_to_it_and_a_program_gets_the_cell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.py").write_text("# %%\nx = '\x1b]0;title\x07\x1b[2J'\n")
    assert main(["cell", "a.py#1"]) == 0
    assert capsys.readouterr().out == "x = '\x1b]0;title\x07\x1b[2J'\n"
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert main(["cell", "a.py#1"]) == 0
    shown = capsys.readouterr().out
    assert "\x1b" not in shown and "\x07" not in shown and "␛]0;title␇␛[2J" in shown
