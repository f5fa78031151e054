"""Cells that are put into files and taken out again leave every other byte as it was."""

from __future__ import annotations

import itertools
import json

import pytest

from octavo import notebook as documents
from octavo.errors import NotebookError
from octavo.model import Json
from octavo.notebook.inject import INJECTED, parameters_cell, tags
from octavo.notebook.splice import RECORD, has, put, taken

SOURCE = f"# Parameters, {RECORD}\nn = 'é'\nm = 2"

HEADS = ("", "# ---\n# title: x\n# ---\n\n", "#!/usr/bin/python\n# -*- coding: latin-1 -*-\n\n", "\ufeff")
BEFORE = ("", "import os\n\n", "# %% [markdown]\n# Title\n\n", "\n\n# %%\nx = 1\n\n\n")
PARAMETERS = ("", '# %% tags=["parameters"]\nn = 1\n', "# %% a  title\n# parameters\nn = 1\n")
AFTER = ("", "\n", "\n\n\n", "\n# %%   odd   title\ny = 2", "# %%\n%time y = 2\n", '# %%\n"""\n# %%\n"""\n')


def injected(data: bytes, path: str) -> int:
    """Return where the injected cell of a file stands, which must be just below the parameters, else on top."""
    cells = [one for one in documents.loads(data, path).cells if one["cell_type"] != "raw"]
    (at,) = (i for i, cell in enumerate(cells) if INJECTED in tags(cell))
    assert "n = 'é'\nm = 2" in cells[at]["source"] and RECORD not in cells[at]["source"]
    return at


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_script_of_every_form_is_as_before_when_its_cell_is_taken_away(head: str, newline: str) -> None:
    for before, parameters, after in itertools.product(BEFORE, PARAMETERS, AFTER):
        text = (head + before + parameters + after).replace("\n", newline)
        data = text.encode("latin-1" if "latin" in head else "utf-8")
        if "# %%" not in text:
            continue  # of another format
        cells = [one for one in documents.loads(data, "a.py").cells if one["cell_type"] != "raw"]
        found = put(data, "a.py", SOURCE)
        assert injected(found, "a.py") == (-1 if (at := parameters_cell(cells)) is None else at) + 1
        others = [one["source"] for one in documents.loads(found, "a.py").cells if INJECTED not in tags(one)]
        said = [source for source in others if source]
        assert said == [one["source"] for one in documents.loads(data, "a.py").cells if one["source"]]
        assert has(found) and not has(data)
        assert taken(found, "a.py") == data
        more = found + newline.encode() + b"# %%" + newline.encode() + b"later = 1"
        assert taken(more, "a.py") == data + more[len(found) :], "it is edited elsewhere in the meantime"


def cell(source: str, *names: str) -> Json:
    metadata: Json = {"tags": [*names]} if names else {}
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": f"c{len(source)}",
        "metadata": metadata,
        "outputs": [{"output_type": "stream", "name": "stdout", "text": ['{"cells": []}\n', "é"]}],
        "source": source,
    }


CELLS: list[list[Json]] = [
    [],
    [cell("n = 1", "parameters")],
    [cell("x = 11"), cell("n = 1", "parameters")],
    [cell("n = 1", "parameters"), cell("x = 11")],
    [cell("x = 11")],
]


@pytest.mark.parametrize("indent", [1, 4, None])
@pytest.mark.parametrize("minor", [4, 5])
def test_an_ipynb_of_every_form_is_as_before_when_its_cell_is_taken_away(
    indent: int | None, minor: int
) -> None:
    for cells, ascii_only, first, newline, mark in itertools.product(
        CELLS, (True, False), (True, False), ("\n", "\r\n"), ("", "\ufeff")
    ):
        rest: Json = {"metadata": {"cells": [1]}, "nbformat": 4, "nbformat_minor": minor}
        book = {"cells": cells, **rest} if first else {**rest, "cells": cells}
        text = (
            mark + json.dumps(book, indent=indent, ensure_ascii=ascii_only).replace("\n", newline) + newline
        )
        data = text.encode()
        found = put(data, "a.ipynb", SOURCE)
        at = parameters_cell(cells)
        assert injected(found, "a.ipynb") == (0 if at is None else at + 1)
        assert taken(found, "a.ipynb") == data
        saved = documents.dumps(documents.loads(found, "a.ipynb"))
        assert taken(saved, "a.ipynb") == documents.dumps(documents.loads(data, "a.ipynb")), (
            "Jupyter saves it"
        )


def test_blanks_before_commas_are_no_trap() -> None:
    one, two = json.dumps(cell("a")), json.dumps(cell("n = 1", "parameters"))
    data = f'{{"nbformat": 4 , "nbformat_minor":5,"metadata":{{}} ,"cells" : [ {one}  ,\n {two} ] }}'.encode()
    found = put(data, "a.ipynb", SOURCE)
    assert injected(found, "a.ipynb") == 2
    assert taken(found, "a.ipynb") == data


@pytest.mark.parametrize("path", ["a.py", "a.ipynb"])
def test_an_edited_cell_is_only_taken_away_by_force(path: str) -> None:
    data = b'# %% tags=["parameters"]\nn = 1\n\n# %%\nx = 1\n'
    if path == "a.ipynb":
        book = {"cells": CELLS[3], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        data = json.dumps(book, indent=1).encode()
    found = put(data, path, SOURCE).replace(b"m = 2", b"m = 33")
    with pytest.raises(NotebookError, match="was edited"):
        taken(found, path)
    assert taken(found, path, force=True) == data
    assert taken(data, path) == data


def test_cells_that_others_injected_and_other_formats_are_refused_with_what_to_do() -> None:
    script = b'# %% tags=["injected-parameters"]\nn = 1\n'
    with pytest.raises(NotebookError, match=r'cell 1 has a tag "injected-parameters"'):
        put(script, "a.py", SOURCE)
    assert taken(script, "a.py") == script
    with pytest.raises(NotebookError, match="already"):
        put(put(b"# %%\nx = 1\n", "a.py", SOURCE), "a.py", SOURCE)
    for data, path in ((b"x = 1\n", "a.py"), (b"# hi\n", "a.md")):
        with pytest.raises(NotebookError, match="cannot be put into a file in the format"):
            put(data, path, SOURCE)
