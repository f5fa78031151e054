"""Where octavo run writes the executed notebook: a file, a page, a URL or standard output."""

from __future__ import annotations

import sys
from pathlib import Path, PurePosixPath

from .. import remote
from ..errors import Error, ProductError
from ..model import Json, Outcome
from ..notebook import dump_ipynb
from ..products import writing
from .pages import Page, is_page
from .writer import write_whole

#: Standard output as the place for a notebook.
STDOUT = "-"


class Destination:
    """What is shared by targets that a notebook reaches when it has ended, good or not."""

    every = 0.0
    spare: str | None = None

    def __init__(self, where: str) -> None:
        self.where = where

    def save(self, data: Json) -> None:
        """Write a notebook."""
        raise NotImplementedError

    def keep(self, data: Json | None, outcome: Outcome) -> str | None:
        """Write a notebook as it ended."""
        if data is None:
            return None
        self.save(data)
        return self.where


class LocalFile(Destination):
    """A file, renamed to its place each time that it is whole."""

    def __init__(self, path: str, every: float) -> None:
        super().__init__(path)
        # a device or a pipe gets the notebook once
        self.every = 0.0 if writing.passing(path) else every
        writing.sweep(path)

    def save(self, data: Json) -> None:
        """Write a notebook beside its place, and rename it."""
        write_whole(data, Path(self.where), named=True)


class Stdout(Destination):
    """Standard output."""

    def save(self, data: Json) -> None:
        """Print a notebook."""
        sys.stdout.buffer.writelines(dump_ipynb(data))
        sys.stdout.buffer.flush()


class Url(Destination):
    """A URL; a notebook that cannot be sent there is kept here."""

    def __init__(self, url: str) -> None:
        super().__init__(remote.shown(url))
        self._url = url

    def save(self, data: Json) -> None:
        """Send a notebook; where that fails it is kept here, and the error says where."""
        try:
            remote.write(self._url, b"".join(dump_ipynb(data)))
        except Error as error:
            spare = Path(PurePosixPath(self.where).name).with_suffix(".unsent.ipynb")
            write_whole(data, spare)
            error.hint = f"it is saved here as {spare}" + (f"; {error.hint}" if error.hint else "")
            raise


class Paged(Destination):
    """A page made of the notebook; one that failed is kept as a notebook, beside the last good page."""

    def __init__(self, target: str, page: Page) -> None:
        super().__init__(remote.shown(target))
        self.page = page

    def save(self, data: Json) -> None:
        """Make the page of a notebook."""
        self.page(data)

    def keep(self, data: Json | None, outcome: Outcome) -> str | None:
        """Make the page of a notebook that ended well; keep any other as a notebook."""
        if data is None:
            return None
        spare = Path(self.page.spare)
        if not outcome.good:
            write_whole(data, spare)
            return self.page.spare
        try:
            self.save(data)
        except Exception:
            write_whole(data, spare)  # hours of work are not lost because of their last step
            self.spare = self.page.spare
            raise
        spare.unlink(missing_ok=True)
        return self.where


def of_output(target: str, source: str, every: float, *, hide_code: bool, safe: bool = False) -> Destination:
    """Return where an executed notebook goes, by the name that is given for it.

    ``safe`` takes out of pages what runs when they are opened; a notebook is not opened as one, and is refused.
    """
    if target != STDOUT and is_page(target):
        return Paged(target, Page(target, source, hide_code=hide_code, safe=safe))
    if safe:
        raise ProductError("--safe is for pages", remote.shown(target), "name the output OUT.html")
    if target == STDOUT:
        return Stdout(target)
    return Url(target) if remote.is_url(target) else LocalFile(target, every)
