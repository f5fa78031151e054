"""Find what tasks of a build used of each other without naming it, from what each was seen to read and write."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from .events import Note, TaskFinished
from .fingerprint import undeclared
from .model import Record, Task


class Unnamed:
    """Collects reads and writes of the tasks of one build. ``maker_of`` has the makers of declared products."""

    def __init__(self, graph: Mapping[str, Task], maker_of: Mapping[str, str]) -> None:
        self._graph = graph
        self._maker_of = maker_of
        self._reads: dict[str, set[str]] = {}
        self._writers: dict[str, str] = {}

    def add(self, event: TaskFinished) -> None:
        """Take what a task that has ended was seen to do."""
        self._reads[event.task] = {what for _, verb, what in event.touched if verb == "read"}
        for _, verb, what in event.touched:
            if verb == "wrote" and what not in self._maker_of:
                self._writers[what] = event.task

    def overreach(self, task: Task, event: TaskFinished, strict: bool) -> list[str]:
        """Return what a task used without naming it: files, or others' products in no sure order."""
        messages = {
            f"it reads {path}, a product of {maker}, without naming it as upstream": None
            for path, _ in event.discovered.values()
            if (maker := self._maker_of.get(path)) and maker != task.name and maker not in task.upstream
        }
        messages |= {
            f"it writes {what}, a product of {maker}": None
            for _, verb, what in event.touched
            if verb == "wrote" and (maker := self._maker_of.get(what)) and maker != task.name
        }
        if strict or task.declared.inputs is not None:
            messages |= {
                f'it reads {path}, which is not in its "inputs": add it there': None
                for path in undeclared(task, event.discovered, self._maker_of)
            }
        return list(messages)

    def explained(self, event: TaskFinished) -> TaskFinished:
        """Return a failure with a hint, where the task looked in vain for what another makes."""
        failure = event.failure
        if failure is None or failure.kind != "FileNotFoundError" or failure.hint:
            return event
        for path in sorted(self._reads[event.task]):
            maker = self._maker_of.get(path) or self._writers.get(path)
            # what the message says was missing: other reads went well
            if maker and self._unordered(event.task, maker) and path in failure.message:
                return replace(event, failure=replace(failure, hint=_hint(path, maker)))
        return event

    def notes(self, records: Mapping[str, Record | None]) -> Iterator[Note]:
        """Yield, at the end of a build, who should be named as upstream of whom.

        ``records`` are those of the build's tasks: a task that was fresh has read what its record says.
        """
        if not self._writers:
            return
        for name, record in records.items():
            known = set(record.discovered.values()) if record else set()
            for path in sorted((self._reads.get(name) or known) & self._writers.keys()):
                writer = self._writers[path]
                if self._unordered(name, writer):
                    yield Note(f"it reads {path}, which {writer} writes, without naming it as upstream", name)

    def _unordered(self, name: str, before: str) -> bool:
        """Return whether a task does not wait for another, however far away."""
        if name == before:
            return False
        waiting, seen = [name], set[str]()
        while waiting:
            for upstream in self._graph[waiting.pop()].upstream:
                if upstream == before:
                    return False
                if upstream not in seen:
                    seen.add(upstream)
                    waiting.append(upstream)
        return True


def _hint(path: str, maker: str) -> str:
    return f'{maker} makes {path}: name "{maker}" as upstream, then it runs first'


def stale_upstream(steps: Mapping[str, Iterable[str]]) -> Iterator[Note]:
    """Yield a note for each task that waits for others which are not selected; ``steps`` has what each waits for."""
    for name, waits in steps.items():
        if outside := [up for up in waits if up not in steps]:
            are = "is" if len(outside) == 1 else "are"
            listed = ", ".join(outside)
            yield Note(f"{listed}, which it needs, {are} stale and not selected: octavo build +{name}", name)
