"""Observe what a task uses: modules of the project it imports, files of the project it reads.

Nothing here decides whether a task goes well: where looking fails, less is seen.
"""

from __future__ import annotations

from .fanotify import make_room
from .observer import Observer, Touch

__all__ = ["Observer", "Touch", "make_room"]
