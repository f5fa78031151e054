"""The packages a result was made with: which distribution a module comes from, and which version is installed now."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from . import plugins
from .digests import digest
from .model import Record
from .store import Store

_SPACE = "distribution"


def versions(path: Iterable[str] | None = None) -> dict[str, str]:
    """Return the installed distributions with their versions, by normalised name, from the names of their folders.

    Listing folders takes a millisecond; reading their metadata, as importlib.metadata does, a hundred.
    """
    found: dict[str, str] = {}
    for folder in sys.path if path is None else path:
        try:
            names = os.listdir(folder)
        except OSError:
            continue
        for name in names:
            if name.endswith((".dist-info", ".egg-info")):
                dist, _, version = name.rpartition(".")[0].partition("-")
                found.setdefault(dist.lower().replace("_", "-"), version.partition("-py")[0])
    return found


def packages(store: Store, imports: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return parts of a manifest for the third-party modules among some imports: name to (distribution, version)."""
    installed = versions()
    stamp = digest(repr(sorted(installed.items())))
    found: dict[str, tuple[str, str]] = {}
    for top in sorted({name.partition(".")[0] for name in imports} - sys.stdlib_module_names):
        dist = top.lower().replace("_", "-")
        if dist not in installed:
            dist = _distribution(store, top, stamp)
        if version := installed.get(dist):
            found[f"package {top}"] = (dist, version)
    return found


def imported(root: str, discovered: Mapping[str, str]) -> set[str]:
    """Return what the project's own modules, as a run discovered them, import."""
    found: set[str] = set()
    for part, path in discovered.items():
        if part.startswith(("module ", "hook ")):
            try:
                tree = ast.parse(Path(root, path).read_text(encoding="utf-8-sig", errors="replace"))
            except (OSError, SyntaxError, ValueError):
                continue
            for node in ast.walk(tree):
                if isinstance(node, ast.Import):
                    found |= {alias.name for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    found.add(node.module)
    return found


def drift(records: Iterable[Record]) -> dict[str, tuple[str, str, list[str]]]:
    """Return the packages that results were made with in another version: name to (then, now, the tasks)."""
    installed: dict[str, str] | None = None
    found: dict[str, tuple[str, str, list[str]]] = {}
    for record in records:
        for part, dist in record.discovered.items():
            if part.startswith("package "):
                installed = versions() if installed is None else installed
                was, now = record.manifest.get(part, ""), installed.get(dist, "none")
                if was != now:
                    found.setdefault(f"{dist} {was}", (was, now, []))[2].append(record.task)
    return found


def _distribution(store: Store, top: str, stamp: str) -> str:
    known = store.memo(_SPACE, top, stamp)
    if known is None:
        # sklearn comes from scikit-learn: only the distributions' own lists of files know
        table = plugins.load("importlib.metadata:packages_distributions")()
        known = (table.get(top) or [""])[0].lower().replace("_", "-").encode()
        store.keep(_SPACE, [(top, stamp, known)])
    return known.decode()
