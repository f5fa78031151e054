"""Notebooks as files: what editors write into them that runs nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from . import Files, Scenario

_PIPELINE = "tasks:\n  - {source: ./note.%s, name: make, product: {nb: out/note.ipynb, data: out/a.txt}}\n"
_CODE = "open('out/a.txt', 'w').write('1')"


def _ipynb(**metadata: object) -> Files:
    cells: list[dict[str, Any]] = [
        {
            "cell_type": "code",
            "metadata": {"tags": ["parameters"]},
            "source": "upstream = None\nproduct = None",
        },
        {"cell_type": "code", "metadata": {}, "source": _CODE},
    ]
    cells = [{**cell, "outputs": [], "execution_count": None} for cell in cells]
    data = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 4}
    return {"note.ipynb": json.dumps(data), "pipeline.yaml": _PIPELINE % "ipynb"}


def _script(header: str = "") -> Files:
    head = f"# ---\n{header}# ---\n\n" if header else ""
    code = f"# %% tags=['parameters']\nupstream = None\nproduct = None\n\n# %%\n{_CODE}\n"
    return {"note.py": head + code, "pipeline.yaml": _PIPELINE % "py"}


_HEADER = """# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
"""
_SPEC = {"display_name": "Python 3", "language": "python", "name": "python3"}

SCENARIOS: Mapping[str, Scenario] = {
    "a kernelspec that Jupyter adds": Scenario(_ipynb(), _ipynb(kernelspec=_SPEC), ()),
    "a kernelspec and the version of the language": Scenario(
        _ipynb(), _ipynb(kernelspec=_SPEC, language_info={"name": "python", "version": "3.11.7"}), ()
    ),
    "another display name": Scenario(
        _ipynb(kernelspec=_SPEC), _ipynb(kernelspec={**_SPEC, "display_name": "mine"}), ()
    ),
    "a header that jupytext adds": Scenario(_script(), _script(_HEADER), ()),
}
