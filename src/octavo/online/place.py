"""Let this process find the modules of a project, and stand in its folder, as a task does."""

from __future__ import annotations

import os

from ..process import finder
from ..process.child import put_first
from ..reading.folders import folders


def stand(root: str) -> None:
    """Become a process of the project, for good."""
    put_first(folders(root))
    finder.install()
    os.chdir(root)
