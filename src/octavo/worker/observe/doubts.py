"""Say which files a task may have read unseen, with the lines that declare them."""

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
