"""Run the pipeline on its sample, and compare what executed notebooks show as far as other data allow it."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from .. import project as projects
from ..compare import Differing, Tolerance
from ..compare import outputs as compared
from ..dataclass import dataclass
from ..errors import Error, Errors
from ..executed.editions import home
from ..kinds import row
from ..model import Json, joined
from ..notebook.inject import INJECTED, tags
from ..project import Project
from . import CellState, CellVerdict, NotebookVerdict
from .again import environment
from .judge import read
from .wishes import Wish, wishes

#: The values of env.yaml for a run on little data, as Ploomber's projects call their file.
ENV_FILE = "env.sample.yaml"
_HEAD = re.compile(r"<thead\b.*?</thead>", re.DOTALL)
_COLUMN = re.compile(r"<th\b[^>]*>(.*?)</th>", re.DOTALL)
_NOTE = "other data: kinds and columns agree"


@dataclass(frozen=True, slots=True)
class Stored:
    """The executed notebook of a task, and where it is."""

    task: str
    path: str


def stored(targets: Sequence[str]) -> tuple[list[Stored], frozenset[str], Path]:
    """Return what the pipeline stores with its own settings: notebooks of tasks, all places, and its file."""
    with projects.load() as project:
        wanted = set(project.graph.select(targets)) if targets else set(project.graph.tasks)
        found = []
        for task in project.graph:
            place = home(task) if row(task.kind).executed else None
            if task.name in wanted and place is not None:
                path = os.path.relpath(project.root / place)
                if not Path(path).is_file():
                    hint = f"octavo build {task.name}"
                    raise Error(f'the task "{task.name}" has no executed notebook yet', path, hint)
                found.append(Stored(task.name, path))
        if not found:
            raise Error("no task of these has an executed notebook", os.path.relpath(project.path))
        return found, _places(project), project.path


def _places(project: Project) -> frozenset[str]:
    return frozenset(product.path for task in project.graph for product in task.products)


@contextmanager
def on_sample(pipeline: Path, taken: frozenset[str]) -> Iterator[Project]:
    """Open a pipeline with its sample's settings: env.sample.yaml, else the parameter ``sample``.

    Raises an error where there is neither, and where it would write into one of the places that are ``taken``.
    """
    beside = any((folder / ENV_FILE).is_file() for folder in (Path(), pipeline.parent))
    with environment({"PLOOMBER_ENV_FILENAME": ENV_FILE} if beside else {}):
        try:
            project = projects.load(pipeline, params={} if beside else {"sample": True})
        except (Error, Errors) as error:
            if beside or 'no task has a parameter "sample"' not in str(error):
                raise
            hint = f"write {ENV_FILE}: the values of env.yaml for little data, and another place for products"
            raise Error(
                "the pipeline has no settings for a sample", os.path.relpath(pipeline), hint
            ) from None
        with project:
            if mixed := sorted(_places(project) & taken):
                where = ENV_FILE if beside else os.path.relpath(pipeline)
                hint = "give products of the sample a folder of their own: out: output/sample"
                raise Error(f"the sample would replace {mixed[0]}, which is of all data", where, hint)
            yield project


def verdicts(
    project: Project, wanted: Iterable[Stored], tolerance: Tolerance
) -> Iterator[NotebookVerdict | Error | Errors]:
    """Build the tasks on their sample, and yield what is to be said of each notebook that is stored."""
    wanted = list(wanted)
    report = project.build([one.task for one in wanted])
    failures = report.failures
    for one in wanted:
        ended = report.ended.get(one.task)
        seconds = (ended.seconds if ended else 0.0) or 0.0
        if one.task in failures and (failure := failures[one.task].failure) is not None:
            words = f"on the sample: {failure.kind}: {failure.message}".partition("\n")[0]
            yield NotebookVerdict(one.path, (), seconds, words)
        elif ended is not None and ended.outcome.bad:
            why = ", ".join(failures) or "a task before it"
            yield NotebookVerdict(one.path, (), seconds, f"on the sample: not run, because {why} failed")
        else:
            try:
                place = home(project.graph[one.task])
                fresh, _ = read(str(project.root / str(place)))
                before, _ = read(one.path)
                cells = judged(before.data, fresh.data, wishes(before.data, one.path), tolerance)
                yield NotebookVerdict(one.path, tuple(cells), seconds)
            except (Error, Errors) as error:
                yield error


def judged(before: Json, after: Json, wanted: Sequence[Wish], tolerance: Tolerance) -> Iterator[CellVerdict]:
    """Yield what is to be said of each code cell of a notebook beside the same notebook, run on other data."""
    first, second = _code(before), _code(after)
    pairs = difflib.SequenceMatcher(
        None, [cell["source"] for *_, cell in first], [cell["source"] for *_, cell in second], autojunk=False
    )
    partner = {
        block.a + step: second[block.b + step][2]
        for block in pairs.get_matching_blocks()
        for step in range(block.size)
    }
    for at, (number, index, cell) in enumerate(first):
        outputs = tuple(cell.get("outputs") or ())
        found = CellVerdict(number, index, CellState.NOT_RUN, cell["source"], outputs)
        if at not in partner:
            yield replace(found, note="its code is another one by now")
        elif wanted[index].skip:
            yield replace(found, note=wanted[index].skip)
        else:
            found = replace(found, after=tuple(partner[at].get("outputs") or ()))
            yield _verdict(found, wanted[index], tolerance)


def _code(data: Json) -> list[tuple[int, int, Json]]:
    """Return number, index and cell of the code that a notebook's own cells have."""
    found, number = [], 0
    for index, cell in enumerate(data["cells"]):
        number += cell["cell_type"] == "code"
        if cell["cell_type"] == "code" and INJECTED not in tags(cell) and cell["source"].strip():
            found.append((number, index, cell))
    return found


def _verdict(found: CellVerdict, wish: Wish, tolerance: Tolerance) -> CellVerdict:
    if wish.ignore:
        return replace(found, state=CellState.IGNORED)
    pair = (wish.applied(found.before, found.index), wish.applied(found.after, found.index))
    alike = tuple(compared.differences(*pair, tolerance))
    if all(one.close for one in alike):
        return replace(found, state=CellState.CLOSE if alike else CellState.SAME, differences=alike)
    apart = tuple(unlike(*pair))
    if apart:
        return replace(found, state=CellState.DIFFERS, differences=apart)
    return replace(found, state=CellState.IGNORED, note=_NOTE)


def unlike(before: Sequence[Json], after: Sequence[Json]) -> Iterator[Differing]:
    """Yield where outputs differ in what other data do not explain.

    That is: an exception, a kind of output that only one of them has, and other columns of a table.
    """
    first, second = _features(before), _features(after)
    for name in sorted({*first, *second}):
        one, other = first.get(name, "nothing"), second.get(name, "nothing")
        if one != other:
            yield Differing(name, one, other)


def _features(outputs: Iterable[Json]) -> Mapping[str, str]:
    """Return by name what a cell's outputs have whatever the data are."""
    found: dict[str, str] = {}
    tables = 0
    for output in outputs:
        match output.get("output_type"):
            case "stream":
                found[str(output.get("name", "stdout"))] = "something"
            case "error":
                found["exception"] = str(output.get("ename"))
            case _:
                for mime, value in (output.get("data") or {}).items():
                    found[mime] = "something"
                    if mime == "text/html" and (head := _HEAD.search(joined(value))):
                        tables += 1
                        columns = [" ".join(one.split()) for one in _COLUMN.findall(head[0])]
                        found[f"columns of table {tables}"] = ", ".join(filter(None, columns))
    return found
