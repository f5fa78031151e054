"""Pair a notebook, or part it again: what its files say of it, in the words of jupytext."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

from .. import notebook as documents
from ..errors import Error
from ..notebook.cells import Notebook
from . import convert, forms
from .pairs import Pair, PairSide, pair, read, said_formats
from .sync import Syncing


def paired(path: str, wanted: str = "") -> Syncing:
    """Return what is to be written for a file to be paired in some formats, as "ipynb,py:percent".

    Raises ``Error`` where a file of the other format is there and says something else.
    """
    notebook = read(path)
    configured = forms.configuration(path)
    if not wanted and not said_formats(notebook) and configured and (found := pair(path, notebook)):
        return _plan(found, notebook, next(side for side in found.sides if side.notebook is notebook))
    wanted = wanted or said_formats(notebook) or _usual(notebook)
    marked = with_formats(notebook, _spelled(wanted, notebook))
    found = pair(path, marked, said_formats(marked))
    if found is None:
        raise Error("a pair has two formats at least", path, "--formats ipynb,py:percent")
    own = next((side for side in found.sides if side.notebook is marked), None)
    if own is None:
        raise Error(f'its own format is not among "{wanted}"', path, f"it is {notebook.format}")
    return _plan(found, notebook, own)


def parted(path: str) -> Syncing:
    """Return what is to be written for the files of a pair to be no pair; all of them stay. Raises ``Error``."""
    notebook = read(path)
    if not said_formats(notebook):
        configured = forms.configuration(path)
        if configured and (configured.formats):
            raise Error(f'it is paired by {configured.path}: formats = "{configured.formats}"', path)
        raise Error("it is not paired", path)
    found = pair(path, notebook)
    assert found is not None
    written = []
    for side in found.sides:
        if side.notebook is not None and said_formats(side.notebook):
            made = with_formats(side.notebook, "")
            written.append(replace(side, data=documents.dumps(made), notebook=made))
    return Syncing(found, None, "", tuple(written))


def _usual(notebook: Notebook) -> str:
    return "ipynb,auto:percent" if notebook.format == "ipynb" else f"ipynb,{notebook.format}"


def _spelled(wanted: str, notebook: Notebook) -> str:
    """Return formats as jupytext keeps them: "auto" as what it is for this notebook. Raises ``Error``."""
    metadata = notebook.data["metadata"]
    spec = metadata.get("kernelspec")
    spoken = "language_info" in metadata or (isinstance(spec, dict) and spec.get("language"))
    words = [word.strip() for word in wanted.split(",") if word.strip()]
    if not spoken:  # then it is what nearly all are
        words = [word.replace("auto", "py") if word.startswith("auto") else word for word in words]
    return ",".join(str(forms.form(word, metadata)) for word in words)


def with_formats(notebook: Notebook, formats: str) -> Notebook:
    """Return a notebook that says how it is paired; "" for not at all."""
    metadata = deepcopy(notebook.data["metadata"])
    found = metadata.get("jupytext")
    section = found if isinstance(found, dict) else {}
    metadata.pop("jupytext_formats", None)
    if formats:
        section = {**section, "formats": formats}
        if section.get("notebook_metadata_filter") == "-all":  # else the text would not say it
            del section["notebook_metadata_filter"]
    else:
        section.pop("formats", None)
    metadata = {key: value for key, value in metadata.items() if key != "jupytext"}
    if section:
        metadata["jupytext"] = section
    return Notebook({**notebook.data, "metadata": metadata}, notebook.format, notebook.path, notebook.origin)


def _plan(found: Pair, before: Notebook, own: PairSide) -> Syncing:
    """Return a plan that writes what is not there, and what does not say how it is paired."""
    assert own.notebook is not None
    written = []
    if own.notebook.data != before.data:
        written.append(replace(own, data=documents.dumps(own.notebook)))
    for side in found.sides:
        if side is own:
            continue
        if side.notebook is not None:
            as_it_was = convert.converted(before, side.form, found.options, side.notebook)
            if not convert.alike(as_it_was, side.notebook):
                hint = f"octavo diff {own.path} {side.path} shows it; remove one, or give it another name"
                raise Error(f"it is there already, and says something else than {own.path}", side.path, hint)
        made = convert.converted(own.notebook, side.form, found.options, side.notebook)
        if side.notebook is None or made.data != side.notebook.data:
            written.append(replace(side, data=documents.dumps(made), notebook=made))
    return Syncing(found, own, "", tuple(written))
