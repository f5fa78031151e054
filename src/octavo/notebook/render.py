"""Render cells as lines of a percent script."""

from __future__ import annotations

import json
from itertools import chain

from ..dataclass import dataclass
from ..model import Json
from . import header, marker
from .script import LANGUAGES, bare, blank_lines, closes_fence, comment_magics, commented, opens_fence, usual
from .script import lines as split

#: Cell metadata that changes with every run or click, and so has no place in a script.
VOLATILE = ("autoscroll", "collapsed", "scrolled", "trusted", "execution", "ExecuteTime", *marker.LAYOUT)

_TRIPLES = ('"""', "'''")


@dataclass(frozen=True, slots=True)
class Style:
    """How a script writes its cells, as the jupytext section of its metadata says."""

    language: str = "python"
    #: False in the hydrogen variant: magics stand as they are.
    magics: bool = True
    hydrogen: bool = False
    plain_json: bool = False
    #: What encloses markdown instead of comment marks.
    quotes: str = ""
    cell_filter: str | None = None
    extra_magics: frozenset[str] = frozenset()

    @classmethod
    def of(cls, metadata: Json, *, hydrogen: bool = False, plain_json: bool = False) -> Style:
        section = metadata.get("jupytext")
        section = section if isinstance(section, dict) else {}
        magics = section.get("comment_magics")
        names = ",".join(str(section.get(f"custom_{kind}_magics", "")) for kind in ("cell", "language"))
        given = section.get("cell_metadata_filter")
        quotes = section.get("cell_markers")
        return cls(
            main_language(metadata),
            magics if isinstance(magics, bool) else not hydrogen,
            hydrogen,
            plain_json or section.get("cell_metadata_json") is True,
            quotes if isinstance(quotes, str) else "",
            given if isinstance(given, str) else None,
            frozenset(name for name in names.split(",") if name),
        )


def main_language(metadata: Json) -> str:
    """Return the language of a script's code cells."""
    section, spec = metadata.get("jupytext"), metadata.get("kernelspec")
    found = section.get("main_language") if isinstance(section, dict) else None
    found = found or (spec.get("language") if isinstance(spec, dict) else None) or "python"
    if str(found).startswith("C++"):
        return "c++"
    return str(found) if found in ("R", "sas") else str(found).lower().replace("#", "sharp")


def script(cells: list[Json], metadata: Json, *, hydrogen: bool = False) -> list[str]:
    """Return the lines of a notebook that was not read from a script: the header, and the cells."""
    style = Style.of(metadata, hydrogen=hydrogen)
    raw = None
    blanks: int | None = None
    if cells and cells[0]["cell_type"] == "raw" and header.is_yaml(cells[0]["source"]):
        raw, blanks = cells[0]["source"], cells[0]["metadata"].get("lines_to_next_cell")
        cells = cells[1:]
    shown = {
        "extension": ".py",
        "format_name": "hydrogen" if hydrogen else "percent",
        "format_version": "1.3",
    }
    section = metadata.get("jupytext")
    section = section if isinstance(section, dict) else {}
    if section.get("main_language") == "python":
        section = {key: value for key, value in section.items() if key != "main_language"}
    top = header.write({**metadata, "jupytext": {**section, "text_representation": shown}}, raw)
    after: list[list[str]] = []
    for cell in reversed(cells):
        text = lines(cell, style)
        after.append(text + [""] * spacing(cell, text, after))
    if blanks is None:
        blanks = int("# ---" in top)
    return [*top, *[""] * blanks, *chain.from_iterable(reversed(after))]


def spacing(cell: Json, text: list[str], after: list[list[str]]) -> int:
    """Return how many blank lines follow a cell; ``after`` holds the following cells' lines, last first."""
    given = cell["metadata"].get("lines_to_next_cell")
    if isinstance(given, int):
        return given
    return blank_lines(text, chain.from_iterable(reversed(after)))


def lines(cell: Json, style: Style) -> list[str]:
    """Return a cell as the lines of its marker and its content."""
    metadata, source, active = _split(cell, style)
    options = marker.options(metadata, plain_json=style.plain_json)
    code = active and "cell_type" not in metadata
    indent = ""
    if code and source and source[0].strip():
        indent = source[0][: len(source[0]) - len(source[0].lstrip())]
    start = f"{indent}# %%" + (f" {options}" if options and not options.startswith("%") else options)
    return [start, *_content(cell, style, metadata, source, active)]


def content(cell: Json, style: Style) -> list[str]:
    """Return the lines of a cell below its marker."""
    return _content(cell, style, *_split(cell, style))


def head(cell: Json, style: Style) -> str:
    """Return what the marker of a cell says: cells with equal heads can share a marker line."""
    return json.dumps(_split(cell, style)[0], default=str)


def _split(cell: Json, style: Style) -> tuple[Json, list[str], bool]:
    """Return what goes into the marker, the lines that are left, and whether these are code of the script."""
    kind: str = cell["cell_type"]
    metadata = _filtered(cell["metadata"], style.cell_filter)
    source = _lines(cell["source"])
    language: object = None
    if not style.hydrogen and source[0].startswith("%%"):
        name, _, arguments = source[0][2:].partition(" ")
        if name in LANGUAGES or name in style.extra_magics:
            language = name
            source = source[1:]
            if arguments:
                metadata["magic_args"] = arguments
            metadata["language"] = name
    language = language or cell["metadata"].get("language") or style.language
    same = isinstance(language, str) and usual(language) == usual(style.language)
    tags = metadata.get("tags")
    tagged = isinstance(tags, list) and any(isinstance(t, str) and t.startswith("active-") for t in tags)
    if kind == "raw" and "active" not in metadata and not tagged:
        active = False
    else:
        active = marker.is_active(metadata, "py", same)
        if kind == "raw" and metadata.get("active") == "":
            del metadata["active"]
    if not (kind == "code" or (kind == "raw" and "active" in metadata) or tagged):
        metadata["cell_type"] = kind
    return metadata, source, active


def _content(cell: Json, style: Style, metadata: Json, source: list[str], active: bool) -> list[str]:
    if active and "cell_type" not in metadata:
        language = str(metadata.get("language") or cell["metadata"].get("language") or style.language)
        source = comment_magics(source, language, escape=style.magics)
        return [] if source == [""] else source
    quotes = cell["metadata"].get("cell_marker", style.quotes)
    if not quotes and "cell_type" in metadata and _starts_cell(source):
        # jupytext writes comments here too, and reads two cells where there was one
        quotes = next((quote for quote in _TRIPLES if quote not in cell["source"]), "")
    if isinstance(quotes, str) and quotes:
        left, comma, right = quotes.partition(",")
        if not comma:
            left, right = quotes + "\n", "\n" + (quotes[1:] if quotes.startswith(("r", "R")) else quotes)
        if right[-3:] in _TRIPLES and right[-3:] in (left[:3], left[1:4] if left[:1] in "rR" else ""):
            if left[:1] not in "rR" and any("\\" in line for line in source) and not style.hydrogen:
                left = "r" + left
            return (left + "\n".join(source) + right).split("\n")
    return commented(source)


def _starts_cell(source: list[str]) -> bool:
    """Return whether a line of markdown would start a cell of its own if it stood behind a comment mark."""
    fence: tuple[str, int] | None = None
    for i, line in enumerate(source):
        if fence:
            fence = None if closes_fence(line, fence) else fence
        elif (opened := opens_fence(line)) and any(closes_fence(later, opened) for later in source[i + 1 :]):
            fence = opened
        elif marker.is_marker(f"# {line}"):
            return True
    return False


def _lines(source: str) -> list[str]:
    """Split a source into lines, at least one; a last line end makes one more."""
    result = [bare(line) for line in split(source)] or [""]
    return [*result, ""] if source.endswith("\n") else result


def _filtered(metadata: Json, chosen: str | None) -> Json:
    """Return the cell metadata that belongs into a script, by jupytext's filter ("a,-b", "all", "-all")."""
    words = [word.strip() for word in chosen.split(",")] if chosen else []
    wanted = {word.removeprefix("+") for word in words if word and not word.startswith("-")}
    refused = {word[1:].strip() for word in words if word.startswith("-")}
    result = {key: value for key, value in metadata.items() if marker.is_key(key)}
    if "all" in wanted:
        return {key: value for key, value in result.items() if key not in refused}
    if "all" in refused:
        return {key: value for key, value in result.items() if key in wanted}
    if not result.get("tags", True):
        del result["tags"]
    refused |= set(VOLATILE) - wanted
    return {key: value for key, value in result.items() if key not in refused}
