"""Order notebooks: whoever reads a file runs after those that write it."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

from ..dataclass import dataclass
from .find import Found


@dataclass(frozen=True, slots=True)
class Need:
    """One notebook needs another, for a file."""

    reader: str
    writer: str
    file: str


def needs(found: Sequence[Found]) -> tuple[list[Need], list[str]]:
    """Return who needs whom, without cycles, and notes on what contradicts itself.

    Where two notebooks need each other, or several write one file, the order of their names decides: it is how people
    number notebooks.
    """
    place = {one.path: at for at, one in enumerate(found)}
    edges: dict[tuple[str, str], Need] = {}
    for reader in found:
        for writer in found:
            if reader is writer:
                continue
            for file in (*writer.flow.writes, *writer.flow.may_write):
                if any(_same(file, wanted) for wanted in reader.flow.reads):
                    edges.setdefault((reader.path, writer.path), Need(reader.path, writer.path, file))
                    break
    notes = []
    while cycle := _cycle(edges):
        back = max(
            (pair for pair in pairwise(cycle) if pair in edges),
            key=lambda pair: place[pair[1]] - place[pair[0]],
        )
        need = edges.pop(back)
        notes.append(
            f"{need.reader} reads {need.file}, which {need.writer} writes, and that needs {need.reader}: "
            f"taken in the order of their names, {need.reader} first"
        )
    _take_turns(found, edges)
    return sorted(edges.values(), key=lambda need: (place[need.reader], place[need.writer])), notes


def _take_turns(found: Sequence[Found], edges: dict[tuple[str, str], Need]) -> None:
    """Let those that write one file come one after the other: at the same time they would spoil it."""
    last: dict[str, str] = {}
    for one in found:
        for file in one.flow.writes:
            before, last[file] = last.get(file), one.path
            pair = (one.path, before or "")
            if before and pair not in edges and "*" not in file:
                edges[pair] = Need(one.path, before, file)
                if _cycle(edges):  # the other way round, then
                    del edges[pair]


def _cycle(edges: dict[tuple[str, str], Need]) -> list[str]:
    """Return the notebooks of a cycle, each a reader of the next one; empty when there is none."""
    graph: dict[str, set[str]] = {}
    for reader, writer in edges:
        graph.setdefault(reader, set()).add(writer)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        nodes: list[str] = error.args[1]
        return nodes[::-1]
    return []


def _same(written: str, read: str) -> bool:
    """Return whether a file or pattern that is written can be one that is read, or lie in a folder that is read."""
    return (
        written == read
        or fnmatchcase(written, read)
        or fnmatchcase(read, written)
        or written.startswith(read.rstrip("/") + "/")
        or read.startswith(written.rstrip("/") + "/")
    )
