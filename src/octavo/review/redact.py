"""Redact notebooks: what check calls secrets, and the names of people in paths of their home folders, become •••."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from ..checks.secret import hidden
from ..model import joined
from .json_text import Edits, Node, document

#: Deeper than any text of a notebook stands, but in data that a program reads.
_DEPTH = 12
_HOME = re.compile(r"(/home/|/Users/|[A-Za-z]:\\+Users\\+)(?!•)[^/\\\s'\"<>:]+")
_BINARY = ("image/", "application/pdf", "audio/", "video/")


def redacted(text: str) -> str:
    """Return the JSON of a notebook without secrets; every other byte is as it was."""
    edits = Edits(text)
    _redact(document(text, _DEPTH), edits)
    return edits.result()


def _redact(node: Node, edits: Edits) -> None:
    if node.members is not None:
        for member in node.members:
            if not member.key.startswith(_BINARY):
                _redact(member.node, edits)
    elif node.elements is not None:
        lines = [element.value for element in node.elements]
        if lines and all(isinstance(line, str) for line in lines):
            _lines(node, node.elements, edits)
        else:
            for element in node.elements:
                _redact(element, edits)
    elif isinstance(node.value, str) and (new := _clean(node.value)) != node.value:
        edits.replace(node, _written(new, edits.text))


def _lines(node: Node, elements: Sequence[Node], edits: Edits) -> None:
    """Redact a text that is stored as its lines: a private key goes over many of them."""
    text = edits.text
    before = joined([element.value for element in elements])
    if (after := _clean(before)) == before:
        return
    between = text[elements[0].end : elements[1].at] if len(elements) > 1 else ", "
    new = between.join(_written(line, text) for line in after.splitlines(keepends=True))
    edits.replace(node, text[node.at : elements[0].at] + new + text[elements[-1].end : node.end])


def _clean(text: str) -> str:
    return _HOME.sub(r"\1•••", hidden(text))


def _written(text: str, like: str) -> str:
    """Return a JSON string; a file that is ASCII stays so."""
    return json.dumps(text, ensure_ascii=like.isascii())
