"""A line of the lock: what one result of a task was made from, complete in itself, with a checksum."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import field

from ..dataclass import dataclass
from ..digests import digest
from ..model import Json, Manifest

#: Raised when lines are written in another way; the version of what digests mean comes with it.
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Line:
    """What is said of a task: ``made_from`` and ``found`` as a record's manifest and what it discovered.

    ``unproven`` says instead why nothing is. ``key`` names the key that secrets in it were digested with.
    ``accepted``: a person has taken the products, as they are, for the task's.
    """

    task: str
    products: Manifest = field(default_factory=dict)
    made_from: Manifest = field(default_factory=dict)
    found: Mapping[str, str] = field(default_factory=dict)
    raw: str = ""
    key: str = ""
    accepted: bool = False
    unproven: str = ""


def written(line: Line, version: str) -> str:
    """Return a line as text; ``version`` is that of the digests in it."""
    plain: Json = {"task": line.task}
    if line.unproven:
        plain["unproven"] = line.unproven
    else:
        parts = {
            part: [value, line.found[part]] if part in line.found else value
            for part, value in sorted(line.made_from.items())
        }
        plain |= {"products": dict(sorted(line.products.items())), "made_from": parts, "raw": line.raw}
        plain |= {"key": line.key} if line.key else {}
        plain |= {"accepted": True} if line.accepted else {}
    return json.dumps({**plain, "sum": _sum(plain, version)}, ensure_ascii=False)


def read(text: str, version: str) -> Line | None:
    """Return the line of a text; None for one that octavo has not written, or not whole, or in another version."""
    try:
        plain: Json = json.loads(text)
        if plain.pop("sum") != _sum(plain, version):
            return None
        parts = plain.get("made_from", {})
        made_from = {part: value[0] if isinstance(value, list) else value for part, value in parts.items()}
        found = {part: value[1] for part, value in parts.items() if isinstance(value, list)}
        line = Line(
            plain["task"],
            plain.get("products", {}),
            made_from,
            found,
            plain.get("raw", ""),
            plain.get("key", ""),
            plain.get("accepted", False) is True,
            plain.get("unproven", ""),
        )
    except (ValueError, KeyError, TypeError, AttributeError, LookupError, RecursionError):
        return None
    texts = (line.task, line.raw, line.key, line.unproven)
    tables = (line.products, line.made_from, line.found)
    known = all(
        isinstance(value, str) for value in (*texts, *(it for table in tables for it in table.values()))
    )
    return line if known else None


def task_of(text: str) -> str | None:
    """Return the task that a line is about, without reading the rest of it; None where it is no line."""
    if not text.startswith('{"task": "'):
        return None
    try:
        name, _ = json.JSONDecoder().raw_decode(text, len('{"task": '))
    except ValueError:
        return None
    return name if isinstance(name, str) else None


def _sum(plain: Json, version: str) -> str:
    return digest(f"{version} {json.dumps(plain, ensure_ascii=False, sort_keys=True)}")[:16]
