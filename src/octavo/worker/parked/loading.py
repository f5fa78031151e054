"""Imports modules ahead, and parks those that workers can share."""

from __future__ import annotations

import contextvars
import importlib
import os
import sys
import threading
from collections.abc import Mapping

from ...dataclass import dataclass
from . import machinery
from .pool import Pool
from .record import Recorder
from .tables import Held
from .wrap import recording

#: Libraries whose native thread pools start anew after a fork.
_POOLS = ("openblas", "mkl", "gomp", "iomp", "libomp", "blis")
#: Threads that are started anew after a fork by who has them: jemalloc's, in pyarrow and polars.
_RENEWED = "jemalloc_bg"
#: Why nothing is imported ahead where Python imports in ways that are not those known here.
_UNKNOWN = "what this Python does when it imports cannot be seen"


@dataclass(frozen=True, slots=True)
class Imported:
    """What was imported and parked.

    ``left`` says why some modules must not be imported ahead. Where ``spoilt``, they have left something in this
    process that it cannot be rid of: no worker may be forked from it.
    """

    pool: Pool | None
    left: dict[str, str]
    spoilt: bool


def load(modules: list[str], registries: Mapping[str, Held] | None) -> Imported:
    """Import modules and park them.

    ``registries`` are tables that imports may put something into, beside those of modules.
    """
    if not machinery.usable():
        return Imported(None, dict.fromkeys(modules, _UNKNOWN), spoilt=False)
    # what imports do to context variables ends with this context
    return contextvars.copy_context().run(_load, modules, registries)


def _load(modules: list[str], registries: Mapping[str, Held] | None) -> Imported:
    left: dict[str, str] = {}
    spoilt = False
    recorder = Recorder(registries or {})
    with recording(recorder):
        came: dict[str, set[str]] = {}
        for module in modules:
            known = set(recorder.extensions.values())
            before, active, pools = _threads(), threading.active_count(), _pools()
            recorder.begin_anew()
            try:
                importlib.import_module(module)
            except BaseException as error:
                left[module] = f"{type(error).__name__}: {error}"
                why = ""
            came[module] = set(recorder.extensions.values()) - known
            if threading.active_count() > active:
                why = "it starts threads"
            elif _threads() > before and _pools() == pools:
                why = "it starts threads that do not survive a fork"
            else:
                why = recorder.spoilt()
            if why:
                left[module] = why
                spoilt = True
    if recorder.unexplained():
        return Imported(None, dict.fromkeys(modules, _UNKNOWN), spoilt=True)
    pool = Pool(recorder)
    pool.park(modules)
    sys.stderr.flush()
    for module, extensions in came.items():
        # a task that imports such a module really would find its compiled part loaded already
        if lost := sorted(extensions - pool.seen.keys()):
            left.setdefault(module, f"{lost[0]}: {pool.left.get(lost[0], 'it failed')}")
            spoilt = True
    return Imported(pool, left, spoilt)


def _threads() -> int:
    try:
        names = [_name(thread) for thread in os.listdir("/proc/self/task")]
    except OSError:
        return threading.active_count()
    return sum(not name.startswith(_RENEWED) for name in names)


def _name(thread: str) -> str:
    try:
        with open(f"/proc/self/task/{thread}/comm", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            return file.read()
    except OSError:
        return ""  # it has just ended


def _pools() -> int:
    return sum(any(pool in name.lower() for pool in _POOLS) for name in machinery.libraries())
