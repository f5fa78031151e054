"""Which products are the executed notebook itself, and which are exports of it."""

from __future__ import annotations

import os

from ..dataclass import dataclass
from ..digests import digest
from ..model import Task

#: What nbconvert calls the exporter of a format that an extension names.
EXPORTERS = {
    ".ipynb": "notebook",
    ".html": "html",
    ".md": "markdown",
    ".pdf": "pdf",
    ".rst": "rst",
    ".tex": "latex",
}
_OTHER_NAMES = {"ipynb": "notebook", "md": "markdown", "tex": "latex"}

#: Where executed notebooks are kept that are no products themselves: from them exports are made anew.
KEPT = ".octavo/notebooks/"


@dataclass(frozen=True, slots=True)
class Edition:
    """One product that an executed notebook becomes. ``exporter`` is nbconvert's name of it; "" where none is known."""

    path: str
    exporter: str

    @property
    def plain(self) -> bool:
        """Whether it is the executed notebook itself, which doesn't need nbconvert."""
        return self.exporter == "notebook"


def editions(task: Task) -> tuple[Edition, ...]:
    """Return what a task's executed notebook becomes, in the order of its products.

    ``nbconvert_exporter_name`` is one name for all, or a dict of names by key of the product.
    """
    names = task.own.get("nbconvert_exporter_name")
    found = []
    for product in task.products:
        if product.executed:
            name = names.get(product.key) if isinstance(names, dict) else names
            name = name or EXPORTERS.get(os.path.splitext(product.path)[1].lower(), "")
            found.append(Edition(product.path, _OTHER_NAMES.get(name, name)))
    return tuple(found)


def home(task: Task) -> str | None:
    """Return where the executed notebook itself is: a product, or a place in ``.octavo/``; None for a task without."""
    wanted = editions(task)
    plain = next((edition.path for edition in wanted if edition.plain), None)
    if plain is not None or not wanted:
        return plain
    name = os.path.splitext(os.path.basename(wanted[0].path))[0]
    return f"{KEPT}{name}-{digest(wanted[0].path)[:12]}.ipynb"


def exports(task: Task) -> tuple[Edition, ...]:
    """Return the editions that are made from the executed notebook, copies of it included."""
    at = home(task)
    return tuple(edition for edition in editions(task) if edition.path != at)


def failed(task: Task) -> str | None:
    """Return where the executed notebook of a run that failed goes: beside the first product, so that none is lost."""
    wanted = editions(task)
    if not wanted:
        return None
    plain = next((edition.path for edition in wanted if edition.plain), wanted[0].path)
    return beside(plain)


def beside(path: str) -> str:
    """Return the place beside a product for the notebook of a run that failed."""
    stem, extension = os.path.splitext(path)
    return f"{stem if extension.lower() in EXPORTERS else path}.failed.ipynb"


def images(task: Task) -> tuple[str, ...]:
    """Return the folders where images of exports go that cannot hold them, named as nbconvert does."""
    found: dict[str, None] = {}
    for edition in editions(task):
        if edition.exporter in ("markdown", "rst", "latex", "asciidoc"):
            folder, name = os.path.split(os.path.splitext(edition.path)[0])
            found[os.path.join(folder, f"{name.replace(' ', '_')}_files")] = None
    return tuple(found)
