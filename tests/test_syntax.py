"""Colours of code in comparisons: what is what in a line, and that nothing of the line is lost or hidden by it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from octavo.cli import main
from octavo.model import Json
from octavo.review import changes, page, syntax, terminal
from octavo.review.changes import ChangedCell
from octavo.show.screen import Screen

CODE = {
    "python": 'def f(n):\n    """a\n    text"""\n    return n + 1  # why',
    "sql": "select 1 -- why\nfrom 'x'",
    "r": 'f <- function(n) {\n  paste("x", 1) # why\n}',
    "bash": 'if true; then echo "x"; fi # why',
    "yaml": "tasks: # why\n  - {n: 1}",
    "julia": 'function f(n)\n  "x" # why\nend',
}


def book(*sources: str, language: str = "python", kind: str = "code") -> Json:
    cells = [{"cell_type": kind, "metadata": {}, "source": source, "outputs": []} for source in sources]
    return {
        "cells": cells,
        "metadata": {"kernelspec": {"name": "x", "language": language}},
        "nbformat": 4,
        "nbformat_minor": 4,
    }


def change(before: str, after: str, language: str = "python", kind: str = "code") -> ChangedCell:
    first, second = (book(text, language=language, kind=kind) for text in (before, after))
    return changes.compare(first, second, "a.ipynb", "b.ipynb", changes.Looked()).cells[0]


def styles(found: ChangedCell) -> dict[str, str]:
    """Return what each part of the lines is."""
    return {
        line.text[start:end].strip(): style
        for line, spans in zip(found.lines, syntax.spans(found), strict=True)
        for start, end, style in spans
    }


@pytest.mark.parametrize("language", CODE)
def test_parts_of_code_are_told_in_every_language(language: str) -> None:
    found = styles(change(CODE[language], CODE[language] + "\n", language))
    assert "comment" in found.values()
    assert {"keyword", "name"} & {*found.values()}


def test_a_line_is_read_as_a_part_of_its_cell() -> None:
    before = '"""\nimport x\n' + "a\n" * 9 + '"""\nx = 1'
    found = change(before, before.replace("import x", "import y"))
    assert styles(found)["import y"] == "string"  # within a text of many lines
    found = change(before, before.replace("x = 1", "x = 2"))  # whose beginning is not shown
    assert styles(found)["2"] == "number"


def test_the_magic_of_a_cell_and_its_kind_say_its_language() -> None:
    assert styles(change("%%sql\nselect 1", "%%sql\nselect 2"))["select"] == "keyword"
    assert styles(change("%%bash\necho 1", "%%bash\necho 2"))["echo"] == "name"
    assert styles(change("%%time\ndef f(): 1", "%%time\ndef f(): 2"))["def"] == "keyword"
    assert styles(change("# A\n\ntext", "# A\n\ntext 2", kind="markdown"))["# A"] == "keyword"
    assert styles(change("import A", "import B", kind="raw")) == {}
    assert styles(change("x = 1", "x = 2", language="of nobody")) == {}
    assert [syntax.of_file(name) for name in ("a/b.SQL", "x.yml", "Makefile")] == ["sql", "yaml", ""]


def test_what_is_no_code_costs_nothing() -> None:
    assert styles(change("x = 1", "x = '" + "y" * 5_000 + "'")) == {"1": "number"}
    assert styles(change("x = 1\n" * 9_000, "x = 2\n" * 9_000)) == {}


def test_a_line_whose_secret_is_hidden_has_no_colours_of_another() -> None:
    found = change('password = "hunter2"', 'password = "hunter3"')
    veiled = [changes.DiffLine(line.sign, "password = •••", at=line.at) for line in found.lines]
    other = ChangedCell("changed", "1", "code", found.before, found.after, tuple(veiled), language="python")
    assert syntax.spans(other) == [(), ()]


@given(some.text(alphabet="ab\"'#\n\r\t\u2028 1(\x1bé🎉", max_size=60), some.text("ab'\n", max_size=20))
def test_no_character_is_lost_or_moved(before: str, after: str) -> None:
    if before == after:
        return
    found = change(before, after)
    for line, spans in zip(found.lines, syntax.spans(found), strict=True):
        pieces = [*syntax.pieces(line.text, line.marks, spans)]
        assert "".join(text for text, *_ in pieces) == line.text
        assert all(text for text, *_ in pieces) or not line.text
        marked = "".join(text for text, mark, _ in pieces if mark)
        assert marked == "".join(line.text[start:end] for start, end in line.marks)


def test_words_that_differ_are_marked_over_colours() -> None:
    found = changes.compare(
        book('x = f("old text", 1)  # why'), book('x = f("new text", 1)  # why'), "a", "b", changes.Looked()
    )
    lines = [*terminal.lines(found, Screen(sys.stdout, colour=True))]
    assert (
        "\x1b[7m\x1b[33mnew\x1b[32m\x1b[27m" in lines[3]
    )  # a string, reversed, and then the colour of the sign
    assert re.sub("\x1b[^m]*m", "", lines[3]) == '+ x = f("new text", 1)  # why'
    assert "\x1b[2m# why\x1b[22m" in lines[3]
    plain = [*terminal.lines(found, Screen(sys.stdout))]
    assert plain[3] == '+ x = f("new text", 1)  # why'
    text = page.page([found], "x")
    assert '<mark><i class="string">new</i></mark><i class="string"> text&quot;</i>' in text


def _light(colour: str) -> float:
    """Return the relative luminance of a colour: https://www.w3.org/TR/WCAG22/#dfn-relative-luminance."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _over(ground: str, veil: str) -> str:
    """Return a colour with one over it that lets it through, such as #0002."""
    alpha = int(veil[4] * 2, 16) / 255
    pairs = ((int(ground[at : at + 2], 16), int(veil[n] * 2, 16)) for n, at in enumerate((1, 3, 5), 1))
    return "#" + "".join(f"{round(top * alpha + below * (1 - alpha)):02x}" for below, top in pairs)


def test_every_colour_of_code_can_be_read_on_every_ground_of_both_themes() -> None:
    text = page.page([], "x")
    dark, light = (
        re.search(r"dark\) \{(.*?)\} \}", text, re.S),
        re.sub(r"@media.*?\} \}", "", text, flags=re.S),
    )
    assert dark
    for css in (light, dark[1]):
        colours = dict(re.findall(r"--(\w+): (#\w+);", css))
        grounds = [colours["page"], colours["gone"], colours["new"]]
        grounds += [_over(ground, colours["word"]) for ground in grounds]
        for name in ("ink", "keyword", "string", "number", "comment", "name"):
            for ground in grounds:
                first, second = sorted([_light(colours[name]), _light(ground)])
                assert (second + 0.05) / (first + 0.05) >= 4.5, (name, ground)


def test_colours_are_asked_for_and_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, text in (("a.py", "# %%\nx = 1\n"), ("b.py", "# %%\nx = 2\n")):
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    seen = []
    for no_colour, words in (("", []), ("", ["--color=always"]), ("1", ["--color", "always"]), ("1", [])):
        monkeypatch.setenv("NO_COLOR", no_colour)
        assert main(["diff", "a.py", "b.py", *words]) == 1
        seen.append("\x1b[36m" in capsys.readouterr().out)
    assert seen == [False, True, True, False]
    monkeypatch.setenv("NO_COLOR", "")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert main(["diff", "a.py", "b.py", "--colour=never"]) == 1
    assert "\x1b" not in capsys.readouterr().out
