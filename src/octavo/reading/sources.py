"""Find and read the sources of tasks, each once per stamp."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from importlib.machinery import PathFinder

from .. import kinds, plugins, products
from ..digests import digest
from ..errors import Place, SpecError
from ..hints import did_you_mean
from ..lazy import lazy_imports
from ..model import ABSENT, Facts, Source, Task
from ..state.frozen import freeze, thaw
from ..state.store import Store

with lazy_imports():
    from .. import notebook
    from . import templates

#: What makes a folder one that is checked out as a whole.
_MARKS = ("setup.py", "pyproject.toml", ".git")
_OUTSIDE = (
    "move it below the folder of pipeline.yaml, or mark a folder that holds both as one project: "
    "by setup.py, pyproject.toml or .git"
)

#: Raised when facts, tasks or their digests come to mean something else.
VERSION = 6


class Reader:
    """Finds sources and reads their facts, each file once as long as its stamp stays the same."""

    def __init__(self, root: str, store: Store | None = None) -> None:
        self.root = root
        self.store = store
        self.stamps: dict[str, str | None] = {}
        self._new: list[tuple[str, str, bytes]] = []
        self._found: dict[str, str | None] = {}
        self._facts_of: dict[tuple[str, str | None], Facts] = {}

    def source(
        self, text: str, where: Place, kind: str | None = None, folders: Sequence[str] = ()
    ) -> tuple[str, Source]:
        """Return kind and source of what a task names: a file, or the dotted path of a function.

        ``kind`` is what the task is said to be. Files are looked for in ``folders`` first, then in the project.
        """
        if kind is not None and kinds.row(kind).source == "data":
            return kind, self._data(text)
        for folder in folders:
            if os.path.isfile(os.path.join(self.root, folder, text)):
                text = os.path.join(folder, text)
                break
        if kind is None:
            kind = _kind_of_file(text) if self._is_file(text) else "function"
        if kinds.row(kind).source == "function":
            return kind, self._function(text, where, kind)
        return kind, self._file(text, where, kind)

    def _is_file(self, text: str) -> bool:
        if "/" in text or os.sep in text or os.path.isfile(os.path.join(self.root, text)):
            return True
        # tasks.do and tasks.m are functions, though notebooks of other languages end so
        module = text.rpartition(".")[0]
        named = text.endswith(".py") or not module or not self._module(module)
        return named and bool(notebook.is_notebook(text))

    def _module(self, name: str) -> str | None:
        if name not in self._found:
            self._found[name] = find_module(name, self.root)
        return self._found[name]

    def _data(self, text: str) -> Source:
        """Return a source that is no code: a file, a URL, or a text with placeholders for upstream."""
        if not text or "://" in text:
            return Source(text, facts=Facts(digest(text), language="data"))
        if "{{" in text:
            upstream = templates.upstream_of(text)
            return Source(text, facts=Facts(digest(text), language="data", upstream=upstream))
        path = relative(text, self.root)
        full = os.path.join(self.root, path)
        self.stamps[path] = "young" if products.racy(full) else products.stamp(full)
        found = self.store.digest(path) if self.store else None
        return Source(path, facts=Facts(found or ABSENT, language="data"))

    def _file(self, text: str, where: Place, kind: str) -> Source:
        full = os.path.normpath(os.path.join(self.root, text))
        if enclosing(self.root, full) is None:
            raise SpecError(f"the source {text} is outside the project", where, _OUTSIDE)
        path = relative(full, self.root)
        if os.path.isdir(full):
            raise SpecError(
                f"the source {text} is a folder", where, "a source is a file or a function's dotted path"
            )
        if not os.path.exists(full):
            raise SpecError(f"the source {text} does not exist", where, _near(full, self.root))
        return self.read(kind, Source(path), where)

    def _function(self, text: str, where: Place, kind: str) -> Source:
        module, _, _ = text.rpartition(".")
        if not module or not all(part.isidentifier() for part in text.split(".")):
            hint = "a source is a path (tasks/clean.py) or a function's dotted path (tasks.clean.get)"
            raise SpecError(f'"{text}" is neither a file nor a function', where, hint)
        full = self._module(module)
        if full is None:
            missing = module.replace(".", "/") + ".py"
            hint = (
                _near(os.path.join(self.root, missing), self.root) or f"there is no {missing} in the project"
            )
            raise SpecError(f'the module "{module}" of the function "{text}" is not found', where, hint)
        path = full if _installed(full) else relative(full, self.root)
        return self.read(kind, Source(path, text), where)

    def read(self, kind: str, source: Source, where: Place | None = None, text: bool = False) -> Source:
        """Return a source with its facts, and with its text when asked, read as one."""
        if kinds.row(kind).source == "data":
            return replace(self._data(source.path), text="" if text else None)
        full = os.path.join(self.root, source.path)
        key = f"{kind} {source.path} {source.entry or ''}"
        version = f"{VERSION}.{kinds.row(kind).version}"
        while True:
            stamp, young = products.stamp(full), products.racy(full)
            if not text and (
                facts := self._facts_of.get((key, stamp))
            ):  # a source of many tasks, as of a grid
                return replace(source, facts=facts)
            known = self.store.memo("facts", key, f"{version} {stamp}") if self.store else None
            try:
                data = contents(full) if text or known is None else b""
            except OSError as error:
                raise SpecError(f"{source.path} cannot be read: {error.strerror}", where) from error
            if stamp == products.stamp(full):  # else it was saved while we read
                break
        facts = thaw(known) if known else self._facts(kind, source, data)
        self._facts_of[(key, stamp)] = facts
        if known is None and not young:
            self._new.append((key, f"{version} {stamp}", freeze(facts)))
        self.stamps[source.path] = None if young else stamp
        filled = data.decode("utf-8", "surrogateescape") if text else None
        return replace(source, facts=facts, text=filled)

    def _facts(self, kind: str, source: Source, data: bytes) -> Facts:
        facts: Facts = plugins.get("kinds", kind).facts(source, data)
        return replace(facts, raw=digest(data))

    def filled(self, task: Task) -> Task:
        """Return a task with its source's text and facts as they are now: what is fingerprinted is what runs."""
        return replace(task, source=self.read(task.kind, task.source, task.where, text=True))

    def remember(self) -> None:
        if self.store and self._new:
            self.store.keep("facts", self._new)
            self._new = []


def _kind_of_file(text: str) -> str:
    if notebook.is_notebook(text):
        return "notebook"
    return kinds.claiming_elsewhere("." + text.rpartition(".")[2].lower()) or "notebook"


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


def _near(full: str, root: str) -> str | None:
    folder, name = os.path.split(full)
    try:
        near = did_you_mean(name, os.listdir(folder))
    except OSError:
        return f"there is no folder {os.path.relpath(folder, root)}"
    return near


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
    return root if _installed(full) else enclosing(root, full) or root


def owned(path: str, root: str) -> bool:
    """Return whether a module belongs to what is checked out with a project, and is not installed."""
    return not _installed(path) and enclosing(root, path) is not None


def _installed(path: str) -> bool:
    return "site-packages" in path or "dist-packages" in path


def folders(root: str) -> list[str]:
    """Return where a project's own modules are: its folder, and ``src`` where it is a package."""
    source = os.path.join(root, "src")
    packaged = any(os.path.isfile(os.path.join(root, it)) for it in ("setup.py", "pyproject.toml"))
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
