"""Ask git: its configuration, its folders, files of its commits."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence

from ..errors import Error
from ..reading.folders import FOREIGN


def run(*words: str, cwd: str | None = None) -> bytes | None:
    """Return what a git command prints; None where it fails, or git is not there."""
    try:
        ended = subprocess.run(["git", *words], cwd=cwd, capture_output=True, stdin=subprocess.DEVNULL)
    except FileNotFoundError:
        return None
    return ended.stdout if ended.returncode == 0 else None


def line(*words: str, cwd: str | None = None) -> str | None:
    """Return the one line that a git command prints."""
    said = run(*words, cwd=cwd)
    return None if said is None else os.fsdecode(said).rstrip("\n")


def config(pattern: str, *scope: str) -> dict[str, str]:
    """Return the settings whose names match a pattern, by their names in lower case; of several the last."""
    said = run("config", *scope, "--null", "--get-regexp", pattern) or b""
    pairs = (entry.partition("\n") for entry in os.fsdecode(said).split("\0") if entry)
    return {name: value for name, _, value in pairs}


def of_filters(names: Sequence[str]) -> dict[str, str]:
    """Return the settings of filters, by the last part of their names; those of a later filter win."""
    found: dict[str, str] = {}
    settings = config(rf"^filter\.({'|'.join(names)})\.")
    for name in names:
        start = f"filter.{name}."
        found |= {key[len(start) :]: value for key, value in settings.items() if key.startswith(start)}
    return found


def required(*words: str, cwd: str | None = None) -> str:
    """Return the one line that a git command must print; raise ``Error`` outside of a repository."""
    found = line(*words, cwd=cwd)
    if found is None:
        raise Error("this is no git repository", os.path.relpath(cwd) if cwd else None, "git init")
    return found


def talk(*words: str) -> int:
    """Run a git command that speaks to the person; return its exit code."""
    try:
        return subprocess.run(["git", *words]).returncode
    except FileNotFoundError:
        raise Error("git is not installed") from None


#: So many ignored files are looked at.
_MOST = 20_000


def ignored(folder: str) -> Iterator[str]:
    """Yield the files in a folder that git ignores, relative to it, but for those of tools and environments."""
    said = run("ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "-z", cwd=folder)
    left = _MOST
    for path in os.fsdecode(said or b"").split("\0"):
        full = os.path.join(folder, path)
        if path and not path.endswith("/"):
            yield path
        for place, inner, names in os.walk(full) if path.endswith("/") else ():
            if (
                os.path.exists(os.path.join(place, "pyvenv.cfg"))
                or os.path.basename(place.rstrip("/")) in FOREIGN
            ):
                inner.clear()
                continue
            for name in [*names, *(it for it in inner if os.path.islink(os.path.join(place, it)))]:
                if (left := left - 1) < 0:
                    return
                yield os.path.relpath(os.path.join(place, name), folder)
