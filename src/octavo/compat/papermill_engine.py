"""papermill's engine "octavo": papermill handles parameters and files, octavo runs the cells.

    papermill --engine octavo in.ipynb out.ipynb -p n 3

Only papermill loads this module, by its entry point ``papermill.engine``; so papermill and what it brings are there.
The notebook is saved by time, not twice for each cell, which is most of what papermill costs on a notebook of many
cells: at most every two seconds, at most a tenth of the time, and always at the end.
"""

from __future__ import annotations

import json
import os
from contextlib import closing
from typing import Any, TextIO

from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode, from_dict
from papermill.engines import Engine, NotebookExecutionManager
from papermill.exceptions import PapermillException
from papermill.log import logger

from ..events import CellFinished, CellStarted, Event, KernelReady, Note, Output, TaskFinished
from ..executed.keeper import Keeper
from ..executed.outputs import as_output
from ..executed.provenance import used
from ..executed.writer import ExecutedNotebook
from ..executors.local import Local
from ..executors.running import alone
from ..model import Facts, Failure, Json, Outcome, Resources, RunOptions, Source, Task
from ..notebook.inject import tags

_EVERY = 2.0  # seconds between two saves


class OctavoEngine(Engine):  # type: ignore[misc]  # papermill has no types
    """Runs the cells in octavo's own worker; every other step is papermill's."""

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: NotebookExecutionManager,
        kernel_name: str,
        log_output: bool = False,
        stdout_file: TextIO | None = None,
        stderr_file: TextIO | None = None,
        start_timeout: float | None = 60,
        execution_timeout: float | None = None,
        **options: Any,  # papermill's and nbclient's
    ) -> None:
        """Run the notebook that ``nb_man`` holds, and tell it what happens.

        Of nbclient's own options ``timeout`` (of each cell) and ``allow_errors`` are known, and octavo's ``memory``, in
        bytes. Like papermill's engine it returns when a cell fails, and papermill raises what the notebook shows.
        """
        name = os.path.basename(str(options.get("input_path") or "notebook.ipynb"))
        facts = Facts("", language=_language(nb_man.nb), kernel=kernel_name)
        source = Source(name, text=json.dumps(nb_man.nb), facts=facts)
        task = Task(
            name,
            "notebook",
            source,
            own={"allow_errors": bool(options.get("allow_errors"))},
            run=RunOptions(None, execution_timeout or options.get("timeout"), start_timeout),
            resources=Resources(options.get("memory")),
            kernel=kernel_name,
            cwd=os.getcwd(),
        )
        target = Managed(nb_man)
        mirror = Mirror(nb_man, Log(log_output, stdout_file, stderr_file))
        logger.info(f"Executing notebook with kernel: {kernel_name}")
        nb_man.save = target.saved_by_time
        ended = None
        try:
            with closing(alone(task, Keeper(ExecutedNotebook(), target), Local(os.getcwd(), 1))) as events:
                for event in events:
                    mirror(event)
                    ended = event if isinstance(event, TaskFinished) else None
        finally:
            del nb_man.save  # papermill's own, for the end
        if ended is not None and ended.outcome is Outcome.FAILED and ended.failure is not None:
            mirror.stopped()
            _raise(ended.failure, nb_man, task.run.cell_timeout)


class Managed:
    """papermill's notebook as the target of a run: outputs and metadata are brought into it, and papermill saves it."""

    where = "the notebook"
    spare = None

    def __init__(self, nb_man: NotebookExecutionManager) -> None:
        self._nb_man = nb_man
        self._papermills_save = type(nb_man).save

    @property
    def every(self) -> float:
        """How many seconds are between two saves; 0 where papermill was asked for none."""
        return _EVERY if self._nb_man.output_path and self._nb_man.autosave_cell_every else 0.0

    def save(self, data: Json) -> None:
        """Save what there is, through papermill, wherever its output goes."""
        self._update(data)
        self._papermills_save(self._nb_man)

    def saved_by_time(self, **_: object) -> None:
        """Stand for papermill's ``save``, which it calls at the start and the end of each cell."""

    def keep(self, data: Json | None, outcome: Outcome) -> str | None:
        """Bring what there is into papermill's notebook, which papermill writes itself."""
        if data is not None:
            self._update(data)
        return None

    def _update(self, data: Json) -> None:
        nb_man = self._nb_man
        for cell, ours in zip(nb_man.nb.cells, data["cells"], strict=True):
            if cell.cell_type == "code":
                cell.outputs = from_dict(ours["outputs"])
                if execution := ours["metadata"].get("execution"):
                    cell.metadata["execution"] = from_dict(execution)
        if widgets := data["metadata"].get("widgets"):
            nb_man.nb.metadata["widgets"] = from_dict(widgets)


class Mirror:
    """Tells papermill of what happens, as its own engine does."""

    def __init__(self, nb_man: NotebookExecutionManager, log: Log) -> None:
        self.nb_man = nb_man
        self.cell: int | None = None
        self._log = log
        self._next = 0  # the first cell that papermill has not been told of

    def __call__(self, event: Event) -> None:
        nb_man = self.nb_man
        cells = nb_man.nb.cells
        match event:
            case KernelReady(language=language):
                nb_man.nb.metadata["language_info"] = from_dict(language)
            case CellStarted(cell=index):
                self._pass(index)
                self.cell, self._next = index, index + 1
                nb_man.cell_start(cells[index], index)
            case Output(kind=kind, content=content):
                if (output := as_output(kind, content)) is not None:
                    self._log(output)
            case CellFinished(cell=index, failed=failed, count=count):
                self.cell = None
                cells[index].execution_count = count
                cells[index].metadata["octavo"] = from_dict(used(event, cells[index].source))
                if failed and "raises-exception" not in tags(cells[index]):
                    nb_man.cell_exception(cells[index], cell_index=index)
                nb_man.cell_complete(cells[index], cell_index=index)
            case TaskFinished(outcome=Outcome.DONE) if not self._failed():
                self._pass(len(cells))
            case Note(message=message):
                logger.warning(message)
            case _:
                pass

    def _failed(self) -> bool:
        return any(cell.metadata.papermill["status"] == self.nb_man.FAILED for cell in self.nb_man.nb.cells)

    def _pass(self, until: int) -> None:
        """Tell papermill of the cells that are not run, as it does itself."""
        for index in range(self._next, until):
            cell = self.nb_man.nb.cells[index]
            self.nb_man.cell_start(cell, index)
            self.nb_man.cell_complete(cell, cell_index=index)
        self._next = until

    def stopped(self) -> None:
        """Tell papermill of a cell that has begun and will never end."""
        if self.cell is not None:
            cell = self.nb_man.nb.cells[self.cell]
            self.nb_man.cell_exception(cell, cell_index=self.cell)
            self.nb_man.cell_complete(cell, cell_index=self.cell)


class Log:
    """Passes outputs on to papermill's logger and to the files that it was given."""

    def __init__(self, on: bool, stdout: TextIO | None, stderr: TextIO | None) -> None:
        self._on = on
        self._files = {"stdout": (stdout, logger.info), "stderr": (stderr, logger.warning)}

    def __call__(self, output: Json) -> None:
        if output["output_type"] == "stream":
            file, say = self._files[output["name"]]
            if self._on:
                say(output["text"])
            if file is not None:
                file.write(output["text"])
                file.flush()
        elif self._on and "text/plain" in output.get("data", ()):
            logger.info("".join(output["data"]["text/plain"]))


def _raise(failure: Failure, nb_man: NotebookExecutionManager, limit: float | None) -> None:
    """Raise what nbclient would raise where the notebook itself shows no error; return where it does."""
    message = "\n".join(part for part in (failure.message, failure.hint) if part)
    if failure.kind == "Timeout":
        cell = nb_man.nb.cells[failure.cell] if failure.cell is not None else None
        raise CellTimeoutError.error_from_timeout_and_cell(message, limit, cell)
    if failure.kind in ("WorkerDied", "OutOfMemory", "DeadKernel"):
        raise DeadKernelError(f"Kernel died: {message}")
    if failure.cell is None:
        raise PapermillException(f"{failure.kind}: {message}")


def _language(notebook: NotebookNode) -> str:
    info, spec = notebook.metadata.get("language_info") or {}, notebook.metadata.get("kernelspec") or {}
    return str(info.get("name") or spec.get("language") or "python")
