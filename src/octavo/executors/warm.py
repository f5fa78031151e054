"""The driver's side of the warm server: start it, request imports and forks, read its replies."""

from __future__ import annotations

import json
import os
import socket
import subprocess

from ..lazy import lazy_imports
from ..model import Json
from ..process import child

with lazy_imports():
    from ..worker import server


class Warm:
    """A warm server of this very environment. It may die at any time: ``hear`` then returns None."""

    def __init__(self, root: str, log: str | None = None) -> None:
        self._root = root
        self._log = log
        self._rest = b""
        self.line, theirs = socket.socketpair()
        out = os.open(log or os.devnull, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            number = theirs.fileno()
            self.process = child.start(
                server.__name__,
                str(number),
                root=root,
                descriptors=[number],
                stdout=out,
                stderr=out,
            )
        finally:
            theirs.close()
            os.close(out)

    def ask(self, request: Json, descriptors: list[int] | None = None) -> bool:
        """Send a request; return False when the server is gone."""
        try:
            socket.send_fds(self.line, [json.dumps(request).encode() + b"\n"], descriptors or [])
        except OSError:
            return False
        return True

    def hear(self) -> list[Json] | None:
        """Return the answers that have arrived, or None when the server is gone."""
        try:
            data = self.line.recv(1 << 16)
        except OSError:
            data = b""
        if not data:
            return None
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [json.loads(line) for line in lines]

    def stop(self) -> int:
        """End the server, and with it its workers; return its exit status."""
        self.line.close()
        try:
            return self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()
