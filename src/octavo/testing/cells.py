"""Notebooks and their cells as tests of pytest."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pytest

from .. import notebook as documents
from .. import project as projects
from ..compare import Tolerance
from ..errors import Error, each
from ..kernels import frames
from ..model import Failure, Json
from ..notebook.cells import Notebook
from ..verifying import CellState, CellVerdict
from ..verifying import accept as accepting
from ..verifying.again import Ran
from ..verifying.judge import cell_verdict
from ..verifying.wishes import Wish, place_pattern, sanitizers, wishes
from . import shown
from .measured import Measured
from .naming import named
from .settings import TestSettings
from .stepwise import Choices, Stepwise, WarmKernels

_PICTURES = ("image/png", "image/jpeg")


class SharedByTests(Protocol):
    """What the tests of a session share."""

    settings: TestSettings
    measured: Measured
    pause: Mapping[str, object] | None

    def warm(self) -> WarmKernels: ...
    def now(self) -> float: ...
    def project(self, pipeline: Path) -> projects.Project: ...
    def talking(self) -> AbstractContextManager[None]: ...


class NotebookFile(pytest.File):
    """A notebook: it runs once, as far as its tests ask."""

    octavo: SharedByTests

    def collect(self) -> Iterable[pytest.Item]:
        """Return the tests: one of the whole notebook, or one for each cell that runs."""
        try:
            self.data = self.path.read_bytes()
            self.notebook = documents.loads(self.data, str(self.path))
            self.wishes = _wishes(self.notebook, self.octavo.settings)
        except OSError as error:
            raise self.CollectError(f"it cannot be read: {error.strerror}") from None
        except (Error, ExceptionGroup) as error:
            raise self.CollectError("\n".join(map(str, each(error)))) from None
        self.run: Stepwise | None = None
        self.accepted: set[int] = set()
        if not self.octavo.settings.cells:
            yield NotebookItem.from_parent(self, name="notebook")
            return
        for index, number, name in named(self.notebook, nbval=self.octavo.settings.nbval):
            item: CellItem = CellItem.from_parent(self, name=name)
            item.index, item.number = index, number
            yield item

    def started(self) -> Stepwise:
        """Return its run, which begins with the first test that needs it."""
        if self.run is None:
            settings, octavo = self.octavo.settings, self.octavo
            choices = Choices(
                settings.kernel,
                settings.cell_timeout,
                settings.start_timeout,
                through=(settings.cells and octavo.pause is None) or settings.imports_only,
                pause=octavo.pause,
                prelude=octavo.measured.prelude(),
            )
            self.run = Stepwise(self.notebook, self.wishes, choices, octavo.warm())
        return self.run

    def done(self) -> None:
        """End the run, after its last test, and accept what was asked for."""
        if self.run is None:
            return
        run, self.run = self.run, None
        if self.octavo.measured.on:
            run.to()
        ran = run.ran()
        run.close()
        self.octavo.measured.take(self.notebook, ran, list(named(self.notebook)))
        if self.accepted:
            self.accept(self.accepted, ran)

    def verdict(self, index: int, number: int, ran: Ran) -> CellVerdict:
        """Return what is to be said of a cell that has run."""
        settings = self.octavo.settings
        tolerance = Tolerance(settings.rtol, settings.atol, sanitize=sanitizers(settings.sanitize))
        tolerance = replace(tolerance, now=self.octavo.now())
        return cell_verdict(self.notebook.cells[index], (number, index), self.wishes[index], ran, tolerance)

    def stored(self) -> bool:
        """Return whether there is anything to compare with, and it is asked for."""
        return self.octavo.settings.verify and self.notebook.format == "ipynb"

    def accept(self, numbers: set[int], ran: Ran) -> None:
        """Write the outputs of cells into the notebook."""
        judged = tuple(
            self.verdict(index, number, ran) for index, number, _ in named(self.notebook) if number in numbers
        )
        notebook = replace(self.notebook, path=str(self.path))
        accepting.accept(notebook, self.data, judged, ran, numbers)


def _wishes(notebook: Notebook, settings: TestSettings) -> list[Wish]:
    found = wishes(notebook.data, notebook.path, lax=settings.lax)
    if settings.pictures:
        return found
    places = tuple(place_pattern(f"/cells/*/outputs/*/data/{kind}") for kind in _PICTURES)
    return [replace(wish, leave_out=(*wish.leave_out, *places)) for wish in found]


class NotebookItem(pytest.Item):
    """A whole notebook as one test."""

    parent: NotebookFile

    def runtest(self) -> None:
        """Run the notebook, and compare its outputs where that is asked for."""
        file = self.parent
        run = file.started()
        with file.octavo.talking():
            ran = run.to()
        names = {index: name for index, _, name in named(file.notebook)}
        for index, seconds in run.seconds.items():
            self.user_properties.append((names.get(index, f"cell {index}"), round(seconds, 6)))
        if run.printed:
            self.add_report_section("call", "stdout", "".join(run.printed))
        if (failed := run.failure()) is not None:
            failure, at = failed
            raise _failed(file, failure, at, names.get(at, "") if at is not None else "")
        if file.octavo.settings.imports_only:
            _raise_import_errors(file, ran)
        else:
            for index, name in names.items():
                _raise_shown(file, run, ran, index, name)
        if file.octavo.settings.update:
            if file.notebook.format == "ipynb":
                file.accept({number for _, number, _ in named(file.notebook)}, ran)
            return
        if file.stored():
            _raise_differences(file, ran)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> object:  # type: ignore[override]
        """Return what pytest shows of a failure."""
        return shown_as(self, excinfo) or super().repr_failure(excinfo)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return where it is."""
        return self.path, 0, os.path.relpath(self.path, self.config.rootpath)


class CellItem(pytest.Item):
    """A cell as a test: the notebook runs up to it."""

    parent: NotebookFile
    index: int
    number: int

    def runtest(self) -> None:
        """Run the cells up to this one, and compare its outputs where that is asked for."""
        file = self.parent
        cell, wish = file.notebook.cells[self.index], file.wishes[self.index]
        if wish.skip:
            pytest.skip(wish.skip)
        if not (cell.get("source") or "").strip():
            return
        run = file.started()
        with file.octavo.talking():
            ran = run.to(self.index)
        if self.index in run.seconds:
            self.user_properties.append((self.name, round(run.seconds[self.index], 6)))
        fresh = ran.outputs.get(self.index, [])
        text = "".join(str(one.get("text", "")) for one in fresh if one.get("output_type") == "stream")
        if text:
            self.add_report_section("call", "stdout", text)
        self._raise_failure(file, run, ran)
        verdict = file.verdict(self.index, self.number, ran)
        if verdict.state is CellState.NOT_RUN and self.index not in ran.outputs:
            pytest.xfail(verdict.note)
        if file.octavo.settings.update:
            file.accepted.add(self.number)
        elif file.stored() and not verdict.state.good:
            raise shown.OutputsDiffer([(self.name, verdict)], str(file.path))

    def _raise_failure(self, file: NotebookFile, run: Stepwise, ran: Ran) -> None:
        if (failed := run.failure()) is not None:
            failure, index = failed
            if index == self.index or (index is None and self.index not in ran.outputs):
                raise _failed(file, failure, self.index, self.name)
        _raise_shown(file, run, ran, self.index, self.name)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> object:  # type: ignore[override]
        """Return what pytest shows of a failure."""
        return shown_as(self, excinfo) or super().repr_failure(excinfo)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return where it is."""
        return self.path, 0, f"{os.path.relpath(self.path, self.config.rootpath)}: {self.name}"


def _of_output(output: Json, ran: Ran, index: int, file: NotebookFile) -> Failure:
    """Return the error that a cell has shown as the failure that it would be where errors end a notebook."""
    number, traceback = ran.counts.get(index), tuple(output.get("traceback") or ())
    calls = frames.calls(traceback)
    return Failure(
        str(output.get("ename")),
        str(output.get("evalue")),
        traceback,
        cell=index,
        number=number,
        line=frames.line_in(calls, number),
        path=str(file.path),
        code=file.notebook.cells[index]["source"],
    )


def _failed(file: NotebookFile, failure: Failure, index: int | None, name: str) -> shown.NotebookTestFailed:
    """Return a failure as what a test raises, with its place in the file."""
    start = file.notebook.line(index) if index is not None else 0
    return shown.NotebookTestFailed(replace(failure, path=str(file.path)), name, start)


def _raise_shown(file: NotebookFile, run: Stepwise, ran: Ran, index: int, name: str) -> None:
    """Raise the error that a cell has shown, which need not have ended it: a plot that cannot be drawn."""
    before = file.notebook.cells[index].get("outputs") or ()
    known = file.stored() and any(one.get("output_type") == "error" for one in before)
    if run.allows_errors or known or file.wishes[index].raises:
        return
    for output in ran.outputs.get(index, ()):
        if output.get("output_type") == "error":
            raise _failed(file, _of_output(output, ran, index, file), index, name)


def _raise_differences(file: NotebookFile, ran: Ran) -> None:
    found = [
        (name, verdict)
        for index, number, name in named(file.notebook)
        if not (verdict := file.verdict(index, number, ran)).state.good
    ]
    if found:
        raise shown.OutputsDiffer(found, str(file.path))


def _raise_import_errors(file: NotebookFile, ran: Ran) -> None:
    for index, _, name in named(file.notebook):
        for output in ran.outputs.get(index, []):
            if output.get("ename") == "ModuleNotFoundError":
                raise _failed(file, _of_output(output, ran, index, file), index, name)


def shown_as(item: pytest.Item, excinfo: pytest.ExceptionInfo[BaseException]) -> object:
    """Return what pytest shows of what a test of a notebook has raised; None: what it shows of any exception."""
    match excinfo.value:
        case shown.NotebookTestFailed() as error:
            return shown.failed(error)
        case shown.OutputsDiffer() as error:
            return shown.differ(error)
        case Error() | ExceptionGroup() as error:
            if all(
                isinstance(one, Error)
                for one in (error.exceptions if isinstance(error, ExceptionGroup) else (error,))
            ):
                # the option of octavo run is another one here
                return "\n".join(map(str, each(error))).replace(" --kernel ", " --octavo-kernel ")
    return None
