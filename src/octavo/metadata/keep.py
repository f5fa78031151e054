"""Keep in a notebook's file who it is and what it imports, in nbproject's block; every other byte stays as it is."""

from __future__ import annotations

import json
import re
import secrets
import string
from collections.abc import Mapping
from typing import TYPE_CHECKING

from .. import notebook as documents
from ..errors import NotebookError
from ..notebook import broken
from .identity import BLOCK, FIELDS, OURS

if TYPE_CHECKING:
    from ..model import Json

_LETTERS = string.digits + string.ascii_letters
#: How many characters an id has, as in nbproject.
LENGTH = 12
_INDENT = re.compile(r"\n([ \t]+)\"")
#: Jupytext writes what its filter names into the header of a script, besides kernelspec and jupytext.
_FILTER = "notebook_metadata_filter"


def begun(metadata: Json, now: str, fields: Mapping[str, object], anew: bool = False) -> Json:
    """Return the metadata of a notebook with an id, a version and the time ``now``; what is there is kept.

    ``fields`` are people's own. ``anew`` gives a copied notebook an id of its own.
    """
    block = metadata.get(BLOCK)
    block = dict(block) if isinstance(block, dict) else {}
    if anew or not (block.get("id") or block.get("uid")):
        block |= {"id": "".join(secrets.choice(_LETTERS) for _ in range(LENGTH)), "time_init": now}
        block.pop("uid", None)
    block.setdefault("version", "0")
    ours = metadata.get(OURS)
    ours = dict(ours) if isinstance(ours, dict) else {}
    if fields:
        known = ours.get(FIELDS)
        ours[FIELDS] = {**(known if isinstance(known, dict) else {}), **fields}
    return {**metadata, BLOCK: block} | ({OURS: ours} if ours else {})


def synced(metadata: Json, packages: Mapping[str, str]) -> Json:
    """Return the metadata of a notebook with what it imports now; one without an id stays as it is."""
    block = metadata.get(BLOCK)
    if not isinstance(block, dict):
        return metadata
    return {**metadata, BLOCK: {**block, "pypackage": dict(packages)}}


def rewritten(data: bytes, path: str, metadata: Json) -> bytes:
    """Return a notebook's file with other metadata. Raises ``NotebookError`` where its format cannot hold them."""
    notebook = documents.loads(data, path)
    if notebook.data["metadata"] == metadata:
        return data
    if notebook.format == "ipynb":
        return _spliced(data, metadata)
    notes = metadata.get("jupytext")
    notes = dict(notes) if isinstance(notes, dict) else {}
    words = [word.strip() for word in str(notes.get(_FILTER) or "").split(",") if word.strip()]
    if "all" not in words:
        words += [name for name in (BLOCK, OURS) if name in metadata and name not in words]
    notebook.data["metadata"] = {**metadata, "jupytext": {**notes, _FILTER: ",".join(words)}}
    written = documents.dumps(notebook)
    if documents.loads(written, path).data["metadata"].get(BLOCK) != metadata.get(BLOCK):
        hint = "keep it as .ipynb or as a percent script, or pair it: jupytext --set-formats"
        raise NotebookError("its format has no place for metadata", path, hint)
    return written


def _spliced(data: bytes, metadata: Json) -> bytes:
    """Return an .ipynb with other metadata, in its own style: indent, order of keys, characters beyond ASCII."""
    mark = b"\xef\xbb\xbf" if data.startswith(b"\xef\xbb\xbf") else b""
    text = data[len(mark) :].decode("utf-8", "surrogatepass")
    start = broken.find(text, ("metadata",))
    old, end = json.JSONDecoder().raw_decode(text, start)
    new = {key: value for key, value in metadata.items() if key in old or value}
    ordered = {key: new[key] for key in old if key in new} | {key: new[key] for key in new if key not in old}
    if list(old) == sorted(old):
        ordered = dict(sorted(ordered.items()))
    found = _INDENT.search(text)
    ascii_only = "\\u" in text and text.isascii()
    written = json.dumps(ordered, indent=found[1] if found else None, ensure_ascii=ascii_only)
    if found:
        written = written.replace("\n", "\n" + found[1])
        if "\r\n" in text:
            written = written.replace("\n", "\r\n")
    return mark + (text[:start] + written + text[end:]).encode("utf-8", "surrogatepass")
