"""Publish notebooks: an immutable copy of each version with its page, packages and provenance, and an index of all."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from hashlib import sha256

from ..dataclass import dataclass
from ..model import Json

#: Where versions are put unless --to says otherwise, in the project.
SHELF = "published"
#: The files of a version. The last one has the digests of all others; it is what makes a version complete.
NOTEBOOK, PAGE, REQUIREMENTS, CRATE, MANIFEST = (
    "notebook.ipynb",
    "notebook.html",
    "requirements.txt",
    "ro-crate-metadata.json",
    "manifest-sha256.txt",
)
INDEX = "index.json"
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+_-]{0,63}")


@dataclass(frozen=True, slots=True)
class Version:
    """One published version of a notebook, with digests of its code and of what a reader sees, its ``content``."""

    id: str
    version: str
    title: str
    at: str
    code: str
    content: str
    commit: str = ""

    @property
    def folder(self) -> str:
        """Where it is, below the shelf."""
        return f"{self.id}/{self.version}"


def is_version(text: str) -> bool:
    """Return whether a text can be a version: it becomes the name of a folder."""
    return _VERSION.fullmatch(text) is not None


def content(cells: list[Json]) -> str:
    """Return the digest of what a reader sees of a notebook: sources and outputs, in order."""
    seen = [[cell["cell_type"], cell["source"], cell.get("outputs") or []] for cell in cells]
    return digest(seen)


def digest(plain: object) -> str:
    """Return the SHA-256 of a JSON value, whatever the order of its keys."""
    return sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def manifest(files: Mapping[str, bytes]) -> bytes:
    """Return the lines of ``sha256sum`` for some files."""
    lines = (f"{sha256(data).hexdigest()}  {name}\n" for name, data in sorted(files.items()))
    return "".join(lines).encode()
