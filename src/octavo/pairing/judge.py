"""Which side of a pair was changed: by what both were when they were the same, by git, by their times."""

from __future__ import annotations

import json
import os
from hashlib import sha256

from .. import notebook as documents
from ..dataclass import dataclass
from ..errors import Error, Errors
from ..notebook.cells import Notebook
from ..products import writing
from ..review import git
from .convert import head, said
from .pairs import Pair, PairSide, project_of

#: Seconds between two files that are written together.
_TOGETHER = 0.02
_BOTH = "both were changed since the last {}"
_UNKNOWN = "nothing tells which was changed last"


@dataclass(frozen=True, slots=True)
class Newer:
    """The side that was changed, in words why, and whether the others are as git or the last sync have them."""

    side: PairSide
    why: str
    kept: bool


def judged(pair: Pair) -> Newer | str:
    """Return which side was changed, or in words why that cannot be said: several were, or nothing tells."""
    there = [side for side in pair.sides if side.notebook is not None]
    if len(there) == 1:
        return Newer(there[0], "the other is not there", True)
    digests = [digest(side.notebook, side.data or b"") for side in there if side.notebook is not None]
    was = recorded(pair)
    changed = there if was else []
    if all(os.path.normpath(side.path) in was for side in there):
        pairs = zip(there, digests, strict=True)
        changed = [side for side, now in pairs if was[os.path.normpath(side.path)] != now]
        if len(changed) == 1:
            return Newer(changed[0], "edited since the last sync", True)
    committed = [_committed(side) for side in there]
    if all(committed):
        versions = zip(there, digests, committed, strict=True)
        changed = [side for side, now, before in versions if now != before]
        if len(changed) == 1:
            return Newer(changed[0], "edited since the last commit", True)
        return _BOTH.format("commit") if changed else _by_commits(there)
    return _BOTH.format("sync") if changed else _by_times(there)


def _by_commits(there: list[PairSide]) -> Newer | str:
    times = [int(_line(side, "log", "-1", "--format=%ct", "--") or 0) for side in there]
    newest = [side for side, at in zip(there, times, strict=True) if at == max(times)]
    return Newer(newest[0], "committed later", True) if len(newest) == 1 else _UNKNOWN


def _by_times(there: list[PairSide]) -> Newer | str:
    times = sorted((os.stat(side.path).st_mtime, at) for at, side in enumerate(there))
    if times[-1][0] - times[-2][0] <= _TOGETHER:
        return _UNKNOWN
    return Newer(there[times[-1][1]], "newer", False)


def _line(side: PairSide, *words: str) -> str | None:
    return git.line(*words, os.path.basename(side.path), cwd=os.path.dirname(side.path) or None)


def _committed(side: PairSide) -> str:
    """Return the digest of a side as the last commit has it; "" where it has none."""
    folder = os.path.dirname(side.path) or None
    data = git.run("cat-file", "blob", f"HEAD:./{os.path.basename(side.path)}", cwd=folder)
    if data is None:
        return ""
    try:
        return digest(documents.loads(data, side.path), data)
    except (Error, Errors):
        return ""


def digest(notebook: Notebook, data: bytes) -> str:
    """Return the digest of what a side says: of an .ipynb without its outputs, of a text all of it."""
    if notebook.format == "ipynb":
        data = json.dumps([head(notebook), *map(said, notebook.cells)], sort_keys=True).encode()
    return sha256(data).hexdigest()


def place(pair: Pair) -> str:
    """Return the folder in which the project of a pair keeps what octavo knows of it."""
    folder = os.path.dirname(os.path.abspath(pair.name))
    while True:
        if any(os.path.exists(os.path.join(folder, mark)) for mark in (".octavo", "pipeline.yaml", ".git")):
            return os.path.join(folder, ".octavo")
        above = os.path.dirname(folder)
        if above == folder:
            return os.path.join(project_of(pair.name), ".octavo")
        folder = above


def _record(pair: Pair) -> str:
    home = place(pair)
    name = os.path.relpath(os.path.abspath(pair.name), os.path.dirname(home))
    return os.path.join(home, "pairs", f"{sha256(os.fsencode(name)).hexdigest()[:16]}.json")


def recorded(pair: Pair) -> dict[str, str]:
    """Return the digests that the sides had when they were the same, by paths; none where nothing is known."""
    try:
        with open(_record(pair), "rb") as file:  # noqa: PTH123 - a str
            found = json.load(file)
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    names = [os.path.normpath(side.path) for side in pair.sides]
    by_name = {os.path.basename(name): name for name in names}
    return {by_name[key]: value for key, value in found.items() if key in by_name and isinstance(value, str)}


def record(pair: Pair) -> None:
    """Keep what the sides say, now that they are the same. What cannot be written is known by git, or by times."""
    file = _record(pair)
    found = {
        os.path.basename(side.path): digest(side.notebook, side.data or b"")
        for side in pair.sides
        if side.notebook is not None
    }
    if {os.path.basename(key): value for key, value in recorded(pair).items()} == found:
        return
    try:
        _prepared(os.path.dirname(file))
        writing.write(file, [json.dumps(found).encode()])
    except OSError:
        pass


def keep(pair: Pair, side: PairSide) -> str:
    """Keep a copy of a side that is about to be replaced, and that nothing else has; return where it is."""
    name, extension = os.path.splitext(os.path.basename(side.path))
    folder = os.path.join(place(pair), "pairs")
    _prepared(folder)
    mark = sha256(side.data or b"").hexdigest()[:8]
    path = os.path.relpath(os.path.join(folder, f"{name}-{mark}{extension}"))
    writing.write(path, [side.data or b""])
    return path


def _prepared(folder: str) -> None:
    home = os.path.dirname(folder)
    os.makedirs(home, mode=0o700, exist_ok=True)
    ignore = os.path.join(home, ".gitignore")
    if not os.path.exists(ignore):
        writing.write(ignore, [b"*\n"])
    os.makedirs(folder, exist_ok=True)
