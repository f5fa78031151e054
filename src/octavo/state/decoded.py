"""Read rows of the state database, whatever is in them: what is damaged is None."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable

from .. import digests
from ..model import Record
from .connection import Row


def record(row: Row) -> Record | None:
    """Return the record of a row; None for one that is damaged."""
    task, manifest, outputs, discovered, run, seconds, state, raw = row
    tables = [table(text) for text in (manifest, outputs, discovered)]
    if not are((task, run, raw), str) or not isinstance(seconds, float) or None in tables:
        return None
    if state not in ("begun", "failed", "done"):
        return None
    known = [table for table in tables if table is not None]
    return Record(task, known[0], known[1], known[2], run, seconds, state, raw)


def result(packed: object) -> Record | None:
    """Return a record of results that was packed; None for one that is damaged."""
    try:
        data = json.loads(unpacked(packed) or b"")
        return record(data)
    except (ValueError, TypeError, RecursionError):
        return None


def unpacked(packed: object) -> bytes | None:
    """Return what was compressed; None for what is damaged."""
    try:
        return zlib.decompress(packed) if isinstance(packed, bytes) else None
    except zlib.error:
        return None


def table(text: object) -> dict[str, str] | None:
    """Return a mapping of texts to texts from its JSON; None for anything else."""
    try:
        found = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and are(found.values(), str) else None


def are(values: Iterable[object], kind: type) -> bool:
    """Return whether all values are of a type."""
    return all(isinstance(value, kind) for value in values)


def checksum(value: bytes) -> bytes:
    """Return what tells whether bytes are whole."""
    return bytes.fromhex(digests.digest(value))


def whole(value: object) -> bytes | None:
    """Return what was kept, without its checksum; None where that does not fit."""
    if not isinstance(value, bytes) or checksum(value[16:]) != value[:16]:
        return None
    return value[16:]
