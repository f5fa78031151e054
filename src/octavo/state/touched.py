"""Which cell of a task's last run read and wrote which file: for people, and no reason to run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from . import frozen
from .frozen import Touched
from .store import TOUCHED, Store


def known(store: Store) -> Mapping[str, tuple[str, list[Touched]]]:
    """Return the run and what it touched, by the keys of records; what is damaged is left out."""
    runs = store.keys(TOUCHED)
    found = {}
    for name, packed in store.values(TOUCHED).items():
        data = frozen.unpacked(packed)
        if name in runs and data is not None:
            found[name] = runs[name], [*_rows(data)]
    return found


def _rows(data: bytes) -> Iterable[Touched]:
    try:
        rows = json.loads(data)
        return [(cell if isinstance(cell, int) else None, str(verb), str(path)) for cell, verb, path in rows]
    except (ValueError, TypeError):
        return []
