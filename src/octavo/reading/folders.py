"""Where a project's modules and files are found, and which of them are its own, without importing anything."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from importlib.machinery import PathFinder

from ..model import Task

#: Where Python's own modules are, and octavo's.
_PYTHON = tuple(
    {
        os.path.dirname(os.__file__) + os.sep,
        os.path.join(sys.base_prefix, "lib", "python"),
        os.path.dirname(os.path.dirname(__file__)) + os.sep,
    }
)
#: What makes a folder one that is checked out as a whole.
_MARKS = ("setup.py", "pyproject.toml", ".git")


def find_module(module: str, root: str) -> str | None:
    """Return the file of a module without importing it or its packages: from the project first, as workers do."""
    path: list[str] | None = [*folders(root), *sys.path]
    spec = None
    for part in module.split("."):
        spec = PathFinder.find_spec(part, path)
        if spec is None:
            return None
        path = list(spec.submodule_search_locations) if spec.submodule_search_locations else []
    return spec.origin if spec and spec.origin and spec.origin.endswith(".py") else None


def package_folder(module: str, root: str) -> str | None:
    """Return the folder of a package, or the one that a module stands in, without importing it."""
    found = find_module(module, root)
    if found is not None:
        return os.path.dirname(found)
    inside = (os.path.join(folder, *module.split(".")) for folder in folders(root))
    return next(filter(os.path.isdir, inside), None)


def enclosing(root: str, path: str) -> str | None:
    """Return the folder that is checked out as one and holds a project and a path; None where there is none.

    It is the project's own folder, or else the nearest one above that has setup.py, pyproject.toml or .git.
    """
    folder = root
    while not (path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)) or not (
        folder == root or any(os.path.exists(os.path.join(folder, mark)) for mark in _MARKS)
    ):
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above
    return folder


def relative(path: str, root: str) -> str:
    """Return a path relative to the project if it is checked out with it, else absolute, with slashes."""
    full = os.path.normpath(os.path.join(root, os.path.expanduser(path)))
    return (full if enclosing(root, full) is None else os.path.relpath(full, root)).replace(os.sep, "/")


def scope(task: Task, root: str) -> str:
    """Return the folder whose files and modules count for a task: the project's, or one around that and its source."""
    full = os.path.normpath(os.path.join(root, task.source.path))
    return root if installed(full) else enclosing(root, full) or root


def edited(path: str) -> bool:
    """Return whether a module is one that people edit: it is neither installed nor of Python or octavo.

    It is of the project, or of a package elsewhere that was installed to be edited (``pip install --editable``).
    """
    return not installed(path) and not path.startswith(_PYTHON)


def installed(path: str) -> bool:
    """Return whether a file is of an installed package."""
    return "site-packages" in path or "dist-packages" in path


#: Folders in which there is nothing that people of a project write.
FOREIGN = frozenset(
    [
        *(
            ".git",
            ".octavo",
            ".octavo-test",
            ".venv",
            "venv",
            "node_modules",
            "__pycache__",
            ".ipynb_checkpoints",
            ".tox",
            ".nox",
        ),
        "site-packages",
    ]
)


def walk(root: str) -> Iterator[str]:
    """Yield the files below a folder, in order, but for what tools and virtual environments keep there."""
    for folder, inner, names in os.walk(root):
        inner[:] = sorted(
            name
            for name in inner
            if name not in FOREIGN and not os.path.exists(os.path.join(folder, name, "pyvenv.cfg"))
        )
        for name in sorted(names):
            yield os.path.join(folder, name)


def folders(root: str) -> list[str]:
    """Return where a project's own modules are: its folder, and ``src`` where it is a package."""
    source = os.path.join(root, "src")
    packaged = any(os.path.isfile(os.path.join(root, name)) for name in ("setup.py", "pyproject.toml"))
    return [root, source] if packaged and os.path.isdir(source) else [root]


def find_package(name: str, root: str) -> str | None:
    """Return where a top-level module or package would be imported from: a file or a folder; None for neither."""
    spec = PathFinder.find_spec(name, [*folders(root), *sys.path])
    if spec is None:
        return None
    return spec.origin or next(iter(spec.submodule_search_locations or ()), None)


def contents(path: str) -> bytes:
    """Return a file's bytes."""
    with open(path, "rb") as file:  # noqa: PTH123 - a hot path
        return file.read()
