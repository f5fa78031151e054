"""Import the project's modules from source when their bytecode may be outdated.

Python trusts a ``.pyc`` by the source's size and its time in whole seconds. What is edited twice in a second, or is
checked out, unpacked or copied with a time of its own, would run as it was and be recorded as it is.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from importlib.abc import PathEntryFinder
from importlib.machinery import (
    BYTECODE_SUFFIXES,
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
    SourcelessFileLoader,
)
from importlib.util import cache_from_source
from typing import Any

from ..products import RACY


class Doubting(SourceFileLoader):
    """Loads a module, and removes what was compiled before its source was put there."""

    def path_stats(self, path: Any) -> Any:
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
        return super().path_stats(path)


def distrust_bytecode(root: str) -> Callable[[], None]:
    """Let imports from a project's folder trust no old byte code; return what ends that."""
    find = FileFinder.path_hook(
        (ExtensionFileLoader, EXTENSION_SUFFIXES),
        (Doubting, SOURCE_SUFFIXES),
        (SourcelessFileLoader, BYTECODE_SUFFIXES),
    )

    roots = {root, os.path.realpath(root)}

    def ours(path: str) -> bool:
        full = os.path.abspath(path)  # entries of sys.path may be relative
        return any(
            full == it or (full.startswith(it + os.sep) and "site-packages" not in full) for it in roots
        )

    def hook(path: str) -> PathEntryFinder:
        if not ours(path):
            raise ImportError(path)
        return find(path)

    def forget() -> None:
        for path in [path for path in sys.path_importer_cache if ours(path)]:
            del sys.path_importer_cache[path]

    def end() -> None:
        sys.path_hooks.remove(hook)
        forget()

    forget()
    sys.path_hooks.insert(0, hook)
    return end
