"""Gather a notebook as it was: from git, from the results of runs that the cache keeps, and from published copies."""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .. import notebook as documents
from ..cache.blobs import Missing
from ..errors import Error, Errors
from ..metadata.identity import identity
from ..publishing import NOTEBOOK, SHELF
from ..publishing.shelf import FolderShelf
from . import Snapshot
from .revisions import blobs, existing, revisions

if TYPE_CHECKING:
    from ..cache.local import Cache
    from ..state.store import PastRun


def of_git(path: str) -> list[Snapshot] | None:
    """Return a notebook as its commits have it, the oldest first; None outside of a repository.

    What was no readable notebook at a commit is left out.
    """
    found = revisions(path)
    if found is None:
        return None
    names = [f"{one.commit}:{one.path}" for one in found]
    snapshots = []
    for one, data in zip(found, blobs(existing(path), names), strict=True):
        snapshot = None if data is None else of_bytes(data, one.path, "commit", one.commit, one.at)
        if snapshot is not None:
            snapshots.append(
                Snapshot("commit", one.commit, one.at, snapshot.cells, one.by, one.subject, snapshot.outputs)
            )
    return snapshots[::-1]


def of_bytes(
    data: bytes, path: str, origin: str, name: str, at: str, *, executed: bool = False
) -> Snapshot | None:
    """Return a notebook that some bytes are; None where they are none. ``executed``: an .ipynb, whatever the path."""
    try:
        notebook = documents.loads(data, "executed.ipynb" if executed else path)
    except (Error, Errors, RecursionError):
        return None
    keeps = notebook.format == "ipynb"
    return Snapshot(origin, name, at, tuple(notebook.cells), outputs=keeps)


def of_runs(
    path: str, runs: Sequence[PastRun], digests: Mapping[str, str], cache: Cache
) -> Iterator[Snapshot]:
    """Yield an executed notebook as runs have left it, as far as the cache still has that.

    ``path`` is that of the product, ``digests`` what it was by the names of runs. Runs come with the oldest first:
    the times that snapshots tell are in whole seconds, as git's are, and runs of one second stay in their order.
    """
    for run in runs:
        digest = digests.get(run.run)
        if digest is None or digest not in cache.blobs:
            continue
        try:
            data = cache.blobs.read(digest)
        except (Missing, OSError):
            continue
        if snapshot := of_bytes(data, path, "run", run.run, iso(run.at)):
            yield snapshot


def of_shelf(path: str, root: str) -> Iterator[Snapshot]:
    """Yield the published versions of a notebook that the shelf of a folder has."""
    try:
        said = identity(documents.read(path).data["metadata"], path)
    except (Error, Errors, OSError):
        return
    kept = FolderShelf(Path(root, SHELF))
    for version in kept.versions(said.id) if said.id else ():
        try:
            data = kept.read(version, NOTEBOOK)
        except OSError:
            continue
        if snapshot := of_bytes(data, path, "published", version.version, version.at, executed=True):
            yield snapshot


def now(path: str) -> Snapshot | None:
    """Return a notebook as it is on disk; None where it is gone. Raises ``NotebookError`` for one that is broken."""
    if not os.path.isfile(path):
        return None
    notebook = documents.read(path)
    return Snapshot(
        "now", "", iso(os.stat(path).st_mtime), tuple(notebook.cells), outputs=notebook.format == "ipynb"
    )


def iso(at: float) -> str:
    """Return a time in ISO format, as git writes it."""
    return datetime.datetime.fromtimestamp(at).astimezone().isoformat(timespec="seconds")


def merged(snapshots: Sequence[Snapshot]) -> list[Snapshot]:
    """Return snapshots in the order of time; of the same cells in a row, the first."""
    ordered = sorted(snapshots, key=lambda one: (one.origin == "now", _time(one.at)))
    kept: list[Snapshot] = []
    for one in ordered:
        if not kept or one.origin in ("commit", "published") or not _same(kept[-1], one):
            kept.append(one)
    return kept


def _same(one: Snapshot, other: Snapshot) -> bool:
    """Return whether a snapshot says and shows the same as one before it; ids and metadata do not count."""
    if other.outputs and not one.outputs:
        return False  # it tells more
    keys = ("cell_type", "source", "outputs") if one.outputs and other.outputs else ("cell_type", "source")
    left, right = ([[cell.get(key) for key in keys] for cell in it.cells] for it in (one, other))
    return left == right


def _time(at: str) -> float:
    try:
        return datetime.datetime.fromisoformat(at).timestamp()
    except ValueError:
        return 0.0
