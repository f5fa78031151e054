"""JSON as text with places: values where they stand, and edits that leave every other byte as it was."""

from __future__ import annotations

import re
from collections.abc import Collection
from json import JSONDecodeError, JSONDecoder

_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = JSONDecoder()


class Node:
    """A value and where it stands in a text: ``text[at:end]``.

    An object has ``members``, a list ``elements``, down to the depth that was asked for; below it, and for all that
    is neither, ``value`` is the plain value.
    """

    __slots__ = ("at", "elements", "end", "members", "value")

    def __init__(self, at: int) -> None:
        self.at, self.end = at, at
        self.value: object = None
        self.members: list[Member] | None = None
        self.elements: list[Node] | None = None

    def member(self, key: str) -> Node | None:
        """Return the value of a key: of several equal keys the last, as json has it."""
        return next((m.node for m in reversed(self.members or ()) if m.key == key), None)

    def plain(self) -> object:
        """Return the plain value."""
        if self.members is not None:
            return {member.key: member.node.plain() for member in self.members}
        if self.elements is not None:
            return [element.plain() for element in self.elements]
        return self.value


class Member:
    """A key of an object, where it starts, and its value."""

    __slots__ = ("at", "key", "node")

    def __init__(self, key: str, at: int, node: Node) -> None:
        self.key, self.at, self.node = key, at, node


def document(text: str, depth: int) -> Node:
    """Read a whole text, which is one value. Raises JSONDecodeError as json does, or RecursionError."""
    node = parse(text, _after(text, 1 if text.startswith("\ufeff") else 0), depth)
    end = _after(text, node.end)
    if end != len(text):
        raise JSONDecodeError("Extra data", text, end)
    return node


def parse(text: str, at: int, depth: int) -> Node:
    """Read the value that starts at a place, with the places of what is in it, so many levels down."""
    node = Node(at)
    start = text[at : at + 1]
    if depth and start == "{":
        node.members = []
        _members(text, node, depth)
    elif depth and start == "[":
        node.elements = []
        at = _after(text, at + 1)
        while text[at : at + 1] != "]":
            if node.elements:
                at = _expect(text, at, ",", "Expecting ',' delimiter")
            element = parse(text, at, depth - 1)
            node.elements.append(element)
            at = _after(text, element.end)
        node.end = at + 1
    else:
        node.value, node.end = _DECODER.raw_decode(text, at)
    return node


def _members(text: str, node: Node, depth: int) -> None:
    at = _after(text, node.at + 1)
    found: list[Member] = []
    node.members = found
    while text[at : at + 1] != "}":
        if found:
            at = _expect(text, at, ",", "Expecting ',' delimiter")
        if text[at : at + 1] != '"':
            raise JSONDecodeError("Expecting property name enclosed in double quotes", text, at)
        key, end = _DECODER.raw_decode(text, at)
        value = parse(text, _expect(text, _after(text, end), ":", "Expecting ':' delimiter"), depth - 1)
        found.append(Member(key, at, value))
        at = _after(text, value.end)
    node.end = at + 1


def _after(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _expect(text: str, at: int, sign: str, problem: str) -> int:
    if text[at : at + 1] != sign:
        raise JSONDecodeError(problem, text, at)
    return _after(text, at + 1)


class Edits:
    """Edits of a text, all made at once; what stands inside of another edit is dropped with it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._found: list[tuple[int, int, str]] = []

    def replace(self, node: Node, new: str) -> None:
        """Write something else for a value."""
        if self.text[node.at : node.end] != new:
            self._found.append((node.at, node.end, new))

    def keep(self, node: Node, kept: Collection[int]) -> None:
        """Remove all members or elements of a node but these, with the commas around them."""
        places = (
            [(member.at, member.node.end) for member in node.members]
            if node.members is not None
            else [(element.at, element.end) for element in node.elements or ()]
        )
        if len(kept) == len(places):
            return
        if not kept:
            self._found.append((node.at + 1, node.end - 1, ""))
            return
        ordered = sorted(kept)
        first = ordered[0]
        if first:
            self._found.append((places[0][0], places[first][0], ""))
        for one, other in zip(ordered, [*ordered[1:], len(places)], strict=True):
            if other > one + 1:
                self._found.append((places[one][1], places[other - 1][1], ""))

    def result(self) -> str:
        """Return the text with the edits made."""
        if not self._found:
            return self.text
        pieces, done = [], 0
        for start, end, new in sorted(self._found, key=lambda edit: (edit[0], -edit[1])):
            if start < done:
                continue  # inside of what was removed
            pieces += [self.text[done:start], new]
            done = end
        return "".join([*pieces, self.text[done:]])
