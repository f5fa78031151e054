"""What a task is seen to use while it runs: the door to those who look.

Nothing here decides whether a task goes well: where looking fails, less is seen.
"""

from __future__ import annotations

from .watch import Touch, Watch, now_of_files

__all__ = ["Touch", "Watch", "now_of_files"]
