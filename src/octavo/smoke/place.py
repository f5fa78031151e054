"""The place of a smoke test: a copy of the project's files beside its products, kept up to date from run to run."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Mapping

from ..products import writing
from . import PLACE, SAMPLES

_LISTED = ".copied.json"
#: A file of more bytes is not copied but linked, where no sample stands for it.
_LARGE = 64 << 20


def prepared(root: str, paths: Iterable[str], stands_for: Mapping[str, str]) -> str:
    """Bring the place up to date with the files of a project, and return it; what was built in it stays.

    A file that a sample stands for is that sample there. Files are copied, so that what a task writes into one of
    them stays in the place; only large ones are linked.
    """
    place = os.path.join(root, PLACE)
    os.makedirs(place, exist_ok=True)
    writing.write(os.path.join(place, ".gitignore"), [b"*\n"])
    wanted = {path: stands_for.get(path, path) for path in {*paths, *stands_for} if _belongs(path)}
    for path in _listed(place):
        if path not in wanted:
            _remove(place, path)
    for path, origin in wanted.items():
        _copy(os.path.join(root, origin), os.path.join(place, path))
    writing.write(os.path.join(place, _LISTED), [json.dumps(sorted(wanted)).encode()])
    return place


def _belongs(path: str) -> bool:
    return not path.startswith((PLACE + os.sep, SAMPLES + os.sep)) and path != ".gitignore"


def _listed(place: str) -> list[str]:
    try:
        with open(os.path.join(place, _LISTED), encoding="utf-8") as file:  # noqa: PTH123
            found = json.load(file)
    except (OSError, ValueError):
        return []
    return [path for path in found if isinstance(path, str)] if isinstance(found, list) else []


def _remove(place: str, path: str) -> None:
    full = os.path.normpath(os.path.join(place, path))
    if full.startswith(place + os.sep) and (os.path.isfile(full) or os.path.islink(full)):
        os.unlink(full)


def _copy(origin: str, copy: str) -> None:
    """Copy a file with its times, unless the copy is of this very state of it; a large one is linked."""
    now = os.stat(origin)
    try:
        then = os.stat(copy)
        linked = os.path.islink(copy) and os.path.realpath(copy) == os.path.realpath(origin)
        if linked == (now.st_size > _LARGE) and (then.st_size, then.st_mtime_ns) == (
            now.st_size,
            now.st_mtime_ns,
        ):
            return
    except OSError:
        os.makedirs(os.path.dirname(copy), exist_ok=True)
    if os.path.islink(copy):
        os.unlink(copy)
    if now.st_size > _LARGE:
        if os.path.lexists(copy):
            os.unlink(copy)
        os.symlink(os.path.abspath(origin), copy)
        return
    with writing.beside(copy) as part:
        shutil.copyfile(origin, part)
        shutil.copystat(origin, part)
