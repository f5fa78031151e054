"""Replace the source of one cell in the bytes of a file; every other byte stays."""

from __future__ import annotations

import json

from .. import notebook as documents
from ..errors import NotebookError, Place
from ..notebook.cells import Notebook
from .json_text import Edits, Node, document, parse


def replaced(data: bytes, notebook: Notebook, at: int, source: str) -> bytes:
    """Return a file with another source in a cell; ``notebook`` is what was read from it. The outputs stay."""
    if notebook.cells[at].get("source") == source:
        return data
    if notebook.format != "ipynb":
        notebook.cells[at]["source"] = source
        return documents.dumps(notebook)
    text = data.decode("utf-8", "surrogatepass")
    cells = document(text, 3).member("cells")
    found = cells.elements[at].member("source") if cells is not None and cells.elements else None
    if found is None:
        hint = "open it in Jupyter and save it once"
        raise NotebookError(
            "cells of notebooks before format 4 cannot be replaced", Place(notebook.path), hint
        )
    edits = Edits(text)
    edits.replace(found, _written(text, parse(text, found.at, 1), source))
    return edits.result().encode("utf-8", "surrogatepass")


def _written(text: str, old: Node, source: str) -> str:
    """Return a source as JSON, laid out as the old one: one string, or a list of lines with the same indentation."""
    ascii_only = text.isascii()
    if old.elements is None:
        return json.dumps(source, ensure_ascii=ascii_only)
    lines = [json.dumps(line, ensure_ascii=ascii_only) for line in source.splitlines(keepends=True)]
    if not lines:
        return "[]"
    if old.elements:
        first, last = old.elements[0], old.elements[-1]
        start, end = text[old.at : first.at], text[last.end : old.end]
    else:
        indent = text[text.rfind("\n", 0, old.at) + 1 : old.at]
        indent = indent[: len(indent) - len(indent.lstrip())]
        flat = "\n" not in text
        start, end = ("[", "]") if flat else (f"[\n{indent} ", f"\n{indent}]")
    between = "," + (start[1:] or " ")
    return start + between.join(lines) + end
