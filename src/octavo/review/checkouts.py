"""Look at a project as a commit has it: its text files in a folder of the state, which are written once."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from ..dataclass import dataclass
from ..errors import Error
from . import git

#: Larger files are data, which no pipeline is made of.
_LARGEST = 2_000_000
#: As many commits are kept.
_MOST = 6


@dataclass(frozen=True, slots=True)
class CommitFiles:
    """The files of a commit: by their paths from the top of the repository, what git calls their content."""

    name: str
    blobs: Mapping[str, str]
    sizes: Mapping[str, int]
    links: frozenset[str]


def tree(commit: str, top: str) -> CommitFiles:
    """Return the files of a commit."""
    name = git.required("rev-parse", f"{commit}^{{tree}}", cwd=top)
    said = git.run("ls-tree", "-r", "-l", "-z", name, cwd=top)
    if said is None:
        raise Error(f"git cannot list the files of {commit}")
    blobs: dict[str, str] = {}
    sizes: dict[str, int] = {}
    links: set[str] = set()
    for row in os.fsdecode(said).split("\0"):
        about, _, path = row.partition("\t")
        if not path:
            continue
        mode, kind, blob, size = about.split()
        if kind == "blob":
            blobs[path], sizes[path] = blob, int(size)
            links |= {path} if stat.S_ISLNK(int(mode, 8)) else set()
    return CommitFiles(name, blobs, sizes, frozenset(links))


def folder(found: CommitFiles, top: str, kept: Path) -> Path:
    """Return a folder with the files of a commit, as far as they are text of a project's size; nobody may edit it."""
    place = kept / found.name
    if place.is_dir():
        os.utime(place)
        return place
    kept.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = kept / f"{found.name}-{os.getpid()}.part"
    shutil.rmtree(part, ignore_errors=True)
    wanted = [path for path, size in found.sizes.items() if size <= _LARGEST]
    for path, data in zip(wanted, _contents([found.blobs[path] for path in wanted], top), strict=True):
        full = part / path
        full.parent.mkdir(parents=True, exist_ok=True)
        if path in found.links:
            target = os.fsdecode(data)
            if not os.path.isabs(target) and not os.path.normpath(
                os.path.join(path, "..", target)
            ).startswith(".."):
                full.symlink_to(target)
        else:
            full.write_bytes(data)
    part.mkdir(exist_ok=True)
    try:
        part.rename(place)
    except OSError:  # another process was quicker
        shutil.rmtree(part, ignore_errors=True)
    _prune(kept, place)
    return place


def _contents(blobs: list[str], top: str) -> Iterator[bytes]:
    """Yield what git has under some names: one process reads all."""
    names = "".join(f"{blob}\n" for blob in blobs).encode()
    said = subprocess.run(["git", "cat-file", "--batch"], cwd=top, input=names, capture_output=True).stdout
    at = 0
    for _ in blobs:
        end = said.index(b"\n", at)
        size = int(said[at:end].rpartition(b" ")[2])
        yield said[end + 1 : end + 1 + size]
        at = end + 1 + size + 1


def _prune(kept: Path, newest: Path) -> None:
    found = sorted(
        (path for path in kept.iterdir() if path != newest), key=lambda path: -path.stat().st_mtime
    )
    for old in found[_MOST - 1 :]:
        shutil.rmtree(old, ignore_errors=True)
