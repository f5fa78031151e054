"""Read and write percent scripts, whose cells start with "# %%".

The format: https://jupytext.readthedocs.io/en/latest/formats-scripts.html. A script that was read is written
back from its own bytes: a cell that has not changed keeps them, whatever happens to the others.
"""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import field
from itertools import chain
from typing import TYPE_CHECKING

from ..dataclass import dataclass
from ..errors import NotebookError
from ..model import Json
from . import broken, header, marker, render
from .cells import Notebook, add_ids
from .encoding import decode, encode
from .script import (
    LANGUAGES,
    Quotes,
    bare,
    blank_lines,
    closes_fence,
    is_magic,
    lines,
    opens_fence,
    uncomment_magics,
    uncommented,
    unescape_plus,
    usual,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_IN = re.compile(r"^#( <codecell>| In\[[0-9 ]*\]:?)")
_PERCENT = re.compile(r"^#( %%|%%)(\s|$)")


@dataclass(slots=True)
class CellText:
    """A cell as the file has it."""

    text: str
    cell: Json
    #: Line of the file where the cell's source starts.
    line: int
    marker: str = ""
    #: The blank lines between the cell's content and the next cell.
    trail: str = ""
    after: str | None = None


@dataclass(slots=True)
class Script:
    """What a notebook remembers of the script it was read from."""

    raw: bytes
    encoding: str
    newline: str
    style: render.Style
    head: str = ""
    header: header.Header = field(default_factory=header.Header)
    pieces: dict[str, CellText] = field(default_factory=dict)
    #: The cell that is the header's YAML.
    yaml: str | None = None

    def line(self, cell: Json) -> int:
        piece = self.pieces.get(cell.get("id", ""))
        return piece.line if piece else 0


def is_percent(data: bytes, path: str) -> bool:
    """Return whether a Python script is in one of the percent formats, and thus read by ``load_percent``."""
    bare_lines = [bare(line) for line in lines(decode(data, path)[0])]
    top = header.read(bare_lines)
    return _ours(_format(bare_lines, top.metadata), top)


def _ours(name: str | None, top: header.Header) -> bool:
    return name in ("percent", "hydrogen") and speaks_python(top.metadata)


def load_percent(data: bytes, path: str, name: str | None = None) -> Notebook | None:
    """Read a Python script; return None when it is in none of the percent formats, but another of jupytext's.

    ``name`` ("percent" or "hydrogen") is taken for granted where it is given.
    """
    text, encoding = decode(data, path)
    kept = lines(text)
    bare_lines = [bare(line) for line in kept]
    top = header.read(bare_lines)
    name = name or _format(bare_lines, top.metadata)
    if not _ours(name, top):
        return None
    if conflict := broken.merge_conflict(text, path):
        raise conflict
    style = render.Style.of(top.metadata, hydrogen=name == "hydrogen")
    newline = next((line[len(bare(line)) :] for line in kept if not line.endswith("\f")), "\n") or "\n"
    script = Script(data, encoding, newline, style)
    script.head = "".join(kept[: top.lines])
    script.header = deepcopy(top)
    pieces, plain_json = _pieces(kept, bare_lines, top, style)
    cells = [piece.cell for piece in pieces]
    add_ids(cells)
    if plain_json:
        script.style = render.Style.of(top.metadata, hydrogen=name == "hydrogen", plain_json=True)
    for i, piece in enumerate(pieces):
        piece.cell = deepcopy(cells[i])
        piece.after = cells[i + 1]["id"] if i + 1 < len(cells) else None
        script.pieces[cells[i]["id"]] = piece
    if top.raw is not None:
        script.yaml = cells[0]["id"]
    nb = {"cells": cells, "metadata": top.metadata, "nbformat": 4, "nbformat_minor": 5}
    return Notebook(nb, f"py:{name}", path, script)


def _pieces(
    kept: list[str], bare_lines: list[str], top: header.Header, style: render.Style
) -> tuple[list[CellText], bool]:
    """Return the cells of a script as they stand in its lines, and whether any has its metadata in JSON."""
    numbers = _numbers(kept)
    pieces: list[CellText] = []
    if top.raw is not None:
        pieces.append(CellText("", _new("raw", top.raw, top.raw_metadata), numbers[top.start]))
    at = top.lines
    plain_json = False
    while at < len(kept):
        reader = _CellReader(bare_lines, at, style)
        plain_json = plain_json or reader.plain_json
        pieces.append(
            CellText(
                "".join(kept[at : reader.next]),
                reader.cell,
                numbers[reader.first],
                kept[at] if reader.marked else "",
                "".join(kept[reader.end : reader.next]),
            )
        )
        at = reader.next
    return pieces, plain_json


def speaks_python(metadata: Json) -> bool:
    """Return whether the code cells are Python; jupytext knows the magics of other languages."""
    return usual(render.main_language(metadata)) == "python"


def _numbers(kept: list[str]) -> list[int]:
    """Return the number that an editor gives each line; a form feed starts no line there."""
    result, number = [], 1
    for line in kept:
        result.append(number)
        number += line.endswith(("\n", "\r"))
    return [*result, number]


def _format(bare_lines: list[str], metadata: Json) -> str:
    """Return jupytext's name of a script's format: what the header says, else what the text looks like."""
    section = metadata.get("jupytext")
    section = section if isinstance(section, dict) else {}
    shown = section.get("text_representation")
    named = shown if isinstance(shown, dict) else {}
    if str(named.get("extension", "")).endswith(".py") and named.get("format_name"):
        return str(named["format_name"])
    formats = section.get("formats") or metadata.get("jupytext_formats")
    for pair in formats.split(",") if isinstance(formats, str) else ():
        extension, _, name = pair.strip().rpartition("/")[2].partition(":")
        if extension.rpartition(".")[2] == "py" and name:
            return str(name)
    if isinstance(shown, dict):
        return "light"
    quotes = Quotes("python")
    percents = magics = 0
    for line in bare_lines:
        quotes.read(line)
        if quotes.open:
            continue
        if line.startswith("#"):
            percents += bool(_PERCENT.match(line) or _IN.match(line))
        elif not magics:
            magics = is_magic(line, "python", explicit=False)
    if not percents:
        return "light"
    return "hydrogen" if magics else "percent"


def _new(kind: str, source: str, metadata: Json) -> Json:
    cell: Json = {"cell_type": kind, "metadata": metadata, "source": source}
    if kind == "code":
        cell |= {"execution_count": None, "outputs": []}
    return cell


def _from(text: list[str], at: int) -> Iterator[str]:
    """Yield the lines from one on; islice would walk to it first, which for every cell is too much."""
    return map(text.__getitem__, range(at, len(text)))


class _CellReader:
    """One cell, read from the line where it starts; ``end`` is the line after it, ``next`` the next cell."""

    def __init__(self, text: list[str], start: int, style: render.Style) -> None:
        self.metadata, self.plain_json = marker.parse(text[start])
        self.marked = marker.is_marker(text[start])
        language = self.metadata.pop("language", None)
        self.kind = self._kind(style)
        self.next = self._find_next(text, start, language if isinstance(language, str) else style.language)
        body = text[start : self.next]
        blank = [not line.strip() for line in body[-3:]]
        cut = 2 if blank == [False, True, True] else int(body[-1] == "")
        self.end = self.next - cut
        self.first = start + self.marked
        source = body[int(self.marked) : len(body) - cut]
        content = self._content(source, language, style)
        left = self.next - self.end + (self.next == len(text)) if self.end < len(text) else 1
        if left != blank_lines(source or [""], _from(text, self.next)):
            self.metadata["lines_to_next_cell"] = left
        text_of = "\n".join(content)
        if language and language != style.language:
            text_of = self._foreign(text_of, language, start, style)
        self.cell = _new(self.kind, text_of, self.metadata)

    def _kind(self, style: render.Style) -> str:
        self.uncommented = False
        if "cell_type" in self.metadata:
            kind = self.metadata.pop("cell_type")
            return kind if kind in ("code", "markdown") else "raw"
        if marker.is_active(self.metadata, "ipynb"):
            return "code"
        if self.metadata.get("active") == "":
            del self.metadata["active"]
        self.uncommented = marker.is_active(self.metadata, "py")
        return "raw"

    def _find_next(self, text: list[str], start: int, language: str) -> int:
        quotes = Quotes(language)
        fence: tuple[str, int] | None = None
        for i in range(start, len(text)):
            line = text[i]
            quoted = quotes.open
            quotes.read(line)
            if quoted:
                continue
            if self.kind != "code":
                # %% in a fenced block of markdown (mermaid) starts no cell
                plain = line if self.uncommented else uncommented(line)
                if fence:
                    fence = None if closes_fence(plain, fence) else fence
                    continue
                fence = opens_fence(plain)
                if fence and any(
                    closes_fence(later if self.uncommented else uncommented(later), fence)
                    for later in _from(text, i + 1)
                ):
                    continue
                fence = None
            if i > start and marker.is_marker(line):
                return i
        return len(text)

    def _content(self, source: list[str], language: object, style: render.Style) -> list[str]:
        active = marker.is_active(self.metadata, "py")
        if not marker.is_active(self.metadata, "py", self.kind == "code"):
            inner = self._quoted(source)
            if inner is not None:
                return inner
        mark = "" if self.uncommented else "#"
        foreign = "active" not in self.metadata and language and language != style.language
        if not active or foreign:
            return [uncommented(line) for line in source] if mark else source
        own = language if isinstance(language, str) else style.language
        if style.magics:
            source = uncomment_magics(source, own)
        if self.kind == "code":
            return unescape_plus(source, own)
        return [uncommented(line) for line in source] if mark else source

    def _quoted(self, source: list[str]) -> list[str] | None:
        """Return the lines within triple quotes, None when the cell is not a string; note the quotes."""
        content = "\n".join(source).strip()
        for prefix in ("", "r", "R"):
            for quote in ('"""', "'''"):
                left, right = prefix + quote, quote
                if not (content.startswith(left) and content.endswith(right)):
                    continue
                if len(content) < len(left + right):
                    continue
                self.first += next((i for i, line in enumerate(source) if line.strip()), 0)
                content = content[len(left) : -len(right)]
                if content.startswith("\n"):
                    content, left = content[1:], left + "\n"
                    self.first += 1
                if content.endswith("\n"):
                    content, right = content[:-1], "\n" + right
                alone = len(left) - len(prefix) == len(right) == 4
                if alone or prefix:
                    self.metadata["cell_marker"] = left[:-1] if alone else f"{left},{right}"
                return content.removesuffix("\n").split("\n") if content else []
        return None

    def _foreign(self, source: str, language: object, start: int, style: render.Style) -> str:
        """Return a cell of another language with the magic that runs it."""
        if (
            not isinstance(language, str)
            or usual(language) == style.language
            or not (language in LANGUAGES or language in style.extra_magics)
        ):
            self.metadata["language"] = language
            return source
        self.first = start
        arguments = self.metadata.pop("magic_args", None)
        return f"%%{language}{'' if arguments is None else f' {arguments}'}\n{source}"


def is_ours(notebook: Notebook) -> bool:
    """Return whether a notebook in a percent format is written here, and not by jupytext."""
    return isinstance(notebook.origin, Script) or (
        notebook.origin is None and speaks_python(notebook.data["metadata"])
    )


def _declared(text: str) -> str:
    """Return the encoding that a script declares; what is unknown to Python is told when it is read."""
    try:
        return decode("\n".join(text.split("\n", 2)[:2]).encode("ascii", "ignore"), "")[1]
    except NotebookError:
        return "utf-8"


def dump_percent(notebook: Notebook) -> bytes:
    """Return a notebook as a percent script; cells that are as they were read keep their bytes."""
    hydrogen = notebook.format.endswith(":hydrogen")
    script = notebook.origin
    if not isinstance(script, Script):
        rows = render.script(notebook.cells, notebook.data["metadata"], hydrogen=hydrogen)
        text = "\n".join(rows)
        return encode(text if text.endswith("\n") else text + "\n", _declared(text), notebook.path)
    cells = notebook.cells
    same = [_unchanged(cell, script.pieces.get(cell.get("id", ""))) for cell in cells]
    whole = notebook.data["metadata"] == script.header.metadata
    if whole and all(same) and [cell["id"] for cell in cells] == list(script.pieces):
        return script.raw
    first = int(bool(cells) and script.yaml is not None and cells[0].get("id") == script.yaml)
    if whole and (script.yaml is None or (first and same[0])):
        top = script.head
    else:
        raw = cells[0]["source"] if first else None
        rows = header.write(notebook.data["metadata"], raw, script.header)
        top = "".join(line + script.newline for line in [*rows, *[""] * ("# ---" in rows)])
    after: list[list[str]] = []
    texts: list[str] = []
    for i in range(len(cells) - 1, first - 1, -1):
        following = cells[i + 1].get("id") if i + 1 < len(cells) else None
        text = _cell(cells[i], same[i], i == first, following, script, after)
        after.append(text.splitlines())
        texts.append(text)
    return encode(top + "".join(reversed(texts)), script.encoding, notebook.path)


def _unchanged(cell: Json, piece: CellText | None) -> bool:
    return piece is not None and all(cell[k] == piece.cell[k] for k in ("cell_type", "source", "metadata"))


def _cell(
    cell: Json,
    same: bool,
    first: bool,
    following: str | None,
    script: Script,
    after: list[list[str]],
) -> str:
    """Return the text of one cell: as it was where that can be, else with as much of the old as will do."""
    piece = script.pieces.get(cell.get("id", ""))
    newline = script.newline
    in_place = piece is not None and piece.after == following
    rows = render.lines(cell, script.style)
    if piece is None or (not piece.marker and not first):
        text = newline.join(rows)
    elif same:
        if in_place:
            return piece.text
        text = piece.text[: len(piece.text) - len(piece.trail)].rstrip("\r\n\f")
    else:
        if render.head(cell, script.style) == render.head(piece.cell, script.style):
            rows = [*([bare(piece.marker)] if piece.marker else []), *render.content(cell, script.style)]
        text = newline.join(rows)
    if in_place and piece is not None:
        return text + (newline if piece.text.endswith(("\n", "\r", "\f")) else "") + piece.trail
    blanks = blank_lines(rows, chain.from_iterable(reversed(after))) if after else 0
    return text + newline * (1 + blanks)
