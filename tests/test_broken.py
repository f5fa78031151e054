"""Files that are no notebooks: each is refused with the place and, where one is known, the way out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from octavo.errors import Error, Errors, NotebookError, each
from octavo.notebook.cells import load_ipynb
from oracles import code, small


def fails(data: str | bytes) -> list[Error]:
    data = data.encode() if isinstance(data, str) else data
    with pytest.raises((NotebookError, Errors)) as caught:
        load_ipynb(data, "nb.ipynb")
    assert isinstance(caught.value, Error | Errors)
    found = list(each(caught.value))
    assert all(isinstance(error, NotebookError) for error in found)
    return found


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("", "nb.ipynb: the file is empty, not a notebook", "restore it"),
        (" \n", "nb.ipynb: the file contains only whitespace", "restore it"),
        ("{", "nb.ipynb:1:2: the notebook is not JSON", "cut off"),
        ('{"cells": [\n {"source": "abc', "nb.ipynb:2:13: the notebook is not JSON: Unterminated", "cut off"),
        ('{"cells": [\n }', "nb.ipynb:2:2: the notebook is not JSON", "by hand"),
        ("import os\n", "nb.ipynb:1:1: the notebook is not JSON", "by hand"),
        ('{"a": 1} x', "nb.ipynb:1:10: the notebook is not JSON: Extra data", "by hand"),
        ("[" * 100_000, "nested too deeply", ""),
        ('{"n": ' + "1" * 5000 + "}", "the notebook is not JSON: Exceeds the limit", ""),
        ("<!DOCTYPE html>", "the file is a web page", "raw file"),
        (
            "version https://git-lfs.github.com/spec/v1\noid x",
            "the file is a Git LFS pointer",
            "git lfs pull",
        ),
        ("[]", "nb.ipynb:1:1: this is not a notebook: a notebook is a JSON object", ""),
        ("{}", 'nb.ipynb:1:1: this is not a notebook: it has no "cells"', ""),
        ('{"nbformat": 4}', 'nb.ipynb:1:1: this is not a notebook: it has no "cells"', ""),
        ('{"nbformat": 3}', 'nb.ipynb:1:1: this is not a notebook: it has no "worksheets"', ""),
        (
            '{"nbformat": 3, "worksheets": 1}',
            'nb.ipynb:1:31: this is not a notebook: its "worksheets" must',
            "",
        ),
        (
            '{"nbformat": 4,\n "cells": {}}',
            'nb.ipynb:2:11: this is not a notebook: its "cells" must be a list',
            "",
        ),
        ('{"nbformat": 5}', "nb.ipynb:1:14: nbformat 5 is newer than 4", "up to 4.5"),
        ('{"nbformat": "4"}', "nb.ipynb:1:14: unknown nbformat: '4'", "a number from 1 to 4"),
        ('{"nbformat": true}', "nb.ipynb:1:14: unknown nbformat: True", "a number from 1 to 4"),
        (
            '{"nbformat": 4, "nbformat_minor": "5"}',
            "nb.ipynb:1:35: nbformat_minor must be a whole number",
            "",
        ),
        ('{"cells": [{"cell_type": "code", "source": "x"}]}', 'it has no "nbformat"', 'add "nbformat": 4'),
    ],
    ids=range(22),
)
def test_what_is_not_a_notebook_is_refused_with_its_place(text: str, message: str, hint: str) -> None:
    (error,) = fails(text)
    assert message in str(error)
    assert hint in (error.hint or "")


def test_a_merge_conflict_is_named_with_its_place() -> None:
    text = json.dumps(small(code("a")), indent=1).replace(
        ' "nbformat": 4', '<<<<<<< HEAD\n "nbformat": 4,\n=======\n "nbformat": 3,\n>>>>>>> b'
    )
    (error,) = fails(text)
    assert error.message == "the file has merge conflict markers"
    assert error.where is not None
    assert text.splitlines()[error.where.line - 1] == "<<<<<<< HEAD"
    assert "nb.ipynb" in (error.hint or "")


def test_a_byte_that_is_not_utf8_is_shown_with_its_place() -> None:
    (error,) = fails(b'{"cells":\n "\xe9"}')
    assert str(error).startswith("nb.ipynb:2:3: the notebook is not UTF-8: byte 0xe9")


def test_all_mistakes_of_a_file_are_shown_together_with_their_places() -> None:
    wrong: list[Any] = [
        1,
        {"metadata": {}, "source": ""},
        code(cell_type=3),
        code(source=[1]),
        code(metadata=[]),
        code(id=7),
        code(outputs=3),
        code(outputs=[4, {"name": "x"}, {"output_type": "stream", "text": 5}]),
        code(outputs=[{"output_type": "display_data", "data": []}]),
        {"cell_type": "markdown", "metadata": {}, "source": "", "attachments": {"a": 1}},
        {"cell_type": "markdown", "metadata": {}, "source": "", "attachments": []},
    ]
    text = json.dumps(small(*wrong), indent=1)
    found = fails(text)
    shown = [error.message for error in found]
    assert shown == [
        "cell 1 must be a JSON object",
        "cell 2 has no cell_type",
        "cell 3: the cell_type must be a string",
        "cell 4: the source must be a string or a list of strings",
        "cell 5: the metadata must be a JSON object",
        "cell 6: the id must be a string",
        "cell 7: the outputs must be a list",
        "cell 8, output 1 must be a JSON object",
        "cell 8, output 2 has no output_type",
        "cell 8, output 3: the text must be a string or a list of strings",
        "cell 9, output 1: the data must be a JSON object of MIME types",
        "cell 10: an attachment must be a JSON object of MIME types",
        "cell 11: an attachment must be a JSON object of MIME types",
    ]
    lines = text.splitlines()
    at = {e.message: lines[e.where.line - 1][e.where.column - 1 :] for e in found if e.where}
    assert at["cell 1 must be a JSON object"] == "1,"
    assert at["cell 3: the cell_type must be a string"] == "3,"
    assert at["cell 6: the id must be a string"] == "7"
    assert at["cell 8, output 3: the text must be a string or a list of strings"] == "5"
    assert at["cell 10: an attachment must be a JSON object of MIME types"] == "1"
