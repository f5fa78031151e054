"""Rewrite imports of Ploomber in a file, leaving every other byte as it is."""

from __future__ import annotations

import ast
import codecs
import json
import re
import tokenize
from importlib import import_module
from io import BytesIO
from typing import TYPE_CHECKING

from .. import clients
from ..dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

_PACKAGE = "ploomber"
_OURS = "octavo.ploomber"
_LINES = re.compile(r"\r\n|\r|\n")
#: For code that Python cannot parse, such as cells with magics: one statement a line.
_FROM = re.compile(r"^[ \t]*from[ \t]+(ploomber(?:\.\w+)*)[ \t]+import[ \t]+([\w, \t*()]+)", re.MULTILINE)
_IMPORT = re.compile(
    r"^[ \t]*import[ \t]+(ploomber(?:\.\w+)*)(?:[ \t]+as[ \t]+(\w+))?[ \t]*(?=#|;|\r|\n|\Z)", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Import:
    """A module of Ploomber's that code imports, the names taken from it, and where: ``cell`` is None in a script.

    ``start`` and ``end`` enclose what ``becomes`` replaces.
    """

    module: str
    names: tuple[str, ...]
    line: int
    start: int
    end: int
    becomes: str
    cell: int | None = None

    @property
    def unknown(self) -> tuple[str, ...]:
        """The names that octavo does not provide."""
        return tuple(name for name in self.names if not provided(self.module, name))


def imports(path: str, data: bytes) -> tuple[list[Import], bytes | None]:
    """Return what a file imports of Ploomber, and its bytes rewritten; None when it cannot be rewritten safely.

    What octavo does not provide is left as it is. Executed notebooks have none: they are made anew.
    """
    if _PACKAGE.encode() not in data:
        return [], data
    if path.endswith(".ipynb"):
        return _notebook(data)
    mark = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
    try:
        encoding = "utf-8" if mark else tokenize.detect_encoding(BytesIO(data).readline)[0]
        text = data[len(mark) :].decode(encoding)
    except (SyntaxError, UnicodeDecodeError, LookupError):
        return [], None
    found = list(_found(text))
    return found, mark + _edited(text, found).encode(encoding)


def _edited(text: str, found: list[Import]) -> str:
    for one in sorted(found, key=lambda one: one.start, reverse=True):
        if not one.unknown:
            text = text[: one.start] + one.becomes + text[one.end :]
    return text


# ── code


def _found(text: str, cell: int | None = None) -> Iterator[Import]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        yield from _by_line(text, cell)
        return
    starts = [0, *(one.end() for one in _LINES.finditer(text))]
    lines = [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]

    def place(line: int, column: int) -> int:
        return starts[line - 1] + len(lines[line - 1].encode()[:column].decode())  # ast counts bytes

    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and not node.level and _is_ours(node.module or ""):
            names = tuple(alias.name for alias in node.names)
            start = place(node.lineno, node.col_offset)
            match = re.compile(r"from(?:\s|\\)+").match(text, start)
            if match is not None:
                yield _one(node.module or "", names, node.lineno, match.end(), cell)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if _is_ours(alias.name):
                    start = place(alias.lineno, alias.col_offset)
                    end = place(alias.end_lineno or alias.lineno, alias.end_col_offset or 0)
                    becomes = _imported(alias.name, alias.asname)
                    yield Import(alias.name, (), alias.lineno, start, end, becomes, cell)


def _by_line(text: str, cell: int | None) -> Iterator[Import]:
    for found in _FROM.finditer(text):
        names = tuple(part.split()[0] for part in found[2].strip("() \t").split(",") if part.strip())
        yield _one(found[1], names, text.count("\n", 0, found.start()) + 1, found.start(1), cell)
    for found in _IMPORT.finditer(text):
        line, end = text.count("\n", 0, found.start()) + 1, found.end(2) if found[2] else found.end(1)
        yield Import(found[1], (), line, found.start(1), end, _imported(found[1], found[2]), cell)


def _one(module: str, names: tuple[str, ...], line: int, start: int, cell: int | None) -> Import:
    own = module == "ploomber.clients" and all(name in clients.__all__ for name in names)
    return Import(
        module, names, line, start, start + len(module), "octavo.clients" if own else _ours(module), cell
    )


def _imported(module: str, name: str | None) -> str:
    """Return what stands after ``import`` so that the same name is bound, to octavo's module."""
    if name or module == _PACKAGE:
        return f"{_ours(module)} as {name or _PACKAGE}"
    return f"{_ours(module)}, {_OURS} as {_PACKAGE}"  # the code says ploomber.clients.…


def _ours(module: str) -> str:
    return _OURS + module.removeprefix(_PACKAGE)


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] == _PACKAGE


def provided(module: str, name: str) -> bool:
    """Return whether octavo provides a name of Ploomber's; missing optional packages don't matter."""
    try:
        found = import_module(_ours(module))
        return name == "*" or hasattr(found, name) or bool(import_module(f"{_ours(module)}.{name}"))
    except ModuleNotFoundError as error:
        return not (error.name or "").startswith("octavo")
    except Exception:  # it says itself what is missing, when it is imported
        return False


# ── notebooks


def _notebook(data: bytes) -> tuple[list[Import], bytes | None]:
    """Rewrite the sources of code cells in the JSON as it stands; nothing if that would change anything else."""
    try:
        text = data.decode("utf-8")
        book = json.loads(text)
        cells = [cell for cell in book["cells"] if isinstance(cell, dict)]
    except (ValueError, KeyError, TypeError):
        return [], None
    if any("injected-parameters" in cell.get("metadata", {}).get("tags", ()) for cell in cells):
        return [], data
    found: list[Import] = []
    after = 0
    for number, cell in enumerate(cells):
        source = cell.get("source", "") if cell.get("cell_type") == "code" else ""
        code = "".join(source) if isinstance(source, list) else source
        mine = list(_found(code, number))
        found += mine
        for old, new in _changed(source, _edited(code, mine)):
            for ascii_only in (False, True):
                was, becomes = (json.dumps(one, ensure_ascii=ascii_only) for one in (old, new))
                if (place := text.find(was, after)) >= 0:
                    after = place + len(becomes)
                    text = text[:place] + becomes + text[place + len(was) :]
                    break
        cell["source"] = _split(source, _edited(code, mine))
    return found, text.encode("utf-8") if json.loads(text) == book else None


def _changed(source: str | list[str], edited: str) -> Iterator[tuple[str, str]]:
    """Yield the texts of a cell's source that are to change, as the JSON has them."""
    new = _split(source, edited)
    pairs = zip(source, new, strict=True) if isinstance(source, list) else [(source, edited)]
    yield from ((old, one) for old, one in pairs if old != one)


def _split(source: str | list[str], edited: str) -> str | list[str]:
    """Return an edited source as the JSON has it: as one text, or as lines where it has lines."""
    if not isinstance(source, list):
        return edited
    lines = edited.splitlines(keepends=True)
    return lines if len(lines) == len(source) else [edited, *[""] * (len(source) - 1)]
