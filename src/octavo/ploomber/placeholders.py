"""Templates as values, and SourceLoader, which finds them in folders and packages."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateNotFound, UndefinedError

from ..process.ploomber_names import absent
from .exceptions import RenderError

__all__ = ["Placeholder", "SourceLoader"]
__getattr__ = absent(__name__)


class Placeholder:
    """A text that may have placeholders; ``path`` and ``folders`` where it came from a file."""

    def __init__(self, text: str, path: Path | None = None, folders: tuple[str, ...] = ()) -> None:
        self.text = text
        self.path = path
        self.folders = folders

    @property
    def name(self) -> str | None:
        """The name of the file that it came from."""
        return self.path.name if self.path else None

    def render(self, values: Mapping[str, Any]) -> str:
        """Return the text with its placeholders filled; raise ``RenderError`` for one without a value."""
        around = Environment(undefined=StrictUndefined, loader=FileSystemLoader(list(self.folders)))
        try:
            text: str = around.from_string(self.text).render(**values)
        except UndefinedError as error:
            raise RenderError(f"{self.path or self.text.strip()[:60]!r}: {error}") from error
        return text

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Placeholder({str(self.path) if self.path else self.text!r})"


class SourceLoader:
    """Finds sources in folders: ``loader["clean.sql"]``; templates there may import and include each other.

    ``path`` is a folder or several, relative to the folder of the package ``module`` where one is named.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | None = None,
        module: Any = None,
    ) -> None:
        if path is None and module is None:
            raise TypeError("Path cannot be None if module is None")
        base = _folder(module) if module is not None else ""
        paths = [path or ""] if path is None or isinstance(path, str | os.PathLike) else list(path)
        self.folders = tuple(os.path.join(base, os.fspath(one)) for one in paths)

    @property
    def path_full(self) -> str | list[str]:
        """The folders that are searched: one, or a list of several."""
        return self.folders[0] if len(self.folders) == 1 else list(self.folders)

    def __getitem__(self, name: str | os.PathLike[str]) -> Placeholder:
        for folder in self.folders:
            found = Path(folder, name)
            if found.is_file():
                return Placeholder(found.read_text(encoding="utf-8"), found, self.folders)
        raise TemplateNotFound(os.fspath(name), f"{os.fspath(name)!r} is not in {' or '.join(self.folders)}")

    def get_template(self, name: str | os.PathLike[str]) -> Placeholder:
        """Return a source; raise ``TemplateNotFound`` where it is not there."""
        return self[name]

    def get(self, name: str | os.PathLike[str]) -> Placeholder | None:
        """Return a source, or None."""
        try:
            return self[name]
        except TemplateNotFound:
            return None

    def path_to(self, name: str | os.PathLike[str]) -> Path:
        """Return where a source is, or would be."""
        found = self.get(name)
        return found.path if found and found.path else Path(self.folders[0], name)

    def _ipython_key_completions_(self) -> list[str]:
        names: list[str] = Environment(loader=FileSystemLoader(list(self.folders))).list_templates()
        return names


def _folder(module: Any) -> str:
    """Return the folder of a package or module, which need not be imported for it."""
    if isinstance(module, str):
        try:
            spec = importlib.util.find_spec(module)
        except ModuleNotFoundError:
            spec = None
        if spec is None:
            raise ValueError(f'Could not locate module "{module}"')
        inside = list(spec.submodule_search_locations or ())
        return inside[0] if inside else os.path.dirname(spec.origin or "")
    file: str | None = getattr(module, "__file__", None)
    if file is None:
        raise ValueError("Could not find module path, pass a string or a module object")
    return os.path.dirname(os.path.abspath(file))
