"""Say what a task uses that can make it stale only if it is declared, with the lines to add."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator
from urllib.parse import urlsplit

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
        yield (
            f"it reads {_some(found)}, outside of the project: what changes there makes nothing stale, "
            f"unless you add to the task:  inputs: [{listed}]"
        )


def times(paths: Iterable[str]) -> Iterator[str]:
    """Yield a note on files whose times of modification a task has asked for."""
    if found := sorted(paths):
        yield f"it asks when {_some(found)} was modified: that makes nothing stale, what is in a file does"


#: Hosts that are this machine, or none.
_HERE = re.compile(r"|localhost|127\.[\d.]+|::1|0\.0\.0\.0|None")
_GIT = re.compile(
    r"(?:^|[\s/;&|(`])git[ \n](?:-\S+[ \n])*(?:log|show|rev-parse|rev-list|describe|diff|grep|status|blame|archive|tag"
    r"|ls-files|ls-tree|cat-file|branch|shortlog|symbolic-ref|for-each-ref)\b"
)


def surroundings(
    variables: Iterable[str],
    reached: Iterable[str],
    commands: Iterable[str],
    disk: bool,
    links: Iterable[str],
) -> Iterator[str]:
    """Yield notes on what a task asked for that is no part of its project, and that makes nothing stale.

    ``reached`` are addresses that it has connected to, ``links`` those by which a library may have come to a file.
    """
    if found := sorted(variables):
        hint = f"as a parameter they do, say  {found[0].lower()}: '{{{{env.{found[0]}}}}}'"
        yield f"it reads environment variables ({_some(found)}), which make nothing stale; {hint}"
    if found := sorted(host for host in set(map(_host, reached)) if not _HERE.fullmatch(host)):
        yield f"it connects to {_some(found)}: what comes from there makes nothing stale"
    if any(map(_GIT.search, commands)):
        yield "it asks git: commits, branches and tags make nothing stale"
    if disk:
        yield "it asks how full a disk is: that makes nothing stale"
    if found := sorted(set(links)):
        yield f"it may have come to a file by {_some(found)}: where a link points counts where the code names the link"


def _host(address: str) -> str:
    """Return the name of a host in a URL, or before a port; "" of what is neither."""
    if "://" not in address:
        return address.rpartition(":")[0]
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def _some(names: list[str]) -> str:
    """Return the first of some names, and how many more there are."""
    more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return ", ".join(names[:_MOST]) + more


def _spelt(path: str) -> Iterator[str]:
    """Yield how code may name a file: by its path, or that of a folder it is in, but for those at the top."""
    home = os.path.expanduser("~")
    while path.count("/") > 1:
        yield path
        if path.startswith(f"{home}/"):
            yield f"~{path[len(home) :]}"
        path = os.path.dirname(path)
