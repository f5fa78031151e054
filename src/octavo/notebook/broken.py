"""Explain what is wrong with a file that is not a valid notebook, and where."""

from __future__ import annotations

from json import JSONDecodeError, JSONDecoder
from typing import TYPE_CHECKING

from ..errors import NotebookError, Place

if TYPE_CHECKING:
    from collections.abc import Iterable

#: The keys and indices that lead to a value in the JSON, what is wrong with it, and a hint.
Problem = tuple[tuple[str | int, ...], str, str | None]

_SPACE = " \t\n\r"


def errors(text: str, problems: Iterable[Problem], path: str) -> list[NotebookError]:
    """Return the problems of a JSON text as errors with their places."""
    return [NotebookError(what, place(text, find(text, where), path), hint) for where, what, hint in problems]


def place(text: str, offset: int, path: str) -> Place:
    """Return line and column of an offset."""
    line = text.count("\n", 0, offset) + 1
    return Place(path, line, offset - text.rfind("\n", 0, offset))


def not_utf8(data: bytes, error: UnicodeDecodeError, path: str) -> NotebookError:
    before = data[: error.start].decode("utf-8", "replace")
    return NotebookError(
        f"the notebook is not UTF-8: byte 0x{data[error.start]:02x}",
        place(before, len(before), path),
        "notebooks are JSON in UTF-8: the file is damaged, or was saved in another encoding",
    )


def not_json(text: str, error: Exception, path: str) -> NotebookError:
    """Return the error for a text that json refuses: what it seems to be instead, and what to do."""
    head = text.lstrip()[:200]
    if not head:
        what = "the file is empty" if not text else "the file contains only whitespace"
        return NotebookError(
            f"{what}, not a notebook", Place(path), "create the notebook in Jupyter, or restore it"
        )
    if conflict := merge_conflict(text, path):
        return conflict
    if head.startswith("version https://git-lfs.github.com/"):
        return NotebookError(
            "the file is a Git LFS pointer, not a notebook", Place(path, 1, 1), "fetch it with: git lfs pull"
        )
    if head.startswith("<"):
        return NotebookError(
            "the file is a web page, not a notebook",
            Place(path, 1, 1),
            "if it was saved from a website, download the raw file instead",
        )
    if isinstance(error, JSONDecodeError):
        if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string"):
            hint = "the file seems to be cut off; restore it from version control or a checkpoint"
        else:
            hint = "notebooks are JSON: it may have been edited by hand"
        return NotebookError(
            f"the notebook is not JSON: {error.msg}", Place(path, error.lineno, error.colno), hint
        )
    if isinstance(error, RecursionError):
        return NotebookError("the notebook is nested too deeply", Place(path))
    return NotebookError(f"the notebook is not JSON: {error}", Place(path))


def merge_conflict(text: str, path: str) -> NotebookError | None:
    """Return the error for a file that git left with conflict markers, None when it has none."""
    lines = text.splitlines()
    for i, line in enumerate(lines):
        if line.startswith("<<<<<<< ") and any(end.startswith(">>>>>>> ") for end in lines[i + 1 :]):
            return NotebookError(
                "the file has merge conflict markers",
                Place(path, i + 1, 1),
                f"resolve the merge first: edit the file, or take one side: git checkout --ours -- {path}",
            )
    return None


def find(text: str, where: tuple[str | int, ...]) -> int:
    """Return the offset of a value in a JSON text; of the last thing on the way that is there."""
    decoder = JSONDecoder()
    at = _skip(text, 0)
    for step in where:
        if text[at] != ("{" if isinstance(step, str) else "["):
            return at
        found, inner, index = None, _skip(text, at + 1), 0
        while text[inner] not in "}]":
            key: str | int = index
            if isinstance(step, str):
                key, inner = decoder.raw_decode(text, inner)
                inner = _skip(text, _skip(text, inner) + 1)  # after the colon
            if key == step:
                found = inner  # the last of several equal keys is the one json takes
            inner = _skip(text, decoder.raw_decode(text, inner)[1])
            if text[inner] == ",":
                inner = _skip(text, inner + 1)
            index += 1
        if found is None:
            return at
        at = found
    return at


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _SPACE:
        at += 1
    return at
