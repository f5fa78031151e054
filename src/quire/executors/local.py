"""Tasks in parallel on this machine: a warm server forks a worker for each.

The driver holds one socket per worker and one to the server; ``next`` waits on all of them. A worker that ends without
a last word is reported as a failure with the signal or exit code that the server saw. Where forking is not safe
(macOS, Windows) or not wanted, each worker is a new interpreter.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from ..errors import StateError
from ..events import Event, Note, Output, TaskFinished, decode
from ..model import Failure, Outcome, Task
from .worker import deliver

CAN_FORK = hasattr(os, "fork") and sys.platform != "darwin"


@dataclass(slots=True)
class Worker:
    """A task that runs: its socket, what it printed and did not hand on, and what is known of its end."""

    task: Task
    line: socket.socket
    pipes: dict[str, int]
    began: float
    pid: int = 0
    rest: bytes = b""
    finished: TaskFinished | None = None
    closed: bool = False
    ended: dict[str, Any] | None = None
    process: subprocess.Popen[bytes] | None = None
    cell: int | None = None
    output: deque[str] = field(default_factory=lambda: deque(maxlen=20))


class Local:
    """The executor ``local``."""

    def __init__(self, root: str, jobs: int | None = None, fork: bool = CAN_FORK, log: str | None = None) -> None:
        self.root = root
        self.slots = jobs or os.cpu_count() or 1
        self.fork = fork
        self._log = log
        self._selector = selectors.DefaultSelector()
        self._workers: dict[int, Worker] = {}
        self._events: deque[Event] = deque()
        self._count = 0
        self._server: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None
        self._rest = b""
        self._waiting_for_preload = False
        self._modules: tuple[str, ...] = ()
        self.left: dict[str, str] = {}
        if fork:
            self._start_server()

    # ── the protocol of an executor

    def prepare(self, modules: tuple[str, ...]) -> None:
        """Let the server import modules while the driver goes on."""
        self._modules = modules
        if self._line is not None and modules:
            self._request({"preload": list(modules)})
            self._waiting_for_preload = True

    def submit(self, task: Task) -> None:
        """Start a task in a new worker."""
        self._count += 1
        mine, theirs = socket.socketpair()
        (out, out_w), (err, err_w) = os.pipe(), os.pipe()
        descriptors = [theirs.fileno(), out, out_w, err, err_w]
        worker = Worker(task, mine, {"stdout": out, "stderr": err}, time.perf_counter())
        try:
            if self.fork:
                self._settle_preload()
                self._request({"fork": self._count}, descriptors)
            else:
                worker.process = self._spawn(descriptors)
                worker.pid = worker.process.pid
        finally:
            theirs.close()
            os.close(out_w)
            os.close(err_w)
        self._workers[self._count] = worker
        self._selector.register(mine, selectors.EVENT_READ, self._count)
        try:
            deliver(mine, self.root, task)
        except OSError:
            pass  # it died at birth: its end will be reported like any other

    def next(self) -> Event:
        """Wait for the next event of any worker."""
        while not self._events:
            self._listen(None)
        return self._events.popleft()

    def close(self) -> None:
        """End all workers and the server, and wait until they are gone."""
        for worker in self._workers.values():
            _kill(worker.pid)
            if worker.process:
                worker.process.wait()
            self._release(worker)
        self._workers.clear()
        self._stop_server()
        self._selector.close()

    # ── the server

    def _start_server(self) -> None:
        mine, theirs = socket.socketpair()
        log: BinaryIO | int = subprocess.DEVNULL
        if self._log:
            log = open(self._log, "ab")  # noqa: PTH123, SIM115 - handed on
        try:
            self._server = subprocess.Popen(
                [sys.executable, "-P", "-m", "quire.executors.server", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=self.root,
            )
        finally:
            theirs.close()
            if not isinstance(log, int):
                log.close()
        self._line = mine
        self._rest = b""
        self._selector.register(mine, selectors.EVENT_READ, 0)

    def _stop_server(self) -> None:
        if self._line is not None and self._server is not None:
            try:
                self._selector.unregister(self._line)
            except KeyError:
                pass
            self._line.close()
            self._line = None
            try:
                self._server.wait(5)
            except subprocess.TimeoutExpired:
                self._server.kill()
                self._server.wait()

    def _request(self, request: dict[str, Any], descriptors: list[int] | None = None) -> None:
        assert self._line is not None
        try:
            socket.send_fds(self._line, [json.dumps(request).encode() + b"\n"], descriptors or [])
        except OSError:
            # it was killed: a new one does as well
            self._restart_server()
            socket.send_fds(self._line, [json.dumps(request).encode() + b"\n"], descriptors or [])

    def _restart_server(self) -> None:
        self._stop_server()
        self._start_server()
        self._waiting_for_preload = False
        if modules := [name for name in self._modules if name not in self.left]:
            self._request({"preload": modules})
            self._waiting_for_preload = True

    def _settle_preload(self) -> None:
        """Wait until the server has imported what it was told; leave out what must not be in a process that forks."""
        while self._waiting_for_preload:
            self._listen(None)

    def _answer(self, answer: dict[str, Any]) -> None:
        if "preloaded" in answer:
            self._waiting_for_preload = False
            self.left |= answer["left"]
            if any("threads" in why for why in answer["left"].values()):
                self._restart_server()
        elif "forked" in answer:
            if worker := self._workers.get(answer["forked"]):
                worker.pid = answer["pid"]
        elif worker := self._workers.get(answer["ended"]):
            worker.ended = answer
            self._bury(answer["ended"])

    # ── the workers

    def _spawn(self, descriptors: list[int]) -> subprocess.Popen[bytes]:
        names = ",".join(map(str, descriptors))
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "quire.executors.spawned", names],
            pass_fds=descriptors,
            stdin=subprocess.DEVNULL,
            cwd=self.root,
            start_new_session=True,
        )

    def _listen(self, timeout: float | None) -> None:
        for key, _ in self._selector.select(timeout):
            if key.data == 0:
                self._hear_server()
            elif key.data in self._workers:
                self._hear_worker(key.data)

    def _hear_server(self) -> None:
        assert self._line is not None
        try:
            data = self._line.recv(1 << 16)
        except OSError:
            data = b""
        if not data:
            self._server_died()
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._answer(json.loads(line))

    def _server_died(self) -> None:
        """The server is gone, and whoever ended it may have meant the workers too: their tasks have failed."""
        status = self._server.wait() if self._server else 0
        if self._waiting_for_preload and not self._workers:
            # an import took the whole process along: without it, then
            if not self._modules:
                raise StateError("workers cannot be started", hint=f"see {self._log}" if self._log else None)
            self._modules = ()
            self._restart_server()
            self._events.append(Note("a module that the tasks import ended the warm server; they start cold"))
            return
        for number, worker in list(self._workers.items()):
            _kill(worker.pid)
            worker.ended = {"status": None if status is None else signal.SIGKILL, "server": True}
            worker.closed = worker.closed or not self._drain(worker)
            self._bury(number)
        self._restart_server()

    def _hear_worker(self, number: int) -> None:
        worker = self._workers[number]
        try:
            data = worker.line.recv(1 << 18)
        except OSError:
            data = b""
        if not data:
            worker.closed = True
            self._selector.unregister(worker.line)
            if worker.process is not None:
                status = worker.process.wait()
                _kill(worker.pid)
                worker.ended = {"status": -status if status < 0 else status << 8}
            self._bury(number)
            return
        self._take(worker, data)

    def _drain(self, worker: Worker) -> bool:
        """Read what a dead worker still had said; return False, for nothing more will come."""
        worker.line.setblocking(False)
        try:
            while data := worker.line.recv(1 << 18):
                self._take(worker, data)
        except OSError:
            pass
        try:
            self._selector.unregister(worker.line)
        except (KeyError, ValueError):
            pass
        return False

    def _take(self, worker: Worker, data: bytes) -> None:
        *lines, worker.rest = (worker.rest + data).split(b"\n") if b"\n" in data else ((worker.rest + data),)
        for line in lines:
            event = decode(line)
            if isinstance(event, TaskFinished):
                worker.finished = event
            else:
                if isinstance(event, Output):
                    worker.cell = event.cell
                self._events.append(event)

    def _bury(self, number: int) -> None:
        """Report a task's end once its socket is read to the end and its process is gone."""
        worker = self._workers[number]
        if not (worker.closed and worker.ended):
            return
        finished = worker.finished
        for name, read in worker.pipes.items():
            if text := _remains(read):
                self._events.append(Output(worker.task.name, worker.cell, "stream", {"name": name, "text": text}))
        if finished is None:
            seconds = time.perf_counter() - worker.began
            finished = TaskFinished(
                worker.task.name,
                Outcome.FAILED,
                seconds,
                death(worker.ended),
                cpu=worker.ended.get("cpu"),
                memory=worker.ended.get("memory"),
            )
        self._events.append(finished)
        self._release(self._workers.pop(number))

    def _release(self, worker: Worker) -> None:
        if not worker.closed:
            try:
                self._selector.unregister(worker.line)
            except (KeyError, ValueError):
                pass
        worker.line.close()
        for read in worker.pipes.values():
            os.close(read)
        worker.pipes = {}


def death(ended: dict[str, Any]) -> Failure:
    """Return what a worker's wait status says, in words."""
    status = ended["status"]
    if ended.get("server"):
        return Failure("WorkerDied", "its process was ended together with the server that started it")
    number = status & 0x7F
    if number:
        name = signal.Signals(number).name
        if number == signal.SIGKILL:
            return Failure(
                "WorkerDied",
                f"its process was killed ({name}): the system was out of memory, or somebody ended it",
                hint="the system's log (dmesg) tells which",
            )
        word = "crashed" if name in ("SIGSEGV", "SIGBUS", "SIGABRT", "SIGFPE", "SIGILL") else "was ended"
        return Failure(
            "WorkerDied", f"its process {word} ({name})", hint="compiled code of a library it uses is the usual cause"
        )
    return Failure(
        "WorkerDied", f"its process ended by itself with exit code {status >> 8}", hint="does something call os._exit()?"
    )


def _remains(read: int) -> str:
    os.set_blocking(read, False)
    parts = []
    try:
        while data := os.read(read, 1 << 16):
            parts.append(data)
    except BlockingIOError:
        pass
    return b"".join(parts).decode("utf-8", "replace")


def _kill(group: int) -> None:
    if group:
        try:
            os.killpg(group, signal.SIGKILL)
        except OSError:
            pass

