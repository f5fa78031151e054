"""What octavo's runs keep in the metadata of each cell: the digest of its code, and the files that it used."""

from __future__ import annotations

from ..digests import digest
from ..model import Json, joined

#: Where it stands: ``cell.metadata.octavo.code``.
BLOCK, KEY = "octavo", "code"
#: Where the files stand that a cell was seen to use, by what it did with them.
FILES = {"read": "reads", "wrote": "writes"}


def code(source: object) -> str:
    """Return the digest of a cell's code. White space at the ends does not count: editors and formats differ there."""
    return digest(joined(source).strip())


def matches(cell: Json) -> bool | None:
    """Return whether the code of a cell is what ran when it got its outputs; None where no run of octavo's said so."""
    metadata = cell.get("metadata")
    block = metadata.get(BLOCK) if isinstance(metadata, dict) else None
    kept = block.get(KEY) if isinstance(block, dict) else None
    return kept == code(cell["source"]) if isinstance(kept, str) else None


def used(one: Json, key: str) -> tuple[str, ...]:
    """Return the files that a cell was seen to use, as its metadata tell."""
    block = (one.get("metadata") or {}).get(BLOCK)
    paths = block.get(key) if isinstance(block, dict) else None
    return tuple(path for path in paths if isinstance(path, str)) if isinstance(paths, list) else ()
