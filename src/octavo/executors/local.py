"""Run tasks in parallel on this machine, in workers that the warm server forks.

The driver holds one socket per worker and one to the server; ``next`` waits on all of them, and on the clock for time
limits. A worker that ends without a last word is reported with the signal or exit code that the
server saw. Where forking is not safe (macOS) or not wanted, each worker is a new interpreter.
"""

from __future__ import annotations

import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from contextlib import suppress
from dataclasses import replace

from ..errors import Error, StateError
from ..events import (
    CellFinished,
    CellStarted,
    Diverged,
    Event,
    Note,
    NotebookOpened,
    Output,
    Paused,
    TaskFinished,
    word,
)
from ..model import Failure, Outcome, Task
from ..process.standard import ensure_streams
from ..worker.death import OomCounter, death
from ..worker.worker import deliver
from .handle import Worker, believed, end, interrupt, messages, opened, remains, scene, signal_to, spawn
from .interrupts import Interrupts
from .limits import MEANS
from .servers import Servers, of_task, python_of
from .warm import Warm
from .watchdog import LIMIT, due, look, owing, silent

CAN_FORK = hasattr(os, "fork") and sys.platform != "darwin"


class Local:
    """The executor ``local``."""

    def __init__(
        self, root: str, jobs: int | None = None, fork: bool = CAN_FORK, *, log: str | None = None
    ) -> None:
        ensure_streams()  # descriptors that workers get must not be 0, 1 or 2
        self.root = root
        self.slots = jobs or os.cpu_count() or 1
        #: Tasks that had to start again without what was imported ahead, and why.
        self.diverged: dict[str, str] = {}
        #: Digests of sources of such tasks, from earlier builds.
        self.bare: frozenset[str] = frozenset()
        self._log = log
        self._selector = selectors.DefaultSelector()
        self._workers: dict[int, Worker] = {}
        self._unforked: set[str] = set()  # tasks that have lost a warm server before they began
        self._events: deque[Event] = deque()
        self._count = 0
        self._oom_counter = OomCounter()
        self._interrupts = Interrupts()
        self._servers = Servers(root, log, self._selector) if fork else None

    # ── the protocol of an executor

    def refuses(self, task: Task) -> Error | None:
        """Refuse nothing: workers can be interrupted, ended and kept waiting."""
        return None

    @property
    def unforkable(self) -> dict[str, str]:
        """Modules that must not be in a process that forks, and why."""
        return self._servers.unforkable if self._servers is not None else {}

    def prepare(self, modules: tuple[str, ...], cells: tuple[str, ...] = ()) -> None:
        """Let servers import modules while the driver goes on."""
        if self._servers is not None:
            self._servers.want(modules, cells)
            self._servers.start()

    def importing(self, task: Task) -> tuple[str, ...]:
        """Return what the server that is to fork the task's worker has yet to import."""
        servers = self._servers
        return servers.importing(*of_task(task, self.bare, self.diverged)) if servers is not None else ()

    def submit(self, task: Task) -> None:
        """Start a task in a new worker."""
        self._count += 1
        mine, theirs = socket.socketpair()
        (out, out_w), (err, err_w), (traces, traces_w) = os.pipe(), os.pipe(), os.pipe()
        os.set_blocking(traces_w, False)  # nobody reads it before the end
        descriptors = [theirs.fileno(), out, out_w, err, err_w, traces_w]
        pipes = {"stdout": out, "stderr": err}
        worker = opened(self._count, task, mine, pipes, traces, apart=task.name in self.diverged)
        try:
            self._start(worker, descriptors)
        finally:
            theirs.close()
            os.close(out_w)
            os.close(err_w)
            os.close(traces_w)
        self._workers[worker.number] = worker
        self._selector.register(mine, selectors.EVENT_READ, worker)
        with suppress(OSError):  # it died at birth: its end will be reported like any other
            deliver(mine, self.root, task)

    def next(self, timeout: float | None = None) -> Event | None:
        """Wait for the next event of any worker, at most so long."""
        until = None if timeout is None else time.monotonic() + timeout
        while not self._events:
            left = None if until is None else until - time.monotonic()
            if left is not None and left <= 0:
                return None
            try:
                self._listen(left)
            except KeyboardInterrupt:
                if not self._let_go():
                    raise
        return self._events.popleft()

    def close(self) -> tuple[Event, ...]:
        """End all workers and the server, wait until they are gone, and return what they had said."""
        self.slots = 0  # nothing starts any more, or again
        with suppress(KeyboardInterrupt):  # once more: no patience
            self._end_gently()
        for worker in list(self._workers.values()):
            end(worker.pid, signal.SIGKILL)
            if worker.process:
                worker.process.wait()
            self._read_to_the_end(worker)
            self._last_words(worker)
            self._release(worker)
        if self._servers is not None:
            self._servers.stop()
        self._selector.close()
        left = tuple(event for event in self._events if not isinstance(event, TaskFinished))
        self._events.clear()
        return left

    # ── starting

    def _start(self, worker: Worker, descriptors: list[int]) -> None:
        if self._servers is not None:
            self._ask_server(worker, descriptors, self._servers)
        else:
            worker.process = spawn(descriptors, self.root, python_of(worker.task))
            worker.pid = worker.process.pid
            worker.limits.begin(worker.began)

    def _ask_server(self, worker: Worker, descriptors: list[int], servers: Servers) -> None:
        whose = of_task(worker.task, self.bare, self.diverged)
        for _ in range(6):
            while not (server := servers.of(*whose)).ready:
                self._listen()
            if server.ask({"fork": worker.number}, descriptors):
                worker.server = server
                return
            self._server_died(server)
        raise StateError("workers cannot be started", hint=f"see {self._log}" if self._log else None)

    # ── listening

    def _listen(self, most: float | None = None) -> None:
        servers = self._servers.every() if self._servers is not None else ()
        every = self._patience(), most, due(servers, self._workers.values())
        times = [seconds for seconds in every if seconds is not None]
        with self._interrupts.heard():
            ready = self._selector.select(min(times, default=None))
        for key, _ in ready:
            if isinstance(key.data, Warm):
                self._hear_server(key.data)
            elif not key.data.closed:
                self._hear(key.data)
        self._mind_the_time()

    def _patience(self) -> float | None:
        """Return the seconds until something is due, or None when nothing is."""
        due = [when for worker in self._workers.values() if (when := worker.limits.due) is not None]
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _mind_the_time(self) -> None:
        now = time.monotonic()
        for worker in list(self._workers.values()):
            number = worker.limits.look(worker.pid, now) if worker.pid else None
            if number is not None:
                signal_to(worker.pid, number)
            if worker.process and not worker.closed and worker.process.poll() is not None:
                # its end was not heard: a child of its own still holds the socket
                self._hear_end(worker, worker.process)
        self._events.extend(silent(self._workers.values(), now))
        if self._servers is not None:
            for server, pid in look(owing(self._servers.every(), self._workers.values()), now):
                words = f"the warm server (process {pid}) was stopped for {LIMIT:g} s, and has been ended"
                self._events.append(word(f"{words}: another one takes its place"))
                self._server_died(server)

    def _hear_server(self, server: Warm) -> None:
        assert self._servers is not None
        answers = server.hear()
        if answers is None:
            self._server_died(server)
            return
        for answer in answers:
            if "here" in answer:
                server.pid = answer["here"]
            elif "ready" in answer:
                self._servers.answered(server, answer["left"], answer["spoilt"])
            elif "forked" in answer:
                if worker := self._workers.get(answer["forked"]):
                    worker.pid = answer["pid"]
                    worker.limits.begin(time.monotonic())
            elif worker := self._workers.get(answer["ended"]):
                # it is dead: all it said has arrived, even where a child of its own still holds the socket
                self._read_to_the_end(worker)
                worker.ended = answer
                self._report_end(worker)

    def _server_died(self, server: Warm) -> None:
        assert self._servers is not None
        if self._servers.lost(server) and server.stopped is None:
            # an import took the whole process along: do without
            self._events.append(Note("importing the tasks' modules ended the warm server; tasks start cold"))
        for worker in [worker for worker in self._workers.values() if worker.server is server]:
            end(worker.pid, signal.SIGKILL)
            self._read_to_the_end(worker)
            worker.ended = {"status": None}
            # one that was asked to fork, and died before it said that it had; once for each task
            unforked = not worker.pid and worker.task.name not in self._unforked
            if (
                (server.stopped is not None or unforked)
                and not (worker.finished or worker.paused)
                and self.slots
            ):
                self._unforked |= {worker.task.name} if unforked else set()
                what = "died" if server.stopped is None else "was stopped"
                self._start_again(worker, f"its warm server {what}: it starts again")
            else:
                self._report_end(worker)

    def _hear(self, worker: Worker) -> None:
        try:
            data = worker.line.recv(1 << 18)
        except OSError:
            data = b""
        if data:
            self._take(worker, data)
            return
        worker.closed = True
        self._forget(worker.line)
        if worker.process is not None:
            self._hear_end(worker, worker.process)
        else:
            self._report_end(worker)

    def _hear_end(self, worker: Worker, process: subprocess.Popen[bytes]) -> None:
        status = process.wait()
        end(worker.pid, signal.SIGKILL)  # what it left behind
        if not worker.closed:
            self._read_to_the_end(worker)
        worker.ended = {"status": -status if status < 0 else status << 8}
        self._report_end(worker)

    def _take(self, worker: Worker, data: bytes) -> None:
        worker.rest += data
        for message in messages(worker):
            match event := message:
                case TaskFinished():
                    if worker.finished is None or worker.finished.outcome.good:
                        worker.finished = event
                    continue
                case Diverged():
                    worker.diverged = event
                    end(worker.pid, signal.SIGKILL)
                    continue
                case Output() if worker.paused:
                    continue  # said to a person, not by the task
                case Output():
                    worker.cell = event.cell
                case NotebookOpened():
                    worker.notebook = event
                case CellStarted():
                    worker.running = event
                    worker.limits.cell_started(event.number, time.monotonic())
                case CellFinished():
                    worker.running = None
                    worker.limits.cell_finished()
                case Paused():
                    worker.paused = event
                    worker.limits.lift()
                    self._interrupts.defer(True)
                case _:
                    pass
            self._events.append(event)

    def _read_to_the_end(self, worker: Worker) -> None:
        """Take what a dead worker had said."""
        worker.line.setblocking(False)
        try:
            while data := worker.line.recv(1 << 18):
                self._take(worker, data)
        except OSError:
            pass
        worker.closed = True
        self._forget(worker.line)

    def _let_go(self) -> bool:
        """Answer Ctrl-C where only failed tasks are left that wait for a person; False: it means the whole build.

        Kernels are ended. What runs at a debugger's prompt is interrupted; twice in a second ends the build.
        """
        workers = list(self._workers.values())
        if self._interrupts.twice() or not all(worker.paused for worker in workers):
            return False
        for worker in workers:
            if worker.paused and worker.paused.connection:
                end(worker.pid, signal.SIGKILL)
            else:
                interrupt(worker.pid)
        return True

    # ── ending

    def _end_gently(self) -> None:
        """Let what runs clean up behind itself: interrupt it, and then terminate it, each for some seconds."""
        for number, patience in MEANS[:-1]:
            until = time.monotonic() + patience
            for worker in self._running():
                signal_to(worker.pid, number)
            while self._running() and (left := until - time.monotonic()) > 0:
                self._listen(left)

    def _running(self) -> list[Worker]:
        return [worker for worker in self._workers.values() if worker.pid and not worker.paused]

    def _report_end(self, worker: Worker) -> None:
        """Report a task's end once its socket is read to the end and its process is gone."""
        if not (worker.closed and worker.ended):
            return
        if worker.diverged and self.slots and not worker.fault:
            self.diverged[worker.task.name] = why = worker.diverged.why
            self._start_again(worker, f"{why}: it starts again, with nothing imported ahead")
            return
        self._last_words(worker)
        seconds = time.monotonic() - worker.began
        finished = believed(worker, worker.ended["status"]) or TaskFinished(
            worker.task.name,
            Outcome.FAILED,
            seconds,
            worker.paused.failure if worker.paused else self._death(worker),
            cpu=worker.ended.get("cpu"),
            memory=worker.ended.get("memory"),
        )
        if worker.fault:
            finished = replace(finished, outcome=Outcome.FAILED, failure=worker.fault)
        elif finished.outcome is Outcome.FAILED:
            finished = replace(finished, failure=worker.limits.failure(finished.failure))
        self._release(worker)
        self._events.append(finished)

    def _last_words(self, worker: Worker) -> None:
        for name, read in worker.pipes.items():
            if (text := remains(read)) and not worker.paused:
                output = Output(worker.task.name, worker.cell, "stream", {"name": name, "text": text})
                self._events.append(output)

    def _death(self, worker: Worker) -> Failure:
        assert worker.ended
        traces = remains(worker.traces)
        return death(worker.ended["status"], scene(worker, self.root), traces, self._oom_counter.increased())

    def _start_again(self, worker: Worker, note: str) -> None:
        """Start a task again in another worker, as if this one had not been."""
        self._release(worker)
        self._events.append(Note(note, worker.task.name))
        self.submit(worker.task)

    def _release(self, worker: Worker) -> None:
        self._workers.pop(worker.number, None)
        self._forget(worker.line)
        worker.line.close()
        for read in (*worker.pipes.values(), worker.traces):
            os.close(read)
        if worker.paused and worker.paused.connection:
            shutil.rmtree(os.path.dirname(worker.paused.connection), ignore_errors=True)
        self._interrupts.defer(any(worker.paused for worker in self._workers.values()))

    def _forget(self, line: socket.socket) -> None:
        with suppress(KeyError, ValueError):
            self._selector.unregister(line)
