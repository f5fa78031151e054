"""A notebook as text that people, programs and git read: its cells without outputs, or with a line for each output."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..errors import Error, NotebookError, Place
from ..hints import did_you_mean
from ..model import Json, joined
from ..notebook.cells import Notebook

#: The most characters of an output, or of a line of it, that are shown.
_SHOWN = 100


def numbers(cells: Sequence[Json]) -> list[str]:
    """Return the number of each cell: code cells from 1, as everywhere, and the others "m1", "m2" …"""
    found, code, other = [], 0, 0
    for cell in cells:
        if cell.get("cell_type") == "code":
            code += 1
            found.append(str(code))
        else:
            other += 1
            found.append(f"m{other}")
    return found


def tags(cell: Json) -> list[str]:
    """Return the tags of a cell."""
    found = cell["metadata"].get("tags") if isinstance(cell.get("metadata"), dict) else None
    return [tag for tag in found if isinstance(tag, str)] if isinstance(found, list) else []


def addressed(notebook: Notebook, address: str) -> int:
    """Return which cell an address means: its number, its id, or a tag that one cell has. Raises ``Error``."""
    cells = notebook.cells
    known = numbers(cells)
    if address in known:
        return known.index(address)
    ids = [str(cell.get("id", "")) for cell in cells]
    if address in ids and address:
        return ids.index(address)
    tagged = [at for at, cell in enumerate(cells) if address in tags(cell)]
    if len(tagged) == 1:
        return tagged[0]
    where = Place(notebook.path)
    if tagged:
        hint = f"say which: {', '.join(f'#{known[at]}' for at in tagged)}"
        raise NotebookError(f'{len(tagged)} cells have the tag "{address}"', where, hint)
    every = [*ids, *(tag for cell in cells for tag in tags(cell))]
    hint = did_you_mean(address, [one for one in every if one]) or "octavo cat shows numbers, ids and tags"
    raise NotebookError(f'there is no cell "{address}": no such number, id or tag', where, hint)


def split(word: str, exists: bool) -> tuple[str, str]:
    """Return path and address of ``NB#load``; no address for a file that is there, which may have # in its name."""
    path, sign, address = word.rpartition("#")
    if exists or not (sign and path):
        return word, ""
    if not address:
        raise Error("an address follows #: a number, an id or a tag", word)
    return path, address


def lines(notebook: Notebook, only: Sequence[int] | None = None, *, outputs: bool = False) -> Iterator[str]:
    """Yield a notebook as lines: each cell under a line with its number, id and tags."""
    known = numbers(notebook.cells)
    for at, cell in enumerate(notebook.cells):
        if only is not None and at not in only:
            continue
        words = [f"# %% [{known[at]}]", str(cell.get("cell_type"))]
        # those of scripts are made from what cells say, and are others after each edit
        words += [f"id={cell['id']}"] if cell.get("id") and notebook.format == "ipynb" else []
        words += [f"tags={','.join(tags(cell))}"] * bool(tags(cell))
        yield " ".join(words)
        yield from joined(cell.get("source", "")).split("\n")
        if outputs:
            yield from (f"#> {line}" for output in cell.get("outputs") or () for line in summary(output))
        yield ""


def for_git(notebook: Notebook) -> Iterator[str]:
    """Yield a notebook as the lines that git compares: nothing in them changes when another cell does."""
    for cell in notebook.cells:
        kind = cell.get("cell_type")
        words = ["# %%"] + ([f"[{kind}]"] if kind != "code" else [])
        yield " ".join([*words, *(f"tags={','.join(tags(cell))}" for _ in tags(cell)[:1])])
        yield from joined(cell.get("source", "")).split("\n")


def summary(output: Json) -> Iterator[str]:
    """Yield an output in a line."""
    match output.get("output_type"):
        case "stream":
            text = joined(output.get("text", ""))
            yield f"{output.get('name', 'stdout')}: {_beginning(text)}"
        case "error":
            yield f"error: {_beginning(': '.join(str(output.get(key)) for key in ('ename', 'evalue')))}"
        case _:
            data = output.get("data")
            yield "; ".join(_bundle(data if isinstance(data, dict) else {}))


def _bundle(data: Json) -> Iterator[str]:
    for mime, value in data.items():
        text = joined(value)
        if mime == "text/plain":
            yield _beginning(text)
        else:
            yield f"{mime}, {len(text):,} characters"


def _beginning(text: str) -> str:
    every = text.rstrip("\n").split("\n")
    first = every[0][:_SHOWN] + ("…" if len(every[0]) > _SHOWN else "")
    return first + (f" … {len(every)} lines" if len(every) > 1 else "")


def plain(notebook: Notebook, only: Sequence[int] | None = None) -> list[Json]:
    """Return the cells as data for programs, their outputs as lines."""
    known = numbers(notebook.cells)
    return [
        {
            "number": known[at],
            "id": cell.get("id"),
            "type": cell.get("cell_type"),
            "tags": tags(cell),
            "source": joined(cell.get("source", "")),
            "outputs": [line for output in cell.get("outputs") or () for line in summary(output)],
        }
        for at, cell in enumerate(notebook.cells)
        if only is None or at in only
    ]
