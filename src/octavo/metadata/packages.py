"""The distributions that a notebook imports: those that were stored with it, and those that are installed."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping

from ..environment import ALIASES, distribution, versions
from ..reading.folders import find_module
from ..reading.versions import normal
from . import Distribution


def packages(
    imports: Iterable[str], stored: Mapping[str, str], folders: Iterable[str]
) -> tuple[Distribution, ...]:
    """Return the distributions that are imported or were stored, by name; ``imports`` are dotted names of modules.

    Modules of the project, which stand in ``folders``, belong to none. What is neither here nor there is named as it is
    imported, or by the distribution that is known to bring it.
    """
    installed = versions()
    known = {normal(name): version for name, version in stored.items()}
    found = set(known)
    for top in {name.partition(".")[0] for name in imports} - sys.stdlib_module_names:
        if name := distribution(top, installed):
            found.add(name)
        elif all(find_module(top, folder) is None for folder in folders):
            found.add(ALIASES.get(top, normal(top)))
    return tuple(Distribution(name, known.get(name, ""), installed.get(name, "")) for name in sorted(found))
