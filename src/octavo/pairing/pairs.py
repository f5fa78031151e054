"""Which files are one notebook: what their metadata, or jupytext's configuration, pair."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence

from .. import notebook as documents
from .. import products
from ..dataclass import dataclass
from ..errors import Error, Errors, NotebookError
from ..lazy import lazy_imports
from ..model import Json
from ..notebook.cells import Notebook
from ..reading.folders import walk
from . import forms

with lazy_imports():
    from . import rules

#: Formats without folders and suffixes, which need no jupytext to be understood.
_PLAIN = re.compile(r"(ipynb|py:(percent|hydrogen))(,(ipynb|py:(percent|hydrogen)))+")


@dataclass(frozen=True, slots=True)
class PairSide:
    """A file of a pair: where it is, its format, and what it says now; None where it is not there yet."""

    path: str
    form: forms.Form
    data: bytes | None
    notebook: Notebook | None


@dataclass(frozen=True, slots=True)
class Pair:
    """A notebook in several files. ``options`` are what jupytext's configuration says of texts."""

    sides: tuple[PairSide, ...]
    options: Json

    @property
    def name(self) -> str:
        return self.sides[0].path


def read(path: str) -> Notebook:
    """Read a notebook as messages name it. Raises ``Error``, ``Errors``."""
    return documents.loads(products.edited(path), path)


def said_formats(notebook: Notebook) -> str:
    """Return what a notebook's own metadata pair it in; "" for nothing."""
    metadata = notebook.data["metadata"]
    section = metadata.get("jupytext")
    found = (section.get("formats") if isinstance(section, dict) else "") or metadata.get("jupytext_formats")
    if isinstance(found, list):
        found = ",".join(map(str, found))
    return found if isinstance(found, str) and len(found.split(",")) > 1 else ""


def pair(path: str, notebook: Notebook | None = None, formats: str = "") -> Pair | None:
    """Return the pair that a file is of; None for one that is not paired. ``formats`` overrules what it says."""
    notebook = notebook or read(path)
    configured = forms.configuration(path)
    said = formats or said_formats(notebook) or (configured.formats if configured else "")
    if len(said.split(",")) < 2:
        return None
    named = _paths(path, said, notebook.data["metadata"])
    _inside(path, [one for one, _ in named], said)
    sides = [
        _side(one, form, notebook if os.path.normpath(path) == os.path.normpath(one) else None)
        for one, form in named
    ]
    return Pair(tuple(sides), configured.options if configured else {})


def _paths(path: str, said: str, metadata: Json) -> list[tuple[str, forms.Form]]:
    if _PLAIN.fullmatch(said):
        every = [forms.form(word) for word in said.split(",")]
        base, extension = os.path.splitext(path)
        if extension in {one.extension for one in every}:
            return [(base + one.extension, one) for one in every]
    return [(one, forms.of_long(found)) for one, found in rules.paths(path, said, metadata)]


def project_of(path: str) -> str:
    """Return the folder of the project that a file is of: a repository, a pipeline, this folder, or its own."""
    folder = os.path.dirname(os.path.realpath(path))
    above = [folder]
    while (parent := os.path.dirname(above[-1])) != above[-1]:
        above.append(parent)
    for mark in (".git", "pipeline.yaml"):
        for one in above:
            if os.path.exists(os.path.join(one, mark)):
                return one
    here = os.path.realpath(".")
    return here if here in above else folder


def _inside(path: str, others: Sequence[str], said: str) -> None:
    """Refuse files outside of the project: what a notebook says of its pair may come from anybody."""
    top = project_of(path)
    for one in others:
        if os.path.commonpath([top, os.path.realpath(one)]) != top:
            hint = "move the notebooks below one folder with pipeline.yaml or .git"
            raise Error(f'the formats "{said}" lead out of the project, to {one}', path, hint)


def _side(path: str, form: forms.Form, known: Notebook | None) -> PairSide:
    if not os.path.lexists(path):
        return PairSide(path, form, None, None)
    data = products.edited(path)
    return PairSide(
        path, form, data, documents.loads(data, path) if known is None or known.path != path else known
    )


def found(paths: Sequence[str]) -> Iterator[tuple[str, Pair | Error | Errors | None]]:
    """Yield each pair below some paths once, under the first of its files; None for a named file that has none.

    What cannot be read is yielded as its error.
    """
    seen: set[str] = set()
    for path in paths:
        named = not os.path.isdir(path)
        if named and not os.path.exists(path):
            raise Error("there is no such file or folder", path)
        for one in [path] if named else map(os.path.relpath, walk(path)):
            if os.path.realpath(one) in seen or not documents.is_notebook(one) or not os.path.isfile(one):
                if named and not documents.is_notebook(one):
                    raise NotebookError("this is no notebook", one, "notebooks are .ipynb, .py, .md, .Rmd …")
                continue
            try:
                made = pair(one) if named or _may_be(one) else None
            except (Error, Errors) as error:
                seen.add(os.path.realpath(one))
                yield one, error
                continue
            seen.update(os.path.realpath(side.path) for side in (made.sides if made else ()))
            if made is not None or named:
                yield one, made


def _may_be(path: str) -> bool:
    """Return whether a file of a folder may be of a pair: it says so, or is a notebook and there is a configuration."""
    if b"jupytext" in (data := products.whole(path)):
        return b"formats" in data or forms.configuration(path) is not None
    configured = path.endswith(".ipynb") or (path.endswith(".py") and b"# %%" in data)
    return configured and forms.configuration(path) is not None
