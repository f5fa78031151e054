"""A kernel of a notebook, spoken to as JupyterLab does: each request says which cell it is, and its tags."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from jupyter_client import BlockingKernelClient, KernelManager

from octavo.model import Json


@dataclass
class Said:
    """What came of a cell."""

    out: str = ""
    err: str = ""
    shown: list[str] = field(default_factory=list)
    failed: str = ""


class Kernel:
    """A kernel that was started for a notebook, as Jupyter's server starts it."""

    def __init__(self, notebook: Path, **environ: str) -> None:
        known = {"JPY_SESSION_NAME": str(notebook)}
        self._manager = KernelManager(kernel_name="python3")
        self._manager.start_kernel(cwd=str(notebook.parent), env={**os.environ, **known, **environ})
        self.client: BlockingKernelClient = self._manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=120)

    def run(
        self,
        code: str,
        cell: str = "cell",
        tags: Sequence[str] | None = (),
        deleted: Sequence[str] = (),
        metadata: Json | None = None,
    ) -> Said:
        """Run a cell; ``tags`` None says nothing of them, as clients do that know of none.

        ``metadata`` is all that another client than JupyterLab says of it.
        """
        if metadata is None:
            metadata = {"cellId": cell, "deletedCells": [*deleted]}
            metadata |= {} if tags is None else {"tags": [*tags]}
        content: Json = {"code": code, "silent": False, "store_history": True, "user_expressions": {}}
        content |= {"allow_stdin": False, "stop_on_error": True}
        message = self.client.session.msg("execute_request", content, metadata=metadata)
        self.client.shell_channel.send(message)
        said, end = Said(), time.monotonic() + 120
        while time.monotonic() < end:
            answer = self.client.get_iopub_msg(timeout=120)
            if answer["parent_header"].get("msg_id") != message["header"]["msg_id"]:
                continue
            kind, found = answer["msg_type"], answer["content"]
            if kind == "stream":
                setattr(said, found["name"][3:], getattr(said, found["name"][3:]) + found["text"])
            elif kind == "error":
                said.failed = f"{found['ename']}: {found['evalue']}"
            elif "data" in found:
                said.shown.append(found["data"]["text/plain"])
            elif kind == "status" and found["execution_state"] == "idle":
                return said
        raise AssertionError("the kernel does not answer")

    def silent(self, code: str) -> Said:
        """Run code as a front end does for itself: it is no cell, and has no number."""
        said = Said()
        reply = self.client.execute(code, silent=True, store_history=False, reply=True, timeout=120)[
            "content"
        ]
        if reply["status"] == "error":
            said.failed = f"{reply['ename']}: {reply['evalue']}"
        return said

    def completions(self, code: str) -> list[str]:
        reply = self.client.complete(code, len(code), reply=True, timeout=120)
        matches: list[str] = reply["content"]["matches"]
        return matches

    def kill(self) -> None:
        """End its process at once."""
        self._manager.shutdown_kernel(now=True)

    def close(self) -> None:
        self.client.stop_channels()
        self._manager.shutdown_kernel(now=True)
        self._manager.cleanup_resources()
