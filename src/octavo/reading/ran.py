"""The digest of the code that ran, which octavo's runs keep in the metadata of each cell beside its outputs."""

from __future__ import annotations

from ..digests import digest
from ..model import Json, joined

#: Where it stands: ``cell.metadata.octavo.code``.
BLOCK, KEY = "octavo", "code"


def code(source: object) -> str:
    """Return the digest of a cell's code. White space at the ends does not count: editors and formats differ there."""
    return digest(joined(source).strip())


def matches(cell: Json) -> bool | None:
    """Return whether the code of a cell is what ran when it got its outputs; None where no run of octavo's said so."""
    metadata = cell.get("metadata")
    block = metadata.get(BLOCK) if isinstance(metadata, dict) else None
    kept = block.get(KEY) if isinstance(block, dict) else None
    return kept == code(cell["source"]) if isinstance(kept, str) else None
