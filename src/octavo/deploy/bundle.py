"""The code of a run: the files of the project but its products, as one tar and blobs of its large files.

The same files make the same tar, byte for byte, so an edit of a notebook costs one upload, and no edit none.
"""

from __future__ import annotations

import io
import os
import stat
import subprocess
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import field

from .. import products
from ..dataclass import dataclass
from ..errors import Error
from ..model import Json
from .depot import Depot

#: A file of more bytes is a blob of its own: it is sent once, however often what is beside it is edited.
_LARGE = 1 << 20
#: Folders that are no code of a project's.
_LEFT_OUT = frozenset(
    (
        ".git",
        ".hg",
        ".svn",
        ".octavo",
        ".octavo-test",
        "__pycache__",
        ".ipynb_checkpoints",
        ".pytest_cache",
        "node_modules",
    )
)
#: Files that people keep credentials in; git is usually told to ignore them, too.
_PRIVATE = (".env", ".netrc", ".pem", ".pgpass", "credentials.json", "id_rsa", "id_ed25519")


@dataclass(frozen=True, slots=True)
class Bundle:
    """What was packed: the digest of the tar, and the large files by their paths, each with digest and permissions."""

    tar: str
    large: Mapping[str, tuple[str, int]] = field(default_factory=dict)

    def plain(self) -> Json:
        """Return it as plain values."""
        return {"tar": self.tar, "large": {path: list(one) for path, one in self.large.items()}}


@dataclass(frozen=True, slots=True)
class Files:
    """The files of a project that are its code. ``uncommitted`` are those which git has in another version, or not."""

    paths: tuple[str, ...]
    uncommitted: tuple[str, ...] = ()


def files(root: str, made: Set[str], needed: Iterable[str]) -> Files:
    """Return the files of a project: what git would have, or all, and what is needed besides; not what tasks make."""
    listed = _of_git(root)
    known, changed = ([*_walk(root)], []) if listed is None else listed
    needed = [path for path in needed if os.path.isfile(os.path.join(root, path))]
    kept = {path for path in known if not _made(path, made) and not _private(path)} | {*needed}
    there = sorted(path for path in kept if os.path.isfile(os.path.join(root, path)))
    return Files(tuple(there), tuple(sorted({*changed} & kept)))


def pack(root: str, paths: Iterable[str], depot: Depot) -> Bundle:
    """Send files of a project to a store."""
    small, large = list[str](), list[str]()
    for path in paths:
        (large if os.stat(os.path.join(root, path)).st_size > _LARGE else small).append(path)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in small:
            _add(tar, root, path)
    with ThreadPoolExecutor(4, "octavo-bundle") as pool:
        sent = list(pool.map(lambda path: _send(root, path, depot), large))
    return Bundle(depot.put(buffer.getvalue()), dict(zip(large, sent, strict=True)))


def unpack(bundle: Json, depot: Depot, root: str) -> None:
    """Write the files of a bundle into an empty folder. Raises Gone, and Error for one that is damaged."""
    try:
        with tarfile.open(fileobj=io.BytesIO(depot.get(bundle["tar"]))) as tar:
            for member in tar:
                _inside(root, member.name)
                if not member.isreg():
                    raise Error(f"the code of this run is damaged: {member.name} is no file")
            tar.extraction_filter = getattr(
                tarfile, "data_filter", None
            )  # before Python 3.11.4 there is none
            tar.extractall(root)
        large = {str(path): (str(name), int(mode)) for path, (name, mode) in bundle["large"].items()}
    except (tarfile.TarError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise Error(f"the code of this run is damaged: {error}") from error
    for path, (name, mode) in large.items():
        full = _inside(root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        depot.fetch(name, full)
        os.chmod(full, mode & 0o777)


def _inside(root: str, path: str) -> str:
    full = os.path.normpath(os.path.join(root, path))
    if os.path.isabs(path) or not full.startswith(os.path.join(root, "")):
        raise Error(f"the code of this run is damaged: {path} is outside of the project")
    return full


def _add(tar: tarfile.TarFile, root: str, path: str) -> None:
    """Add a file with its bytes and its right to be executed; who owns it, and when it was written, is left out."""
    full = os.path.join(root, path)
    with open(full, "rb") as file:  # noqa: PTH123 - thousands of files
        data = file.read()
        mode = os.fstat(file.fileno()).st_mode
    info = tarfile.TarInfo(path)
    info.size, info.mode = len(data), 0o755 if mode & stat.S_IXUSR else 0o644
    tar.addfile(info, io.BytesIO(data))


def _send(root: str, path: str, depot: Depot) -> tuple[str, int]:
    full = os.path.join(root, path)
    name = products.file_digest(full)
    depot.send(name, full)
    return name, 0o755 if os.stat(full).st_mode & stat.S_IXUSR else 0o644


def _of_git(root: str) -> tuple[list[str], list[str]] | None:
    """Return the files that git has or would take, and those not committed as they are; None where there is no git."""
    known = _git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    if known is None:
        return None
    changed = _git(root, "ls-files", "-z", "--modified", "--others", "--exclude-standard") or []
    staged = _git(root, "diff", "--cached", "--name-only", "--relative", "-z") or []
    return [path for path in known if not _outside(path)], [*changed, *staged]


def _git(root: str, *words: str) -> list[str] | None:
    try:
        ended = subprocess.run(["git", "-C", root, *words], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return [os.fsdecode(path) for path in ended.stdout.split(b"\0") if path]


def _walk(root: str) -> Iterator[str]:
    for folder, inner, names in os.walk(root):
        inner[:] = [
            name
            for name in inner
            if not _outside(name) and not os.path.exists(os.path.join(folder, name, "pyvenv.cfg"))
        ]
        yield from (os.path.relpath(os.path.join(folder, name), root) for name in names)


def _outside(path: str) -> bool:
    return not _LEFT_OUT.isdisjoint(path.split("/"))


def _private(path: str) -> bool:
    name = os.path.basename(path)
    return name.startswith(".env") or name.endswith(_PRIVATE)


def _made(path: str, made: Set[str]) -> bool:
    """Return whether a file is a product, in one, or the notebook of a run that failed."""
    if path.endswith(".failed.ipynb"):
        return True
    return path in made or any(path[:at] in made for at, sign in enumerate(path) if sign == "/")
