"""Take out of a notebook what nbconvert's own sanitizer does not look at: a page of it then runs nothing of others."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..model import Json, joined

#: What nbconvert escapes or sanitizes; all other kinds of data its templates put into pages as they stand.
_TEXTS = ("text/plain", "text/html", "text/markdown", "text/latex", "image/svg+xml")
_IMAGES = ("image/png", "image/jpeg", "image/gif", "image/webp")
_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")
_WORD = re.compile(r"[\w-]+")
_LENGTH = re.compile(r"\d+(?:\.\d+)?(?:px|%)?")
_FENCE = re.compile(r"^(\s*(?:```+|~~~+)\s*)mermaid\b", re.MULTILINE)


def harmless(notebook: Mapping[str, object]) -> Json:
    """Return an executed notebook without raw cells, and with only such outputs as can be made safe.

    These are text, HTML and SVG, which nbconvert's ``sanitize_html`` takes scripts out of, and images. Widgets are
    drawn by scripts, which put whatever is in them into the page.
    """
    data: Json = dict(notebook)
    data["metadata"] = {key: value for key, value in data["metadata"].items() if key != "widgets"}
    data["cells"] = [_cell(cell) for cell in data["cells"] if cell.get("cell_type") != "raw"]
    return data


def _cell(cell: Json) -> Json:
    found = {**cell, "metadata": _metadata(cell.get("metadata") or {})}
    if "attachments" in cell:
        found["attachments"] = {
            name: _data(bundle if isinstance(bundle, dict) else {}) or {"image/png": ""}
            for name, bundle in cell["attachments"].items()
        }
    if cell.get("cell_type") == "markdown":
        # what draws a diagram gets it unescaped
        found["source"] = _FENCE.sub(r"\1text", joined(cell.get("source", "")))
    if "outputs" in cell:
        found["outputs"] = [_output(output) for output in cell["outputs"]]
    return found


def _metadata(metadata: Json) -> Json:
    """Return a cell's metadata with such tags only as are words: they become classes."""
    tags = metadata.get("tags")
    if not isinstance(tags, list):
        return {key: value for key, value in metadata.items() if key != "tags"}
    return {**metadata, "tags": [tag for tag in tags if isinstance(tag, str) and _WORD.fullmatch(tag)]}


def _output(output: Json) -> Json:
    if "data" not in output:
        return output
    about = output.get("metadata") or {}
    kept = {kind: _about(about[kind]) for kind in _IMAGES if isinstance(about.get(kind), dict)}
    left = ", ".join(output["data"])
    data = _data(output["data"]) or {"text/plain": f"({left} is left out of this page)"}
    return {**output, "data": data, "metadata": kept}


def _data(bundle: Json) -> Json:
    found: Json = {}
    for kind, value in bundle.items():
        if kind in _TEXTS or (kind in _IMAGES and _BASE64.fullmatch(joined(value))):
            found[kind] = value
    return found


def _about(image: Json) -> Json:
    """Return what is said of an image: its size."""
    return {
        key: value
        for key, value in image.items()
        if key in ("width", "height", "needs_background") and _LENGTH.fullmatch(str(value))
    }
