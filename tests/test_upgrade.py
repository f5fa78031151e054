"""Notebooks of the format's versions 1 to 3: nbformat is the oracle."""

from __future__ import annotations

import json
from typing import Any

import nbformat
import pytest

from octavo.notebook.cells import load_ipynb
from oracles import nbformat_writes, rewritten, without_ids


def version_3(cells: list[dict[str, Any]], **more: Any) -> str:
    return json.dumps(
        {
            "nbformat": 3,
            "nbformat_minor": 0,
            "metadata": {"name": "x"},
            "worksheets": [{"cells": cells}],
            **more,
        }
    )


OLD_OUTPUTS: list[dict[str, Any]] = [
    {"output_type": "pyout", "prompt_number": 3, "text": ["a\n", "b"], "html": "<b>", "json": '{"a": [1]}'},
    {
        "output_type": "display_data",
        "png": "aGk=",
        "svg": ["<svg>", "</svg>"],
        "metadata": {"png": {"width": 1}},
    },
    {"output_type": "stream", "stream": "stderr", "text": ["no line ends", "here"]},
    {"output_type": "stream", "text": ""},
    {"output_type": "pyerr", "ename": "E", "evalue": "v", "traceback": ["t"]},
    {"output_type": "display_data", "application/x": "kept", "javascript": "x\ny", "latex": []},
]
OLD_CELLS: list[dict[str, Any]] = [
    {
        "cell_type": "code",
        "input": ["a = 1\n", "b"],
        "language": "python",
        "collapsed": False,
        "outputs": OLD_OUTPUTS,
    },
    {
        "cell_type": "code",
        "input": "",
        "prompt_number": 2,
        "outputs": [],
        "metadata": {"trusted": True, "k": 1},
    },
    {"cell_type": "markdown", "source": ["# a\n", "b"], "rendered": ["x", "y"]},
    {"cell_type": "heading", "level": 3, "source": ["A\n", "title"]},
    {"cell_type": "html", "source": "<b>"},
    {"cell_type": "raw", "source": "r", "metadata": {}},
]


@pytest.mark.parametrize(
    "text",
    [
        version_3(OLD_CELLS),
        version_3(OLD_CELLS, orig_nbformat=2, unknown={"kept": 1}),
        version_3([], metadata={"name": "", "signature": "s", "kernelspec": {"name": "x"}}),
        version_3(OLD_CELLS[:3], nbformat=2),
        json.dumps({"worksheets": [{"cells": []}, {"cells": OLD_CELLS[:1]}], "nbformat": 3, "metadata": {}}),
        json.dumps(
            {
                "cells": [
                    {"cell_type": "code", "code": "a", "prompt_number": 1},
                    {"cell_type": "text", "text": "b"},
                ]
            }
        ),
    ],
)
def test_an_old_notebook_is_upgraded_as_nbformat_upgrades_it(text: str) -> None:
    assert without_ids(rewritten(text)) == without_ids(nbformat_writes(text))


def test_an_upgraded_notebook_is_valid_and_its_texts_are_joined() -> None:
    lists = {"output_type": "display_data", "application/x": ["one ", "text"]}  # nbformat leaves such a list
    old = version_3([OLD_CELLS[0], {"cell_type": "code", "input": "", "outputs": [lists]}])
    nbformat.validate(json.loads(rewritten(old)))
    assert load_ipynb(old.encode(), "nb.ipynb").cells[1]["outputs"][0]["data"] == {
        "application/x": "one text"
    }
