"""Prove that a published version is as it was published: every file by its digest, every cell by its own."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from .. import notebook as documents
from ..errors import Error
from . import MANIFEST, NOTEBOOK, content, crate


def is_published(path: str) -> bool:
    """Return whether a folder is a published version."""
    return (Path(path) / MANIFEST).is_file()


def changes(path: str) -> Iterator[str]:
    """Yield what is not as it was published; nothing where all is. Raises ``Error`` where its manifest is damaged."""
    folder = Path(path)
    listed: dict[str, str] = {}
    for number, line in enumerate((folder / MANIFEST).read_text("utf-8", "replace").splitlines(), start=1):
        digest, gap, name = line.partition("  ")
        if not gap or len(digest) != 64 or "/" in name:
            raise Error("it is not the manifest that octavo publish wrote", f"{folder / MANIFEST}:{number}")
        listed[name] = digest
    for name, digest in listed.items():
        try:
            data = (folder / name).read_bytes()
        except OSError:
            yield f"{name} is missing"
            continue
        if sha256(data).hexdigest() != digest:
            yield f"{name} was changed"
    for file in sorted(folder.iterdir()):
        if file.name not in listed and file.name != MANIFEST:
            yield f"{file.name} was added"
    yield from _cells(folder / NOTEBOOK)


def _cells(path: Path) -> Iterator[str]:
    """Yield the cells that are not what their own digests say: where the manifest was made anew, these tell."""
    try:
        found = documents.read(path)
        said = found.data["metadata"]["octavo"]["published"]
    except (OSError, Error, KeyError, TypeError):
        yield f"{path.name} cannot be read as a published notebook"
        return
    if content(found.cells) != said.get("content"):
        for number, cell in enumerate(found.cells, start=1):
            kept = (cell["metadata"].get("octavo") or {}).get("sha256")
            now = crate.seen(cell)
            if kept != now:
                yield f"{path.name}: cell {number} was changed"
