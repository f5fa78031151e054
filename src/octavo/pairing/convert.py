"""A notebook in another format, with what a file in that format had already, and what the format cannot hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy

from .. import notebook as documents
from ..model import Json
from ..notebook.cells import Notebook, add_ids, wants_ids
from ..notebook.marker import LAYOUT
from ..notebook.render import VOLATILE
from ..review import text
from ..review.align import align
from .forms import Form

#: What a format says of itself.
_SHOWN = "text_representation"


def converted(
    source: Notebook, form: Form, options: Mapping[str, object], old: Notebook | None = None
) -> Notebook:
    """Return a notebook in another format. ``options`` are those of jupytext's configuration.

    ``old`` is what the file in that format says now: what the format of ``source`` cannot hold stays as it is there
    (outputs, ids, attachments), and cells that say the same keep their bytes.
    """
    if form.notebook:
        return _updated(source, old, options) if old is not None else _notebook(source, options)
    headless = old is not None and _headless(old)
    held = through(source, form, {**options, "notebook_metadata_filter": "-all"} if headless else options)
    return held if old is None or old.format != held.format else _rewritten(held, old)


def through(source: Notebook, form: Form, options: Mapping[str, object]) -> Notebook:
    """Return what is left of a notebook in a file of another format."""
    if form.notebook:
        return _notebook(source, options)
    data = deepcopy(source.data)
    section = _section(data["metadata"])
    section.pop(_SHOWN, None)
    data["metadata"]["jupytext"] = {**section, **options}
    for cell in data["cells"]:
        if source.format.partition(":")[0] not in ("ipynb", form.extension[1:]):
            _without(cell["metadata"], LAYOUT)  # of another language, or of no script
    written = documents.dumps(Notebook(data, form.format, source.path))
    return documents.loads(written, f"{source.path}{form.extension}")


def alike(one: Notebook, other: Notebook) -> bool:
    """Return whether two notebooks say the same, apart from outputs, ids and layout."""
    return len(one.cells) == len(other.cells) and all(
        said(a) == said(b) for a, b in zip(one.cells, other.cells, strict=True)
    )


def said(cell: Json) -> tuple[object, ...]:
    """Return what a cell says: its type, its source, and the metadata that mean something.

    Blank lines at its end are layout: most texts do not hold them.
    """
    metadata = {key: value for key, value in cell["metadata"].items() if key not in VOLATILE and value != []}
    return cell["cell_type"], cell.get("source", "").rstrip("\n"), metadata


def head(notebook: Notebook) -> Json:
    """Return what a notebook says of itself that texts hold, too: its kernel, and how it is paired."""
    metadata = {**notebook.data["metadata"], "jupytext": {**_section(notebook.data["metadata"])}}
    for key in (_SHOWN, "main_language"):
        metadata["jupytext"].pop(key, None)
    return {key: metadata[key] for key in ("kernelspec", "jupytext") if metadata.get(key)}


def _section(metadata: Json) -> Json:
    found = metadata.get("jupytext")
    return found if isinstance(found, dict) else {}


def _headless(text: Notebook) -> bool:
    """Return whether a text has no header."""
    return (
        not text.data["metadata"] or _section(text.data["metadata"]).get("notebook_metadata_filter") == "-all"
    )


def _without(found: Json, keys: Sequence[str]) -> None:
    for key in keys:
        found.pop(key, None)


def _notebook(source: Notebook, options: Mapping[str, object]) -> Notebook:
    """Return a notebook as .ipynb; a text without a header is to have none when it is written again."""
    data = deepcopy(source.data)
    metadata = data["metadata"]
    if source.format != "ipynb":
        section = {key: value for key, value in _section(metadata).items() if key != _SHOWN}
        section = {key: value for key, value in section.items() if options.get(key) != value}
        if not metadata and options.get("notebook_metadata_filter") is None:
            section["notebook_metadata_filter"] = "-all"
        metadata.pop("jupytext", None)
        if section:
            metadata["jupytext"] = section
    return Notebook(data, "ipynb", source.path)


def _updated(source: Notebook, old: Notebook, options: Mapping[str, object]) -> Notebook:
    """Return an .ipynb with the cells that another file has, and with all that only the .ipynb has."""
    form = Form(*_parts(source))
    headless = {"notebook_metadata_filter": "-all"} if _headless(source) else {}
    held = through(old, form, {**options, **headless}) if source.format != "ipynb" else old
    # where cells end is what some formats cannot hold: a text that was not changed changes nothing
    cells = old.cells if alike(held, source) else _updated_cells(source, old, held)
    data = {**deepcopy(old.data), "cells": cells}
    _take_metadata(data["metadata"], held.data["metadata"], source.data["metadata"], options)
    return Notebook(data, "ipynb", old.path)


def _updated_cells(source: Notebook, old: Notebook, held: Notebook) -> list[Json]:
    same = len(held.cells) == len(old.cells)
    base = held.cells if same else old.cells
    plain = [{key: value for key, value in cell.items() if key != "id"} for cell in source.cells]
    partner = {new: was for was, new in align(base, plain) if was is not None and new is not None}
    cells: list[Json] = []
    used = {old.cells[was].get("id") for was in partner.values()}
    for at, cell in enumerate(source.cells):
        was = partner.get(at)
        if was is not None:
            cells.append(_cell(old.cells[was], base[was] if same else None, cell))
            continue
        new = deepcopy(cell)
        if not wants_ids(old.data) or new.get("id") in used:
            new.pop("id", None)
        cells.append(new)
    if wants_ids(old.data):
        add_ids(cells)
    return cells


def _parts(source: Notebook) -> tuple[str, str]:
    extension, _, name = source.format.partition(":")
    return f".{extension}", name


def _cell(old: Json, held: Json | None, new: Json) -> Json:
    """Return a cell of an .ipynb with the source and metadata of the text; ``held`` is what the text had of it."""
    held = held if held is not None else old
    if said(held) == said(new):
        return old
    cell = deepcopy(old)
    if held["source"].rstrip("\n") != new["source"].rstrip("\n"):
        cell["source"] = new["source"]
    for key in held["metadata"]:
        if key not in new["metadata"] and key not in VOLATILE:
            cell["metadata"].pop(key, None)
    cell["metadata"] |= {key: value for key, value in new["metadata"].items() if key not in VOLATILE}
    return cell


def _take_metadata(metadata: Json, held: Json, new: Json, options: Mapping[str, object]) -> None:
    """Change metadata of an .ipynb as the text has changed what it holds of them."""
    for key in held:
        if key not in new and key != "jupytext":
            metadata.pop(key, None)
    metadata |= {k: deepcopy(v) for k, v in new.items() if k != "jupytext" and held.get(k) != v}
    section, was, now = (dict(_section(found)) for found in (metadata, held, new))
    for key in was.keys() - now.keys():
        section.pop(key, None)
    section |= {k: v for k, v in now.items() if was.get(k) != v and options.get(k) != v}
    section.pop(_SHOWN, None)
    metadata.pop("jupytext", None)
    if section:
        metadata["jupytext"] = section


def _rewritten(held: Notebook, old: Notebook) -> Notebook:
    """Return a text with other cells, in which those that say the same are the old ones."""
    plain = [{key: value for key, value in cell.items() if key != "id"} for cell in held.cells]
    partner = {new: was for was, new in align(old.cells, plain) if was is not None and new is not None}
    cells: list[Json] = []
    used = {old.cells[was].get("id") for was in partner.values()}
    for at, cell in enumerate(held.cells):
        was = partner.get(at)
        if was is None:
            new = {**cell, "id": ""} if cell.get("id") in used else cell
        elif said(cell) == said(old.cells[was]):
            new = old.cells[was]
        else:
            layout = {k: v for k, v in old.cells[was]["metadata"].items() if k in VOLATILE}
            metadata = {key: value for key, value in cell["metadata"].items() if key not in VOLATILE}
            new = {**cell, "id": old.cells[was]["id"], "metadata": {**metadata, **layout}}
        cells.append(new)
    add_ids(cells)
    metadata = old.data["metadata"]
    if head(held) != head(old):
        kept = {key: value for key, value in metadata.items() if key not in ("kernelspec", "jupytext")}
        shown = {_SHOWN: section} if (section := _section(metadata).get(_SHOWN)) else {}
        metadata = {**kept, **held.data["metadata"]}
        metadata["jupytext"] = {**_section(held.data["metadata"]), **shown}
    return Notebook({**old.data, "cells": cells, "metadata": metadata}, old.format, old.path, old.origin)


def lost(source: Notebook, held: Notebook) -> Iterator[str]:
    """Yield what a notebook has that another format does not hold; ``held`` is what is left of it there."""
    if held.format == "ipynb":
        return
    count = sum(bool(cell.get("outputs")) for cell in source.cells)
    if count:
        yield f"outputs ({count} {'cells' if count > 1 else 'cell'})"
    if source.format == "ipynb" and wants_ids(source.data):
        yield "ids"
    numbers = text.numbers(source.cells)
    attached = [f"#{numbers[at]}" for at, cell in enumerate(source.cells) if cell.get("attachments")]
    if attached:
        yield f"attachments ({', '.join(attached)})"
    gone = sorted(source.data["metadata"].keys() - held.data["metadata"].keys() - {"jupytext"})
    if gone:
        yield f"metadata of the notebook ({', '.join(gone)})"
    yield from _changed(source, held, numbers)


def _changed(source: Notebook, held: Notebook, numbers: Sequence[str]) -> Iterator[str]:
    """Yield what cells say otherwise after a format has had them."""
    if len(source.cells) != len(held.cells):
        yield f"where cells end ({len(source.cells)} cells become {len(held.cells)})"
        return
    keys: dict[str, list[str]] = {}
    for at, (cell, left) in enumerate(zip(source.cells, held.cells, strict=True)):
        for key, value in cell["metadata"].items():
            if left["metadata"].get(key) != value and key not in LAYOUT and value != []:
                keys.setdefault(key, []).append(f"#{numbers[at]}")
    if keys:
        names = (f"{key} of {', '.join(cells[:3])}{' …' * (len(cells) > 3)}" for key, cells in keys.items())
        yield f"metadata of cells ({'; '.join(names)})"
    pairs = enumerate(zip(source.cells, held.cells, strict=True))
    others = [
        at for at, (a, b) in pairs if (a["cell_type"], a.get("source")) != (b["cell_type"], b["source"])
    ]
    if others:
        yield f"the exact source ({', '.join(f'#{numbers[at]}' for at in others)})"
