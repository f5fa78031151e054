"""Find the roles that a notebook has in pipelines: as the source of a task, or as what the task makes of it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from .. import parts
from ..errors import Error, Errors
from ..executed.editions import home
from ..kinds import row
from ..plan import key_of
from ..project import Project
from ..spec.entry import around
from ..state.runlog import begun_by
from . import Role

if TYPE_CHECKING:
    from ..model import Step
    from ..spec.entry import EntryPoint


class Roles:
    """Finds the roles of notebooks; a pipeline is read once. ``wrong`` says why some cannot be."""

    def __init__(self) -> None:
        self.wrong: list[str] = []
        self._tasks: dict[Path, Mapping[str, list[tuple[str, bool]]]] = {}
        self._projects: dict[Path, tuple[Project, dict[str, Step]]] = {}

    def of(self, path: str) -> Iterator[Role]:
        """Yield the roles of a notebook in the pipelines around it."""
        file = os.path.realpath(path)
        for entry in around(Path(file).parent, Path(Path(file).anchor)):
            for name, executed in self._read(entry).get(file, ()):
                project, steps = self._projects[entry.path]
                yield _role(project, steps or self._judged(entry.path), name, executed)

    def close(self) -> None:
        """Close the pipelines that were read."""
        for project, _ in self._projects.values():
            project.close()

    def _read(self, entry: EntryPoint) -> Mapping[str, list[tuple[str, bool]]]:
        """Return the tasks of a pipeline by their sources, and by the executed notebooks that they make."""
        if entry.path not in self._tasks:
            found: dict[str, list[tuple[str, bool]]] = {}
            try:
                project = Project(entry, {})
            except (Error, Errors) as error:
                self.wrong.append(str(error))
            else:
                self._projects[entry.path] = project, {}
                root = os.path.realpath(project.root)
                for task in project.graph:
                    files = [
                        (task.source.path, False),
                        *((one.path, True) for one in task.products if one.executed),
                    ]
                    for path, executed in files:
                        found.setdefault(os.path.join(root, path), []).append((task.name, executed))
            self._tasks[entry.path] = found
        return self._tasks[entry.path]

    def _judged(self, path: Path) -> dict[str, Step]:
        project, steps = self._projects[path]
        steps.update(project.status())
        return steps


def _role(project: Project, steps: Mapping[str, Step], name: str, executed: bool) -> Role:
    task, step = project.graph[name], steps[name]
    made = home(task)
    record = project.store.record(key_of(task))
    manifest, discovered = (record.manifest, record.discovered) if record else ({}, {})
    return Role(
        os.path.relpath(project.path),
        name,
        executed,
        step.fresh,
        os.path.relpath(project.root / made) if made else "",
        str(project.root / (task.cwd or "")),
        {
            other: os.path.relpath(project.root / project.graph[other].source.path)
            for other in task.upstream
            if row(project.graph[other].kind).executed
        },
        tuple(map(str, step.reasons)),
        tuple(task.upstream),
        project.graph.downstream(name),
        {path: manifest[parts.FILE.of(path)] for path in parts.about(parts.FILE, manifest)},
        {
            discovered[part]: manifest[part]
            for part in map(parts.PACKAGE.of, parts.about(parts.PACKAGE, manifest))
            if part in discovered
        },
        begun_by(project.store.folder / "runs" / f"{record.run}.jsonl") if record else "",
    )
