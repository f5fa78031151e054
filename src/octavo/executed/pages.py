"""Choose the format in which octavo run writes its output, by file extension."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from .. import remote
from ..errors import MissingExtra, ProductError
from ..lazy import lazy_imports
from ..model import Json
from .editions import EXPORTERS, Edition, beside

with lazy_imports():
    from .. import notebook as notebooks
    from . import export

#: What a web server is told of that which it is sent; only files that are whole in themselves are sent.
_MEDIA = {".html": "text/html; charset=utf-8", ".pdf": "application/pdf"}

#: Outputs that hold the HTML of others, or are printed from it.
_OF_HTML = (".html", ".pdf")


def is_page(target: str) -> bool:
    """Return whether the name of an output asks for something else than a notebook; refuse a source's."""
    name = PurePosixPath(remote.shown(target)).name
    stem, extension = os.path.splitext(name)
    found = extension.lower()
    if found not in EXPORTERS and notebooks.is_notebook(name):
        hint = f"{stem}.ipynb, or as something to read: {', '.join(list(EXPORTERS)[1:])}"
        raise ProductError(f"{name} is the name of a source, not of an executed notebook", hint=hint)
    if remote.is_url(target) and EXPORTERS.get(found, "notebook") != "notebook" and found not in _MEDIA:
        raise ProductError(
            f"a {found} cannot be sent: its images are files beside it", hint=f"{stem}.html holds them"
        )
    return found in EXPORTERS and EXPORTERS[found] != "notebook"


class Page:
    """One output that is made of the executed notebook by nbconvert, beside its place first and then renamed."""

    def __init__(self, target: str, source: str, *, hide_code: bool, safe: bool = False) -> None:
        self.target, self.source = target, source
        if safe and PurePosixPath(remote.shown(target)).suffix.lower() not in _OF_HTML:
            raise ProductError(f"--safe is for pages: {', '.join(_OF_HTML)}", remote.shown(target))
        self.options: Json = {"exclude_input": True} if hide_code else {}
        if safe:
            self.options["sanitize_html"] = True
        local = PurePosixPath(remote.shown(target)).name if remote.is_url(target) else target
        #: Where the notebook goes when it failed, or when the page cannot be made of it.
        self.spare = beside(local)
        self._edition = Edition(local, EXPORTERS[os.path.splitext(local)[1].lower()])

    def check(self, notebook: Json) -> None:
        """Raise what is missing on this machine: better now than when the notebook has run."""
        try:
            export.check([self._edition], notebook, self.options)
        except MissingExtra as error:
            message = f"{error.message}, and {remote.shown(self.target)} is made with it"
            raise MissingExtra(message, hint=error.hint) from None

    def __call__(self, data: Json) -> None:
        """Make the page of a notebook, and write or send it."""
        files = export.exported(data, [self._edition], Path.cwd(), self.source, self.options)
        if not remote.is_url(self.target):
            export.write(files, named=True)
            return
        media = _MEDIA[os.path.splitext(self._edition.path)[1].lower()]
        remote.write(self.target, b"".join(files.values()), media)
