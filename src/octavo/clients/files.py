"""Clients that copy products elsewhere: to a folder, S3 or Google Cloud Storage.

A file keeps its path relative to the project there, below ``parent``.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path, PurePosixPath

from ..errors import Error, ProductError
from ..products import writing
from .remembered import Client
from .stores import NotFound, ObjectStore, google_store, s3_store

#: How far up a project's folder is looked for.
_LEVELS = 6


class StorageClient(Client):
    """What all places for files can do: upload and download files and folders by their paths in the project."""

    def __init__(self, path_to_project_root: str | os.PathLike[str] | None) -> None:
        self._given_root = path_to_project_root
        self._root: Path | None = Path(path_to_project_root).resolve() if path_to_project_root else None

    @property
    def parent(self) -> str:
        """Return the folder below which everything is kept."""
        raise NotImplementedError

    @property
    def root(self) -> Path:
        """Return the project's folder: as given, as set by ``at``, or the nearest above this one that is a project."""
        if self._root is None:
            self._root = _project()
        return self._root

    def at(self, root: str | os.PathLike[str]) -> None:
        """Take a folder as the project's, unless the client was made with one."""
        if self._given_root is None:
            self._root = Path(root).resolve()

    def upload(self, local: str | os.PathLike[str]) -> None:
        """Upload a file, or a folder with all of its files."""
        path = Path(local)
        if path.is_dir():
            for file in sorted(file for file in path.rglob("*") if file.is_file()):
                self._put(self._remote(file), file)
        else:
            self._put(self._remote(path), path)

    def download(
        self, local: str | os.PathLike[str], destination: str | os.PathLike[str] | None = None
    ) -> None:
        """Download the file or folder that was uploaded from ``local``, to there or to ``destination``."""
        remote, target = self._remote(local), Path(destination or local)
        if self._one(remote, target):
            return
        inside = self._names(remote)
        if not inside:
            raise ProductError(f"{self!r} holds no {os.fspath(local)}")
        for name in inside:
            self._one(f"{remote}/{name}", target / name)

    def exists(self, local: str | os.PathLike[str]) -> bool:
        """Return whether a file or folder of this path is there."""
        remote = self._remote(local)
        return self._has(remote) or bool(self._names(remote))

    def _remote(self, local: str | os.PathLike[str]) -> str:
        """Return the name of a local path in this place."""
        # not resolved: a link in the project is kept under its own name
        path = Path(os.path.abspath(Path(local)))
        for root in (self.root, Path(os.path.realpath(self.root))):
            if path.is_relative_to(root):
                return str(PurePosixPath(self.parent, *path.relative_to(root).parts))
        if Path(local).resolve().is_relative_to(self.root):
            return str(PurePosixPath(self.parent, *Path(local).resolve().relative_to(self.root).parts))
        raise ProductError(
            f"{os.fspath(local)} lies outside of the project {self.root}, so it has no place in {self!r}",
            hint="keep products in the project, or make the client with another path_to_project_root",
        )

    def _one(self, remote: str, target: Path) -> bool:
        """Download one file, whole or not at all; return whether it was there."""
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with writing.beside(target) as part:
                self._get(remote, Path(part))
        except NotFound:
            return False
        return True

    def _put(self, remote: str, path: Path) -> None:
        raise NotImplementedError

    def _get(self, remote: str, path: Path) -> None:
        """Download a file; raise NotFound where there is none."""
        raise NotImplementedError

    def _has(self, remote: str) -> bool:
        raise NotImplementedError

    def _names(self, remote: str) -> list[str]:
        """Return the files below a folder, relative to it."""
        raise NotImplementedError


class LocalStorageClient(StorageClient):
    """Another folder of this machine."""

    def __init__(
        self,
        path_to_backup_dir: str | os.PathLike[str],
        path_to_project_root: str | os.PathLike[str] | None = None,
    ) -> None:
        super().__init__(path_to_project_root)
        self._folder = Path(path_to_backup_dir).absolute()
        self._folder.mkdir(parents=True, exist_ok=True)

    @property
    def parent(self) -> str:
        return self._folder.as_posix()

    def _put(self, remote: str, path: Path) -> None:
        there = Path(remote)
        there.parent.mkdir(parents=True, exist_ok=True)
        with writing.beside(there) as part:
            shutil.copy(path, part)

    def _get(self, remote: str, path: Path) -> None:
        if not Path(remote).is_file():
            raise NotFound(remote)
        shutil.copy(remote, path)

    def _has(self, remote: str) -> bool:
        return Path(remote).is_file()

    def _names(self, remote: str) -> list[str]:
        there = Path(remote)
        return sorted(file.relative_to(there).as_posix() for file in there.rglob("*") if file.is_file())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.parent!r})"


class _Bucket(StorageClient):
    """A bucket of an object store."""

    def __init__(
        self,
        bucket_name: str,
        parent: str,
        json_credentials_path: str | os.PathLike[str] | None = None,
        path_to_project_root: str | os.PathLike[str] | None = None,
        credentials_relative_to_project_root: bool = True,
        **kwargs: object,
    ) -> None:
        super().__init__(path_to_project_root)
        self._bucket_name, self._parent, self._kwargs = bucket_name, str(parent).strip("/"), kwargs
        self._credentials = json_credentials_path
        self._relative = credentials_relative_to_project_root
        self._opened: ObjectStore | None = None

    @property
    def parent(self) -> str:
        return self._parent

    @property
    def _store(self) -> ObjectStore:
        if self._opened is None:
            self._opened = self._open(self._credentials_file())
        return self._opened

    def _open(self, credentials: Path | None) -> ObjectStore:
        raise NotImplementedError

    def _credentials_file(self) -> Path | None:
        if self._credentials is None:
            return None
        path = Path(self._credentials)
        path = self.root / path if self._relative else path.absolute()
        if not path.is_file():
            raise Error(f"there are no credentials at {path}", hint="see json_credentials_path of the client")
        return path

    def _put(self, remote: str, path: Path) -> None:
        self._store.put(remote, path)

    def _get(self, remote: str, path: Path) -> None:
        self._store.get(remote, path)

    def _has(self, remote: str) -> bool:
        return remote in self._store.names(remote)

    def _names(self, remote: str) -> list[str]:
        folder = remote.rstrip("/") + "/"
        return [name.removeprefix(folder) for name in self._store.names(folder) if not name.endswith("/")]

    def close(self) -> None:
        self._opened = None

    def __getstate__(self) -> dict[str, object]:
        return self.__dict__ | {"_opened": None}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._bucket_name!r}, {self._parent!r})"


class S3Client(_Bucket):
    """A bucket of Amazon's S3 or of a server that speaks as it does.

    The JSON file of credentials holds ``aws_access_key_id`` and ``aws_secret_access_key``; the other arguments are
    those of ``boto3.client``. Without boto3 it is obstore that does the work, which knows the usual ones.
    """

    def _open(self, credentials: Path | None) -> ObjectStore:
        known = json.loads(credentials.read_text(encoding="utf-8")) if credentials else {}
        names = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
        keys = {name: known[name] for name in names if name in known}
        return s3_store(self._bucket_name, {**keys, **self._kwargs})


class GCloudStorageClient(_Bucket):
    """A bucket of Google Cloud Storage.

    The JSON file of credentials is that of a service account; the other arguments are those of
    ``google.cloud.storage.Client``. Without that package it is obstore that does the work.
    """

    def _open(self, credentials: Path | None) -> ObjectStore:
        return google_store(self._bucket_name, credentials, self._kwargs)


def _project() -> Path:
    """Return the folder of the nearest pipeline.yaml or setup.py, from the working folder upwards."""
    here = Path.cwd()
    for folder in [here, *here.parents][:_LEVELS]:
        if folder.parent.name == "src" and (folder.parent.parent / "setup.py").is_file():
            continue  # of a package that has its pipeline inside, the project is the folder of setup.py
        if any((folder / name).is_file() for name in ("pipeline.yaml", "setup.py")):
            return folder
    raise Error(
        f"a client for files cannot tell where the project is: no pipeline.yaml in {here} or above",
        hint="make the client with path_to_project_root",
    )
