"""Kernels run cells: native (an IPython kernel in the worker) or jupyter (any kernel, through jupyter_client)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ..dataclass import dataclass
from ..model import Json

#: Takes a message of the IOPub channel: its type and its content. Binary buffers travel in content as base64.
Say = Callable[[str, Json], None]


@dataclass(frozen=True, slots=True)
class Reply:
    """How a cell ended: ``status`` is "ok", "error", "exit" (it asked the kernel to end) or "dead" (that has ended)."""

    status: str
    count: int | None = None
    kind: str = ""
    message: str = ""
    traceback: tuple[str, ...] = ()


def widget_update(comm: str, state: Json) -> Json:
    """Return the content of the message ``comm_msg`` by which a frontend updates a widget."""
    return {"comm_id": comm, "data": {"method": "update", "state": state, "buffer_paths": []}}


class Kernel(Protocol):
    """Runs cells one after another; what they show goes to the ``say`` it was opened with."""

    language: Json
    kernelspec: Json

    def execute(self, code: str, cell: int) -> Reply: ...
    def update_widget(self, comm: str, state: Json) -> None:
        """Tell the kernel, between cells, what has become of the state of a widget, as a frontend does."""
        ...

    def interrupt(self) -> None: ...
    def used(self) -> tuple[float | None, int | None]:
        """Return the processor seconds and the peak bytes of memory until now, where the system tells."""
        ...

    def raised(self) -> BaseException | None:
        """Return what the cell that failed has raised, where it was raised in this process."""
        ...

    def hold(self, ready: Callable[[str], None]) -> None:
        """Serve other clients until one of them ends the kernel; ``ready`` is told the connection file."""
        ...

    def close(self) -> None: ...
