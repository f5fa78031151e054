"""Parse YAML into plain data with the position of every key and value; the only importer of PyYAML."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any

import yaml

from ..dataclass import dataclass
from ..errors import Place, SpecError, raise_all
from ..notebook import broken

if TYPE_CHECKING:
    from collections.abc import Callable

Table = Mapping[Any, Any]  # a mapping as YAML has it: numbers can be keys, and values be anything
Path = tuple[object, ...]  # ("tasks", 3, "params", "n"): the way from the top of a document to a value

Pairs = dict[object, tuple[yaml.ScalarNode, yaml.Node]]  # key nodes and value nodes by the keys

_TAG = "tag:yaml.org,2002:"
_SCALARS = frozenset(_TAG + kind for kind in ("int", "float", "bool", "null"))
_TEXTS = frozenset(_TAG + kind for kind in ("timestamp", "value"))
_LARGEST = 50_000_000  # characters in all its values
_MOST = 300_000  # values that aliases repeat: aliases of aliases grow without bound ("billion laughs")
#: Levels of a document. The reader in C calls itself for each, and a hundred thousand end the process.
_DEEPEST = 300
_BRACKET = re.compile(r"[\[\]{}]")
#: What may be as deep without brackets: "- - - x" on a line, or that much indentation.
_DEEP_BLOCK = re.compile(rf"(?:[-?:] +){{{_DEEPEST // 2}}}|^ {{{_DEEPEST // 2}}}", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Document:
    """Plain data read from a text, where each part of it stands, and what became of its placeholders.

    ``marks`` maps a path in the data to line and column of its key and of its value, counted from 1. ``used``
    names the placeholders that were replaced; ``mistakes`` are those that could not be, to be raised together
    with what else is wrong. ``under`` are the documents that this one was laid over: what only they say stands there.
    """

    path: str
    data: Any  # YAML at the border: whoever reads it looks what it is
    marks: Mapping[Path, tuple[int, int, int, int]] = field(default_factory=dict)
    used: frozenset[str] = frozenset()
    mistakes: tuple[SpecError, ...] = ()
    under: tuple[Document, ...] = ()

    def place(self, *path: object) -> Place:
        """Return where a value stands, or the nearest thing around it that has a place."""
        if other := self._said_by(path):
            return other.place(*path)
        while path and path not in self.marks:
            path = path[:-1]
        return Place(self.path, *self.marks.get(path, (0, 0, 0, 0))[2:])

    def key(self, *path: object) -> Place:
        """Return where a key stands."""
        if other := self._said_by(path):
            return other.key(*path)
        return Place(self.path, *self.marks[path][:2]) if path in self.marks else self.place(*path)

    def _said_by(self, path: Path) -> Document | None:
        return next((one for one in self.under if path not in self.marks and one.has(*path)), None)

    def has(self, *path: object) -> bool:
        """Return whether a value stands here, or in what this was laid over."""
        return path in self.marks or any(one.has(*path) for one in self.under)


def parse(text: str, path: str, plain: Callable[[str], object] | None = None) -> Document:
    """Read YAML into plain data with places; raise ``SpecError`` for bad syntax and keys that stand twice.

    Anchors, aliases and merge keys work. Dates stay the text they are: parameters must mean the same in every
    language and in JSON. ``plain`` tells what values mean that are not quoted, instead of YAML 1.1.
    """
    try:
        if _may_be_deep(text):
            _refuse_deep(text, path)
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
        try:
            root = loader.get_single_node()
            tree = _Tree(loader, path, plain)
            data = tree.value(root, (), None) if root is not None else None
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        raise _conflict(text, path) or _syntax(error, text, path) from None
    except yaml.reader.ReaderError as error:
        raise SpecError(f"a character that YAML forbids: {chr(error.character)!r}", path) from None
    except RecursionError:
        raise SpecError("it is nested too deeply", path) from None
    if tree.mistakes and (conflict := _conflict(text, path)):
        raise conflict
    raise_all(tree.mistakes, f"{path} cannot be read")
    return Document(path, data, tree.marks)


def _may_be_deep(text: str) -> bool:
    depth = deepest = 0
    for found in _BRACKET.finditer(text):
        depth += 1 if found[0] in "[{" else -1
        deepest = max(deepest, depth)
    return deepest > _DEEPEST // 2 or _DEEP_BLOCK.search(text) is not None


def _refuse_deep(text: str, path: str) -> None:
    """Raise the error for a document that is nested too deeply; its events are read without going deep."""
    loader, depth = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text), 0
    try:
        while loader.check_event():
            event = loader.get_event()
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEPEST:
                mark = event.start_mark
                raise SpecError("it is nested too deeply", Place(path, mark.line + 1, mark.column + 1))
    finally:
        loader.dispose()


class _Tree:
    """One walk over the nodes of a document: values, marks, and the mistakes met on the way."""

    def __init__(self, loader: yaml.SafeLoader, path: str, plain: Callable[[str], object] | None) -> None:
        self.loader, self.path, self.plain = loader, path, plain
        self.marks: dict[Path, tuple[int, int, int, int]] = {}
        self.mistakes: list[SpecError] = []
        self.inside: set[int] = set()
        self.repeated = self.characters = 0
        self.seen: set[int] = set()

    def value(self, node: yaml.Node, path: Path, key: yaml.Node | None) -> object:
        mark = node.start_mark
        before = key.start_mark if key is not None else mark
        self.marks[path] = (before.line + 1, before.column + 1, mark.line + 1, mark.column + 1)
        tag = node.tag
        if isinstance(node, yaml.ScalarNode):
            self.grow(node)
            if self.plain and not node.style:
                return self.plain(node.value)
            return node.value if tag == _TAG + "str" else self.scalar(node)
        if tag not in (_TAG + "map", _TAG + "seq"):
            self.wrong(node, f'the YAML tag "{tag.removeprefix(_TAG)}" is not understood')
            return None
        if id(node) in self.inside:
            self.wrong(node, "an alias inside its own anchor")
            return None
        self.inside.add(id(node))
        try:
            if isinstance(node, yaml.SequenceNode):
                self.grow(node)
                return [self.value(item, (*path, n), None) for n, item in enumerate(node.value)]
            pairs = self.pairs(node) if isinstance(node, yaml.MappingNode) else {}
            return {name: self.value(v, (*path, name), k) for name, (k, v) in pairs.items()}
        finally:
            self.inside.discard(id(node))

    def scalar(self, node: yaml.ScalarNode) -> object:
        if node.tag in _TEXTS:
            return node.value
        if node.tag not in _SCALARS:
            self.wrong(node, f'the YAML tag "{node.tag.removeprefix(_TAG)}" is not understood')
            return None
        try:
            value: object = self.loader.construct_object(node)
        except (ValueError, KeyError):  # "!!int x", "!!bool x", a number of ten thousand digits
            self.wrong(node, f'"{node.value[:40]}" is not a valid {node.tag.removeprefix(_TAG)}')
            return None
        return value

    def pairs(self, node: yaml.MappingNode) -> Pairs:
        """Return the keys of a mapping with their nodes: those of ``<<`` first, so that its own win."""
        merged: Pairs = {}
        own: Pairs = {}
        self.grow(node)
        for key, value in node.value:
            if key.tag == _TAG + "merge":
                for other in reversed(value.value if isinstance(value, yaml.SequenceNode) else [value]):
                    if not isinstance(other, yaml.MappingNode) or other is node or id(other) in self.inside:
                        self.wrong(key, 'only a mapping, or a list of mappings, can be merged by "<<"')
                        continue
                    self.inside.add(id(other))
                    merged |= self.pairs(other)
                    self.inside.discard(id(other))
                continue
            if not isinstance(key, yaml.ScalarNode):
                self.wrong(
                    key,
                    "keys must be strings",
                    _QUOTES if isinstance(key, yaml.MappingNode) and key.flow_style else None,
                )
                continue
            name = key.value if key.tag == _TAG + "str" else self.scalar(key)
            if name in own:
                line = own[name][0].start_mark.line + 1
                self.wrong(key, f'duplicate key "{key.value}"', f"the first one is on line {line}")
            else:
                own[name] = (key, value)
        return merged | own

    def grow(self, node: yaml.Node) -> None:
        """Count the items of a collection that was there before, and the characters of a value each time."""
        if isinstance(node, yaml.ScalarNode):
            self.characters += len(node.value)
        elif id(node) in self.seen:
            self.repeated += len(node.value)
        else:
            self.seen.add(id(node))
        if self.repeated > _MOST or self.characters > _LARGEST:
            raise SpecError("aliases make this document grow too large", self.at(node))

    def at(self, node: yaml.Node) -> Place:
        return Place(self.path, node.start_mark.line + 1, node.start_mark.column + 1)

    def wrong(self, node: yaml.Node, message: str, hint: str | None = None) -> None:
        self.mistakes.append(SpecError(message, self.at(node), hint))


_INDENTATION = (
    "mapping values are not allowed in this context",
    "did not find expected key",
    "did not find expected '-' indicator",
    "block sequence entries are not allowed in this context",
)
_QUOTES = 'quote values that begin with a placeholder: "{{name}}"'


def _conflict(text: str, path: str) -> SpecError | None:
    """Return the error for a file that git left with conflict markers, None when it has none."""
    found = broken.merge_conflict(text, path)
    return SpecError(found.message, found.where, found.hint) if found else None


def _syntax(error: yaml.MarkedYAMLError, text: str, path: str) -> SpecError:
    mark = error.problem_mark or error.context_mark
    where = Place(path, mark.line + 1, mark.column + 1) if mark else Place(path)
    lines = text.splitlines()
    near = " ".join(lines[max(0, where.line - 2) : where.line])
    hint = None
    if ": {{" in near or "- {{" in near:
        hint = _QUOTES
    elif "\t" in near:
        hint = "indent YAML with spaces, not tabs"
    elif "flow" in (error.context or "") and error.context_mark:
        hint = f"the bracket opened on line {error.context_mark.line + 1} is not closed"
    elif error.problem in _INDENTATION:
        hint = "check the indentation: keys of a mapping, and items of a list, start in the same column"
    words = ", ".join(w for w in (error.problem, error.context) if w)
    return SpecError(f"not valid YAML: {words}", where, hint)
