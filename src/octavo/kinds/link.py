"""Link existing files into the graph."""

from __future__ import annotations

import os

from ..model import Facts, Failure, Source, Task
from . import Tell


class LinkKind:
    """The kind of ``class: Link`` and ``class: Input``."""

    def facts(self, source: Source, data: bytes) -> Facts:
        """Return nothing: a link has no code."""
        return Facts("")

    def preload(self, task: Task) -> tuple[str, ...]:
        return (__name__,)

    def run(self, task: Task, tell: Tell) -> Failure | None:
        """Look whether the file is there."""
        absent = [product.path for product in task.products if not os.path.exists(product.path)]
        if not absent:
            return None
        return Failure(
            "MissingProduct",
            f"{', '.join(absent)} does not exist, and a link makes nothing",
            hint="create it, or change the path",
        )

    def refresh(self, task: Task, root: str) -> str | None:
        """Do nothing: a link has no executed notebook."""
        return None


KIND: LinkKind = LinkKind()
