"""Fold events into the executed notebook, by the rules of Jupyter clients."""

from __future__ import annotations

import datetime
from pathlib import Path

from ..events import CellFinished, CellStarted, Event, KernelReady, NotebookOpened, Output
from ..model import Json, Outcome
from ..notebook.cells import dump_ipynb
from ..products import writing
from .budget import Budget
from .outputs import as_output, same_stream
from .provenance import Provenance
from .widgets import Widgets

_MIME_OUTPUTS = ("display_data", "execute_result")


class ExecutedNotebook:
    """Folds the events of one task into ``data``, an nbformat-4 notebook; None until the notebook was opened.

    The rules are those of Jupyter's messaging specification: streams of one name in a row are one output;
    ``clear_output`` clears now or before the next output; ``update_display_data`` changes every output with its
    display id, in whatever cell; states of widgets end in the notebook's metadata, and what is shown inside an
    ``Output`` widget is part of its state, not of the cell.
    """

    def __init__(self, provenance: Provenance | None = None, output_limit: int | None = None) -> None:
        """``output_limit``: how many characters that a cell prints are kept; 0 is all, None is ``budget.LIMIT``."""
        self.data: Json | None = None
        self.notes: list[str] = []
        self._provenance = provenance
        self._budget = Budget(output_limit)
        self._begin()

    def _begin(self) -> None:
        self._clear = False
        self._displays: dict[str, list[Json]] = {}
        self._widgets = Widgets()
        self._budget.begin([])

    def __call__(self, event: Event) -> None:
        self._fold(event)
        if self._provenance is not None and self.data is not None:
            self._provenance(event, self.data)

    def _fold(self, event: Event) -> None:
        match event:
            case NotebookOpened(notebook=notebook):
                self._begin()  # a second attempt starts from nothing
                # copied as deep as it is changed: the event is other listeners', too
                self.data = {**notebook, "cells": [dict(cell) for cell in notebook["cells"]]}
            case KernelReady(language=language, kernelspec=kernelspec) if self.data is not None:
                self.data["metadata"] = {
                    **self.data.get("metadata", {}),
                    "language_info": language,
                    "kernelspec": kernelspec,
                }
            case CellStarted(cell=index, at=at):
                cell = self._cell(index)
                self._clear = False
                self._widgets.leave()
                cell["outputs"] = []
                self._budget.begin(cell["outputs"])
                cell["metadata"] = {**cell.get("metadata", {}), "execution": {"iopub.status.busy": _iso(at)}}
                cell["metadata"]["execution"]["iopub.execute_input"] = _iso(at)
            case Output(cell=index, kind=kind, content=content) if (
                index is not None and self.data is not None
            ):
                self._output(index, kind, content)
            case CellFinished(cell=index, at=at, count=count):
                cell = self._cell(index)
                cell["execution_count"] = count
                times = cell["metadata"].setdefault("execution", {})
                times["iopub.status.idle"] = times["shell.execute_reply"] = _iso(at)
                self._budget.write()
                if self._budget.left_out:
                    self.notes.append(
                        f"{self._budget.left_out:,} characters that a cell printed are not in the executed notebook:"
                        f" it keeps {self._budget.limit:,} of a cell; output_limit sets that"
                    )
            case _:
                pass

    def finished(self) -> Json | None:
        """Return the notebook as it stands, with streams and widgets in their places."""
        if self.data is None:
            return None
        self._budget.write()
        self._widgets.write(self.data)
        return self.data

    def end(self, outcome: Outcome) -> Json | None:
        """Return the notebook as it is when its task has ended."""
        data = self.finished()
        if self._provenance is not None and data is not None:
            self._provenance.end(outcome, data)
        return data

    def _cell(self, index: int) -> Json:
        assert self.data is not None
        cell: Json = self.data["cells"][index]
        return cell

    def _output(self, index: int, kind: str, content: Json) -> None:
        outputs: list[Json] = self._cell(index)["outputs"]
        if kind == "update_display_data":
            self._update(content)
        elif self._widgets.take(kind, content):
            pass
        elif kind == "clear_output":
            if content.get("wait"):
                self._clear = True
            else:
                self._forget(outputs)
        elif (output := as_output(kind, content)) is not None:
            if kind == "stream" and not output["text"]:
                return
            if self._clear:
                self._clear = False
                self._forget(outputs)
            if kind == "stream":
                if not outputs or not same_stream(outputs[-1], output):
                    outputs.append({**output, "text": ""})
                self._budget.add(outputs[-1], output["text"])
                return
            outputs.append(output)
            if kind in _MIME_OUTPUTS and (display := (content.get("transient") or {}).get("display_id")):
                self._update(content)
                self._displays.setdefault(display, []).append(output)

    def _forget(self, outputs: list[Json]) -> None:
        gone = {id(output) for output in outputs}
        for name, shown in self._displays.items():
            self._displays[name] = [output for output in shown if id(output) not in gone]
        outputs.clear()
        self._budget.begin(outputs)

    def _update(self, content: Json) -> None:
        for output in self._displays.get((content.get("transient") or {}).get("display_id", ""), ()):
            output["data"] = content["data"]
            output["metadata"] = content.get("metadata") or {}


def write_whole(data: Json, path: Path, *, named: bool = False) -> None:
    """Write a notebook beside its place and rename it, so that nobody ever sees half of it.

    ``named``: the user named the place for this run, and it may be a device.
    """
    writing.write(path, dump_ipynb(data), named=named)


def _iso(at: float) -> str:
    return datetime.datetime.fromtimestamp(at, datetime.UTC).isoformat().replace("+00:00", "Z")
