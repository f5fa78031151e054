"""Read what notebooks and projects say of themselves: nbproject's block and file, and the ids of other tools."""

from __future__ import annotations

import os
from pathlib import Path

from ..lazy import lazy_imports
from ..model import Json
from . import Identity

with lazy_imports():
    from ..spec import document  # only where a project has nbproject's file

#: nbproject's block in the metadata of a notebook, and its file at the root of a project.
BLOCK, FILE = "nbproject", "nbproject_metadata.yml"
#: Where the own fields of people stand, in our block.
OURS, FIELDS = "octavo", "fields"
_KNOWN = ("id", "uid", "version", "time_init", "pypackage", "parent", "user_handle", "user_id", "user_name")


def identity(metadata: Json, path: str = "") -> Identity:
    """Return what the metadata of a notebook say of it; ``path`` is where it is, for the file of its project."""
    block = _mapping(metadata.get(BLOCK))
    kept_by, name = _id(metadata)
    if name and kept_by == BLOCK and path and (said := _project_file(path).get(name)):
        # nbproject: the file wins, but for these
        block = {
            **_mapping(said),
            **{key: block[key] for key in ("id", "version", "time_init") if key in block},
        }
        block = {key: value for key, value in block.items() if key not in ("name", "location")}
    parents = block.get("parent") or ()
    fields = {key: value for key, value in block.items() if key not in _KNOWN and value is not None}
    packages = _mapping(block.get("pypackage"))
    return Identity(
        name,
        kept_by if name else "",
        _text(block.get("version")),
        _text(block.get("time_init")),
        tuple(map(str, parents if isinstance(parents, list) else (parents,))) if parents else (),
        _text(block.get("user_name") or block.get("user_handle") or block.get("user_id")),
        {str(package): _text(version) for package, version in packages.items()},
        {**fields, **_mapping(_mapping(metadata.get(OURS)).get(FIELDS))},
    )


def is_copy(metadata: Json) -> bool:
    """Return whether a notebook is the copy that ``octavo publish`` made of another."""
    return bool(_mapping(metadata.get(OURS)).get("published"))


def _id(metadata: Json) -> tuple[str, str]:
    """Return whose convention the id of a notebook follows, and the id."""
    block = _mapping(metadata.get(BLOCK))
    nbmeta = _mapping(metadata.get("nbmeta"))
    colab = _mapping(metadata.get("colab"))
    provenance = colab.get("provenance")
    first = _mapping(provenance[0]) if isinstance(provenance, list) and provenance else {}
    for kept_by, found in (
        (BLOCK, block.get("id") or block.get("uid")),
        ("nbmeta", nbmeta.get("id") or nbmeta.get("uuid")),
        ("deepnote", metadata.get("deepnote_notebook_id")),
        ("colab", first.get("file_id") or colab.get("file_id")),
        ("", metadata.get("notebook_id") or metadata.get("id")),
    ):
        if isinstance(found, str) and found:
            return kept_by, found
    return "", ""


def _project_file(path: str) -> Json:
    """Return what the nearest nbproject_metadata.yml upwards says, by the ids of notebooks."""
    for folder in Path(os.path.abspath(path)).parents:
        file = folder / FILE
        try:
            text = file.read_text("utf-8")
        except OSError:
            continue
        return _mapping(document.parse(text, str(file)).data)
    return {}


def _mapping(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return "" if value is None else str(value)
