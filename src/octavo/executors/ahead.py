"""What warm servers import ahead for a build, and what earlier builds have taught about it."""

from __future__ import annotations

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
    from ..reading import folders


def modules(
    stale: Sequence[Task], root: Path, wanted: bool | tuple[str, ...], store: Store
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what servers should import for tasks without, and for those with a kernel in their worker.

    That is the kinds' own modules, then third-party ones that the tasks import, but for those that could not be held
    before. The user's own modules are left out, for they change between builds; the standard library's, for they cost
    nothing.
    """
    found: dict[bool, dict[str, None]] = {False: {}, True: {}}
    for task in stale:
        names = members.kind(task.kind).preload(task)
        mine = found[native.__name__ in names]
        for module in names:
            top = module.partition(".")[0]
            if top == "octavo" or (wanted is True and top not in sys.stdlib_module_names):
                mine[module] = None
    if isinstance(wanted, tuple):
        for each in found.values():
            if each:
                each |= dict.fromkeys(wanted)
    left = store.keys("left")
    tops = {module.partition(".")[0] for each in found.values() for module in each}
    own = {top for top in tops if top != "octavo" and _is_ours(top, root)}
    plain, cells = (
        tuple(
            module
            for module in each
            if module.partition(".")[0] not in own
            and (module not in left or left[module] != _origin(module, root))
        )
        for each in found.values()
    )
    return plain, cells


def recall(store: Store, executor: object) -> None:
    """Tell an executor which sources had to start again where nothing was imported ahead, if it wants to know."""
    if hasattr(executor, "bare"):
        kept = store.keys("bare").items()
        executor.bare = frozenset(digest for digest, stamp in kept if stamp == _packages())


def remember(store: Store, graph: Graph, root: Path, executor: object) -> None:
    """Keep what a build has taught: modules not to be held until they change, sources until something is installed."""
    unforkable: Mapping[str, str] = getattr(executor, "unforkable", {})
    if unforkable:
        store.keep("left", [(name, _origin(name, root), why.encode()) for name, why in unforkable.items()])
    diverged: Mapping[str, str] = getattr(executor, "diverged", {})
    if diverged:
        digests = {name: graph[name].source.facts.digest for name in diverged}
        store.keep("bare", [(digests[name], _packages(), why.encode()) for name, why in diverged.items()])


def _packages() -> str:
    """Return what tells whether something was installed, for this very Python."""
    return f"{sys.executable} {[products.stamp(path) for path in sys.path if path.endswith('-packages')]}"


def _origin(module: str, root: Path) -> str:
    found = folders.find_package(module.partition(".")[0], str(root))
    return f"{sys.executable} {found and products.stamp(found)}"


def _is_ours(top: str, root: Path) -> bool:
    found = folders.find_package(top, str(root))
    return found is not None and folders.owned(found, str(root))
