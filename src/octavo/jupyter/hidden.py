"""Tell which names of a running kernel are not what a run of all cells from the top would make them."""

from __future__ import annotations

import ast
from dataclasses import field
from itertools import islice
from types import ModuleType
from typing import TYPE_CHECKING

from ..dataclass import dataclass
from ..digests import digest
from ..reading import magics
from ..reading.names import names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

#: How many changes of one object are followed back.
_FAR = 50
#: Methods that change their object.
# fmt: off
_GROWING = frozenset((
    "add", "append", "clear", "discard", "extend", "insert", "intersection_update", "pop", "popitem", "remove",
    "reverse", "setdefault", "sort", "symmetric_difference_update", "update",
))
# fmt: on


class Saved:
    """The cells of a notebook as they were last saved: their ids, None where its file has none, and their sources."""

    def __init__(self, cells: Sequence[tuple[str | None, str]] = (), at: float = 0.0) -> None:
        self.cells, self.at = cells, at
        self._by_id = {known: index for index, (known, _) in enumerate(cells) if known}
        self._by_text: dict[str, tuple[int, int]] = {}
        for index, (known, text) in enumerate(cells):
            if not known:
                first, _ = self._by_text.get(text.strip(), (index, index))
                self._by_text[text.strip()] = first, index

    def places(self, cell: str, source: str) -> tuple[int, int] | None:
        """Return where a cell stands, at the earliest and at the latest; None for one that is not there.

        It is known by its id, or else by what it says, which others may say as well.
        """
        at = self._by_id.get(cell)
        return (at, at) if at is not None else self._by_text.get(source.strip())


@dataclass(slots=True)
class _Code:
    """What a cell does with names: ``grown`` and ``patched`` are those whose objects it changes."""

    reads: set[str] = field(default_factory=set)
    defines: set[str] = field(default_factory=set)
    grown: set[str] = field(default_factory=set)
    patched: set[str] = field(default_factory=set)
    #: What the functions that it defines read when they are called.
    late: dict[str, set[str]] = field(default_factory=dict)


@dataclass(slots=True)
class _Run:
    """A cell was run: by which number, and from which versions of what it read."""

    cell: str
    source: str
    number: int = 0
    at: float = 0.0
    version: str = ""
    code: _Code = field(default_factory=_Code)
    reads: dict[str, str] = field(default_factory=dict)
    #: The names that it bound, also those that only its run could tell: by magics, ``import *`` and ``exec``.
    bound: set[str] = field(default_factory=set)
    #: Whether it ran to its end, or raised as it is meant to.
    whole: bool = True
    #: The runs that made those names that this one only changed.
    base: dict[str, _Run] = field(default_factory=dict)


class Watch:
    """Follows the cells of a kernel, and knows which of their runs each name is from."""

    def __init__(self, there: Iterable[str] = ()) -> None:
        self._made: dict[str, _Run] = {}
        self._latest: dict[str, _Run] = {}
        self._touching: dict[str, set[str]] = {}
        #: Deleted cells, with when the notebook had been saved by then: one that is saved later is there again.
        self._deleted: dict[str, float] = {}
        self._before: dict[str, object] = {}
        self._others = set(there)
        self._running: _Run | None = None

    def begin(
        self,
        cell: str,
        source: str,
        namespace: Mapping[str, object],
        saved: Saved,
        deleted: Iterable[str] = (),
    ) -> list[str]:
        """Note that a cell is about to run, and return what is doubtful about the names that it reads, in words."""
        self._deleted |= dict.fromkeys(deleted, saved.at)
        again = {known for known, _ in saved.cells if known and self._deleted.get(known, saved.at) < saved.at}
        for one in again | {cell}:
            self._deleted.pop(one, None)
        run = self._running = _Run(cell, source, code=_read(source))
        self._before = dict(namespace)
        reads = self._reached(run.code.reads)
        run.reads = {name: self._made[name].version for name in sorted(reads) if name in self._made}
        run.version = digest("\0".join([source, *(f"{name} {was}" for name, was in run.reads.items())]))
        places = saved.places(cell, source)
        place = places and places[1]
        found = (self._doubt(name, run, place, saved) for name in run.reads)
        return [words for words in found if words]

    def end(
        self,
        number: int,
        at: float,
        namespace: Mapping[str, object],
        whole: bool = True,
        meant: bool = False,
    ) -> None:
        """Note that the cell has run; not ``whole`` if it raised, which may be ``meant``."""
        run, self._running = self._running, None
        if run is None:
            return
        run.number, run.at, run.whole = number, at, whole or meant
        self._latest[run.cell] = run
        code, before = run.code, self._before
        changed = code.grown | code.patched
        run.bound = {
            name
            for name, value in namespace.items()
            if before.get(name, before) is not value and not name.startswith("_")
        }
        for name in (code.defines | changed | run.bound) & namespace.keys():
            if name in self._others and name not in code.defines:
                continue
            same = name in before and namespace[name] is before[name]
            if same and name not in changed and (not whole or self._imported(name, namespace[name])):
                continue
            older = self._made.get(name)
            if (name in changed or name in code.reads) and older is not None:
                base = older.base.get(name) if older.cell == run.cell else older
                if base is not None:
                    run.base[name] = base
            self._made[name] = run
            self._touching.setdefault(name, set()).add(run.cell)
        for name in [name for name in self._made if name not in namespace]:
            del self._made[name]
        self._before = {}

    def given(self, values: Mapping[str, object]) -> None:
        """Note that names have got values that are no cell's work, though one may be running."""
        self._before |= values

    def _imported(self, name: str, value: object) -> bool:
        """Return whether a name is bound to what another module made: importing it again changes nothing."""
        return name in self._made and (
            isinstance(value, ModuleType) or getattr(value, "__module__", "__main__") != "__main__"
        )

    def _reached(self, reads: Iterable[str]) -> set[str]:
        """Return names with those that functions among them read when they are called."""
        found: set[str] = set()
        todo = [*reads]
        while todo:
            name = todo.pop()
            if name not in found:
                found.add(name)
                made = self._made.get(name)
                todo += made.code.late.get(name, ()) if made else ()
        return found

    def _doubt(self, name: str, me: _Run, place: int | None, saved: Saved) -> str | None:
        made = self._made[name]
        if made.cell == me.cell:
            if name in me.code.grown or (name in me.code.defines and name in me.code.reads):
                return f"{name}: this cell has changed it before, as [{made.number}], and starts from that"
            made = made.base.get(name, made)
        chain = [made, *islice(_bases(made, name), _FAR)]
        for run in chain:
            if why := self._misplaced(run, me, place, saved):
                return f"{name}: {why}"
        if why := self._overtaken(made, name, me, place, saved):
            return f"{name}: {why}"
        return next((f"{name}: {why}" for run in chain if (why := self._outdated(run, name, {name}))), None)

    def _misplaced(self, run: _Run, me: _Run, place: int | None, saved: Saved) -> str | None:
        """Return why a run is not of a cell that stands above as it was run."""
        if run.cell in self._deleted:
            return f"made by [{run.number}], a cell that was deleted"
        if not run.whole:
            return f"made by [{run.number}], which did not run to its end"
        latest = self._latest[run.cell]
        if latest is not run and latest.source != run.source:
            return f"made by [{run.number}]; that cell was edited, and does not make it as [{latest.number}]"
        places = saved.places(run.cell, run.source)
        there = places and places[0]
        if saved.at > run.at and saved.cells:
            if there is None:
                return f"made by [{run.number}], a cell that was edited or deleted since"
            if saved.cells[there][1].strip() != run.source.strip() and latest is run:
                return f"made by [{run.number}]; that cell was edited since, and not run"
        if place is not None and there is not None and there > place:
            return f"made by [{run.number}], a cell further down"
        return None

    def _overtaken(self, made: _Run, name: str, me: _Run, place: int | None, saved: Saved) -> str | None:
        """Return which cell above changes a name, and has not run again since it was made."""
        start = saved.places(made.cell, made.source)
        for cell in self._touching[name] - {made.cell, me.cell} if start and place is not None else ():
            other = self._latest[cell]
            places = saved.places(cell, other.source)
            if (
                places
                and start
                and start[1] < places[0] < (place or 0)
                and other.number < made.number
                and name in other.code.defines | other.code.grown | other.code.patched | other.bound
            ):
                return f"made by [{made.number}]; [{other.number}], which changes it, has not run since"
        return None

    def _outdated(self, run: _Run, name: str, seen: set[str]) -> str | None:
        """Return of which name that a run read there is another version now."""
        for other, was in run.reads.items():
            now = self._made.get(other)
            if now is None or other in run.base or (other == name and now is run):
                continue
            if now.version != was and now is not run:
                return f"computed by [{run.number}] from an older {other}, which [{now.number}] has changed"
            if other not in seen and (why := self._outdated(now, other, seen | {other})):
                return f"computed by [{run.number}] from {other}, which was {why}"
        return None


def _bases(run: _Run, name: str) -> Iterator[_Run]:
    while (base := run.base.get(name)) is not None:
        yield base
        run = base


def _read(source: str) -> _Code:
    """Return what a cell does with names; nothing for one that is not Python."""
    try:
        tree = magics.parse(source)
    except SyntaxError:
        return _Code()
    found = names(tree)
    code = _Code(found.uses - found.late, found.defines - {"*"})
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            code.late[node.name] = names(ast.Module([node], [])).late
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
            late = names(ast.Module([node], [])).late
            code.late |= {target.id: late for target in node.targets if isinstance(target, ast.Name)}
    for inner in _now(tree):
        match inner:
            case ast.AugAssign(target=ast.Subscript() | ast.Attribute() as target):
                code.grown.add(_root(target))
            case ast.Subscript(ctx=ast.Store() | ast.Del()) | ast.Attribute(ctx=ast.Store() | ast.Del()):
                code.patched.add(_root(inner))
            case ast.Call(func=ast.Attribute(value=value, attr=method), keywords=keywords):
                if method in _GROWING or any(
                    word.arg == "inplace" and _true(word.value) for word in keywords
                ):
                    code.grown.add(_root(value))
    # what the cell itself has made before it changes it is no concern of others
    code.grown &= code.reads - code.defines
    code.patched &= code.reads - code.defines - code.grown
    return code


def _true(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


def _now(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a cell but for those of bodies that run when they are called."""
    for node in ast.iter_child_nodes(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield node
            yield from _now(node)


def _root(node: ast.expr) -> str:
    """Return the name whose object ``x.a[b]`` is part of; "" where there is none."""
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
