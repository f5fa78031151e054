"""Compare packages: their names as an index does, their versions by their numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable


def normal(name: str) -> str:
    """Return the name of a distribution as it is compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def newest(versions: Iterable[str]) -> str:
    """Return the newest of some versions: by their numbers, a final one above its alphas, betas and candidates."""
    return max(versions, key=_order)


def _order(version: str) -> tuple[tuple[int, ...], bool, tuple[int, ...], str]:
    public = version.partition("+")[0]
    release = re.match(r"[\d.]*", public)[0] if public else ""  # type: ignore[index]
    rest = public[len(release) :]
    numbers = tuple(int(part) for part in release.split(".") if part)
    while numbers and numbers[-1] == 0:
        numbers = numbers[:-1]
    final = not re.match(r"[-_.]?(a|b|c|rc|alpha|beta|pre|preview|dev)", rest, re.IGNORECASE)
    return numbers, final, tuple(map(int, re.findall(r"\d+", rest))), version
