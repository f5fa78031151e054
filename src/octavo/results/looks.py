"""Look at what a run left: a file as a table, a picture or a text; a notebook as what each of its cells shows."""

from __future__ import annotations

import base64
import os

from ..model import Json, joined
from . import Left, Sort, Table, tables

_PICTURES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".svg": "image/svg+xml",
}
#: Bytes of a file that is looked into as a whole, and of a text.
_LARGEST, _TEXT = 50_000_000, 1_000_000


def at_file(path: str, name: str, digest: str = "") -> Left:
    """Return how a file with a digest looks; ``name`` is what the task calls it."""
    suffix, size = os.path.splitext(name)[1].lower(), os.stat(path).st_size
    words = f"{size:,} bytes"
    if size > _LARGEST:
        return Left(Sort.OTHER, words=words, digest=digest)
    if (table := tables.of_file(path, name)) is not None:
        return Left(Sort.TABLE, table, words=shape(table), digest=digest, whole=len(table) <= tables.MOST)
    with open(path, "rb") as file:  # noqa: PTH123 - a str
        data = file.read()
    if mime := _PICTURES.get(suffix):
        return Left(Sort.PICTURE, data=base64.b64encode(data).decode(), mime=mime, words=words, digest=digest)
    if len(data) <= _TEXT and b"\0" not in data:
        try:
            return Left(
                Sort.TEXT, data=data.decode("utf-8-sig"), mime="text/plain", words=words, digest=digest
            )
        except UnicodeDecodeError:
            pass
    return Left(Sort.OTHER, words=words, digest=digest)


def shape(table: Table) -> str:
    """Return the size of a table in words."""
    return f"{len(table) - 1:,} × {len(table[0]):,} table"


def of_cell(cell: Json) -> list[Left]:
    """Return what a cell of an executed notebook shows: what it printed as one text, then each display."""
    printed, shown = "", list[Left]()
    outputs = cell.get("outputs")
    for output in outputs if isinstance(outputs, list) else ():
        if not isinstance(output, dict):
            continue
        if output.get("output_type") == "stream":
            printed += joined(output.get("text", ""))
        elif output.get("output_type") == "error":
            shown.append(Left(Sort.TEXT, data=f"{output.get('ename')}: {output.get('evalue')}"))
        elif isinstance(data := output.get("data"), dict):
            shown.append(_display(data))
    return [*([Left(Sort.TEXT, data=printed)] if printed.strip() else []), *shown]


def _display(data: Json) -> Left:
    """Return how a display looks: as the richest of its forms that can be compared."""
    for mime in _PICTURES.values():
        if mime in data:
            text = joined(data[mime])
            packed = (
                base64.b64encode(text.encode("utf-8", "replace")).decode()
                if mime.endswith("xml")
                else "".join(text.split())
            )
            return Left(Sort.PICTURE, data=packed, mime=mime)
    plain = joined(data.get("text/plain", ", ".join(map(str, data))))
    if "text/html" in data:
        page = joined(data["text/html"])
        if len(page) <= _TEXT and (table := tables.of_page(page)) is not None:
            return Left(Sort.TABLE, table, words=shape(table))
        return Left(Sort.TEXT, data=plain, mime="text/html")
    return Left(Sort.TEXT, data=plain)
