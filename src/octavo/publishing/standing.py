"""Say where a notebook stands: a draft, published, or superseded by a later version."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from . import INDEX, NOTEBOOK, SHELF, crate
from .shelf import FolderShelf

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..model import Json
    from . import Version


def standing(path: str, id: str, cells: Sequence[Json]) -> str:
    """Return where a notebook stands, by the nearest shelf upwards: "draft", "published as 1.0" …; "" without id."""
    if not id:
        return ""
    full = Path(path).resolve()
    if full.name == NOTEBOOK and full.parent.parent.name == id:
        versions = FolderShelf(full.parents[2]).versions(id)
        return _superseded(full.parent.name, versions)
    shelf = next((one / SHELF for one in full.parents if (one / SHELF / INDEX).is_file()), None)
    versions = FolderShelf(shelf).versions(id) if shelf else []
    if not versions:
        return "draft"
    code = crate.code(cells)
    same = next((one for one in reversed(versions) if one.code == code), None)
    if same is None:
        return f"draft: changed since it was published as {versions[-1].version}"
    return _superseded(same.version, versions)


def _superseded(version: str, versions: Sequence[Version]) -> str:
    later = (
        "" if not versions or versions[-1].version == version else f", superseded by {versions[-1].version}"
    )
    return f"published as {version}{later}"
