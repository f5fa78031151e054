"""Strip notebooks: outputs, counts and what machines leave in the metadata, by edits of the text of their JSON.

Options and metadata are nbstripout's: https://github.com/kynan/nbstripout.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping

from ..dataclass import dataclass
from ..errors import NotebookError, Place
from ..lazy import lazy_imports
from ..model import Json, joined
from ..notebook import broken, cells
from .json_text import Edits, Node, document, parse

with lazy_imports():
    from . import redact

#: What is removed from the metadata, unless it is to be kept.
KEYS = (
    "metadata.signature",
    "metadata.widgets",
    "cell.metadata.collapsed",
    "cell.metadata.ExecuteTime",
    "cell.metadata.execution",
    "cell.metadata.heading_collapsed",
    "cell.metadata.hidden",
    "cell.metadata.octavo.stale",
    "cell.metadata.scrolled",
)
_COUNTS = ("prompt_number", "execution_count")


@dataclass(frozen=True, slots=True)
class Stripping:
    """What to strip. ``keys`` are dotted paths below ``metadata`` or ``cell``.

    ``keep_output`` None: as the notebook says.
    ``ids``: "keep", "content" (the same cell gets the same id in every notebook), or "sequential" (nbstripout's).
    Outputs of up to ``max_size`` characters stay.
    """

    keys: tuple[str, ...] = KEYS
    keep_output: bool | None = None
    keep_count: bool = False
    ids: str = "keep"
    drop_empty_cells: bool = False
    drop_tagged_cells: frozenset[str] = frozenset()
    strip_init_cells: bool = False
    drop_output_types: frozenset[str] = frozenset()
    keep_output_types: frozenset[str] = frozenset()
    max_size: int = 0
    unix_newlines: bool = False
    redact: bool = False


def stripped(data: bytes, path: str, wanted: Stripping, mode: str | None = None) -> bytes:
    """Return a file without what is to be stripped: the very same bytes where there is nothing of it.

    ``mode`` is "jupyter" or "zeppelin", by default what the path's extension says. Raises ``NotebookError``.
    """
    try:
        text, codec = data.decode("utf-8"), "strict"
    except UnicodeDecodeError as error:
        try:  # half a surrogate pair, as some kernels send
            text, codec = data.decode("utf-8", "surrogatepass"), "surrogatepass"
        except UnicodeDecodeError:
            raise broken.not_utf8(data, error, path) from None
    try:
        if (mode or ("zeppelin" if path.endswith(".zpln") else "jupyter")) == "zeppelin":
            new = _zeppelin(text, path)
        else:
            new = _notebook(text, path, wanted)
        if wanted.redact:
            new = redact.redacted(new)
    except RecursionError:
        raise NotebookError("the notebook is nested too deeply", Place(path)) from None
    if wanted.unix_newlines:  # between values: inside of them it is an escape
        new = new.replace("\r\n", "\n")
    return data if new == text else new.encode("utf-8", codec)


def _parsed(text: str, path: str, depth: int) -> Node:
    try:
        return document(text, depth)
    except (ValueError, RecursionError) as error:
        raise broken.not_json(text, error, path) from None


def _zeppelin(text: str, path: str) -> str:
    top = _parsed(text, path, 3)
    paragraphs = top.member("paragraphs")
    if paragraphs is None or paragraphs.elements is None:
        raise NotebookError('this is not a Zeppelin note: it has no "paragraphs"', Place(path))
    edits = Edits(text)
    for paragraph in paragraphs.elements:
        if (results := paragraph.member("results")) is not None:
            edits.replace(results, "{}")
    return edits.result()


def _notebook(text: str, path: str, wanted: Stripping) -> str:
    top = _parsed(text, path, 3)
    lists = list(_lists(text, top))
    if top.members is None or not lists:
        raise NotebookError('this is not a notebook: it has no "cells"', Place(path))
    metadata = top.member("metadata")
    said = metadata.plain() if metadata is not None else {}
    keep = wanted.keep_output
    if keep is None and isinstance(said, dict) and "keep_output" in said:
        keep = bool(said["keep_output"])
    edits = Edits(text)
    if metadata is not None:
        _drop(text, metadata, _below(wanted.keys, "metadata"), edits)
    work = _Cells(text, path, wanted, bool(keep), edits)
    for found in lists:
        work.strip(found)
    return edits.result()


def _lists(text: str, top: Node) -> Iterator[Node]:
    """Yield the lists of cells: one, or those of the worksheets of notebook formats before 4."""
    found = top.member("cells")
    if found is not None and found.elements is not None:
        yield found
    elif (sheets := top.member("worksheets")) is not None:
        for sheet in parse(text, sheets.at, 4).elements or ():
            found = sheet.member("cells")
            if found is not None and found.elements is not None:
                yield found


class _Cells:
    """Strips the cells of a notebook."""

    def __init__(self, text: str, path: str, wanted: Stripping, keep: bool, edits: Edits) -> None:
        self.text, self.path, self.wanted, self.keep, self.edits = text, path, wanted, keep, edits
        self.keys = _below(wanted.keys, "cell")
        self.number = 0

    def strip(self, found: Node) -> None:
        nodes = found.elements or []
        plain = [{m.key: m.node.value for m in node.members or ()} for node in nodes]
        kept = [at for at, cell in enumerate(plain) if self._stays(cell)]
        self.edits.keep(found, kept)
        made = []
        if self.wanted.ids == "content":
            made = cells.ids(
                [
                    {"cell_type": plain[at].get("cell_type"), "source": joined(plain[at].get("source", ""))}
                    for at in kept
                ]
            )
        for order, at in enumerate(kept):
            new_id = made[order] if made else str(self.number) if self.wanted.ids == "sequential" else None
            self._cell(nodes[at], plain[at], new_id)
            self.number += 1

    def _stays(self, cell: Json) -> bool:
        if self.wanted.drop_empty_cells and not joined(cell.get("source", cell.get("input", ""))).strip():
            return False
        return not self.wanted.drop_tagged_cells.intersection(_tags(cell))

    def _cell(self, node: Node, cell: Json, new_id: str | None) -> None:
        if node.members is None:
            return
        keep = self._kept(cell)
        for member in node.members:
            if member.key == "outputs" and isinstance(member.node.value, list) and member.node.value:
                self._outputs(member.node, member.node.value, keep)
            elif member.key in _COUNTS and not self.wanted.keep_count:
                self.edits.replace(member.node, "null")
            elif member.key == "id" and new_id is not None:
                self.edits.replace(member.node, json.dumps(new_id))
        _drop(self.text, node, self.keys, self.edits)

    def _kept(self, cell: Json) -> bool:
        """Return whether the outputs of a cell stay, by its metadata and tags."""
        metadata = cell.get("metadata")
        if not isinstance(metadata, dict):
            return self.keep
        if "init_cell" in metadata:
            return bool(metadata["init_cell"]) and not self.wanted.strip_init_cells
        tagged = "keep_output" in _tags(cell)
        if tagged and not metadata.get("keep_output", True):
            hint = "remove one of them"
            what = f'cell {self.number + 1} says "keep_output": false in its metadata, and has the tag keep_output'
            raise NotebookError(what, Place(self.path), hint)
        if "keep_output" in metadata or tagged:
            return bool(metadata.get("keep_output")) or tagged
        return self.keep

    def _outputs(self, node: Node, outputs: list[object], keep: bool) -> None:
        wanted = self.wanted
        kept = [at for at, output in enumerate(outputs) if self._output_stays(output, keep)]
        if kept == [] and not wanted.keep_output_types:
            self.edits.replace(node, "[]")
            return
        inner = parse(self.text, node.at, 2)
        self.edits.keep(inner, kept)
        if wanted.keep_count:
            return
        for at in kept:
            for member in (inner.elements or [])[at].members or ():
                if member.key in _COUNTS:
                    self.edits.replace(member.node, "null")

    def _output_stays(self, output: object, keep: bool) -> bool:
        wanted = self.wanted
        if _is_of(output, wanted.drop_output_types):
            return False
        if keep and not wanted.keep_output_types:
            return True
        return size(output) <= wanted.max_size or _is_of(output, wanted.keep_output_types)


def _tags(cell: Json) -> list[str]:
    metadata = cell.get("metadata")
    tags = metadata.get("tags") if isinstance(metadata, dict) else None
    return [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []


def _is_of(output: object, types: Iterable[str]) -> bool:
    """Return whether an output is of one of these types: "error", or with a name "stream:stderr"."""
    if not isinstance(output, dict):
        return False
    for one in types:
        kind, _, name = one.partition(":")
        if output.get("output_type") == kind and (not name or output.get("name") == name):
            return True
    return False


def size(value: object) -> int:
    """Return how many characters the texts in a value have."""
    match value:
        case str():
            return len(value)
        case list():
            return sum(map(size, value))
        case dict():
            return sum(map(size, value.values()))
    return len(str(value))


def _below(keys: Iterable[str], name: str) -> list[str]:
    return [key.removeprefix(f"{name}.") for key in keys if key.startswith(f"{name}.")]


def _drop(text: str, node: Node, keys: list[str], edits: Edits) -> None:
    """Remove members by dotted paths; a key may hold dots itself."""
    if node.members is None and text[node.at : node.at + 1] == "{":
        node = parse(text, node.at, 1)
    kept = []
    for at, member in enumerate(node.members or ()):
        if member.key in keys:
            continue
        kept.append(at)
        inner = [key.removeprefix(f"{member.key}.") for key in keys if key.startswith(f"{member.key}.")]
        if member.key == "octavo" and member.node.plain() == {"stale": True} and inner:
            kept.pop()  # a merge's note goes as a whole
        elif inner and text[member.node.at] == "{":
            _drop(text, member.node, inner, edits)
    if node.members is not None:
        edits.keep(node, kept)


def keys(
    extra: Iterable[str], kept: Iterable[str], configured: Mapping[str, str]
) -> tuple[list[str], list[str]]:
    """Return the keys to remove and those among what was asked for that are none.

    ``configured`` is what git's configuration says: ``extrakeys`` and ``keepmetadatakeys``, separated by blanks.
    """
    asked = [*configured.get("extrakeys", "").split(), *extra]
    stay = {*configured.get("keepmetadatakeys", "").split(), *kept}
    valid = [key for key in asked if key.partition(".")[0] in ("cell", "metadata") and "." in key]
    return [key for key in [*KEYS, *valid] if key not in stay], [key for key in asked if key not in valid]
