"""Load foreign packages, and what they bring: members of families, found by entry points of ``octavo.<family>``."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from .errors import Error
from .hints import did_you_mean
from .lazy import imported, lazy_imports

with lazy_imports():
    from importlib import metadata  # 15 ms that only a foreign name should cost


# the open type, here and below: what foreign packages have


def member(family: str, name: str, ours: Iterable[str]) -> Any:
    """Return the member of a family that another package brings; an unknown name is an error with a hint."""
    found = next(iter(metadata.entry_points(group=f"octavo.{family}", name=name)), None)
    if found is None:
        known = ", ".join(sorted(ours))
        raise Error(
            f'there is no {family[:-1]} "{name}"', hint=did_you_mean(name, ours) or f"there are: {known}"
        )
    hint = f'the entry point "{name}" of the group octavo.{family} names it'
    try:
        value: Any = imported(found.module)
    except Error:
        raise
    except Exception as error:
        words = f"{type(error).__name__}: {error}"
        raise Error(f"{found.module} cannot be imported: {words}", hint=hint) from error
    for part in found.attr.split(".") if found.attr else ():
        if not hasattr(value, part):
            raise Error(f"there is no {part} in {found.module}", hint=hint)
        value = getattr(value, part)
    return value


def load(target: str) -> Any:
    """Return the object that ``package.module:name`` stands for, or the module where no name is given."""
    path, _, attribute = target.partition(":")
    module = imported(path)
    return getattr(module, attribute) if attribute else module


@cache
def brought(family: str) -> tuple[str, ...]:
    """Return the names of the members of a family that other packages bring."""
    if not _named(f"[octavo.{family}]".encode()):
        return ()
    return tuple(sorted(point.name for point in metadata.entry_points(group=f"octavo.{family}")))


@cache
def _named(group: bytes) -> bool:
    """Return whether any installed package has such a group of entry points; ``metadata`` takes ten times as long.

    What is on the path and no folder (a zip file) is left to ``metadata``.
    """
    for folder in sys.path:
        try:
            names = os.listdir(folder or ".")
        except NotADirectoryError:
            return True
        except OSError:
            continue
        for name in names:
            if name.endswith((".dist-info", ".egg-info", ".egg")):
                inner = "EGG-INFO" if name.endswith(".egg") else ""
                try:
                    if group in (Path(folder, name, inner) / "entry_points.txt").read_bytes().replace(
                        b" ", b""
                    ):
                        return True
                except OSError:
                    continue
    return False
