"""Requirements of notebooks, from what they were seen to import: a requirements file, or the block of a script."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from ..reading.versions import newest
from . import About


def lines(found: Iterable[About]) -> list[str]:
    """Return a requirement for each distribution: pinned to the version of the last run, else to the installed one.

    Where notebooks ran with several versions, the newest counts.
    """
    versions: dict[str, set[str]] = {}
    for about in found:
        for one in about.packages:
            versions.setdefault(one.name, set()).update({one.stored or one.installed} - {""})
    return [f"{name}=={newest(known)}" if known else name for name, known in sorted(versions.items())]


def block(wanted: Sequence[str]) -> str:
    """Return requirements as inline script metadata (PEP 723), for the Python of here or a newer one."""
    python = ".".join(map(str, sys.version_info[:2]))
    rows = [f'requires-python = ">={python}"', "dependencies = [", *(f'    "{one}",' for one in wanted), "]"]
    return "".join(f"{line}\n" for line in ("# /// script", *(f"# {row}" for row in rows), "# ///"))
