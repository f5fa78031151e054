"""Compare HTML and SVG by structure: tables cell by cell, ids by their order, scripts by the data in them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import field
from html.parser import HTMLParser

from ..dataclass import dataclass
from . import Differing, Tolerance
from .data import datasets_renamed
from .data import differences as in_data
from .texts import differences as in_texts

_WORD = re.compile(r"[\w-]+")
#: Ids that libraries draw at random and write into scripts and attributes alone.
_DRAWN = re.compile(
    r"(?<![0-9A-Za-z])(?:[0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})"
    r"(?![0-9A-Za-z])"
)
_OF_BOKEH = re.compile(r"docs_json|data-root-id|bokeh", re.IGNORECASE)
_MODEL = re.compile(r"\bp\d{4,}\b")
_VOID = frozenset(["br", "hr", "img", "input", "meta", "link", "col", "area", "base", "source", "wbr"])
#: How many values of JSON are looked for in a script.
_VALUES = 2_000


@dataclass(slots=True)
class _Piece:
    """A tag, with its attributes, or a text, with where it stands."""

    sort: str
    name: str
    where: str = ""
    attributes: dict[str, str] = field(default_factory=dict)


class _Document(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[_Piece] = []
        self.inside: list[str] = []
        self.ids: list[str] = []
        self.tables = self.row = self.column = 0
        self.header: list[str] = []
        self.label = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in sorted(attrs)}
        if attributes.get("id"):
            self.ids.append(attributes["id"])
        if tag == "table":
            self.tables, self.row, self.header = self.tables + 1, 0, []
        elif tag == "tr":
            self.row, self.column, self.label = self.row + 1, 0, ""
        elif tag in ("td", "th"):
            self.column += 1
        self.pieces.append(_Piece("tag", tag, self._where(), attributes))
        if tag not in _VOID:
            self.inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.inside:
            while self.inside.pop() != tag:
                pass
        self.pieces.append(_Piece("end", tag))

    def handle_data(self, data: str) -> None:
        if not data.strip():
            return
        if "th" in self.inside and "thead" in self.inside:
            self.header += [""] * (self.column - len(self.header))
            self.header[self.column - 1] = data.strip() or self.header[self.column - 1]
        elif "th" in self.inside:
            self.label = data.strip()
        innermost = self.inside[-1] if self.inside else ""
        sort = innermost if innermost in ("script", "style") else "text"
        self.pieces.append(_Piece(sort, data, self._where()))

    def _where(self) -> str:
        if "td" not in self.inside and "th" not in self.inside:
            return f"<{self.inside[-1]}>" if self.inside else ""
        named = self.column <= len(self.header) and self.header[self.column - 1]
        column = f'column "{named}"' if named else f"column {self.column}"
        return f'row "{self.label}", {column}' if self.label else f"row {self.row}, {column}"


def differences(before: str, after: str, where: str, tolerance: Tolerance) -> Iterator[Differing]:
    """Yield where two documents differ."""
    if before == after:
        return
    first, second = _read(_numbered(before)), _read(_numbered(after))
    if [(p.sort, p.name if p.sort in ("tag", "end") else "") for p in first.pieces] != [
        (p.sort, p.name if p.sort in ("tag", "end") else "") for p in second.pieces
    ]:
        yield Differing(where, _shape(first), _shape(second))
        return
    one_names, other_names = _order(first.ids), _order(second.ids)
    for one, other in zip(first.pieces, second.pieces, strict=True):
        place = f"{where}, {one.where}" if one.where else where
        if one.sort == "tag":
            yield from _attributes(one, other, place, (one_names, other_names), tolerance)
        elif one.sort == "script":
            yield from in_scripts(
                _renamed(one.name, one_names), _renamed(other.name, other_names), place, tolerance
            )
        elif one.sort in ("text", "style"):
            sides = ((one, one_names), (other, other_names))
            # a space more where the lines of the source were broken otherwise is none on the page
            first_text, other_text = (" ".join(_renamed(p.name, names).split()) for p, names in sides)
            yield from in_texts(first_text, other_text, place, tolerance)


def _attributes(
    one: _Piece,
    other: _Piece,
    where: str,
    names: tuple[Mapping[str, str], Mapping[str, str]],
    tolerance: Tolerance,
) -> Iterator[Differing]:
    for name in sorted({*one.attributes, *other.attributes}):
        before, after = one.attributes.get(name), other.attributes.get(name)
        place = f"{where} {name}" if where else name
        if before is None or after is None:
            yield Differing(place, before or "nothing", after or "nothing")
        elif before != after:
            yield from in_texts(_renamed(before, names[0]), _renamed(after, names[1]), place, tolerance)


def _read(text: str) -> _Document:
    reader = _Document()
    reader.feed(text)
    reader.close()
    return reader


def _shape(read: _Document) -> str:
    rows = sum(piece.sort == "tag" and piece.name == "tr" for piece in read.pieces)
    cells = sum(piece.sort == "tag" and piece.name in ("td", "th") for piece in read.pieces)
    tags = sum(piece.sort == "tag" for piece in read.pieces)
    return f"a table of {rows} rows, {cells} cells" if rows else f"{tags} elements"


def _order(ids: list[str]) -> dict[str, str]:
    return {name: f"id{number}" for number, name in enumerate(dict.fromkeys(ids))}


def _renamed(text: str, names: Mapping[str, str]) -> str:
    if names:
        text = _WORD.sub(lambda found: names.get(found[0], found[0]), text)
    return _DRAWN.sub("<id>", text)


def _numbered(text: str) -> str:
    """Return a picture of Bokeh with its models numbered from 1; Bokeh counts all that a process has made."""
    if not _OF_BOKEH.search(text):
        return text
    order: dict[str, int] = {}
    return _MODEL.sub(lambda found: f"p{order.setdefault(found[0], len(order) + 1)}", text)


def in_scripts(before: str, after: str, where: str, tolerance: Tolerance) -> Iterator[Differing]:
    """Yield where two scripts differ: the values of JSON in them by meaning, the code between them as text."""
    if before == after:
        return
    first = list(_parts(_renamed(_numbered(before), {})))
    second = list(_parts(_renamed(_numbered(after), {})))
    if len(first) != len(second):
        yield Differing(where, f"a script of {len(before)} characters", f"one of {len(after)} characters")
        return
    for one, other in zip(first, second, strict=True):
        if isinstance(one, str) and isinstance(other, str):
            yield from in_texts(one, other, where, tolerance)
        else:
            yield from in_data(datasets_renamed(one), datasets_renamed(other), where, tolerance)


def _parts(text: str) -> Iterator[object]:
    """Yield the parts of a script: its code as texts, and the values of JSON in it, decoded."""
    decoder, start, tried = json.JSONDecoder(), 0, 0
    for found in re.finditer(r"[{\[]", text):
        at = found.start()
        if at < start:
            continue
        tried += 1
        if tried > _VALUES:
            break
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            continue
        if value:
            yield text[start:at]
            yield value
            start = end
    yield text[start:]
