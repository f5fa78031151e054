"""Run notebooks: inject parameters and run the cells in a kernel."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from .. import notebook as documents
from ..errors import Error, KernelError, NotebookError, Place, ProductError
from ..events import CellFinished, CellStarted, Event, KernelReady, Note, NotebookOpened, Output
from ..executed.editions import editions, exports, home
from ..executed.provenance import MARKER, Provenance
from ..executed.refresh import refreshed
from ..executed.widgets import Widgets
from ..executed.writer import ExecutedNotebook, write_whole
from ..kernels import Kernel, Reply
from ..lazy import lazy_imports
from ..model import SYNTAX, Facts, Failure, Json, Outcome, Source, Task
from ..notebook.inject import INJECTED, inject, runs, tags
from ..process.variables import NOTEBOOK
from ..reading.facts import facts
from ..views import products, text
from . import Overheard, Tell
from .named import KERNELSPEC, touch
from .pause import pause

with lazy_imports():
    from ..executed import export, warm_export
    from ..kernels import frames, jupyter, native, specs
    from ..metrics import displayed
    from ..process import child
    from ..secrets import hiding
    from . import session


class NotebookKind:
    """The kind of .ipynb, .py and every other format of notebooks."""

    def facts(self, source: Source, data: bytes) -> Facts:
        """Return what the notebook says; one that cannot be read raises NotebookError."""
        return facts(documents.loads(data, source.path))

    def preload(self, task: Task) -> tuple[str, ...]:
        """Return the modules that the task's worker will want: its kernel, then what its cells import."""
        exporting = (warm_export.__name__,) if any(not edition.plain for edition in exports(task)) else ()
        if _kernel_family(task) == "jupyter":
            return (jupyter.__name__, *exporting)
        return (__name__, native.__name__, *exporting, *task.source.facts.imports)

    def missing(self, task: Task) -> Iterator[Error]:
        """Yield the errors that the task would end with on this machine: there is no such kernel."""
        if _kernel_family(task) == "jupyter":
            try:
                specs.find(_kernel_name(task), task.source.facts.language)
            except KernelError as error:
                error.where = error.where or task.where or Place(task.source.path)
                yield error

    def run(self, task: Task, tell: Tell) -> Failure | None:
        """Run the cells; return the failure of the first that fails, or None."""
        try:
            notebook, values = prepare(task)
            shown = _shown(task) if task.hidden.params else (notebook, values)
        except Error as error:
            return Failure(type(error).__name__, str(error), path=task.source.path)
        exporter = Exporter(task)
        if (lacking := exporter.lacking(shown[0])) is not None:
            return lacking
        tell = exporter.followed(tell)
        tell(NotebookOpened(task.name, *shown))
        if not task.source.facts.parameters_cell and _takes_any(task, values):
            tell(Note('it has no cell tagged "parameters": parameters are injected at the top', task.name))
        cells = Cells(task, notebook, tell)
        os.environ[NOTEBOOK] = os.path.abspath(task.source.path)
        try:
            here = _kernel_family(task) == "native" and specs.is_this_environment(_kernel_name(task))
            kernel = (
                native.open_kernel(cells.say, task.source.path, cells.passed) if here else _other(task, cells)
            )
        except Error as error:
            return Failure(type(error).__name__, error.message, hint=error.hint or "")
        tell(KernelReady(task.name, kernel.language, kernel.kernelspec))
        if not here:
            spec = specs.find(_kernel_name(task), task.source.facts.language)
            sys.audit(KERNELSPEC, spec.name, os.path.join(spec.folder, "kernel.json"))
        # what another process reads cannot be watched
        named = touch("" if here else task.source.text or "")
        try:
            failure = cells.run(kernel)
            if failure:
                pause(task, failure, tell, kernel.raised(), kernel)
        finally:
            kernel.close()
            named.seen()
        return failure or exporter.write(tell)

    def refresh(self, task: Task, root: str) -> str | None:
        """Write the exports anew with the source's comments and markdown; return the first's path.

        None where they do not fit what ran. Raises ``ProductError`` where they fit, and cannot be made.
        """
        at = home(task)
        if at is None or not Path(root, at).is_file():
            return None
        data = refreshed(documents.read(Path(root, at)).data, _shown(task)[0])
        if data is None:
            return None
        if exports(task):
            _export_again(task, data, root)
        write_whole(data, Path(root, at))
        return editions(task)[0].path


def _takes_any(task: Task, values: Iterable[str]) -> bool:
    """Return whether injected values matter: some were set for the task, or its source has their names."""
    source = task.source.text or ""
    return bool(task.params) or any(re.search(rf"\b{re.escape(name)}\b", source) for name in values)


class Exporter:
    """What a run makes of its executed notebook while the worker is still there: pages, PDFs, copies.

    The notebook itself is written by the driver, which outlives a worker that dies. Only where a hook, or a copy
    elsewhere, needs it at the end of the task it is written here, too.
    """

    def __init__(self, task: Task) -> None:
        self._task = task
        self._wanted = exports(task)
        if task.calls.on_finish or task.run.file_client:
            self._wanted = editions(task)
        self._base = Path.cwd()  # cells may change it
        provenance = Provenance(task.source.path, home(task) or "", time.time)
        self._shown = ExecutedNotebook(provenance, task.run.output_limit)

    def lacking(self, notebook: Json) -> Failure | None:
        """Return what is missing on this machine to make the exports: checked before hours of work."""
        if all(edition.plain for edition in self._wanted):
            return None
        try:
            export.check(self._wanted, notebook, self._task.own.get("nbconvert_export_kwargs") or {})
        except Error as error:
            return Failure.of(error)
        return None

    def followed(self, tell: Tell) -> Tell:
        """Fold all further events, also those that the worker adds from the task's streams."""
        return _followed(tell, self._shown) if self._wanted else tell

    def write(self, tell: Tell) -> Failure | None:
        """Make the exports of what has run, or return why they cannot be."""
        data = self._shown.end(Outcome.DONE) if self._wanted else None
        if data is None:
            return None
        try:
            if all(edition.plain for edition in self._wanted):
                for edition in self._wanted:
                    write_whole(data, self._base / edition.path)
                return None
            return self._exported(data, tell)
        except OSError as error:
            return Failure("ProductError", f"{error.filename} cannot be written: {error.strerror}")

    def _exported(self, data: Json, tell: Tell) -> Failure | None:
        settings = self._task.own.get("nbconvert_export_kwargs") or {}
        try:
            export.write(export.exported(data, self._wanted, self._base, self._task.source.path, settings))
        except Error as error:
            failure: Failure = export.failure(error)
            return failure
        for note in export.unknown(self._wanted, settings):
            tell(Note(note, self._task.name))
        return None


def _export_again(task: Task, data: Json, root: str) -> None:
    """Make the exports of an executed notebook in a process of its own: templates are the user's code."""
    done = child.ask(export.__name__, (task, data), root)
    if not done.answered:
        last = done.output.strip().rpartition("\n")[2]
        raise ProductError(last or f"nbconvert's process ended with exit code {done.code}")
    if done.value is not None:
        raise ProductError(done.value)


def prepare(task: Task) -> tuple[Json, Json]:
    """Return the notebook as it will be executed, without outputs, and the values injected into it."""
    values = values_of(task)
    data = documents.of_source(task.source).data
    more = session.lines(task) if task.calls.client else ()
    if values or more:
        data = inject(data, values, language=task.source.facts.language, more=more)
    # an executed notebook that failed can be run again: papermill's word about that is not part of it
    data["cells"] = [cell for cell in data["cells"] if MARKER not in tags(cell)]
    chosen = chosen_cells(task, data["cells"])
    for at, cell in enumerate(data["cells"]):
        if cell["cell_type"] == "code":
            if at in chosen:  # what does not run stays as it was, as Jupyter's clients leave it
                cell["outputs"], cell["execution_count"] = [], None
                _current(cell)
            if task.own.get("report_mode"):
                _hide(cell)
    return data, values


def own_cells(cells: Sequence[Json]) -> list[int]:
    """Return which cells are the notebook's own, and were not put there by a run."""
    return [at for at, cell in enumerate(cells) if not tags(cell) & {INJECTED, MARKER}]


def chosen_cells(task: Task, cells: Sequence[Json]) -> frozenset[int]:
    """Return which cells run: all that do, or of the notebook's own those whose places among them the task names."""
    running = frozenset(at for at, cell in enumerate(cells) if runs(cell))
    wanted = task.own.get("cells")
    if wanted is None:
        return running
    own = own_cells(cells)
    return running - {at for place, at in enumerate(own) if place not in wanted}


def values_of(task: Task) -> Json:
    """Return the values that a notebook gets: the parameters, and its upstream and product where it has any."""
    values = dict(task.params)
    if task.inputs:
        values["upstream"] = text(task.inputs)
    if task.products:
        values["product"] = text(products(task))
    return values


def _shown(task: Task) -> tuple[Json, Json]:
    """Return the same as it is shown and kept: without secrets."""
    return prepare(hiding.veiled(task) if task.hidden.params else task)


class Cells:
    """Runs the code cells of one notebook and tells what happens."""

    def __init__(self, task: Task, notebook: Json, tell: Tell) -> None:
        self.task = task
        self.notebook = notebook
        self.tell = _followed(tell, self._watch_widgets)
        self.cell: int | None = None
        self.allow_errors = bool(task.own.get("allow_errors"))
        self._widgets = Widgets()
        #: What the cell that runs has shown, where it is tagged as one that shows metrics.
        self._measured: list[tuple[str, Json]] | None = None

    def say(self, kind: str, content: Json) -> None:
        """Pass on a message of the kernel."""
        self.tell(Output(self.task.name, self.cell, kind, content))
        if self._measured is not None:
            self._measured.append((kind, content))

    def passed(self) -> None:
        """Note a breakpoint: nobody could answer a debugger's questions."""
        self.tell(Note(f"{self.task.source.path} has a breakpoint() that did not stop it", self.task.name))

    def _watch_widgets(self, event: Event) -> None:
        if isinstance(event, Output):
            self._widgets.take(event.kind, event.content)

    def run(self, kernel: Kernel) -> Failure | None:
        todo = sorted(chosen_cells(self.task, self.notebook["cells"]))
        for number, index in enumerate(todo, start=1):
            cell = self.notebook["cells"][index]
            reply = self._one(kernel, index, number, len(todo), cell["source"])
            if reply.status == "exit":
                self.tell(Note(f"cell {number} ended the notebook", self.task.name))
                return None
            if reply.status == "dead":
                return self._failure(reply, index, cell["source"])
            if reply.status == "ok" or self.allow_errors or "raises-exception" in tags(cell):
                continue
            if reply.kind == "SystemExit" and reply.message in ("", "0", "None"):
                self.tell(
                    Note(f"cell {number} ended the notebook with sys.exit({reply.message})", self.task.name)
                )
                return None
            return self._failure(reply, index, cell["source"])
        return None

    def _one(self, kernel: Kernel, index: int, number: int, total: int, code: str) -> Reply:
        self.cell = index
        self._measured = [] if "metrics" in tags(self.notebook["cells"][index]) else None
        began, (before, _) = time.perf_counter(), kernel.used()
        self.tell(CellStarted(self.task.name, index, number, total, time.time()))
        reply = kernel.execute(code, index)
        failed = reply.status in ("error", "dead")
        seconds, (after, memory) = time.perf_counter() - began, kernel.used()
        cpu = None if before is None or after is None else round(after - before, 6)
        self.tell(CellFinished(self.task.name, index, time.time(), seconds, reply.count, failed, cpu, memory))
        self.cell = None
        if (measured := self._measured) is not None:
            self._measured = None
            self.tell(displayed.told(self.task.name, number, measured))
        self._widgets.leave()
        if reply.status != "dead":
            for comm, outputs in self._widgets.pending().items():
                kernel.update_widget(comm, {"outputs": outputs})
        return reply

    def _failure(self, reply: Reply, index: int, code: str) -> Failure:
        calls = frames.calls(reply.traceback)
        return Failure(
            reply.kind,
            reply.message,
            reply.traceback,
            cell=index,
            number=reply.count,
            line=frames.line_in(calls, reply.count),
            path=self.task.source.path,
            code=code,
            raised=frames.raised(calls, reply.count),
        )


def _followed(tell: Tell, listener: Tell) -> Tell:
    """Return a ``Tell`` that another one hears too, with the events that the worker adds from the task's streams."""
    if isinstance(tell, Overheard):
        tell.listen(listener)
        return tell

    def both(event: Event) -> None:
        tell(event)
        listener(event)

    return both


def _other(task: Task, cells: Cells) -> Kernel:
    """Return the kernel that the task or its notebook asks for, in a process of its own."""
    patience = task.run.start_timeout or 60.0
    language = task.source.facts.language
    return jupyter.open_kernel(cells.say, _kernel_name(task), language, start_timeout=patience)


def unreadable(source: Source, kernel: str | None) -> list[NotebookError]:
    """Return the mistakes in a notebook for which it cannot run with a kernel."""
    found = source.facts.fatal(kernel)
    if any(SYNTAX in message for message, _ in found) and not specs.is_this_environment(
        kernel or source.facts.kernel
    ):
        # python3 may be another Python's kernel
        found = tuple(mistake for mistake in found if SYNTAX not in mistake[0])
    return [NotebookError(message, where) for message, where in found]


def _kernel_name(task: Task) -> str | None:
    return task.kernel or task.source.facts.kernel


def _kernel_family(task: Task) -> str:
    """Native serves Python of this very environment; everything else is a process of its own.

    The worker looks whether the kernelspec python3 agrees. Another name, Python or not, is looked up among the
    installed kernels.
    """
    if task.run.isolated or task.source.facts.language.lower() != "python":
        return "jupyter"
    return "native" if task.named_kernel is None else "jupyter"


def _current(cell: Json) -> None:
    """Take away what a merge has noted: that the outputs are gone because the code came from both sides."""
    metadata = cell.get("metadata") or {}
    if isinstance(found := metadata.get("octavo"), dict) and "stale" in found:
        rest = {key: value for key, value in found.items() if key != "stale"}
        others = {key: value for key, value in metadata.items() if key != "octavo"}
        cell["metadata"] = {**others, **({"octavo": rest} if rest else {})}


def _hide(cell: Json) -> None:
    """Hide a cell's code from those who look at the notebook in Jupyter, as papermill's report mode does."""
    metadata = cell.get("metadata") or {}
    cell["metadata"] = {**metadata, "jupyter": {**(metadata.get("jupyter") or {}), "source_hidden": True}}


KIND: NotebookKind = NotebookKind()

__all__ = ["KIND", "NotebookKind", "prepare", "values_of"]
