"""Maintain the cache: free space, clear it, verify its files."""

from __future__ import annotations

import shutil
from collections.abc import Container
from dataclasses import field

from ..dataclass import dataclass
from .entry import Entry
from .local import Cache, Tally, read

#: A blob that no entry names may belong to a result that is being saved just now.
GRACE = 3600.0


@dataclass(frozen=True, slots=True)
class Swept:
    """How many results and bytes were removed, and how many are left."""

    entries: int = 0
    size: int = 0
    left: int = 0
    left_size: int = 0


@dataclass(slots=True)
class Checked:
    """What reading every blob has found."""

    blobs: int = 0
    damaged: list[str] = field(default_factory=list)
    dropped: int = 0


def gc(cache: Cache, size: int | None = None, older: float | None = None, grace: float = GRACE) -> Swept:
    """Remove results not used for ``older`` seconds, then what does not fit into ``size``, those used last first.

    With them go their blobs that no other result names; and blobs that none ever named, unless they are younger than
    ``grace``: they may be about to be named.
    """
    now, most = cache.clock(), cache.size if size is None else size
    sizes, kept, lost, total = _sizes(cache), set[str](), set[str](), 0
    left, removed = 0, 0
    for entry, used in sorted(cache.entries(), key=lambda pair: pair[1], reverse=True):
        names = _named(cache, entry)
        more = {name: sizes[name] for name in names if name not in kept and name in sizes}
        if not names or (older is not None and now - used > older) or total + sum(more.values()) > most:
            cache.forget(entry)
            removed += 1
            lost.update(names)
        else:
            kept |= more.keys()
            total += sum(more.values())
            left += 1
    _sweep(cache, kept, lost, now - grace)
    # measured, not reckoned: looking at a damaged blob removes it
    there = sum(_sizes(cache).values())
    tally = cache.tally()
    cache.note(Tally(there, tally.hits, tally.misses, tally.seconds, now))
    return Swept(removed, sum(sizes.values()) - there, left, there)


def clear(cache: Cache) -> Swept:
    """Remove everything."""
    removed = Swept(sum(1 for _ in cache.entries()), sum(_sizes(cache).values()))
    shutil.rmtree(cache.at, ignore_errors=True)
    cache.note(Tally())
    return removed


def verify(cache: Cache) -> Checked:
    """Read every blob; remove damaged ones, and the results that miss one."""
    checked = Checked()
    for name in _sizes(cache):
        checked.blobs += 1
        if not cache.blobs.sound(name):
            checked.damaged.append(name)
    for path in cache.at.glob("actions/*/*/*.json"):
        entry = read(path)
        if entry is None or not cache.has(entry):
            path.unlink(missing_ok=True)
            checked.dropped += 1
    return checked


def _named(cache: Cache, entry: Entry) -> list[str]:
    """Return the blobs of an entry; none if one of them is not here."""
    return cache.needs(entry) if cache.has(entry) else []


def _sizes(cache: Cache) -> dict[str, int]:
    blobs = cache.at.glob("blobs/*/*")
    return {path.name: path.stat().st_size for path in blobs if not path.suffix}


def _sweep(cache: Cache, kept: Container[str], lost: Container[str], before: float) -> None:
    """Remove what nothing needs, and what killed writers left."""
    for path in cache.at.glob("blobs/*/*"):
        found = path.stat()
        if path.stem not in kept and (path.stem in lost or found.st_mtime < before):
            path.unlink(missing_ok=True)
    for path in cache.at.glob("actions/*/*/*.part"):
        if path.stat().st_mtime < before:
            path.unlink(missing_ok=True)
    for folder in cache.at.glob("actions/*/*"):
        if not any(folder.iterdir()):
            folder.rmdir()
