"""The modules of the project that a task's code imports, and these again, found without running any."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator

from .. import parts
from ..model import Task
from ..reading.folders import find_module, installed, relative


class Modules:
    """The modules of a project by their names, each looked for and read once."""

    def __init__(self, root: str) -> None:
        self.root = root
        self._known: dict[str, tuple[str, tuple[str, ...]] | None] = {}

    def of(self, task: Task) -> dict[str, str]:
        """Return the parts that a run of a task would discover of modules, with their paths."""
        found: dict[str, str] = {}
        wanted = list(task.source.facts.imports)
        while wanted:
            name = wanted.pop()
            if (part := parts.MODULE.of(name)) not in found and (known := self._module(name)) is not None:
                found[part], more = known
                wanted += more
        return found

    def _module(self, name: str) -> tuple[str, tuple[str, ...]] | None:
        """Return the path of a module of the project, and the names that it imports; None for any other."""
        if name not in self._known:
            self._known[name] = None
            full = find_module(name, self.root)
            if full is not None and not installed(full) and full.endswith(".py"):
                path = relative(full, self.root)
                package = name if os.path.basename(full) == "__init__.py" else name.rpartition(".")[0]
                if not os.path.isabs(path):
                    self._known[name] = path, tuple(_imported(full, package))
        return self._known[name]


def _imported(path: str, package: str) -> Iterator[str]:
    """Yield the names that may be modules which a module imports."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - one of many
            tree = ast.parse(file.read())
    except (OSError, SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                steps = package.split(".") if package else []
                above = steps[: len(steps) - level + 1] if level else []
                base = ".".join([*above, *([module] if module else [])])
                if base:
                    yield base
                    yield from (f"{base}.{alias.name}" for alias in names)
