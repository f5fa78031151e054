"""The packages a result was made with: which distribution a module belongs to, and its installed version."""

from __future__ import annotations

import ast
import os
import sys
import time
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

from . import products
from .digests import digest
from .lazy import lazy_imports
from .state.store import Store

with lazy_imports():
    from importlib import metadata


_SPACE = "distribution"

#: Distributions of well-known modules of other names, also where they are not installed.
ALIASES: Mapping[str, str] = {
    "Bio": "biopython",
    "Crypto": "pycryptodome",
    "IPython": "ipython",
    "OpenSSL": "pyopenssl",
    "PIL": "pillow",
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "fitz": "pymupdf",
    "git": "gitpython",
    "github": "pygithub",
    "igraph": "python-igraph",
    "jwt": "pyjwt",
    "mpl_toolkits": "matplotlib",
    "osgeo": "gdal",
    "pkg_resources": "setuptools",
    "pylab": "matplotlib",
    "psycopg2": "psycopg2-binary",
    "serial": "pyserial",
    "shapefile": "pyshp",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "skopt": "scikit-optimize",
    "umap": "umap-learn",
    "usb": "pyusb",
    "yaml": "pyyaml",
}


def versions(path: Iterable[str] | None = None) -> dict[str, str]:
    """Return the installed distributions with their versions, by normalised name, from the names of their folders.

    Listing folders takes a millisecond; reading their metadata, as importlib.metadata does, a hundred.
    """
    found: dict[str, str] = {}
    for folder in sys.path if path is None else path:
        try:
            changed = os.stat(folder).st_mtime_ns
        except OSError:
            continue
        # what changes twice within a tick of the clock does not tell
        racy = time.time_ns() - changed <= products.RACY
        for dist, version in (_read if racy else _listed)(folder, changed):
            found.setdefault(dist, version)
    return found


def _read(folder: str, changed: int) -> tuple[tuple[str, str], ...]:
    """Return the distributions in a folder, as it is since it has changed, with their versions."""
    try:
        names = os.listdir(folder)
    except OSError:
        return ()
    found = []
    for name in names:
        if name.endswith((".dist-info", ".egg-info")):
            dist, _, version = name.rpartition(".")[0].partition("-")
            found.append((dist.lower().replace("_", "-"), version.partition("-py")[0]))
    return tuple(found)


_listed = lru_cache(maxsize=32)(_read)


def python_version() -> str:
    """Return the version of the Python that runs this."""
    return ".".join(map(str, sys.version_info[:3]))


def packages(store: Store, imports: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return distribution and version of each third-party module among some imports."""
    installed = versions()
    stamp = digest(repr(sorted(installed.items())))
    found: dict[str, tuple[str, str]] = {}
    for top in sorted({name.partition(".")[0] for name in imports} - sys.stdlib_module_names):
        dist = top.lower().replace("_", "-")
        if dist not in installed:
            dist = _distribution(store, top, stamp)
        if version := installed.get(dist):
            found[top] = (dist, version)
    return found


def imported(root: str, paths: Iterable[str]) -> set[str]:
    """Return what some modules of the project import."""
    return {name for path in paths for name in _imports(os.path.join(root, path))}


@products.remembered
def _imports(path: str) -> frozenset[str]:
    try:
        tree = ast.parse(Path(path).read_bytes())
    except (OSError, SyntaxError, ValueError):
        return frozenset()
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
    return frozenset(found)


def distribution(top: str, installed: Mapping[str, str]) -> str:
    """Return the distribution, among those that are installed, to which a module at the top belongs; "" for none.

    Listing what all distributions hold takes a tenth of a second: it is done where neither name nor ``ALIASES`` tell.
    """
    for name in (top.lower().replace("_", "-"), ALIASES.get(top, "")):
        if name in installed:
            return name
    if top in sys.stdlib_module_names:
        return ""
    found = _table(digest(repr(sorted(installed.items())))).get(top)
    return found[0].lower().replace("_", "-") if found else ""


def _distribution(store: Store, top: str, stamp: str) -> str:
    known = store.memo(_SPACE, top, stamp)
    if known is None:
        # sklearn comes from scikit-learn: only the distributions' own lists of files know
        known = (_table(stamp).get(top) or [""])[0].lower().replace("_", "-").encode()
        store.keep(_SPACE, [(top, stamp, known)])
    return known.decode()


@lru_cache(maxsize=1)
def _table(stamp: str) -> Mapping[str, list[str]]:
    """Return the distributions of each module, as they are installed with a stamp."""
    return metadata.packages_distributions()
