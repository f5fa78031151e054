"""What warm servers import ahead for a build, and what earlier builds have taught about it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from .. import products
from ..graph import Graph
from ..lazy import lazy_imports
from ..model import Task
from ..state.store import Store

with lazy_imports():
    from ..kernels import native
    from ..kinds import members
    from ..quality import around as quality
    from ..quality import frames
    from ..reading import folders


class Ahead:
    """What is known before a build, as files are then, and what it teaches."""

    def __init__(self, root: Path, store: Store) -> None:
        self._root = str(root)
        self._store = store
        self._packages = _packages()
        self._origins: dict[str, str] = {}

    def modules(
        self, stale: Sequence[Task], wanted: bool | tuple[str, ...]
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return what servers should import for tasks without, and for those with a kernel in their worker.

        That is the kinds' own modules, then third-party ones that the tasks import, but for those that could not be
        held before. The user's own modules are left out, for they change between builds; the standard library's, for
        they cost nothing.
        """
        found: dict[bool, dict[str, None]] = {False: {}, True: {}}
        for task in stale:
            if "environment" in task.own:  # what it imports is not here
                continue
            names = members.kind(task.kind).preload(task)
            if "checks" in task.own:
                files = any(product.relation is None for product in task.products)
                names = (*names, quality.__name__, *filter(None, [frames.installed() if files else None]))
            mine = found[native.__name__ in names]
            for module in names:
                top = module.partition(".")[0]
                if top == "octavo" or (wanted is True and top not in sys.stdlib_module_names):
                    mine[module] = None
        if isinstance(wanted, tuple):
            for each in found.values():
                if each:
                    each |= dict.fromkeys(wanted)
        left = self._store.keys("left")
        self._origins = {module: self._origin(module) for each in found.values() for module in each}
        tops = {module.partition(".")[0] for module in self._origins}
        own = {top for top in tops if top != "octavo" and self._is_ours(top)}
        plain, cells = (
            tuple(
                module
                for module in each
                if module.partition(".")[0] not in own
                and (module not in left or left[module] != self._origins[module])
            )
            for each in found.values()
        )
        return plain, cells

    def recall(self, executor: object) -> None:
        """Tell an executor which sources had to start again where nothing was imported ahead, if it wants to know."""
        if hasattr(executor, "bare"):
            kept = self._store.keys("bare").items()
            executor.bare = frozenset(digest for digest, packages in kept if packages == self._packages)

    def remember(self, graph: Graph, executor: object) -> None:
        """Keep what a build has taught: modules not to be held until they change, sources until something is installed.

        Modules count as they were before the build, which may have installed others.
        """
        unforkable: Mapping[str, str] = getattr(executor, "unforkable", {})
        if unforkable:
            known = [(name, why) for name, why in unforkable.items() if name in self._origins]
            self._store.keep("left", [(name, self._origins[name], why.encode()) for name, why in known])
        diverged: Mapping[str, str] = getattr(executor, "diverged", {})
        if diverged:
            digests = {name: graph[name].source.facts.digest for name in diverged}
            rows = [(digests[name], self._packages, why.encode()) for name, why in diverged.items()]
            self._store.keep("bare", rows)

    def _origin(self, module: str) -> str:
        found = folders.find_package(module.partition(".")[0], self._root)
        return f"{sys.executable} {found and products.stamp(found)}"

    def _is_ours(self, top: str) -> bool:
        found = folders.find_package(top, self._root)
        return found is not None and folders.edited(os.path.realpath(found))


def _packages() -> str:
    """Return what tells whether something was installed, for this very Python."""
    # what installs and removes packages makes and removes folders there
    folders = (Path(path) for path in sys.path if path.endswith("-packages"))
    return f"{sys.executable} {[path.stat().st_mtime_ns for path in folders if path.is_dir()]}"
