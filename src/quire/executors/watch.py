"""What a task is seen to use while it runs: modules of the project that it imports, files of the project that it reads.

Reads are seen by Python's audit hooks (PEP 578), so what happens below Python, in C++ readers or child processes, is
not. Only the worker of a task is watched; what a hook sees is judged once, at the end.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from .. import products
from ..model import UNSETTLED, Task
from ..plan import module_digest

_SKIPPED = frozenset(
    {".git", ".quire", ".venv", "venv", "__pycache__", "site-packages", "node_modules", ".ipynb_checkpoints"}
)


class Watch:
    """Collects the paths that this process opens, from ``start`` on."""

    def __init__(self, root: str, ours: frozenset[str] = frozenset()) -> None:
        """``ours`` are modules that were there before, and not by the task's doing."""
        self.root = os.path.realpath(root)
        self._ours = ours
        self.read: set[str] = set()
        self.written: set[str] = set()
        self._folders: dict[str, str] = {}
        self.pid = os.getpid()
        self.on = False

    def start(self, now: int) -> None:
        self.began = now
        self.on = True
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        # called for every audited event of the process: decide fast, never raise
        if event != "open" or not self.on:
            return
        path, mode, flags = arguments
        if not isinstance(path, str):
            if not isinstance(path, bytes):
                return
            path = os.fsdecode(path)
        if path.endswith((".pyc", ".so")):
            return
        if isinstance(mode, str):
            reading, writing = "r" in mode or "+" in mode, "r" not in mode or "+" in mode
        else:
            writing = bool(flags & (os.O_WRONLY | os.O_RDWR))
            reading = not flags & os.O_WRONLY
        if writing:
            self.written.add(os.path.abspath(path))
        elif reading:
            self.read.add(os.path.abspath(path))

    def discovered(self, task: Task) -> dict[str, tuple[str, str]]:
        """Return what was found: parts of the manifest to (path, digest), paths relative to the project."""
        self.on = False
        found: dict[str, tuple[str, str]] = {}
        own = task.source.path if task.source.entry else None
        modules: list[str] = []
        for name, path in _modules(self._ours):
            inside = self._inside(path)
            if inside:
                modules.append(inside)
                if inside != own:
                    found[f"module {name}"] = (inside, self._digest(path, module=True))
        # inputs from upstream are in the manifest already, but for executed notebooks, which count only when read
        known = [product.path for product in task.products] + [task.source.path, *modules]
        known += [path for path in _paths(task.inputs) if not path.endswith(".ipynb")]
        for path in sorted(self.read - self.written):
            inside = self._inside(path)
            if inside and os.path.isfile(path) and not any(_below(inside, other) for other in known):
                found[f"file {inside}"] = (inside, self._digest(path))
        return found

    def _inside(self, path: str) -> str | None:
        """Return a path relative to the project; None for one outside it or in a folder that is not the user's."""
        real = self._real(path)
        if not real.startswith(self.root + os.sep):
            return None
        inside = real[len(self.root) + 1 :].replace(os.sep, "/")
        return None if _SKIPPED.intersection(inside.split("/")) else inside

    def _real(self, path: str) -> str:
        # a task has hundreds of modules in few folders, and resolving each step of each path is slow
        if os.path.islink(path):
            return os.path.realpath(path)
        folder, name = os.path.split(path)
        if folder not in self._folders:
            self._folders[folder] = os.path.realpath(folder)
        return os.path.join(self._folders[folder], name)

    def _digest(self, path: str, module: bool = False) -> str:
        # what was edited after the task began may not be what it saw
        if products.newest(path) > self.began:
            return UNSETTLED
        return (module_digest(path) if module else products.digest(path)) or ""


def _modules(ours: frozenset[str]) -> list[tuple[str, str]]:
    found = []
    for name, module in list(sys.modules.items()):
        if name in ours or name in ("__main__", "__mp_main__"):
            continue
        path = getattr(module, "__file__", None)
        if isinstance(path, str) and path.endswith(".py"):
            found.append((name, path))
    return sorted(found)


def _below(path: str, other: str) -> bool:
    return path == other or path.startswith(other.rstrip("/") + "/")


def _paths(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [path for inner in value.values() for path in _paths(inner)] if isinstance(value, dict) else []
