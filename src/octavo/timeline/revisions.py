"""The commits that changed a file, through renames, and the file as each of them has it, read by one process."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing

from ..digests import digest
from ..errors import Error
from ..review import git
from . import Revision

_FORMAT = "%x1e%H%x1f%aI%x1f%an%x1f%s%x1f"


def revisions(path: str) -> list[Revision] | None:
    """Return the commits that changed a file, the newest first; None outside of a repository."""
    folder, name = os.path.split(os.path.abspath(path))
    while not os.path.isdir(folder):  # the file may be gone with its folder
        folder, last = os.path.split(folder)
        name = os.path.join(last, name)
    if git.run("rev-parse", "--git-dir", cwd=folder) is None:
        return None
    said = git.run(
        "-c",
        "core.quotePath=false",
        "log",
        "--follow",
        "-M",
        f"--format={_FORMAT}",
        "--name-only",
        "-z",
        "--",
        name,
        cwd=folder,
    )
    return list(_revisions(os.fsdecode(said or b"")))


def _revisions(text: str) -> Iterator[Revision]:
    for entry in text.split("\x1e")[1:]:
        commit, at, by, subject, rest = entry.split("\x1f", 4)
        path = next((part.strip("\n") for part in rest.split("\0") if part.strip("\n")), None)
        if path is not None:  # a merge that changed nothing by itself names none
            yield Revision(commit, at, by, subject, path)


def blobs(folder: str, names: Sequence[str]) -> Generator[bytes | None, None, None]:
    """Yield the objects that git has under some names ("commit:path"), in order; None for one that it has not."""
    with tempfile.TemporaryFile() as asked:
        asked.writelines(os.fsencode(name.replace("\n", " ")) + b"\n" for name in names)
        asked.seek(0)
        # one after the other: all versions of a notebook with pictures need not fit into memory at once
        with subprocess.Popen(
            ["git", "cat-file", "--batch"], cwd=folder, stdin=asked, stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            for _ in names:
                head = process.stdout.readline().split(b" ")
                if len(head) != 3 or not head[2].strip().isdigit():
                    yield None
                    continue
                yield process.stdout.read(int(head[2]))
                process.stdout.read(1)


def commit_of(path: str, raw: str) -> Revision | None:
    """Return the newest commit in which the bytes of a file have a digest; None where there is none."""
    found = revisions(path) if raw else None
    if not found:
        return None
    names = [f"{one.commit}:{one.path}" for one in found]
    with closing(blobs(existing(path), names)) as read:
        for one, data in zip(found, read, strict=True):
            if data is not None and digest(data) == raw:
                return one
    return None


def existing(path: str) -> str:
    """Return the folder of a file, or the nearest one above that is there."""
    folder = os.path.dirname(os.path.abspath(path))
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    return folder


def resolve(folder: str, name: str) -> str | None:
    """Return the commit that a person names; None for what git does not know."""
    if name.startswith("-"):
        raise Error(f'"{name}" is no revision')
    return git.line("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}", cwd=folder)
