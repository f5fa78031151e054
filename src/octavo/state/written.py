"""What products held after each task that wrote into them: their makers, and others that are not."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping

from .store import Store

_SPACE, _WITHIN_REACH = "written", "within reach"
#: Who stands for what cannot be gone on with: a task that failed, or wrote there twice.
_NOBODY = ""


class Written:
    """The digests of products after their writers, in the order in which these wrote: the maker comes first.

    A product that only its maker writes has none. One that has a digest of these is as the project's own tasks left it.
    A row is a task, the digest, and the one that there was when the task had written: they differ when a person has
    changed the product and it was accepted.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rows: dict[str, list[list[str]]] = {
            path: json.loads(rows) for path, rows in store.values(_SPACE).items() if rows != b"[]"
        }

    def __contains__(self, path: str) -> bool:
        """Return whether others than its maker write into a product."""
        return path in self._rows

    def __bool__(self) -> bool:
        return bool(self._rows)

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def writers(self, path: str) -> set[str]:
        """Return the tasks that have written into a product."""
        return {name for name, _, _ in self._rows.get(path, ())}

    def _until(self, path: str, digest: str | None) -> list[list[str]]:
        """Return who has written what is there, in order; nobody where that is not known."""
        rows = self._rows.get(path, [])
        known = [n for n, (_, written, _) in enumerate(rows) if written == digest]
        return rows[: known[-1] + 1] if known else []

    def made(self, path: str, digest: str | None) -> str | None:
        """Return the digest that a product had when its maker had made it."""
        rows = self._until(path, digest)
        return rows[0][1] if rows else digest

    def given(self, path: str, digest: str | None, position: Mapping[str, int], task: str) -> str | None:
        """Return the digest of a product as a task gets it: after the last writer that comes before the task.

        What a person has changed and accepted is no news to those who write there: it has in it what they wrote.
        """
        rows = self._until(path, digest)
        here = position.get(task, len(position))
        writes = any(name == task for name, _, _ in rows)
        before = [then if writes else now for name, now, then in rows if position.get(name, here) < here]
        return before[-1] if before else digest

    def of(self, path: str, digest: str | None, task: str) -> str | None:
        """Return what a task wrote into a product, by a digest of then; None where that is not in it any more."""
        return next((then for name, _, then in self._until(path, digest) if name == task), None)

    def spoilt(self, path: str, digest: str | None) -> bool:
        """Return whether a product must be made anew, before anybody writes into it again."""
        return any(name == _NOBODY for name, _, _ in self._until(path, digest))

    def add(self, path: str, made: tuple[str, str], task: str, digest: str, good: bool) -> None:
        """Note that a task has written into a product; ``made`` is its maker with the digest that it then had.

        It is no good if the task has failed, or has written there before: nothing tells what of it would be there
        from nothing.
        """
        rows = self._rows.get(path) or [[*made, made[1]]]
        rows = [row for row in rows if row[0] != task]
        self._keep(path, [*rows, [task if good else _NOBODY, digest, digest]])

    def accept(self, path: str, digest: str) -> None:
        """Take a product as it is for what all its writers have left."""
        if path in self._rows:
            self._keep(path, [[name, digest, then] for name, _, then in self._rows[path] if name != _NOBODY])

    def forget(self, path: str) -> None:
        """Note that a product has been made anew."""
        if path in self._rows:
            self._keep(path, [])

    def _keep(self, path: str, rows: list[list[str]]) -> None:
        self._rows[path] = rows
        if not rows:
            del self._rows[path]
        self._store.keep(_SPACE, [(path, "", json.dumps(rows).encode())])


def reach(store: Store, key: str, paths: Iterable[str]) -> None:
    """Note, before a task runs, the products of others that are as known and that it may write into.

    If nobody can tell how it ended, as after ``kill -9``, what is in them then may be its own.
    """
    if found := sorted(paths):
        store.keep(_WITHIN_REACH, [(key, "", json.dumps(found).encode())])


def reached(store: Store) -> dict[str, list[str]]:
    """Return what ``reach`` has noted, by the keys of the tasks' records."""
    return {name: json.loads(paths) for name, paths in store.values(_WITHIN_REACH).items()}
