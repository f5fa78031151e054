"""A notebook as a module: its functions without running the rest, its cells as far as a test asks."""

from __future__ import annotations

import ast
import copy
import linecache
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from .. import notebook as documents
from ..errors import NotebookError, Place
from ..hints import did_you_mean
from ..lazy import lazy_imports
from ..model import Json
from ..notebook.cells import Notebook
from ..notebook.inject import runs, tags
from ..reading.facts import facts
from . import definitions
from .naming import named

with lazy_imports():
    from . import in_process

_UNSET = object()


class TestedCell:
    """A cell of a notebook, and what it has shown when it last ran."""

    __test__ = False

    def __init__(self, name: str, source: str) -> None:
        self.name, self.source = name, source
        self.ran = False
        self._outputs: list[Json] = []
        self._figures: list[object] = []

    def keep(self, outputs: list[Json], figures: list[object]) -> None:
        """Note what it has shown."""
        self.ran, self._outputs, self._figures = True, outputs, figures

    @property
    def outputs(self) -> list[Json]:
        """Its outputs, as in a notebook's file."""
        self._check()
        return self._outputs

    @property
    def text(self) -> str:
        """What it has printed and shown, as text."""
        return "".join(
            str(one["text"] if "text" in one else one.get("data", {}).get("text/plain", ""))
            for one in self.outputs
        ).strip()

    @property
    def figure(self) -> object:
        """The last figure that it has shown: the object itself, of matplotlib or plotly."""
        self._check()
        if not self._figures:
            raise NotebookError(f'the cell "{self.name}" has shown no figure')
        return self._figures[-1]

    def _check(self) -> None:
        if not self.ran:
            hint = f'nb.run(until="{self.name}")'
            raise NotebookError(f'the cell "{self.name}" has not run, so it has shown nothing', hint=hint)


class TestedNotebook:
    """A notebook whose functions, classes and constants are attributes: the real ones, in a module of their own.

    A name is defined when it is first asked for, with the imports and definitions that it needs and nothing else. After
    ``run``, names are what the cells have made of them.
    """

    __test__ = False

    def __init__(self, path: str | Path, parameters: Mapping[str, object] | None = None) -> None:
        self._path = Path(path)
        try:
            self._notebook: Notebook = documents.read(self._path, name=str(path))
        except OSError as error:
            raise NotebookError(f"it cannot be read: {error.strerror}", str(path)) from None
        language = facts(self._notebook).language
        if language.lower() != "python":
            raise NotebookError(f"its language is {language}: only Python runs in a test", str(path))
        self._file = str(self._path.resolve())
        self._module = ModuleType(self._path.stem)
        self._module.__dict__["__file__"] = self._file
        self._names = list(named(self._notebook))
        self._cells = {
            index: TestedCell(name, self._notebook.cells[index]["source"]) for index, _, name in self._names
        }
        self._all: list[definitions.Definition] | None = None
        self._injected: dict[str, object] = dict(parameters or {})
        self._next = 0
        self._shell: in_process.InProcessShell | None = None
        self.namespace.update(self._injected)

    def __repr__(self) -> str:
        return f"<notebook {self._path}>"

    @property
    def namespace(self) -> dict[str, object]:
        """The names of its module."""
        return vars(self._module)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        if name not in self.namespace:
            self._define(name)
        return self.namespace[name]

    def __dir__(self) -> list[str]:
        known = {name for one in self._definitions() for name in one.binds}
        return sorted({*super().__dir__(), *self.namespace, *known})

    # ── definitions

    def _definitions(self) -> list[definitions.Definition]:
        if self._all is None:
            self._all = definitions.definitions(self._notebook)
        return self._all

    def _define(self, name: str) -> None:
        all_ = self._definitions()
        known = {each for one in all_ for each in one.binds}
        if name not in known:
            near = did_you_mean(name, known)
            words = f"{self._path} defines no {name}"
            raise AttributeError(f"{words}: {near}" if near else words)
        found, missing = definitions.wanted(all_, name, self.namespace)
        if missing is not None:
            self._refuse(name, missing)
        with self._as_module():
            for one in found:
                flags = definitions.futures(all_, one)
                code = compile(self._tree(one), self._filename(one.cell), "exec", flags, dont_inherit=True)
                exec(code, self.namespace)

    @contextmanager
    def _as_module(self) -> Iterator[None]:
        """Let what defines classes find the notebook by its name: dataclasses look annotations up in their module."""
        name = self._module.__name__
        mine = sys.modules.setdefault(name, self._module) is self._module
        try:
            yield
        finally:
            if mine:
                sys.modules.pop(name, None)

    def _tree(self, one: definitions.Definition) -> ast.Module:
        """Return a statement with the lines of its file."""
        offset = max(self._notebook.line(one.cell) - 1, 0)
        return ast.Module([ast.increment_lineno(copy.deepcopy(one.node), offset)], [])

    def _filename(self, index: int) -> str:
        """Return the name of a cell's code: its file, where that has its lines, else one that tells the cell."""
        if self._notebook.line(index):
            return self._file
        name = f"{self._file}::{self._cells[index].name}"
        source = self._notebook.cells[index]["source"]
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        return name

    def _refuse(self, name: str, missing: definitions.Unmade) -> None:
        cell = self._cells[missing.by.cell].name
        start = self._notebook.line(missing.by.cell)
        line = missing.by.node.lineno + (start - 1 if start else 0)
        place = Place(str(self._path), line if start else 0)
        through = f', by "{missing.wanted}",' if missing.wanted != name else ""
        words = (
            f'"{name}" needs{through} "{missing.name}"'
            if missing.name != name
            else f'"{name}" is no definition'
        )
        message = f'{words}: only running the cell "{cell}" gives it'
        hint = f'nb.run(until="{cell}"), or set it: nb.patch("{missing.name}", value)'
        raise NotebookError(message, place, hint)

    # ── running

    def run(self, until: str | int | None = None) -> TestedNotebook:
        """Run the cells that have not run, up to one that is named by its tag, title or number; all where none is.

        What a cell raises is raised here. ``until`` is run, too; one that has run before runs again.
        """
        last = self._index(until) if until is not None else None
        if last is not None and last < self._next:
            self._one(last)
            return self
        while self._next < len(self._notebook.cells) and (last is None or self._next <= last):
            index = self._next
            cell = self._notebook.cells[index]
            if index in self._cells and runs(cell):
                self._one(index)
            self._next = index + 1
        return self

    def _one(self, index: int) -> None:
        cell = self._notebook.cells[index]
        shown, error = self._ran(cell["source"], self._filename(index), self._notebook.line(index) or 1)
        self._cells[index].keep(shown.outputs, shown.figures)
        if "parameters" in tags(cell):
            self.namespace.update(self._injected)
        if error is not None and "raises-exception" not in tags(cell):
            raise in_process.raised(error)

    def _ran(
        self, source: str, filename: str, line: int
    ) -> tuple[in_process.CellShown, BaseException | None]:
        if self._shell is None:
            self.namespace["__name__"] = "__main__"
            self._shell = in_process.InProcessShell(self._module, str(self._path.resolve().parent))
            self.namespace.update(self._injected)
        return self._shell.run(source, filename, line)

    def inject(self, **values: object) -> TestedNotebook:
        """Set names, as parameters are set: also after the cell tagged "parameters" has run."""
        self._injected.update(values)
        self.namespace.update(values)
        return self

    def patch(self, name: str, value: object) -> Patch:
        """Set a name, for good or as ``with nb.patch(…):`` for a while; functions of the notebook see it."""
        before = self.namespace.get(name, _UNSET)
        self.namespace[name] = value
        return Patch(self.namespace, name, before)

    def cell(self, name: str | int) -> TestedCell:
        """Return a cell by its tag, title or number."""
        return self._cells[self._index(name)]

    @property
    def cells(self) -> list[TestedCell]:
        """All code cells."""
        return list(self._cells.values())

    def _index(self, wanted: str | int) -> int:
        for index, number, name in self._names:
            cell = self._notebook.cells[index]
            if wanted in (number, name) or (isinstance(wanted, str) and wanted in tags(cell)):
                return index
        known = [name for _, _, name in self._names]
        hint = did_you_mean(str(wanted), known) or f"there are: {', '.join(known)}"
        raise NotebookError(f'there is no cell "{wanted}"', str(self._path), hint)


class Patch:
    """A name that was set: at the end of a ``with`` block it is what it was before."""

    def __init__(self, namespace: dict[str, object], name: str, before: object) -> None:
        self._namespace, self._name, self._before = namespace, name, before

    def __enter__(self) -> Patch:
        return self

    def __exit__(self, *_: object) -> None:
        self.undo()

    def undo(self) -> None:
        """Set the name to what it was before."""
        if self._before is _UNSET:
            self._namespace.pop(self._name, None)
        else:
            self._namespace[self._name] = self._before


def notebook(path: str | Path, parameters: Mapping[str, object] | None = None) -> TestedNotebook:
    """Return a notebook as a module; see ``TestedNotebook``."""
    return TestedNotebook(path, parameters)
