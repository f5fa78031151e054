"""Errors that users can fix, and how they are printed.

Error                    a mistake of the user: what, where, and what to do about it
├── SpecError            pipeline.yaml or env.yaml
├── GraphError           the tasks do not fit together
├── NotebookError        a file that is not the notebook it should be
├── TemplateError        a template of SQL or shell that cannot be rendered
├── ParameterError       a parameter that is unknown, missing or of the wrong type
├── ProductError         a product path that cannot be used
├── KernelError          a kernel that is not installed or does not start
├── ClientError          a connection that cannot be made, or that is none
├── StateError           .octavo/ cannot be read, written or locked
└── MissingExtra         an optional package that is not installed

Several mistakes of one file travel together as ``Errors``, an ``ExceptionGroup``. A failure of the
*user's code* is never an exception here: it is a value, ``model.Failure``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


@dataclass(frozen=True, slots=True)
class Place:
    """A point in a text: path as the user knows it, line and column counted from 1 (0: unknown)."""

    path: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return ":".join([self.path, *(str(n) for n in (self.line, self.column) if n)])


class Error(Exception):
    """A mistake of the user: a message, the place it was made, and a hint that helps to mend it."""

    def __init__(self, message: str, where: Place | str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.where = Place(where) if isinstance(where, str) else where
        self.hint = hint

    def __str__(self) -> str:
        text = f"{self.where}: {self.message}" if self.where else self.message
        return f"{text}\n  hint: {self.hint}" if self.hint else text


class SpecError(Error):
    """A mistake in pipeline.yaml or env.yaml."""


class GraphError(Error):
    """Tasks that do not fit together: a cycle, an unknown upstream, two makers of one product."""


class NotebookError(Error):
    """A file that is not the notebook it should be."""


class TemplateError(Error):
    """A template of SQL or shell that cannot be rendered."""


class ParameterError(Error):
    """A parameter that is unknown, missing or of the wrong type."""


class ProductError(Error):
    """A product path that cannot be used."""


class KernelError(Error):
    """A kernel that is not installed or does not start."""


class ClientError(Error):
    """A connection that cannot be made, or that is none."""


class StateError(Error):
    """The state folder cannot be read, written or locked."""


class MissingExtra(Error):
    """An optional package is not installed; the hint says how to install it."""


class Errors(ExceptionGroup[Error]):
    """Several mistakes, all to be shown at once."""

    def derive(self, excs: Sequence[Error], /) -> Errors:  # type: ignore[override]  # of errors only
        return Errors(self.message, excs)


def raise_all(errors: Iterable[Error], message: str = "mistakes") -> None:
    """Raise the one error, or all of them together; return when there is none."""
    found = list(errors)
    if len(found) == 1:
        raise found[0]
    if found:
        raise Errors(message, found)


def each(error: Error | ExceptionGroup[Error]) -> Iterator[Error]:
    """Yield the single mistakes in an error or a (nested) group of them."""
    if isinstance(error, ExceptionGroup):
        for inner in error.exceptions:
            yield from each(inner)
    else:
        yield error
