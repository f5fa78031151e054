"""NB202: a requirement that nothing in the project imports."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..lazy import lazy_imports
from ..reading.folders import walk
from . import Across, Around, Severity, Sketch
from .missing_requirement import candidates
from .requirements import required

with lazy_imports():
    from .. import environment

_TOOL_WORDS = """
jupyter jupyterlab notebook ipykernel ipython ipywidgets jupytext nbconvert nbformat nbclient papermill octavo ploomber
pip setuptools wheel build twine uv hatch poetry pytest coverage tox nox black ruff flake8 isort mypy pylint pyright
pre-commit sphinx mkdocs nbstripout nbdime nbqa voila panel gunicorn uvicorn python-dotenv dvc mlflow kaleido
pyarrow fastparquet openpyxl xlrd xlsxwriter odfpy lxml html5lib tabulate tables numexpr bottleneck h5netcdf
netcdf4 zarr pytables pillow beautifulsoup4 line-profiler memory-profiler swig nose codespell
psycopg2 psycopg2-binary psycopg pymysql mysqlclient pyodbc cx-oracle oracledb duckdb-engine sqlalchemy s3fs gcsfs adlfs
fsspec boto3 aiohttp graphviz pydot jinja2 matplotlib-inline tzdata protobuf cython nodejs rpy2 r-base python-kaleido
"""
_TOOLS = frozenset(_TOOL_WORDS.split())
_TOOL_STARTS = (
    "jupyter",
    "pytest-",
    "types-",
    "ipy",
    "sphinx-",
    "mkdocs-",
    "nb",
    "flake8-",
    "r-",
    "sqlalchemy-",
)


class UnusedRequirement:
    """The project requires a package that no notebook and no module of it imports.

    It costs time in every installation, and its conflicts and security holes are yours. Remove it. Told only if the
    whole project was looked at. Tools, and engines that pandas and SQLAlchemy load by name, are not reported, nor what
    extras and groups require.
    """

    code = "NB202"
    name = "unused-requirement"
    severity: Severity = "warning"

    def across(self, sketches: Sequence[Sketch], around: Around, whole: bool) -> Iterator[Across]:
        root = str(around.root)
        needed = [one for one in required(Path(root)) if one.needed] if whole and sketches else []
        if not needed:
            return
        paths = [os.path.relpath(path, root) for path in walk(root) if path.endswith(".py")]
        modules = {word for sketch in sketches for word in sketch.uses}
        modules |= environment.imported(root, paths)
        installed = environment.versions()
        used = {name for module in modules for name in candidates(module, installed)}
        for one in needed:
            tool = one.name in _TOOLS or one.name.startswith(_TOOL_STARTS)
            used_by = any(one.name.startswith(f"{name}-") for name in used)  # tensorflow-serving-api
            if not (tool or used_by or one.name in used or _brings(one.name, modules, installed)):
                path = os.path.relpath(one.path)
                yield Across(None, f"nothing imports {one.name}", row=one.line, path=path)


def _brings(name: str, modules: set[str], installed: dict[str, str]) -> bool:
    """Return whether a distribution brings one of the modules under a name that only its files tell."""
    if name not in installed:
        return False
    tops = {module.partition(".")[0] for module in modules}
    return any(environment.distribution(top, installed) == name for top in tops)


RULE = UnusedRequirement()
