"""The warm server: a single-threaded process that has imported libraries and forks workers.

Its only argument is the descriptor of a socket to the driver. Requests are a line of JSON each,
with the descriptors of a worker attached: ``{"preload": [...]}``, ``{"fork": id}``. It answers
``{"preloaded": [...], "left": {...}}``, ``{"forked": id, "pid": n}`` and ``{"ended": id, "status": n, "cpu": s,
"memory": bytes}``. When the driver goes away, so do the server and its workers.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import threading
import warnings

from ..lazy import lazy_imports
from .worker import DESCRIPTORS, work

with lazy_imports():
    from ..process import finder

#: Libraries whose native thread pools start anew after a fork.
_POOLS = ("openblas", "mkl", "gomp", "iomp", "libomp", "blis")


class Server:
    def __init__(self, line: socket.socket) -> None:
        self.line = line
        self.workers: dict[int, int] = {}
        self._rest = b""
        self._wake, wake = os.pipe()
        for end in (self._wake, wake):
            os.set_blocking(end, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        # Ctrl-C is the driver's to answer; what is sent to a worker that is not ready for it waits until it is
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        self._wakers = (self._wake, wake)

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
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            request = json.loads(line)
            if "preload" in request:
                kept, left = preload(request["preload"])
                self._say(preloaded=kept, left=left)
            else:
                mine, descriptors = descriptors[:DESCRIPTORS], descriptors[DESCRIPTORS:]
                self._fork(request["fork"], mine)
        return True

    def _fork(self, task: int, descriptors: list[int]) -> None:
        # What is here now is shared with the workers as long as nobody touches it. They leave it frozen: the first
        # full collection (IPython does one when it ends) would otherwise copy every page of every library.
        gc.freeze()
        pid = os.fork()
        if pid == 0:
            try:
                os.setpgid(0, 0)
                self.line.close()
                for end in self._wakers:
                    os.close(end)
                work(descriptors)
            finally:
                os._exit(70)
        try:
            os.setpgid(pid, pid)
        except OSError:
            pass  # the child did it first, or has ended
        for descriptor in descriptors:
            os.close(descriptor)
        self.workers[pid] = task
        self._say(forked=task, pid=pid)

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


def preload(modules: list[str]) -> tuple[list[str], dict[str, str]]:
    """Import modules; return those that may stay in a process that forks, and why the others may not."""
    kept, left = [], {}
    for module in modules:
        before, active, pools = _threads(), threading.active_count(), _pools()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                importlib.import_module(module)
        except BaseException as error:
            left[module] = f"{type(error).__name__}: {error}"
            continue
        if threading.active_count() > active:
            left[module] = "it starts threads"
        elif _threads() > before and _pools() == pools:
            left[module] = "it starts threads that do not survive a fork"
        else:
            kept.append(module)
    return kept, left


def _threads() -> int:
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return threading.active_count()


def _pools() -> int:
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:  # noqa: PTH123
            paths = {line.split(maxsplit=5)[-1].strip() for line in maps if ".so" in line}
    except OSError:
        return 0
    return sum(any(pool in os.path.basename(path).lower() for pool in _POOLS) for path in paths)


def _kill(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except OSError:
        pass


def main() -> None:
    line = socket.socket(fileno=int(sys.argv[1]))
    os.set_inheritable(line.fileno(), False)
    finder.install()  # once for all workers
    Server(line).serve()
