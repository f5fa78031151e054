"""What jupytext and nbformat make of notebooks, beside what we do, for tests that compare the two."""

from __future__ import annotations

import json
import logging
import os
import re
import warnings
from pathlib import Path
from typing import Any

import jupytext
import nbformat

from octavo import notebook
from octavo.notebook import Notebook
from octavo.notebook.cells import load_ipynb
from octavo.notebook.percent import load_percent

Plain = list[tuple[str, str, dict[str, Any]]]

#: A folder of checked-out repositories: nbformat, jupytext, nbconvert, nbclient, papermill ...
PEERS = os.environ.get("OCTAVO_PEERS", "")

HEADER = """\
# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

"""


def plain(cells: Any) -> Plain:
    """Return type, source and metadata of cells, without tuples or nodes."""
    return [(c["cell_type"], c["source"], json.loads(json.dumps(c["metadata"]))) for c in cells]


def jupytext_reads(text: str, fmt: Any = "py:percent") -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return jupytext.reads(text, fmt)


def percent(text: str | bytes) -> Notebook:
    data = text if isinstance(text, bytes) else text.encode()
    found = load_percent(data, "nb.py", "percent")
    assert found is not None
    return found


def nbformat_writes(text: str) -> bytes:
    """Return what nbformat writes after it has read a text."""
    logging.disable(logging.CRITICAL)  # it says that a notebook is invalid, and goes on
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            nb = nbformat.reads(text, as_version=4)
            written: str = nbformat.writes(nb) + "\n"
    finally:
        logging.disable(logging.NOTSET)
    return written.encode("utf-8", "backslashreplace")


def rewritten(text: str | bytes) -> bytes:
    data = text if isinstance(text, bytes) else text.encode("utf-8", "backslashreplace")
    return notebook.dumps(load_ipynb(data, "nb.ipynb"))


def without_ids(data: bytes) -> bytes:
    return re.sub(rb'\n   "id": "[0-9a-f]{8}",', b"", data)


def small(*cells: dict[str, Any], minor: int = 5) -> dict[str, Any]:
    return {"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": minor}


def code(source: Any = "", **more: Any) -> dict[str, Any]:
    cell = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": source}
    return cell | more


def peers(pattern: str) -> list[Path]:
    return sorted(path for path in Path(PEERS).rglob(pattern) if path.is_file()) if PEERS else []
