"""Load a product of a task as the object that its file's extension means."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from .. import project as projects
from ..errors import Error
from ..hints import did_you_mean
from ..lazy import lazy_imports
from ..plugins import load
from ..views import TaskView

with lazy_imports():
    from .. import notebook as documents
    from ..spec import sources

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..model import Product
    from ..project import Project


def load_product(
    task: str, key: str | None = None, *, file: str | Path | None = None, **arguments: object
) -> object:
    """Return a product of a task: a data frame, or whatever object its file holds.

    ``key`` says which of several. The pipeline is that of ``file``, else the nearest one upwards from here;
    ``arguments`` are passed to the function that reads the file, such as ``pandas.read_csv``. Raises
    ``octavo.Error`` for a product that is not there, or that nobody knows how to load.
    """
    with projects.load(file) as project:
        return product_of(project, task, key, arguments)


def product_of(project: Project, task: str, key: str | None, arguments: Mapping[str, object]) -> object:
    """Return a product of a loaded pipeline, as ``load_product`` does."""
    names = project.graph.tasks
    if task not in names:
        hint = did_you_mean(task, names) or f"tasks: {', '.join(names)}"
        raise Error(f'there is no task "{task}"', hint=hint)
    product = _chosen(task, project.graph[task].products, key)
    if product.relation is not None:
        filled = sources.Reader(str(project.root), project.store).filled(project.graph[task])
        return TaskView(filled).load(product.key, limit=None, **arguments)
    path = project.root / product.path
    if not path.exists():
        raise Error(f"{os.path.relpath(path)} is not there yet", hint=f"octavo build +{task} makes it")
    suffix = next((end for end in _LOADING if path.name.lower().endswith(end)), None)
    if suffix is None or path.is_dir():
        what = "a folder" if path.is_dir() else f'"{path.suffix}"'
        known = ", ".join(_LOADING)
        raise Error(f"{os.path.relpath(path)} cannot be loaded: it is {what}", hint=f"these can: {known}")
    try:
        return _LOADING[suffix](path, **arguments)
    except ImportError as error:
        raise Error(
            f"{path.suffix} needs the package {error.name}", hint=f"pip install {error.name}"
        ) from None


def _chosen(task: str, products: tuple[Product, ...], key: str | None) -> Product:
    keys = [str(product.key) for product in products if product.key is not None]
    if key is None:
        if len(products) == 1:
            return products[0]
        raise Error(f'"{task}" has several products', hint=f"name one: {', '.join(map(repr, keys))}")
    found = next((product for product in products if product.key == key), None)
    if found is None:
        hint = did_you_mean(key, keys) or (
            f"products: {', '.join(keys)}" if keys else "its only one needs no key"
        )
        raise Error(f'"{task}" has no product "{key}"', hint=hint)
    return found


def _frame(reader: str) -> Callable[..., object]:
    def read(path: Path, **arguments: object) -> object:
        found: object = load(f"pandas:{reader}")(path, **arguments)
        return found

    return read


def _opened(module: str) -> Callable[..., object]:
    def read(path: Path, **arguments: object) -> object:
        with path.open("rb") as stream:
            found: object = load(module).load(stream, **arguments)
        return found

    return read


def _array(path: Path, **arguments: object) -> object:
    found: object = load("numpy:load")(path, **arguments)
    return found


def _text(path: Path, encoding: str = "utf-8") -> str:
    return path.read_text(encoding)


def _json(path: Path) -> object:
    found: object = json.loads(path.read_bytes())
    return found


def _yaml(path: Path) -> object:
    found: object = load("yaml:safe_load")(path.read_bytes())
    return found


def _shown(name: str) -> Callable[..., object]:
    def read(path: Path, **arguments: object) -> object:
        found: object = load(f"IPython.display:{name}")(filename=str(path), **arguments)
        return found

    return read


def _notebook(path: Path) -> object:
    found: object = documents.read(path).data
    return found


_LOADING: dict[str, Callable[..., object]] = {
    ".csv": _frame("read_csv"),
    ".csv.gz": _frame("read_csv"),
    ".tsv": lambda path, **arguments: _frame("read_csv")(path, **{"sep": "\t", **arguments}),
    ".parquet": _frame("read_parquet"),
    ".feather": _frame("read_feather"),
    ".xlsx": _frame("read_excel"),
    ".jsonl": lambda path, **arguments: _frame("read_json")(path, **{"lines": True, **arguments}),
    ".json": _json,
    ".yaml": _yaml,
    ".yml": _yaml,
    ".pickle": _opened("pickle"),
    ".pkl": _opened("pickle"),
    ".joblib": _opened("joblib"),
    ".npy": _array,
    ".npz": _array,
    ".txt": _text,
    ".md": _text,
    ".log": _text,
    ".sql": _text,
    ".html": _shown("HTML"),
    ".svg": _shown("SVG"),
    ".png": _shown("Image"),
    ".jpg": _shown("Image"),
    ".jpeg": _shown("Image"),
    ".ipynb": _notebook,
}
