"""Lineage as text, as a tree up and down, as plain values, and as the steps of a picture of files and tasks."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

from ..lineage import FileUse, Job, Lineage, reach
from ..model import Json, Source, Step, Task
from .screen import Screen, flat, several
from .steps import FileStep

_MOST = 8
PARENT = "parent"


def about(job: Job, when: str, commit: str) -> Iterator[tuple[str, str]]:
    """Yield what is known of the run that made something, name and words."""
    code = [job.source, job.code[:8], commit]
    yield "code", ", ".join(flat(word) for word in code if word)
    if job.modules:
        words = [f"{flat(path)} ({digest[:8]})" for path, digest in job.modules.items()]
        yield "modules", several(words, _MOST)
    if job.params:
        yield "params", several([flat(f"{name}={value}") for name, value in job.params.items()], _MOST)
    if job.run:
        yield "run", " ".join(word for word in (flat(job.run), when) if word)
    else:
        yield "run", "none yet"


def numbers(cells: Sequence[int]) -> str:
    """Return code cells as words: "cell 3", "cells 3, 4"."""
    return f"cell{'s' if len(cells) > 1 else ''} {', '.join(map(str, cells))}" if cells else ""


def title(job: Job) -> str:
    """Return how a job is called: a task with its source, a notebook that ran alone by what it was made from."""
    name, source = flat(job.name), flat(job.source)
    return name if name == source else f"{name} ({source})"


def up(lineage: Lineage, paths: Mapping[str, str], out: Screen) -> Iterator[str]:
    """Yield lines for files, each with a note, and all that they were made from, each once in full."""
    told: set[str] = set()
    stack = [(1, path, note) for path, note in reversed([*paths.items()])]
    while stack:
        level, path, cells = stack.pop()
        makers = lineage.makers(path) or lineage.of(path)
        parents = [*lineage.parents(path)]
        by = f"  {out.paint('←', 'dim')} {several([title(one) for one in makers], 3)}" if makers else ""
        below = [*inputs(lineage, makers).items(), *((parent, PARENT) for parent in parents)]
        again = bool(below) and path in told
        told.add(path)
        yield f"{'  ' * level}{flat(path)}{_note(cells, out)}{by}{_again(again, out)}"
        if not again:
            stack += [(level + 1, one, note) for one, note in reversed(below)]


def inputs(lineage: Lineage, makers: Sequence[Job]) -> dict[str, str]:
    """Return what jobs were made from, each with a note: which cells read it, or that it is a parent."""
    found: dict[str, str] = {}
    for maker in makers:
        for path, use in maker.reads.items():
            if path not in maker.writes:
                found.setdefault(path, numbers(use.cells))
        if maker.name != maker.source:
            for parent in lineage.parents(maker.source):
                found.setdefault(parent, PARENT)
    return found


def down(lineage: Lineage, paths: Iterable[str], out: Screen) -> Iterator[str]:
    """Yield lines for all that files lead to: who reads them, and what these write, each once in full."""
    told: set[str] = set()
    stack = [(1, one, note) for one, note in reversed([*_users(lineage, [*paths])])]
    while stack:
        level, job, note = stack.pop()
        again = job.name in told
        told.add(job.name)
        yield f"{'  ' * level}{title(job)}{_note(note, out)}{_again(again, out)}"
        if again:
            continue
        for path, use in job.writes.items():
            if path != job.name:
                yield f"{'  ' * level}  {out.paint('→', 'dim')} {flat(path)}{_note(numbers(use.cells), out)}"
        users = [*_users(lineage, [*job.writes, job.source], {job.name})]
        stack += [(level + 1, one, note) for one, note in reversed(users)]


def _users(lineage: Lineage, paths: Sequence[str], seen: set[str] | None = None) -> Iterator[tuple[Job, str]]:
    seen = seen if seen is not None else set()
    for path in paths:
        for reader in lineage.readers(path):
            if reader.name not in seen and path not in reader.writes:
                seen.add(reader.name)
                yield reader, numbers(reader.reads[path].cells)
        for child in lineage.children(path):
            for one in lineage.of(child) or [Job(child, "notebook", child)]:
                if one.name not in seen:
                    seen.add(one.name)
                    yield one, "names it as a parent"


def _note(words: str, out: Screen) -> str:
    return f"  {out.paint(words, 'dim')}" if words else ""


def _again(again: bool, out: Screen) -> str:
    return f" {out.paint('(above)', 'dim')}" if again else ""


def listing(lineage: Lineage, out: Screen) -> Iterator[str]:
    """Yield for each job what it read and wrote."""
    for job in lineage.jobs.values():
        yield out.paint(title(job), "bold")
        for word, uses in (("reads", job.reads), ("writes", job.writes)):
            for path, use in uses.items():
                yield f"  {word:<7} {flat(path)}{_note(numbers(use.cells), out)}"
    for path, named in lineage.notebooks.items():
        if parents := [*lineage.parents(path)]:
            yield f"{flat(path)} ({flat(named.id)}): parents {flat(', '.join(parents))}"


# ── plain values


def plain(lineage: Lineage, jobs: Iterable[Job]) -> Json:
    """Return jobs, and all notebooks that have an id, as plain values."""
    return {
        "jobs": [_job(one) for one in jobs],
        "notebooks": [
            {"path": one.path, "id": one.id, "parents": list(one.parents)}
            for one in lineage.notebooks.values()
        ],
    }


def around(lineage: Lineage, start: Sequence[Job], readers: Sequence[Job]) -> Json:
    """Return what leads to jobs, and what comes after them or after some readers, as plain values."""
    before = reach(start, lineage.before)
    after = reach([*start, *readers], lineage.after)
    both = {one.name: one for one in (*before, *after)}
    return {
        "made_by": [one.name for one in start],
        "before": [one.name for one in before if one not in start],
        "after": [one.name for one in after if one not in start],
        **plain(lineage, both.values()),
    }


def _job(one: Job) -> Json:
    return {
        "name": one.name,
        "kind": one.kind,
        "source": one.source,
        "notebook": one.notebook or None,
        "run": one.run or None,
        "seconds": one.seconds,
        "code": one.code or None,
        "params": dict(one.params),
        "modules": dict(one.modules),
        "reads": [_use(path, use) for path, use in one.reads.items()],
        "writes": [_use(path, use) for path, use in one.writes.items()],
    }


def _use(path: str, use: FileUse) -> Json:
    return {"path": path, "digest": use.digest or None, "cells": list(use.cells)}


# ── a picture


def steps(lineage: Lineage, tasks: Mapping[str, Step]) -> dict[str, Step]:
    """Return tasks and the files between them as steps in order, which all drawings can show.

    A file waits for the task that makes it. Who writes into a file that it also reads comes after it once.
    """
    found: dict[str, Step] = {}
    wanted = [name for name in tasks if name in lineage.jobs]
    position = {name: number for number, name in enumerate(wanted)}
    for number, name in enumerate(wanted):
        job, step = lineage.jobs[name], tasks[name]
        ups = []
        for path in job.reads:
            makers = [position[one.name] for one in lineage.makers(path) if one.name in position]
            if path in job.writes or any(maker >= number for maker in makers):
                continue  # it would make a circle
            if _box(path, tasks) not in found:
                found[_box(path, tasks)] = _file(_box(path, tasks), path, ())
            ups.append(_box(path, tasks))
        task = step.task
        found[name] = Step(
            Task(name, task.kind, task.source, task.products, upstream=tuple(ups)), step.reasons, step.waits
        )
        for path in job.writes:
            if _box(path, tasks) not in found:
                found[_box(path, tasks)] = _file(
                    _box(path, tasks), path, () if step.fresh else (name,), (name,)
                )
    return found


def _box(path: str, tasks: Container[str]) -> str:
    """Return the name of a file in the picture: a task may be called like it."""
    return f"{path} (file)" if path in tasks else path


def _file(name: str, path: str, waits: tuple[str, ...], upstream: tuple[str, ...] = ()) -> Step:
    return FileStep(Task(name, "file", Source(path), upstream=upstream), (), waits)
