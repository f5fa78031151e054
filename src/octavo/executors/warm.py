"""The driver's side of the warm servers: start them, request imports and forks, read their replies."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Iterable

from ..lazy import lazy_imports
from ..model import Json
from ..process import child
from ..products import scratch

with lazy_imports():
    from ..worker import server


class Warm:
    """A warm server, of this very environment or that of a task. It may die at any time: ``hear`` then returns None."""

    def __init__(
        self, line: socket.socket, process: subprocess.Popen[bytes] | None = None, lifeline: int = -1
    ) -> None:
        """``process`` is the guard of the first server; it ends all that is below it when ``lifeline`` is closed."""
        self.line = line
        self.process = process
        self._lifeline = lifeline
        self.ready = True
        #: Its own process, once it has said so, and since when the watchdog has seen it stopped.
        self.pid = 0
        self.stopped: float | None = None
        self._rest = b""

    @classmethod
    def start(cls, root: str, log: str | None = None, python: str = "") -> Warm:
        """Start one that has imported nothing but what all workers need."""
        scratch.sweep()  # what processes of earlier builds that were killed have left
        line, theirs = socket.socketpair()
        # a file where nobody wants to read it, too: its size tells that something was printed
        out = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644) if log else _memory()
        watched, lifeline = os.pipe()
        try:
            numbers = [theirs.fileno(), watched]
            process = child.start(
                server.__name__,
                *map(str, numbers),
                root=root,
                descriptors=numbers,
                stdout=out,
                stderr=out,
                python=python,
            )
        finally:
            theirs.close()
            os.close(watched)
            os.close(out)
        return cls(line, process, lifeline)

    def fork(self, modules: Iterable[str], kernel: bool) -> Warm:
        """Let it fork another, which imports modules and is ``ready`` then."""
        line, theirs = socket.socketpair()
        self.ask({"serve": list(modules), "kernel": kernel}, [theirs.fileno()])
        theirs.close()
        other = Warm(line)
        other.ready = False
        return other

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
        if self.process is None:
            return 0  # its own server buries it
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1
        try:
            return self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


def _memory() -> int:
    return (
        os.memfd_create("octavo-server") if hasattr(os, "memfd_create") else os.open(os.devnull, os.O_WRONLY)
    )
