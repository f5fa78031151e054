"""Metrics of runs as they are kept: a file for each run, in .octavo/metrics/, with a line for each task."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import field
from pathlib import Path

from .. import parts
from ..dataclass import dataclass
from ..model import Json, Manifest, Task
from ..products import writing

#: Of so many runs the metrics are kept.
_RUNS = 2000


@dataclass(frozen=True, slots=True)
class RunMetrics:
    """What a task reported in a run, and what it was made from: parameters, and digests of its code and data."""

    run: str
    task: str
    at: float
    outcome: str
    seconds: float
    metrics: Mapping[str, int | float]
    params: Mapping[str, object]
    code: str = ""
    data: Mapping[str, str] = field(default_factory=dict)

    def value(self, name: str) -> object:
        """Return a metric, or else a parameter, by its name; None where it has none."""
        return self.metrics[name] if name in self.metrics else self.params.get(name)

    def plain(self) -> Json:
        """Return it as plain values."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def keep(
    root: str,
    run: str,
    at: float,
    task: Task,
    table: Manifest,
    ended: tuple[str, float],
    metrics: Mapping[str, float],
) -> None:
    """Keep what a task reported. ``table`` is its manifest, ``ended`` its outcome and its seconds."""
    folder = _folder(root)
    params = {**task.params, **task.hidden.params}
    data = {
        name: value for name, value in table.items() if parts.split(name)[0] in (parts.UPSTREAM, parts.FILE)
    }
    row = RunMetrics(run, task.name, at, *ended, metrics, params, table.get("source", ""), data)
    with suppress(OSError):  # it is for people: a full disk fails no build
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / f"{run}.jsonl").open("ab") as file:
            file.write(_line(row))
        old = sorted(folder.glob("*.jsonl"))[:-_RUNS]
        for path in old:
            path.unlink(missing_ok=True)


def take_in(root: str | os.PathLike[str], found: Iterable[RunMetrics]) -> None:
    """Keep runs of elsewhere, each in the place of what was known of it."""
    folder = _folder(root)
    folder.mkdir(parents=True, exist_ok=True)
    for row in found:
        writing.write(folder / f"{row.run}.jsonl", [_line(row)])


def _folder(root: str | os.PathLike[str]) -> Path:
    return Path(root, ".octavo", "metrics")


def _line(row: RunMetrics) -> bytes:
    return json.dumps(row.plain(), default=str, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"


def rows(root: str | os.PathLike[str]) -> Iterator[RunMetrics]:
    """Yield what tasks reported, the newest run first; lines that are torn or damaged are left out."""
    for path in sorted(_folder(root).glob("*.jsonl"), reverse=True):
        yield from of_run(path)


def of_run(path: Path) -> Iterator[RunMetrics]:
    """Yield what tasks reported in the run of a file."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return
    for line in lines:
        try:
            plain = json.loads(line)
            known = {name: plain[name] for name in RunMetrics.__dataclass_fields__ if name in plain}
            found = RunMetrics(**known)
        except (ValueError, TypeError):
            continue
        tables = (found.metrics, found.params, found.data)
        texts = (found.run, found.task, found.outcome, found.code)
        if all(isinstance(it, dict) for it in tables) and all(isinstance(it, str) for it in texts):
            yield found


def take_over(other: str | os.PathLike[str], root: str | os.PathLike[str]) -> None:
    """Keep what tasks reported in the runs of a copy of a project that is about to be removed."""
    for path in sorted(_folder(other).glob("*.jsonl")):
        with suppress(OSError):
            _folder(root).mkdir(parents=True, exist_ok=True)
            writing.write(_folder(root) / path.name, [path.read_bytes()])
