"""Find and read the sources of tasks, each once per stamp."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace

from .. import kinds, products
from ..digests import digest
from ..errors import Place, SpecError
from ..hints import did_you_mean, of_windows
from ..lazy import lazy_imports
from ..model import ABSENT, Facts, Source, Task
from ..reading.folders import contents, enclosing, find_module, installed, package_folder, relative
from ..state.frozen import Unfreezable, freeze, thaw
from ..state.store import Store

with lazy_imports():
    from .. import notebook
    from ..kinds import members
    from ..reading import templates

_OUTSIDE = (
    "move it below the folder of pipeline.yaml, or mark a folder that holds both as one project: "
    "by setup.py, pyproject.toml or .git"
)

#: Raised when facts, tasks or their digests come to mean something else.
VERSION = 12


class Reader:
    """Finds sources and reads their facts, each file once as long as its stamp stays the same."""

    def __init__(self, root: str, store: Store | None = None) -> None:
        self.root = root
        self.store = store
        self.stamps: dict[str, str | None] = {}
        self._new: list[tuple[str, str, bytes]] = []
        #: Where modules and packages were found by their names, and files that were looked for in vain.
        self.modules: dict[str, str | None] = {}
        self.packages: dict[str, str | None] = {}
        self.absent: dict[str, None] = {}
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
            path = os.path.join(folder, text)
            if os.path.isfile(os.path.join(self.root, path)):
                text = path
                break
            self.absent[path] = None
        if kind is None:
            kind = _kind_of_file(text) if self._is_file(text) else "function"
        if kinds.row(kind).source == "function":
            return kind, self._function(text, where, kind)
        return kind, self._file(text, where, kind)

    def _is_file(self, text: str) -> bool:
        if "/" in text or os.sep in text or os.path.isfile(os.path.join(self.root, text)):
            return True
        self.absent[text] = None
        # tasks.do and tasks.m are functions, though notebooks of other languages end so
        module = text.rpartition(".")[0]
        named = text.endswith(".py") or not module or not self._module(module)
        return named and bool(notebook.is_notebook(text))

    def _module(self, name: str) -> str | None:
        if name not in self.modules:
            self.modules[name] = find_module(name, self.root)
        return self.modules[name]

    def package(self, name: str) -> str | None:
        """Return the folder of a package by its name."""
        if name not in self.packages:
            self.packages[name] = package_folder(name, self.root)
        return self.packages[name]

    def resolved(self) -> Resolved:
        """Return where names have been found so far."""
        return self.modules, self.packages, tuple(self.absent)

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
                f"the source {text} is a folder",
                where,
                "a source must be a file or the dotted path of a function",
            )
        if not os.path.exists(full):
            hint = of_windows(text, inside=True) or _near(full, self.root)
            raise SpecError(f"the source {text} does not exist", where, hint)
        if what := products.special(full):
            raise SpecError(f"the source {text} is {what}", where, "a source must be a file")
        return self.read(kind, Source(path), where)

    def _function(self, text: str, where: Place, kind: str) -> Source:
        module, _, _ = text.rpartition(".")
        if not module or not all(part.isidentifier() for part in text.split(".")):
            hint = (
                "a source must be a path (tasks/clean.py) or the dotted path of a function (tasks.clean.get)"
            )
            raise SpecError(f'"{text}" is neither a file nor a function', where, hint)
        full = self._module(module)
        if full is None:
            missing = module.replace(".", "/") + ".py"
            hint = (
                _near(os.path.join(self.root, missing), self.root) or f"there is no {missing} in the project"
            )
            raise SpecError(f'cannot find the module "{module}" of the function "{text}"', where, hint)
        path = full if installed(full) else relative(full, self.root)
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
        facts = _known(known) if known else None
        if facts is None:
            facts = self._facts(kind, source, data or contents(full))
        self._facts_of[(key, stamp)] = facts
        if known is None and not young:
            try:
                self._new.append((key, f"{version} {stamp}", freeze(facts)))
            except Unfreezable:
                pass  # a default that is no plain data: it is read again
        self.stamps[source.path] = None if young else stamp
        if not text:
            return replace(source, facts=facts, text=None, notebook=None)
        foreign = None
        if kinds.row(kind).source == "notebook" and not any(
            cell.line for cell in facts.cells
        ):  # ours tell lines
            foreign = notebook.foreign(data, source.path)
        filled = data.decode("utf-8", "surrogateescape")
        return replace(source, facts=facts, text=filled, notebook=foreign)

    def _facts(self, kind: str, source: Source, data: bytes) -> Facts:
        facts = members.kind(kind).facts(source, data)
        return replace(facts, raw=digest(data))

    def filled(self, task: Task) -> Task:
        """Return a task with its source's text and facts as they are now: what is fingerprinted is what runs."""
        return replace(task, source=self.read(task.kind, task.source, task.where, text=True))

    def remember(self) -> None:
        if self.store and self._new:
            self.store.keep("facts", self._new)
            self._new = []


#: How names of modules and packages were understood, and the files that were not there.
Resolved = tuple[Mapping[str, str | None], Mapping[str, str | None], tuple[str, ...]]


def _known(data: bytes) -> Facts | None:
    try:
        facts = thaw(data)
    except ValueError:
        return None
    return facts if isinstance(facts, Facts) else None


def same_names(resolved: Resolved, root: str) -> bool:
    """Return whether names are still found where a reader found them."""
    modules, packages, absent = resolved
    return (
        all(find_module(name, root) == was for name, was in modules.items())
        and all(package_folder(name, root) == was for name, was in packages.items())
        and not any(os.path.isfile(os.path.join(root, path)) for path in absent)
    )


def _kind_of_file(text: str) -> str:
    if notebook.is_notebook(text):
        return "notebook"
    return kinds.claiming_elsewhere("." + text.rpartition(".")[2].lower()) or "notebook"


def _near(full: str, root: str) -> str | None:
    folder, name = os.path.split(full)
    try:
        near = did_you_mean(name, os.listdir(folder))
    except OSError:
        return f"there is no folder {os.path.relpath(folder, root)}"
    return near
