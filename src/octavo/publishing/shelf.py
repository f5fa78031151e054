"""Where published versions are kept: a folder, or a place behind a URL. A version is there whole, or not at all."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from .. import remote
from ..errors import Error, NotebookError
from ..products import writing
from . import INDEX, MANIFEST, NOTEBOOK, Version

if TYPE_CHECKING:
    from ..model import Json


class Shelf(Protocol):
    """Keeps versions; nothing that was put there is ever written again."""

    def versions(self, id: str) -> list[Version]:
        """Return the versions of a notebook, in the order in which they were published."""
        ...

    def find(self, id: str, version: str) -> Version | None:
        """Return a version that is there, also one whose line of the index a kill came before."""
        ...

    def read(self, version: Version, name: str) -> bytes:
        """Return a file of a version."""
        ...

    def put(self, version: Version, files: Mapping[str, bytes]) -> None:
        """Add a version: all of its files, or none."""
        ...


def shelf(target: str) -> Shelf:
    """Return the shelf at a path or behind a URL."""
    return RemoteShelf(target) if remote.is_url(target) else FolderShelf(Path(target))


class FolderShelf:
    """A folder. A version is written beside its place and renamed there; the index is made of what is there."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def versions(self, id: str) -> list[Version]:
        return [one for one in _read(self._index()) if one.id == id]

    def find(self, id: str, version: str) -> Version | None:
        listed = next((one for one in self.versions(id) if one.version == version), None)
        place = self.path / id / version
        if listed is not None or not (place / MANIFEST).is_file():
            return listed
        self.reindex()
        return _of(place)

    def read(self, version: Version, name: str) -> bytes:
        return (self.path / version.folder / name).read_bytes()

    def put(self, version: Version, files: Mapping[str, bytes]) -> None:
        place = self.path / version.folder
        place.parent.mkdir(parents=True, exist_ok=True)
        beside = place.parent / f".{version.version}.{uuid.uuid4().hex[:8]}.part"
        try:
            beside.mkdir()
            for name, data in files.items():
                _written(beside / name, data)
            os.rename(beside, place)
            _synced(place.parent)
        except OSError as error:
            if place.exists():
                raise Error(f"version {version.version} is published already", str(place)) from None
            raise Error(f"it cannot be published there: {error.strerror}", str(place)) from error
        finally:
            shutil.rmtree(beside, ignore_errors=True)
        self.reindex()

    def reindex(self) -> None:
        """Make the index of the versions that are there: a kill may have come between a version and its line."""
        known = {(one.id, one.version): one for one in _read(self._index())}
        there = [
            path.parent for path in self.path.glob(f"*/*/{MANIFEST}") if not path.parent.name.startswith(".")
        ]
        for place in there:
            if (key := (place.parent.name, place.name)) not in known and (found := _of(place)) is not None:
                known[key] = found
        folders = {(place.parent.name, place.name) for place in there}
        rows = sorted(
            (one for key, one in known.items() if key in folders), key=lambda one: (one.at, one.version)
        )
        writing.write(self.path / INDEX, [_written_index(rows)])

    def _index(self) -> bytes:
        try:
            return (self.path / INDEX).read_bytes()
        except OSError:
            return b""


class RemoteShelf:
    """A place behind a URL. The manifest of a version is written last, then its line of the index."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        remote.check(url)

    def versions(self, id: str) -> list[Version]:
        return [one for one in self._all() if one.id == id]

    def find(self, id: str, version: str) -> Version | None:
        rows = self._all()
        listed = next((one for one in rows if (one.id, one.version) == (id, version)), None)
        if listed is not None:
            return listed
        place = f"{self.url}/{id}/{version}"
        try:
            remote.read(f"{place}/{MANIFEST}")
            there = _said(remote.read(f"{place}/{NOTEBOOK}"), id, version)
        except NotebookError:
            return None  # it is not there, or not whole
        if there is not None:
            remote.write(f"{self.url}/{INDEX}", _written_index([*rows, there]))
        return there

    def read(self, version: Version, name: str) -> bytes:
        return remote.read(f"{self.url}/{version.folder}/{name}")

    def put(self, version: Version, files: Mapping[str, bytes]) -> None:
        last = sorted(files, key=lambda name: name == MANIFEST)
        for name in last:
            remote.write(f"{self.url}/{version.folder}/{name}", files[name], "application/octet-stream")
        remote.write(f"{self.url}/{INDEX}", _written_index([*self._all(), version]))

    def _all(self) -> list[Version]:
        try:
            return _read(remote.read(f"{self.url}/{INDEX}"))
        except NotebookError:
            return []  # nothing was published there


def _of(place: Path) -> Version | None:
    """Return what a published notebook says of itself."""
    try:
        return _said((place / NOTEBOOK).read_bytes(), place.parent.name, place.name)
    except OSError:
        return None


def _said(notebook: bytes, id: str, version: str) -> Version | None:
    try:
        said = json.loads(notebook)["metadata"]["octavo"]["published"]
        return Version(
            id,
            version,
            said["title"],
            said["at"],
            said["code"],
            said["content"],
            said["commit"],
        )
    except (ValueError, KeyError, TypeError):
        return None


def _read(data: bytes) -> list[Version]:
    """Return the versions that an index lists; what cannot be read of it is left out."""
    try:
        rows: list[Json] = json.loads(data)["versions"]
        return [Version(**{name: str(row[name]) for name in Version.__match_args__}) for row in rows]
    except (ValueError, KeyError, TypeError):
        return []


def _written_index(rows: list[Version]) -> bytes:
    names = Version.__match_args__
    plain = [{name: getattr(one, name) for name in names} for one in rows]
    return (json.dumps({"versions": plain}, indent=1, ensure_ascii=False) + "\n").encode()


def _written(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    path.chmod(0o444)


def _synced(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
