"""NB201: a notebook imports what no requirement of the project provides."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..lazy import lazy_imports
from ..reading.folders import find_package
from ..reading.versions import normal
from . import Across, Around, ImportAt, Severity, Sketch
from .requirements import required

with lazy_imports():
    # databases and e-mail, which only projects that say what they require are worth
    from importlib import metadata

    from .. import environment

#: What is there wherever a notebook runs, or comes with the place where it does.
_THERE = frozenset(
    [
        *("IPython", "ipykernel", "ipywidgets", "jupyter_client", "octavo", "ploomber", "google", "pyspark"),
        *("dbutils", "dbruntime", "kaggle_secrets", "kaggle_datasets", "js", "pyodide", "piplite"),
    ]
)
#: Modules that several distributions bring.
_VARIANTS = {
    "cv2": ("opencv-python-headless", "opencv-contrib-python", "opencv"),
    "tensorflow": ("tensorflow-cpu", "tensorflow-gpu", "tensorflow-macos", "intel-tensorflow"),
    "keras": ("tensorflow",),
    "torch": ("pytorch", "pytorch-cpu"),
    "psycopg2": ("psycopg2",),
    "MySQLdb": ("mysqlclient",),
    "sklearn": ("sklearn",),
    "faiss": ("faiss-cpu", "faiss-gpu"),
    "xgboost": ("xgboost-cpu", "py-xgboost"),
    "matplotlib": ("matplotlib-base",),
    "docx": ("python-docx",),
    "pptx": ("python-pptx",),
    "magic": ("python-magic",),
    "ruamel": ("ruamel-yaml",),
}


class MissingRequirement:
    """A notebook imports a package that no requirement of the project provides, itself or by what it requires.

    It is there on this machine by accident. Add it to the requirements. Looked at are `pyproject.toml`,
    `requirements*.txt`, `environment.yml`, `setup.cfg` and `setup.py`; a project without them is not reported, nor are
    modules of the project, imports in `try`, and what the notebook itself installs or requires (PEP 723).
    """

    code = "NB201"
    name = "missing-requirement"
    severity: Severity = "warning"

    def across(self, sketches: Sequence[Sketch], around: Around, whole: bool) -> Iterator[Across]:
        root = Path(around.root)
        wanted = {one.name for one in required(root)}
        if not wanted:
            return
        installed = environment.versions()
        brought: set[str] | None = None
        missing: dict[str, list[tuple[Sketch, ImportAt]]] = {}
        known: dict[str, bool] = {}
        for sketch in sketches:
            own = {normal(name) for name in sketch.installs}
            for one in {one.module.partition(".")[0]: one for one in reversed(sketch.imports)}.values():
                top = one.module.partition(".")[0]
                if top in sketch.writes or top.endswith("_pb2") or _is_ours(top, root, sketch.path):
                    continue
                names = candidates(one.module, installed)
                if top not in known:
                    if not names & wanted and brought is None:
                        brought = _required_by(wanted, installed)
                    part = any(
                        name.startswith(f"{normal(top)}-") for name in wanted
                    )  # tensorflow-serving-api
                    known[top] = part or bool(names & wanted or names & (brought or set()))
                if not known[top] and not names & own:
                    missing.setdefault(top, []).append((sketch, one))
        for top, several in missing.items():
            sketch, one = several[0]
            more = f", here and in {len(several) - 1} more" if several[1:] else ""
            words = f'"{top}" is imported{more}, and no requirement of the project provides it'
            name = environment.distribution(top, installed) or environment.ALIASES.get(top, top)
            yield Across(sketch, words, one.number, one.line, one.row, f"add {name} to the requirements")


def _is_ours(top: str, root: Path, path: str) -> bool:
    """Return whether a module needs no requirement: it is Python's, the project's, or beside the notebook."""
    if top in sys.stdlib_module_names or top in _THERE:
        return True
    folder = Path(path).absolute().parent
    for place in (folder, folder.parent, root, root / "src"):
        if (place / f"{top}.py").is_file() or (place / top).is_dir():
            return True
    found = find_package(top, str(root)) if top not in environment.ALIASES else None
    return bool(found) and "-packages" not in str(found)


def candidates(module: str, installed: dict[str, str]) -> set[str]:
    """Return the distributions that may bring a module."""
    top = module.partition(".")[0]
    names = {normal(top), normal(environment.ALIASES.get(top, top)), *_VARIANTS.get(top, ())}
    names |= {normal(module.replace(".", "-")), f"python-{normal(top)}", f"py{normal(top)}"}
    if found := environment.distribution(top, installed):
        names.add(found)
    return names


def _required_by(wanted: set[str], installed: dict[str, str]) -> set[str]:
    """Return what installed requirements require in turn."""
    found: set[str] = set()
    left = [name for name in wanted if name in installed]
    while left:
        try:
            lines = metadata.requires(left.pop()) or []
        except (metadata.PackageNotFoundError, ValueError):
            continue
        for line in lines:
            name = normal(line.partition(";")[0].split("[")[0].split(" ")[0].rstrip("=<>!~(0123456789.,"))
            if name in installed and name not in found and "extra ==" not in line:
                found.add(name)
                left.append(name)
    return found


RULE = MissingRequirement()
