"""The cell with the real values of a task in its file on disk, for editors that show it in no other way."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ..dataclass import dataclass
from ..errors import Error, raise_all
from ..kinds import row
from ..notebook.splice import RECORD, fits, has, put, taken
from ..products import writing
from .cell import text
from .tasks import Of, TasksOfFile, of_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ..project import Project


@dataclass(frozen=True, slots=True)
class Splice:
    """What a file becomes. ``tasks`` are those of which it is the source; the cell has the values of the first."""

    path: Path
    before: bytes
    after: bytes
    tasks: TasksOfFile = TasksOfFile()

    @property
    def shown(self) -> str:
        return os.path.relpath(self.path)

    def write(self) -> None:
        """Write the file, if it becomes another."""
        if self.after != self.before:
            writing.write(self.path, [self.after])


def injected(
    project: Project, targets: Sequence[str], force: bool = False
) -> tuple[list[Splice], list[Path]]:
    """Return what the sources of tasks, which are named by patterns or by files, become with their values.

    Raises all mistakes together, also of files where somebody has edited the cell, unless ``force`` is set. Without
    targets, files in formats that cannot be changed so are left as they are, and returned beside the others.
    """
    files, named = sources(project, targets)
    left = [] if targets else [path for path in files if not fits(path.read_bytes(), str(path))]

    def spliced(path: Path) -> Splice:
        tasks = of_file(files[path], path, named)
        of, shown = tasks.tasks[0], os.path.relpath(path)
        words = [
            f"Parameters of task {of.task.name}, from {of.pipeline.name}; octavo uninject removes this ({RECORD})"
        ]
        before = path.read_bytes()
        clean = taken(before, shown, force)
        return Splice(path, before, put(clean, shown, text(of, str(path.parent), words)), tasks)

    return _each([path for path in files if path not in left], spliced), left


def uninjected(files: Iterable[Path], force: bool = False) -> list[Splice]:
    """Return what files become without such a cell."""

    def cleaned(path: Path) -> Splice:
        before = path.read_bytes()
        return Splice(path, before, taken(before, os.path.relpath(path), force) if has(before) else before)

    return _each(files, cleaned)


def sources(project: Project, targets: Sequence[str]) -> tuple[dict[Path, list[Of]], frozenset[str]]:
    """Return the notebooks that are sources of some tasks, with all that have them; and the names that were said."""
    files: dict[Path, list[Of]] = {}
    for task in project.graph:
        if row(task.kind).source == "notebook":
            path = Path(os.path.realpath(project.root / task.source.path))
            files.setdefault(path, []).append(Of(task, project.root, project.path))
    paths = {target: Path(os.path.realpath(target)) for target in targets if os.path.isfile(target)}
    if strange := [target for target, path in paths.items() if path not in files]:
        raise Error(
            f"{strange[0]} is the source of no task", hint="octavo list shows the tasks and their sources"
        )
    patterns = [target for target in targets if target not in paths]
    named = frozenset(project.graph.select(patterns) if patterns else ())
    wanted = named if patterns or paths else frozenset(project.graph.tasks)
    found = {
        path: tasks
        for path, tasks in files.items()
        if path in paths.values() or any(of.task.name in wanted for of in tasks)
    }
    if targets and not found:
        raise Error("these tasks are no notebooks", hint="octavo list shows the tasks and their sources")
    return found, named


def _each(files: Iterable[Path], work: Callable[[Path], Splice]) -> list[Splice]:
    found: list[Splice] = []
    mistakes: list[Error] = []
    for path in files:
        try:
            found.append(work(path))
        except Error as error:
            mistakes.append(error)
        except OSError as error:
            mistakes.append(Error(f"it cannot be read: {error.strerror}", os.path.relpath(path)))
    raise_all(mistakes, "no file was changed")
    return found
