"""Small notebooks, made in a line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from octavo.model import Facts
from octavo.notebook import loads
from octavo.reading.facts import facts


def of(text: str, path: str = "nb.py") -> Facts:
    """Return the facts of a text notebook."""
    return facts(loads(text.encode(), path))


def cell(source: str, *tags: str, kind: str = "code") -> dict[str, Any]:
    """Return the JSON of a cell."""
    made: dict[str, Any] = {
        "cell_type": kind,
        "metadata": {"tags": list(tags)} if tags else {},
        "source": source,
    }
    return made | ({"outputs": [], "execution_count": None} if kind == "code" else {})


def ipynb(*cells: dict[str, Any], **metadata: Any) -> Facts:
    """Return the facts of an .ipynb."""
    data = {"cells": list(cells), "metadata": metadata, "nbformat": 4, "nbformat_minor": 4}
    return facts(loads(json.dumps(data).encode(), "nb.ipynb"))


def book(*cells: dict[str, Any], minor: int = 5) -> dict[str, Any]:
    """Return the JSON of a notebook."""
    made = [{**one, "id": f"c{i}"} if minor >= 5 else one for i, one in enumerate(cells)]
    return {"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": minor}


def executed(folder: Path, name: str, *cells: dict[str, Any], **metadata: Any) -> Path:
    """Write a notebook as it is after a run that octavo had nothing to do with."""
    import nbformat
    from nbclient import NotebookClient

    made = book(*cells)
    made["metadata"] = metadata
    notebook = nbformat.from_dict(made)
    NotebookClient(notebook, allow_errors=True, resources={"metadata": {"path": str(folder)}}).execute()
    path = folder / name
    nbformat.write(notebook, path)
    return path
