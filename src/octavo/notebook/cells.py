"""Notebooks in memory, and .ipynb files read and written with the standard library.

The format: https://nbformat.readthedocs.io/en/latest/format_description.html. What is written is byte for
byte what nbformat 5 writes, so that a notebook saved by Jupyter and by us gives no spurious difference.
"""

from __future__ import annotations

import json
from dataclasses import field
from hashlib import sha256
from json.encoder import encode_basestring
from math import isfinite
from typing import TYPE_CHECKING, Protocol

from ..dataclass import dataclass
from ..errors import raise_all
from ..model import Json
from . import broken, upgrade

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: Characters of text that are split into lines and encoded at a time.
CHUNK = 1 << 16

#: Not stored in files (nbformat.v4.rwbase.strip_transient).
_TRANSIENT = ("orig_nbformat", "orig_nbformat_minor", "signature")

#: Characters that end a line beside "\\n", or that stand as an escape that could be taken for one.
_ODD = ("\\", "\r", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e")

_CONSTANTS = {None: "null", True: "true", False: "false"}

_BUNDLES = ("execute_result", "display_data")


class TextOrigin(Protocol):
    """What a round trip of a text file needs; each format's module has its own."""

    def line(self, cell: Json) -> int:
        """Return the line of a cell as ``Notebook.line`` does."""
        ...


@dataclass(slots=True)
class Notebook:
    """A notebook: nbformat-4 JSON, and the format that its file is in.

    In memory every multi-line text ("source", stream text, text outputs) is one str. ``format`` is "ipynb",
    "py:percent", "py:hydrogen", or jupytext's own name ("Rmd", "md", "R:percent", "py:light" ...).
    """

    data: Json
    format: str = "ipynb"
    path: str = ""
    origin: TextOrigin | None = field(default=None, repr=False, compare=False)

    @property
    def cells(self) -> list[Json]:
        cells: list[Json] = self.data["cells"]
        return cells

    def line(self, cell: int) -> int:
        """Return the line (from 1) of a cell's first source line in the text file as it was read.

        0 for .ipynb, and for a cell that was not in the file. A cell whose first source line has no line of
        its own (the ``%%bash`` of a cell with ``language="bash"``) gets the line of its marker.
        """
        return 0 if self.origin is None else self.origin.line(self.cells[cell])


def load_ipynb(data: bytes, path: str) -> Notebook:
    """Read the bytes of an .ipynb file of any version of the format; raise NotebookError."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        try:  # half a surrogate pair, as some kernels send: json can hold it
            text = data.decode("utf-8-sig", "surrogatepass")
        except UnicodeDecodeError:
            raise broken.not_utf8(data, e, path) from None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as e:
        raise broken.not_json(text, e, path) from None
    problems: list[broken.Problem] = []
    if upgrade.version(found, problems) < 4 and not problems:
        found = upgrade.upgrade(found, problems)
    if not problems:
        _join(found, problems)
    raise_all(broken.errors(text, problems, path), f"{path} is not a valid notebook")
    if wants_ids(found):
        add_ids(found["cells"])
    return Notebook(found, "ipynb", path)


def _join(nb: Json, problems: list[broken.Problem]) -> None:
    """Join lists of lines into texts, drop what is transient, and note whatever has a wrong type."""
    metadata = nb.setdefault("metadata", {})
    if not isinstance(metadata, dict):
        problems.append((("metadata",), "the notebook's metadata must be a JSON object", None))
        metadata = {}
    for key in _TRANSIENT:
        metadata.pop(key, None)
    if not isinstance(nb.get("cells"), list):
        what = 'its "cells" must be a list' if "cells" in nb else 'it has no "cells"'
        problems.append((("cells",), f"this is not a notebook: {what}", None))
        return
    for i, cell in enumerate(nb["cells"]):
        where = ("cells", i)
        if not isinstance(cell, dict):
            problems.append((where, f"cell {i + 1} must be a JSON object", None))
            continue
        _join_cell(cell, where, f"cell {i + 1}", problems)


def _join_cell(cell: Json, where: tuple[str | int, ...], name: str, problems: list[broken.Problem]) -> None:
    kind = cell.get("cell_type")
    if not isinstance(kind, str):
        problems.append(
            (where, f"{name} has no cell_type", 'the cell_type is "code", "markdown" or "raw"')
            if kind is None
            else ((*where, "cell_type"), f"{name}: the cell_type must be a string", None)
        )
    if not isinstance(cell.setdefault("metadata", {}), dict):
        problems.append(((*where, "metadata"), f"{name}: the metadata must be a JSON object", None))
    else:
        cell["metadata"].pop("trusted", None)
    if not isinstance(cell.get("id") or "", str):
        problems.append(((*where, "id"), f"{name}: the id must be a string", None))
    if kind in ("code", "markdown", "raw"):  # a later minor version may have others
        cell.setdefault("source", "")
    if "source" in cell:
        if (source := _text(cell["source"])) is None:
            what = f"{name}: the source must be a string or a list of strings"
            problems.append(((*where, "source"), what, None))
        else:
            cell["source"] = source
    attachments = cell.get("attachments")
    if attachments is not None:
        for key, bundle in attachments.items() if isinstance(attachments, dict) else (("", None),):
            _join_bundle(bundle, (*where, "attachments", key), f"{name}: an attachment", problems)
    if kind != "code":
        return
    outputs = cell.setdefault("outputs", [])
    if not isinstance(outputs, list):
        problems.append(((*where, "outputs"), f"{name}: the outputs must be a list", None))
        return
    for i, output in enumerate(outputs):
        _join_output(output, (*where, "outputs", i), f"{name}, output {i + 1}", problems)


def _join_output(
    output: object, where: tuple[str | int, ...], name: str, problems: list[broken.Problem]
) -> None:
    if not isinstance(output, dict):
        problems.append((where, f"{name} must be a JSON object", None))
        return
    kind = output.get("output_type")
    if not isinstance(kind, str):
        problems.append((where, f"{name} has no output_type", None))
    elif kind in _BUNDLES:
        _join_bundle(output.setdefault("data", {}), (*where, "data"), f"{name}: the data", problems)
    elif "text" in output:
        if (text := _text(output["text"])) is not None:
            output["text"] = text
        elif kind == "stream":
            problems.append(
                ((*where, "text"), f"{name}: the text must be a string or a list of strings", None)
            )


def _join_bundle(
    bundle: object, where: tuple[str | int, ...], name: str, problems: list[broken.Problem]
) -> None:
    if not isinstance(bundle, dict):
        problems.append((where, f"{name} must be a JSON object of MIME types", None))
        return
    for mime, value in bundle.items():
        if isinstance(value, list) and not _is_json(mime) and (text := _text(value)) is not None:
            bundle[mime] = text


def _text(value: object) -> str | None:
    """Return a text that is stored as one string or as a list of lines; None when it is neither."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        try:
            return "".join(value)
        except TypeError:
            return None
    return None


def _is_json(mime: str) -> bool:
    return mime == "application/json" or (mime.startswith("application/") and mime.endswith("+json"))


def wants_ids(nb: Json) -> bool:
    """Return whether the notebook's minor version is one whose cells have ids (4.5, JEP 62)."""
    minor = nb.get("nbformat_minor", 0)
    return isinstance(minor, int) and minor >= 5


def add_ids(cells: list[Json]) -> None:
    """Give an id to every cell that has none, and another to each that has an earlier cell's."""
    for cell, new_id in zip(cells, ids(cells), strict=True):
        if cell.get("id") != new_id:
            cell["id"] = new_id


def ids(cells: list[Json]) -> list[str]:
    """Return an id for every cell: its own where it is the first to have it, else a made one.

    A made id depends on what the cell says and on how many equal cells stand before it, so that the same
    notebook always gets the same ids, and a cell keeps its id when others are put in before it.
    """
    used = {cell.get("id") for cell in cells}
    seen: set[str] = set()
    result: list[str] = []
    for cell in cells:
        found = str(cell.get("id") or "")
        if not found or found in seen:
            content = f"{cell.get('cell_type')}\0{cell.get('source')}".encode("utf-8", "backslashreplace")
            again = 0
            while (found := sha256(b"%d\0%b" % (again, content)).hexdigest()[:8]) in used:
                again += 1
            used.add(found)
        seen.add(found)
        result.append(found)
    return result


def dump_ipynb(data: Json) -> Iterator[bytes]:
    """Yield an .ipynb file in pieces; no list of all lines of a long output is ever held.

    ``data`` is left as it is. Half surrogate pairs, which UTF-8 cannot hold, are written as JSON escapes.
    """
    for piece in _notebook(data):
        yield piece.encode("utf-8", "backslashreplace")


def _notebook(data: Json) -> Iterator[str]:
    cells = data["cells"]
    new_ids = ids(cells) if wants_ids(data) else None
    start = "{"
    for key in sorted(data):
        yield f"{start}\n {encode_basestring(key)}: "
        start = ","
        if key == "metadata":
            metadata = data[key]
            yield _json({k: metadata[k] for k in metadata if k not in _TRANSIENT}, "\n ")
        elif key == "cells" and cells:
            for i, cell in enumerate(cells):
                yield "[\n  " if i == 0 else ",\n  "
                yield from _cell(cell, new_ids[i] if new_ids else None)
            yield "\n ]"
        else:
            yield _json(data[key], "\n ")
    yield "\n}\n"


def _cell(cell: Json, new_id: str | None) -> Iterator[str]:
    if new_id is not None and cell.get("id") != new_id:
        cell = {**cell, "id": new_id}
    code = cell["cell_type"] == "code"
    start = "{"
    for key in sorted(cell):
        value = cell[key]
        yield f"{start}\n   {encode_basestring(key)}: "
        start = ","
        if key == "source" and isinstance(value, str):
            yield from _lines(value, "\n    ")
        elif key == "metadata" and "trusted" in value:
            yield _json({k: value[k] for k in value if k != "trusted"}, "\n   ")
        elif key == "outputs" and code and value:
            for i, output in enumerate(value):
                yield "[\n    " if i == 0 else ",\n    "
                yield from _output(output)
            yield "\n   ]"
        elif key == "attachments" and value:
            inner = "{"
            for name in sorted(value):
                yield f"{inner}\n    {encode_basestring(name)}: "
                inner = ","
                yield from _bundle(value[name], "\n    ")
            yield "\n   }"
        else:
            yield _json(value, "\n   ")
    yield "\n  }"


def _output(output: Json) -> Iterator[str]:
    kind = output["output_type"]
    start = "{"
    for key in sorted(output):
        value = output[key]
        yield f"{start}\n     {encode_basestring(key)}: "
        start = ","
        if key == "text" and kind == "stream" and isinstance(value, str):
            yield from _lines(value, "\n      ")
        elif key == "data" and kind in _BUNDLES:
            yield from _bundle(value, "\n     ")
        else:
            yield _json(value, "\n     ")
    yield "\n    }"


def _bundle(bundle: Json, pad: str) -> Iterator[str]:
    if not bundle:
        yield "{}"
        return
    start = "{"
    for mime in sorted(bundle):
        value = bundle[mime]
        yield f"{start}{pad} {encode_basestring(mime)}: "
        start = ","
        split = mime.startswith("text/") or mime in ("application/javascript", "image/svg+xml")
        if split and isinstance(value, str):
            yield from _lines(value, pad + "  ")
        else:
            yield _json(value, pad + " ")
    yield pad + "}"


def _lines(text: str, pad: str) -> Iterator[str]:
    """Yield a text as a JSON list of its lines, a chunk at a time."""
    if not text:
        yield "[]"
        return
    start, at, size = "[", 0, CHUNK
    between = "," + pad
    while at < len(text):
        chunk = text[at : at + size]
        if at + size < len(text):
            cut = chunk.rfind("\n") + 1 or _last_start(chunk)
            if not cut:  # a long line
                size *= 2
                continue
            chunk = chunk[:cut]
        at += len(chunk)
        size = CHUNK
        if chunk.isascii() and not any(odd in chunk for odd in _ODD):
            # only "\n" ends lines, and only it is written with \n: encode all at once, then divide
            encoded = encode_basestring(chunk[:-1])[1:-1].replace("\\n", f'\\n"{between}"')
            yield f'{start}{pad}"{encoded}{encode_basestring(chunk[-1])[1:]}'
        else:
            yield start + pad + between.join(map(encode_basestring, chunk.splitlines(keepends=True)))
        start = ","
    yield pad[:-1] + "]"


def _last_start(chunk: str) -> int:
    """Return where the last line starts in a chunk that may end within it (even after "\\r")."""
    return len(chunk) - len(chunk.splitlines(keepends=True)[-1])


def _json(value: object, pad: str) -> str:
    """Return what json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) would, after ``pad``."""
    if isinstance(value, str):
        return encode_basestring(value)
    if isinstance(value, dict):
        if not value:
            return "{}"
        inner = pad + " "
        parts = (f"{encode_basestring(_key(k))}: {_json(value[k], inner)}" for k in _ordered(value))
        return "{" + inner + ("," + inner).join(parts) + pad + "}"
    if isinstance(value, list | tuple):
        if not value:
            return "[]"
        inner = pad + " "
        return "[" + inner + ("," + inner).join([_json(v, inner) for v in value]) + pad + "]"
    if value is None or value is True or value is False:
        return _CONSTANTS[value]
    if type(value) is int:
        return repr(value)
    if type(value) is float and isfinite(value):
        return repr(value)
    if isinstance(value, bytes):  # base64 as kernels may hand it over
        return encode_basestring(value.decode("ascii"))
    return json.dumps(value)


def _ordered(keys: Iterable[str]) -> list[str]:
    """Return keys in order; those of a mapping in YAML may be of several kinds, which only their texts put in one."""
    try:
        return sorted(keys)
    except TypeError:
        return sorted(keys, key=_key)


def _key(key: object) -> str:
    return key if isinstance(key, str) else json.dumps(key)
