"""Keep the state of a notebook's widgets, and what is shown inside its ``Output`` widgets, as Jupyter's clients do."""

from __future__ import annotations

from ..model import Json
from .outputs import as_output, same_stream

_STATE = "application/vnd.jupyter.widget-state+json"


class Widgets:
    """Folds the messages of a kernel.

    An ``Output`` widget is entered when its ``msg_id`` is set and left when that is empty; what comes in between is
    no output of the cell but part of the widget's state. It is the client that knows it: the kernel has to be told.
    """

    def __init__(self) -> None:
        self._states: dict[str, Json] = {}  # by comm id, like all of these
        self._buffers: dict[str, dict[tuple[str, ...], Json]] = {}
        self._inside: list[str] = []
        self._clear: set[str] = set()  # before the next output
        self._pending: set[str] = set()

    def take(self, kind: str, content: Json) -> bool:
        """Fold a message; return whether it was a widget's, and none of the cell."""
        if kind in ("comm_open", "comm_msg"):
            self._comm(content)
            return True
        if self._inside and kind not in ("comm_close", "update_display_data"):
            self._output(self._inside[-1], kind, content)
            return True
        return False

    def leave(self) -> None:
        """Leave all ``Output`` widgets: a cell has ended."""
        self._inside.clear()

    def pending(self) -> dict[str, list[Json]]:
        """Return, by comm id, the outputs that the kernel has not been told of; afterwards it has."""
        outputs = {comm: self._states[comm].get("outputs") or [] for comm in sorted(self._pending)}
        self._pending.clear()
        return outputs

    def write(self, notebook: Json) -> None:
        """Write the states into the metadata of a notebook, if there are widgets."""
        state = {}
        for comm, values in self._states.items():
            if "_model_name" not in values:
                continue
            entry: Json = {
                "model_name": values["_model_name"],
                "model_module": values.get("_model_module"),
                "model_module_version": values.get("_model_module_version"),
                "state": values,
            }
            if buffers := self._buffers.get(comm):
                entry["buffers"] = list(buffers.values())
            state[comm] = entry
        if state:
            widgets = {"state": state, "version_major": 2, "version_minor": 0}
            notebook["metadata"] = {**notebook["metadata"], "widgets": {_STATE: widgets}}

    def _output(self, comm: str, kind: str, content: Json) -> None:
        widget = self._states[comm]
        shown = list(widget.get("outputs") or ())
        if kind == "clear_output":
            if content.get("wait"):
                self._clear.add(comm)
            else:
                shown = []
        elif (output := as_output(kind, content)) is not None:
            if comm in self._clear:
                self._clear.discard(comm)
                shown = []
            if shown and kind == "stream" and same_stream(shown[-1], output):
                output["text"] = shown.pop()["text"] + output["text"]
            shown.append(output)
        widget["outputs"] = shown
        self._pending.add(comm)

    def _comm(self, content: Json) -> None:
        data = content.get("data")
        state = data.get("state") if isinstance(data, dict) else None  # what other comms say is of any kind
        if not isinstance(data, dict) or not isinstance(state, dict):
            return
        comm = content["comm_id"]
        widget = self._states.setdefault(comm, {})
        widget.update(state)
        if "msg_id" in state and widget.get("_model_name") == "OutputModel":
            if state["msg_id"]:
                self._inside.append(comm)
            elif comm in self._inside:
                self._inside.remove(comm)
        for path, packed in zip(data.get("buffer_paths") or (), content.get("buffers") or (), strict=False):
            key = tuple(str(part) for part in path)
            entry = {"data": packed, "encoding": "base64", "path": path}
            self._buffers.setdefault(comm, {})[key] = entry
