"""Warm servers: single-threaded processes that fork a worker for each task, and servers that have imported more.

The first has only what every worker needs. It forks one that has a kernel, for the cells of notebooks, and each of the
two forks one that has imported what tasks import, and parked it: see ``parked``. Each talks to the driver over a socket
of its own. Requests are a line of JSON each, with descriptors attached: ``{"fork": id}`` with those of a worker,
``{"serve": [modules], "kernel": bool}`` with that of another server. It says ``{"here": pid}`` and answers
``{"ready": [...], "left": {...}, "spoilt": bool}``, ``{"forked": id, "pid": n}`` and
``{"ended": id, "status": n, "cpu": s, "memory": bytes}``. When the driver goes away,
so do the servers and their workers.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import traceback
from typing import TYPE_CHECKING

from ..lazy import lazy_imports
from . import guard
from .streams import Streams
from .worker import DESCRIPTORS, work

with lazy_imports():
    from ..kernels import native
    from ..process import finder
    from .parked import loading

if TYPE_CHECKING:
    from .parked.pool import Pool


class Server:
    def __init__(self, line: socket.socket, streams: Streams) -> None:
        self.pool: Pool | None = None
        self._streams = streams
        self._begin(line)

    def _begin(self, line: socket.socket) -> None:
        self.line = line
        self.workers: dict[int, int | None] = {}
        self._rest = b""
        self._descriptors: list[int] = []
        self._wake, wake = os.pipe()
        for end in (self._wake, wake):
            os.set_blocking(end, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        # Ctrl-C is the driver's to answer; what is sent to a worker that is not ready for it waits until it is
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        self._wakers = (self._wake, wake)
        self._say(here=os.getpid())

    def serve(self) -> None:
        """Answer until the driver is gone."""
        while True:
            ready, _, _ = select.select([self.line.fileno(), self._wake], [], [])
            if self._wake in ready:
                os.read(self._wake, 4096)
                self._bury()
            if self.line.fileno() in ready and not self._hear():
                break
        for pid in self.workers:
            _kill(pid)

    def _hear(self) -> bool:
        data, descriptors, _, _ = socket.recv_fds(self.line, 1 << 16, DESCRIPTORS * 16)
        if not data:
            return False
        self._descriptors += descriptors
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            request = json.loads(line)
            if "serve" in request:
                self._fork_server(socket.socket(fileno=self._take(1)[0]), **request)
            else:
                self._fork(request["fork"], self._take(DESCRIPTORS))
        return True

    def _take(self, count: int) -> list[int]:
        mine, self._descriptors = self._descriptors[:count], self._descriptors[count:]
        return mine

    def _fork(self, task: int, descriptors: list[int]) -> None:
        # What is here now is shared with the workers as long as nobody touches it. They leave it frozen: the first
        # full collection (IPython does one when it ends) would otherwise copy every page of every library.
        gc.freeze()
        pid = os.fork()
        if pid == 0:
            try:
                os.setpgid(0, 0)
                self._leave()
                work(descriptors, pool=self.pool)
            finally:
                os._exit(70)
        self._note(pid, task)
        for descriptor in descriptors:
            os.close(descriptor)
        self._say(forked=task, pid=pid)

    def _fork_server(self, line: socket.socket, serve: list[str], kernel: bool) -> None:
        pid = os.fork()
        if pid:
            self._note(pid, None)
            line.close()
            return
        try:
            os.setpgid(0, 0)
            self._leave()
            self._begin(line)
            os.set_inheritable(line.fileno(), False)
            self._import(serve, kernel)
            self.serve()
        except BaseException:
            os.write(2, traceback.format_exc().encode("utf-8", "replace"))
        finally:
            os._exit(0)

    def _import(self, modules: list[str], kernel: bool) -> None:
        """Import modules: octavo's own, which each worker finds, and others, which are parked."""
        ours = [name for name in modules if name.partition(".")[0] == __name__.partition(".")[0]]
        left, spoilt = {}, False
        for name in ours:
            try:
                importlib.import_module(name)
            except Exception as error:  # the task's affair
                left[name] = f"{type(error).__name__}: {error}"
        self._streams.install(buffers=not kernel)  # as what is imported here shall find them
        if kernel:
            native.prepared()
        if others := [name for name in modules if name not in ours]:
            with native.as_in_a_cell() if kernel else contextlib.nullcontext():
                loaded = loading.load(others, native.registries() if kernel else None)
            self.pool, spoilt = loaded.pool, loaded.spoilt
            left |= loaded.left
        self._say(ready=[name for name in modules if name not in left], left=left, spoilt=spoilt)

    def _leave(self) -> None:
        """Let go, in a process that was just forked, of what belongs to its parent."""
        self.line.close()
        for end in self._wakers:
            os.close(end)

    def _note(self, pid: int, task: int | None) -> None:
        try:
            os.setpgid(pid, pid)
        except OSError:
            pass  # the child did it first, or has ended
        self.workers[pid] = task

    def _bury(self) -> None:
        while self.workers:
            pid, status, used = os.wait4(-1, os.WNOHANG)
            if not pid:
                return
            _kill(pid)  # what it left behind
            task = self.workers.pop(pid, None)
            if task is not None:
                unit = 1 if sys.platform == "darwin" else 1024
                self._say(
                    ended=task, status=status, cpu=used.ru_utime + used.ru_stime, memory=used.ru_maxrss * unit
                )

    def _say(self, **answer: object) -> None:
        self.line.sendall(json.dumps(answer).encode() + b"\n")


def _kill(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except OSError:
        pass


def main() -> None:
    """Serve the driver at the other end of a socket; the arguments are its descriptor and that of the lifeline."""
    guard.begin(int(sys.argv[2]))
    line = socket.socket(fileno=int(sys.argv[1]))
    os.set_inheritable(line.fileno(), False)
    finder.install()  # once for all workers
    streams = Streams(lambda name, text: _write(1 if name == "stdout" else 2, text))
    streams.install()
    Server(line, streams).serve()
    os._exit(0)  # what workers run at their end is not the server's to run


def _write(descriptor: int, text: str) -> None:
    data = text.encode("utf-8", "replace")
    while data:
        data = data[os.write(descriptor, data) :]
