"""The parts of Python's import machinery that have no public name, with what they are taken to be.

``usable`` tells whether this Python has them: where it does not, nothing is imported ahead.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.machinery import ModuleSpec
from typing import Protocol, cast


class Bootstrap(Protocol):
    """What is used of it."""

    _find_and_load_unlocked: Callable[[str, Callable[[str], object]], object]
    _load_unlocked: Callable[[ModuleSpec], object]
    _resolve_name: Callable[[str, str, int], str]
    _calc___package__: Callable[[Mapping[str, object] | None], str]
    _call_with_frames_removed: Callable[..., object]
    _find_spec: Callable[[str, Sequence[str] | None], ModuleSpec | None]


#: CPython's ``importlib._bootstrap``, whose functions find each other here by their names.
bootstrap = cast("Bootstrap", sys.modules["_frozen_importlib"])

NAMES = (
    "_find_and_load_unlocked",
    "_find_spec",
    "_load_unlocked",
    "_call_with_frames_removed",
    "_resolve_name",
    "_calc___package__",
)

#: What Python itself takes for its machinery: not named by warnings, left out of tracebacks.
INTERNAL = "<frozen importlib._bootstrap>"


def libraries() -> set[str]:
    """Return the names of the shared libraries in this process, as far as the system tells."""
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:  # noqa: PTH123
            return {os.path.basename(line.split(maxsplit=5)[-1].strip()) for line in maps if ".so" in line}
    except OSError:
        return set()


def usable() -> bool:
    """Return whether this Python's machinery is as it is taken to be."""
    return sys.implementation.name == "cpython" and all(hasattr(bootstrap, name) for name in NAMES)
