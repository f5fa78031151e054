"""Keep what builds have seen of the order of tasks that do not name each other, and who writes nobody's files."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import pairwise

from ..model import Task
from .store import Store

#: How files are called that only one process can open.
_EXCLUSIVE = (".duckdb", ".ddb")
_SPACE, _WRITERS = "order", "writers"


def exclusive(graph: Iterable[Task], mentioned: Collection[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield pairs of tasks, one before and one after, that may both open a file which only one process can open.

    So it is with a database of DuckDB (https://duckdb.org/docs/stable/connect/concurrency), unless all only read it.
    ``mentioned`` are tasks whose products stand in the sources of others, with these.
    """
    tasks = tuple(graph)
    makers = [task for task in tasks if any(it.path.endswith(_EXCLUSIVE) for it in task.products)]
    for maker in makers:
        users = [
            task for task in tasks if maker.name in task.upstream or (maker.name, task.name) in mentioned
        ]
        for before, after in pairwise(users):
            if not all("read_only" in (task.source.text or "") for task in (before, after)):
                yield before.name, after.name


class Order:
    """What builds have seen: which tasks use what others make or write, which only take turns, who writes which files.

    ``uses`` has for each task the paths that it uses, with the tasks that these are from; ``turns`` those that it only
    has to come after. ``writers`` has who writes what is nobody's product.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        rows = {name: json.loads(row) for name, row in store.values(_SPACE).items()}
        self.uses: dict[str, dict[str, list[str]]] = {name: row[0] for name, row in rows.items()}
        self.turns: dict[str, list[str]] = {name: row[1] for name, row in rows.items()}
        self.writers = {path: name.decode() for path, name in store.values(_WRITERS).items() if name}
        self._known = dict(self.writers)

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Yield pairs of tasks, one before and one after that uses what it makes."""
        for name, used in self.uses.items():
            for before in {it for names in used.values() for it in names}:
                yield before, name

    def pairs_in_turn(self) -> Iterator[tuple[str, str]]:
        """Yield pairs of tasks, one before and one after, which only must not run at the same time."""
        for name, others in self.turns.items():
            for before in others:
                yield before, name

    def fed(self) -> dict[str, set[str]]:
        """Return the files that are nobody's products and that tasks use, by those which write them."""
        found: dict[str, set[str]] = {}
        for used in self.uses.values():
            for path, names in used.items():
                if (writer := self.writers.get(path)) in names:
                    found.setdefault(writer, set()).add(path)
        return found

    def learn(
        self,
        uses: Mapping[str, Mapping[str, Iterable[str]]],
        turns: Mapping[str, Iterable[str]],
        whole: set[str],
    ) -> None:
        """Keep what tasks used and whom they came after; of those that are ``whole`` nothing else holds any more."""
        rows = []
        for name in uses.keys() | turns.keys():
            before = self.uses.get(name, {}), self.turns.get(name, [])
            known: tuple[Mapping[str, list[str]], Iterable[str]] = ({}, ()) if name in whole else before
            used = {path: sorted(names) for path, names in uses.get(name, {}).items()}
            found = {**known[0], **used}, sorted({*known[1], *turns.get(name, ())})
            if found != before:
                self.uses[name], self.turns[name] = found
                rows.append((name, "", json.dumps(found).encode()))
        written = {
            path: self.writers.get(path, "")
            for path in self._known.keys() | self.writers.keys()
            if self._known.get(path) != self.writers.get(path)
        }
        if rows:
            self._store.keep(_SPACE, rows)
        if written:
            self._store.keep(_WRITERS, [(path, "", name.encode()) for path, name in written.items()])
        self._known = dict(self.writers)
