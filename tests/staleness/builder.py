"""Octavo at work on a world: builds in this process, products as values, and what a build from scratch gives."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from octavo.errors import Error
from octavo.events import Event
from octavo.executors.inline import Inline
from octavo.executors.local import Local
from octavo.model import Step, Task
from octavo.project import load
from octavo.report import Report

from .world import World

#: What a path holds: a file's bytes, a folder's files, or nothing.
Content = bytes | dict[str, bytes] | None


class Mixed:
    """An executor: functions in this process, notebooks in workers of one warm server that outlives all builds."""

    slots = 1
    warm: Local | None = None

    def __init__(self, root: str, jobs: int | None = None, *, log: str | None = None) -> None:
        if Mixed.warm is None:
            Mixed.warm = Local("/", 1)
            Mixed.warm.prepare(("octavo.kinds.notebook", "octavo.kernels.native"))
        self._notebooks = Mixed.warm
        self._notebooks.root = root
        self._functions = Inline(root)
        self._notebook = False

    def refuses(self, task: Task) -> Error | None:
        return None

    def prepare(self, modules: tuple[str, ...], cells: tuple[str, ...] = ()) -> None: ...

    def submit(self, task: Task) -> None:
        self._notebook = task.kind == "notebook"
        (self._notebooks if self._notebook else self._functions).submit(task)

    def next(self, timeout: float | None = None) -> Event | None:
        return (self._notebooks if self._notebook else self._functions).next(timeout)

    def close(self) -> tuple[Event, ...]:
        return ()

    @classmethod
    def end(cls) -> None:
        if cls.warm is not None:
            cls.warm.close()
            cls.warm = None


class Forked(Mixed):
    """An executor: all tasks in workers of that warm server, as a user's are."""

    def submit(self, task: Task) -> None:
        self._notebook = True
        self._notebooks.submit(task)


class Place:
    """A folder with a project in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.written: dict[str, bytes] = {}
        self.links: dict[str, str] = {}

    def write(self, world: World) -> None:
        """Make the sources those of a world; files that stay the same are not touched."""
        files = world.files()
        for path in self.written.keys() - files.keys():
            (self.root / path).unlink()
            with contextlib.suppress(OSError):
                (self.root / path).parent.rmdir()  # a folder is there as long as a file is in it
        for path, data in files.items():
            if self.written.get(path) != data:
                file = self.root / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(data)
        self.written = files
        for path, to in world.links().items():
            if self.links.get(path) != to:
                (self.root / path).unlink(missing_ok=True)
                (self.root / path).symlink_to(to)
        self.links = world.links()

    def build(self, *targets: str, force: bool = False, cache: bool = True) -> Report:
        with load(self.root) as project:
            return project.build(targets, force=force, executor=Mixed, cache=cache)

    def status(self) -> dict[str, Step]:
        with load(self.root) as project:
            return project.status()

    def accept(self, *targets: str) -> None:
        with load(self.root) as project:
            project.accept(targets)

    def clean(self, *targets: str) -> None:
        with load(self.root) as project:
            project.clean(project.leftovers(targets))

    def content(self, path: str) -> Content:
        full = self.root / path
        if full.is_dir():
            files = (file for file in sorted(full.rglob("*")) if file.is_file())
            return {file.relative_to(full).as_posix(): file.read_bytes() for file in files}
        return full.read_bytes() if full.is_file() else None

    def put(self, path: str, content: Content) -> None:
        """Make a path hold something, as a person with an editor would."""
        full = self.root / path
        if full.is_dir():
            shutil.rmtree(full)
        elif full.exists() and content is None:
            full.unlink()
        if isinstance(content, bytes):
            full.parent.mkdir(parents=True, exist_ok=True)
            full.write_bytes(content)
        for name, data in content.items() if isinstance(content, dict) else ():
            self.put(f"{path}/{name}", data)

    def results(self, paths: Sequence[str]) -> dict[str, Any]:
        """Return what products hold, of executed notebooks what a person reads in them."""
        return {
            path: shown(self.content(path)) if path.endswith(".ipynb") else self.content(path)
            for path in paths
        }


def shown(content: Content) -> Any:
    """Return the cells of an executed notebook without times and the like."""
    if not isinstance(content, bytes):
        return content
    try:
        cells = json.loads(content)["cells"]
    except ValueError:
        return content
    return [
        [cell["cell_type"], "".join(cell["source"]), cell.get("outputs"), cell.get("execution_count")]
        for cell in cells
    ]


class Scratch:
    """Builds worlds from nothing, each in a folder of its own and only once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._known: dict[str, dict[str, Any]] = {}

    def results(self, world: World) -> dict[str, Any]:
        key = repr((sorted(world.files().items()), world.links()))
        if key not in self._known:
            place = Place(self.root / str(len(self._known)))
            place.write(world)
            report = place.build(cache=False)
            assert report.exit_code == 0, f"a build from scratch failed: {report.failures}"
            self._known[key] = place.results([path for paths in world.products().values() for path in paths])
            shutil.rmtree(place.root)
        return self._known[key]


def age(path: Path, like: os.stat_result) -> None:
    """Give a file the modification time that another one had."""
    os.utime(path, ns=(like.st_atime_ns, like.st_mtime_ns))
