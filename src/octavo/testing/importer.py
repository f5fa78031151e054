"""Let Python import notebooks of a folder as modules: from notebooks import clean."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from pathlib import Path
from types import ModuleType

from ..errors import Error
from .telling import is_tested
from .tested import TestedNotebook

_SUFFIXES = (".ipynb", ".py", ".md", ".Rmd", ".qmd")


class NotebookModule(ModuleType):
    """A notebook as a module: its names are defined when they are asked for."""

    def __init__(self, name: str, path: Path) -> None:
        super().__init__(name)
        self.__dict__["_octavo_notebook"] = TestedNotebook(path)

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.__dict__["_octavo_notebook"], name)


class _Loader:
    """Makes the module of a notebook, or the package of their folder."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None if self._path.is_dir() else NotebookModule(spec.name, self._path)

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__["__file__"] = str(self._path)


class NotebookFinder:
    """Finds the notebooks of one folder, whose name is that of a package."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return what makes the module of a notebook; a real package or module of this name comes first."""
        package, _, inner = name.partition(".")
        if package != self.folder.name or "." in inner:
            return None
        if not inner:
            if (self.folder / "__init__.py").is_file():
                return None
            spec = spec_from_loader(name, _Loader(self.folder), is_package=True)  # type: ignore[arg-type]
            if spec is not None:
                spec.submodule_search_locations = [str(self.folder)]
            return spec
        for suffix in _SUFFIXES:
            found = self.folder / f"{inner}{suffix}"
            if found.is_file() and is_tested(found, named=True):
                return spec_from_loader(name, _Loader(found))  # type: ignore[arg-type]
        return None


def importable(folder: str | Path = "notebooks") -> None:
    """Let ``from notebooks import clean`` and ``from notebooks.clean import scale`` import notebooks of a folder.

    Said in ``conftest.py``. Importing one runs nothing: names are defined as they are asked for.
    """
    path = Path(folder).resolve()
    if not path.is_dir():
        raise Error("there is no such folder of notebooks", str(folder))
    if not path.name.isidentifier():
        raise Error(
            f'the folder\'s name is that of a package, and "{path.name}" is no name in Python', str(folder)
        )
    if not any(isinstance(one, NotebookFinder) and one.folder == path for one in sys.meta_path):
        sys.meta_path.insert(0, NotebookFinder(path))
