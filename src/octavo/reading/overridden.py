"""Find the cells of a notebook that assign parameters again before anything reads what was injected."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from .. import notebook
from ..dataclass import dataclass
from ..errors import Place
from ..hints import did_you_mean
from ..model import Facts
from ..notebook.inject import PARAMETERS, parameters_cell, tags

#: A cell that may look whether a name is there before it assigns it.
_LOOKS = re.compile(r"\b(?:globals|locals|vars|dir|NameError|setdefault|environ|user_ns)\b")


@dataclass(frozen=True, slots=True)
class Overridden:
    """Names that a cell assigns, the ``number``-th with code. ``untagged``: no cell is tagged parameters."""

    names: tuple[str, ...]
    number: int
    where: Place
    untagged: bool
    tag: str = ""

    @property
    def message(self) -> str:
        return f"cell {self.number} assigns {', '.join(self.names)}{'' if self.untagged else ' again'}"

    @property
    def hint(self) -> str:
        if self.tag:
            return f'its tag is "{self.tag}": make it "{PARAMETERS}"'
        if self.untagged:
            return f"tag it {PARAMETERS}"
        return "what is set from outside is lost there"


def overridden(facts: Facts, data: bytes, path: str, names: Collection[str]) -> Iterator[Overridden]:
    """Yield the cells of a notebook in Python that assign these names before any cell reads what was injected."""
    if facts.language != "python" or not any(set(cell.defines) & set(names) for cell in facts.cells):
        return
    book = notebook.loads(data, path)
    declared = parameters_cell(book.cells)
    waiting = set(names)
    for number, cell in enumerate(facts.cells, start=1):
        if declared is not None and cell.cell <= declared:
            continue
        lost = sorted(waiting & set(cell.defines) - set(cell.uses))
        if lost and not _LOOKS.search(book.cells[cell.cell]["source"]):
            near = [tag for tag in tags(book.cells[cell.cell]) if did_you_mean(tag, [PARAMETERS])]
            where = Place(path, cell.line) if cell.line else Place(path)
            yield Overridden(tuple(lost), number, where, declared is None, near[0] if near else "")
        waiting -= {*cell.defines, *cell.uses}
