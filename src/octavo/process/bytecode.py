"""Import modules that people edit from source when their bytecode may be outdated.

Python trusts a ``.pyc`` by the source's size and its time in whole seconds. What is edited twice in a second, or is
checked out, unpacked or copied with a time of its own, would run as it was and be recorded as it is. What is installed,
and Python itself, is trusted: nobody edits it, and there is much of it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from importlib.machinery import SourceFileLoader
from importlib.util import cache_from_source

from ..products import RACY
from ..reading.folders import edited, installed


def distrust_bytecode(root: str) -> Callable[[], None]:
    """Let no loader trust old byte code of modules that people edit; return what ends that.

    They are those in a project's folder, and those elsewhere that count by their code.
    """
    trusting = SourceFileLoader.path_stats
    roots = {root, os.path.realpath(root)}
    counts: dict[str, bool] = {}  # by folder; of the many modules of a package most stand in the same

    def inside(path: str) -> bool:
        full = os.path.abspath(path)  # entries of sys.path may be relative
        return any(
            full == folder or (full.startswith(folder + os.sep) and "site-packages" not in full)
            for folder in roots
        )

    def distrusted(folder: str) -> bool:
        if folder not in counts:
            full = os.path.join(os.path.abspath(folder), "")
            # what is installed may be a link to where it is edited
            real = os.path.join(os.path.realpath(folder), "") if installed(full) else full
            counts[folder] = inside(folder) or edited(real)
        return counts[folder]

    def path_stats(self: SourceFileLoader, path: str) -> Mapping[str, object]:
        # every loader asks this before it looks for byte code, whoever made it
        if distrusted(os.path.dirname(path)):
            _remove_outdated(path)
        return trusting(self, path)

    def forget() -> None:
        for path in [path for path in sys.path_importer_cache if distrusted(path)]:
            del sys.path_importer_cache[path]

    def end() -> None:
        SourceFileLoader.path_stats = trusting  # type: ignore[method-assign]
        forget()

    forget()
    SourceFileLoader.path_stats = path_stats  # type: ignore[method-assign]
    return end


def _remove_outdated(path: str) -> None:
    """Remove what was compiled before the source was put there."""
    try:
        compiled = cache_from_source(path)
        # a link may have come to point to a source that is older than it
        changed = max(os.stat(path).st_ctime_ns, os.lstat(path).st_ctime_ns)
        young = os.stat(compiled).st_mtime_ns <= changed + RACY
    except (OSError, NotImplementedError):
        young = False  # nothing was compiled
    if young:
        # where it cannot be removed, the error says to the import that there is nothing to trust
        os.unlink(compiled)
