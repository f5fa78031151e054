"""Lineage: what made a file, and what depends on it, as a graph of files and of what reads and writes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import field

from ..dataclass import dataclass


@dataclass(frozen=True, slots=True)
class FileUse:
    """How a job used a file: the digest that it had, and the code cells that did, where that is known."""

    digest: str = ""
    cells: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """A task, or a notebook that ran without one, and its last good run; one that has not run has no ``run``.

    ``notebook`` is the executed notebook. ``code`` is the digest of the code, ``raw`` that of the bytes of the source.
    ``modules`` are digests of the project's modules that it imported.
    """

    name: str
    kind: str
    source: str
    notebook: str = ""
    run: str = ""
    seconds: float = 0.0
    code: str = ""
    raw: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    reads: Mapping[str, FileUse] = field(default_factory=dict)
    writes: Mapping[str, FileUse] = field(default_factory=dict)
    modules: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WithId:
    """A notebook that has an id: its path, and the ids of those that it says come before it."""

    path: str
    id: str
    parents: tuple[str, ...] = ()


class Lineage:
    """A graph of jobs and files; paths are relative to one folder, and tables have their names."""

    def __init__(self, jobs: Iterable[Job], notebooks: Iterable[WithId] = ()) -> None:
        self.jobs: Mapping[str, Job] = {one.name: one for one in jobs}
        self.notebooks: Mapping[str, WithId] = {one.path: one for one in notebooks}
        self._makers: dict[str, list[Job]] = {}
        self._readers: dict[str, list[Job]] = {}
        self._of: dict[str, list[Job]] = {}
        for job in self.jobs.values():
            self._of.setdefault(job.source, []).append(job)
            for path in job.writes:
                self._makers.setdefault(path, []).append(job)
            for path in job.reads:
                self._readers.setdefault(path, []).append(job)
        self._ids: dict[str, list[str]] = {}
        for named in self.notebooks.values():
            if not self._makers.get(named.path):  # an executed copy has the id of its source
                self._ids.setdefault(named.id, []).append(named.path)
        self._children: dict[str, list[str]] = {}
        for named in self.notebooks.values():
            for parent in named.parents:
                for path in self._ids.get(parent, ()):
                    self._children.setdefault(path, []).append(named.path)

    @property
    def files(self) -> Iterator[str]:
        """All files and tables that jobs read or write."""
        yield from dict.fromkeys([*self._makers, *self._readers])

    def __contains__(self, path: str) -> bool:
        return any(path in known for known in (self._makers, self._readers, self._of, self.notebooks))

    def makers(self, path: str) -> list[Job]:
        """Return who writes a file."""
        return self._makers.get(path, [])

    def readers(self, path: str) -> list[Job]:
        """Return who reads a file."""
        return self._readers.get(path, [])

    def of(self, source: str) -> list[Job]:
        """Return the jobs of which a file is the source."""
        return self._of.get(source, [])

    def paths(self, name: str) -> list[str]:
        """Return the notebooks that have an id."""
        return self._ids.get(name, [])

    def parents(self, path: str) -> Iterator[str]:
        """Yield the notebooks that a notebook names as its parents; of one that is not here its id."""
        for parent in self.notebooks[path].parents if path in self.notebooks else ():
            yield from self._ids.get(parent, [parent])

    def children(self, path: str) -> list[str]:
        """Return the notebooks that name a notebook as a parent of theirs."""
        return list(dict.fromkeys(self._children.get(path, ())))

    def before(self, job: Job) -> Iterator[Job]:
        """Yield those whose files a job reads, and those of the parents of its notebook."""
        for path in job.reads:
            if path not in job.writes:
                yield from self.makers(path)
        for parent in self.parents(job.source):
            yield from self.of(parent)

    def after(self, job: Job) -> Iterator[Job]:
        """Yield those that read a file of a job, and those of the children of its notebook."""
        for path in job.writes:
            yield from (one for one in self.readers(path) if path not in one.writes)
        for child in self.children(job.source):
            yield from self.of(child)


def reach(start: Iterable[Job], step: Callable[[Job], Iterable[Job]]) -> list[Job]:
    """Return jobs and all that a step leads to from them, the nearest first."""
    found = {one.name: one for one in start}
    queue = [*found.values()]
    for job in queue:
        for one in step(job):
            if one.name not in found:
                found[one.name] = one
                queue.append(one)
    return [*found.values()]
