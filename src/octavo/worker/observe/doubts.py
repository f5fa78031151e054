"""Say what a task uses that can make it stale only if it is declared, with the lines to add."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator

from ...model import Task
from ...reading.mentions import mentions

#: Libraries that open files in C, C++, Rust or Fortran, and the names that these are imported by.
_READERS = frozenset(
    (
        *(
            "pyarrow",
            "polars",
            "duckdb",
            "fastparquet",
            "pyreadstat",
            "pyogrio",
            "fiona",
            "rasterio",
            "osgeo",
        ),
        *("h5py", "tables", "netCDF4", "lance", "pyreadr", "cv2", "soundfile", "vaex", "tiledb", "rpy2"),
    )
)
_MOST = 5


def doubts(
    root: str,
    task: Task,
    texts: Iterable[str],
    used: Collection[str],
    imported: Iterable[str],
    children: bool,
) -> Iterator[str]:
    """Yield a note on files that a task names and that nobody saw it read, where something in it reads unseen.

    ``used`` are the paths that are known, ``imported`` the modules; ``children``: it has started other programs.
    """
    readers = sorted({name.partition(".")[0] for name in imported} & _READERS)
    who = [*readers, *(["programs that it starts"] if children else [])]
    if not who:
        return
    known = {*used, *(task.declared.inputs or ()), task.source.path, *(it.path for it in task.products)}
    named = {path for text in texts for path in mentions(text).paths}
    found = sorted(
        path
        for path in named - known
        if not os.path.isabs(path)
        and os.path.isfile(os.path.join(root, path))
        and not any(path.startswith(f"{folder}/") for folder in known)
    )
    if found:
        listed = ", ".join(found[:_MOST])
        yield (
            f"what {' and '.join(who)} read cannot be seen here: if it is {listed}, "
            f"add to the task:  inputs: [{listed}]"
        )


def outside(task: Task, texts: Iterable[str], read: Iterable[str]) -> Iterator[str]:
    """Yield a note on files outside of the project that a task has read, if it names them or a folder they are in."""
    declared = task.declared.inputs or ()
    whole = "\n".join([*texts, *map(str, task.params.values())])
    found = [
        path
        for path in sorted(set(read))
        if not any(f"{path}/".startswith(f"{one}/") for one in declared)
        and any(it in whole for it in _spelt(path))
    ]
    if found:
        listed = ", ".join(found[:_MOST])
        more = f" and {len(found) - _MOST} more" if len(found) > _MOST else ""
        yield (
            f"it reads {listed}{more}, outside of the project: what changes there makes nothing stale, "
            f"unless you add to the task:  inputs: [{listed}]"
        )


def times(paths: Iterable[str]) -> Iterator[str]:
    """Yield a note on files whose times of modification a task has asked for."""
    if found := sorted(paths):
        more = f" and {len(found) - _MOST} more" if len(found) > _MOST else ""
        listed = ", ".join(found[:_MOST])
        yield f"it asks when {listed}{more} was modified: that makes nothing stale, what is in a file does"


def _spelt(path: str) -> Iterator[str]:
    """Yield how code may name a file: by its path, or that of a folder it is in, but for those at the top."""
    home = os.path.expanduser("~")
    while path.count("/") > 1:
        yield path
        if path.startswith(f"{home}/"):
            yield f"~{path[len(home) :]}"
        path = os.path.dirname(path)
