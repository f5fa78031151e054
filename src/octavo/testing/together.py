"""Schedule the cells of a notebook on one process of pytest-xdist, and all other tests one by one."""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling


class Together(LoadScopeScheduling):  # type: ignore[misc]  # pytest-xdist has no types
    """Each notebook is a scope; so is each other test."""

    def _split_scope(self, nodeid: str) -> str:
        file, _, _ = nodeid.partition("::")
        return nodeid if file.endswith(".py") and "[" in nodeid else file
