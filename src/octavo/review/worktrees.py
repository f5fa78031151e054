"""Worktrees of git for a moment: a commit, or the working folder as it is, in a folder that is removed afterwards."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ..errors import Error
from ..process.signals import handled
from ..products.scratch import Scratch, ours, sweep
from . import git

#: No hook of a person's repository runs for a folder that nobody works in.
_QUIET = ("-c", f"core.hooksPath={os.devnull}", "-c", "advice.detachedHead=false")


@contextmanager
def worktree(commit: str | None, top: str) -> Iterator[tuple[str, str]]:
    """Yield a new folder that is for nothing else, and in it the files of a commit; None: those of the working folder.

    Git fills it as it fills any worktree, so filters such as Git LFS's have their turn. It is removed in the end, also
    after Ctrl-C; where the process was killed, a later start removes the folder, and the next call its entry in git.
    """
    sweep()
    forget(top)
    with Scratch() as scratch:
        place = os.path.join(os.path.realpath(scratch.path), os.path.basename(top) or "project")
        words = [*_QUIET, "worktree", "add", "--detach", "--force", place, commit or "HEAD"]
        try:
            said = subprocess.run(["git", *words], cwd=top, capture_output=True, text=True, errors="replace")
            if said.returncode != 0:
                why = [line for line in said.stderr.splitlines() if line.strip()][-1:]
                raise Error(f"git cannot make a worktree of {commit or 'HEAD'}: {''.join(why)}")
            _submodules(top, place)
            if commit is None:
                _overlay(top, place)
            yield scratch.path, place
        finally:
            with handled([signal.SIGINT, signal.SIGTERM], signal.SIG_IGN):  # it is not left half done
                _remove(top, place)
                scratch.remove()


def forget(top: str) -> None:
    """Let git forget worktrees of ours whose folders are gone, as they are where a process was killed."""
    said = git.run("worktree", "list", "--porcelain", "-z", cwd=top) or b""
    for field in os.fsdecode(said).split("\0"):
        name, _, place = field.partition(" ")
        if name == "worktree" and not os.path.exists(place) and ours(os.path.dirname(place), gone=True):
            _remove(top, place)


def _remove(top: str, place: str) -> None:
    # in a session of its own: a second Ctrl-C must not end it
    words = ["git", "worktree", "remove", "--force", "--force", place]
    subprocess.run(words, cwd=top, capture_output=True, start_new_session=True)


def _submodules(top: str, place: str) -> None:
    """Fill the submodules of a worktree from those of the working folder, as far as these have the commits."""
    said = git.run("ls-files", "-s", "-z", cwd=place) or b""
    for row in os.fsdecode(said).split("\0"):
        about, _, path = row.partition("\t")
        own = os.path.join(top, path)
        if about.startswith("160000 ") and os.path.exists(os.path.join(own, ".git")):
            data = git.run("archive", "--format=tar", about.split()[1], cwd=own)
            if data is not None:
                with tarfile.open(fileobj=io.BytesIO(data)) as tar:
                    tar.extractall(os.path.join(place, path), filter="data")


def _overlay(top: str, place: str) -> None:
    """Bring the edits of the working folder, and its new files, into a worktree of the last commit."""
    for words in (
        ("diff", "--name-only", "--no-renames", "-z", "HEAD"),
        ("ls-files", "--others", "--exclude-standard", "-z"),
    ):
        for path in os.fsdecode(git.run(*words, cwd=top) or b"").split("\0"):
            if path:
                bring(os.path.join(top, path), os.path.join(place, path))


def bring(origin: str, copy: str, linking: bool = False) -> None:
    """Copy a file or folder to a place, or take away what is there if there is no such file any more.

    ``linking``: a link stays one, to the same place; else as git has links.
    """
    if os.path.lexists(copy) and (os.path.islink(copy) or not os.path.isdir(copy)):
        os.unlink(copy)
    if not os.path.lexists(origin):
        return
    os.makedirs(os.path.dirname(copy), exist_ok=True)
    if os.path.islink(origin):
        os.symlink(os.path.realpath(origin) if linking else os.readlink(origin), copy)
    elif os.path.isdir(origin):
        shutil.copytree(origin, copy, symlinks=True, dirs_exist_ok=True)
    else:
        shutil.copy2(origin, copy)


def paths_of_python(top: str, place: str, inside: str, path: Sequence[str]) -> list[str]:
    """Return the folders of a worktree that Python must look into before those of the repository in its path.

    An editable installation of the project leads to the working folder, wherever the code that imports it is.
    """
    found = [os.path.join(place, inside), os.path.join(place, inside, "src")]
    real = os.path.realpath(top)
    for one in path:
        full = os.path.realpath(one) if one else ""
        if full.startswith(real + os.sep) and "site-packages" not in full:
            found.append(os.path.join(place, os.path.relpath(full, real)))
    # octavo itself is the one that runs, also in its own repository
    return [
        one
        for one in dict.fromkeys(found)
        if os.path.isdir(one) and not os.path.exists(os.path.join(one, "octavo", "__init__.py"))
    ]
