"""Run tasks on the workers of a Dask cluster that see the project's folder, each in a process of its own there.

Only the task goes by Dask. Its events come by a file in that folder, as do the signs that it is still wanted: Dask can
neither end what runs nor tell a worker that is lost from one that is not.
"""

from __future__ import annotations

import fnmatch
import os
import pickle
import queue
import shutil
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import field
from functools import partial
from pathlib import Path

from .. import __version__
from ..dataclass import dataclass
from ..errors import Error, Place, StateError
from ..events import Event, Note, TaskFinished, decode
from ..hints import did_you_mean
from ..model import Failure, Json, Outcome, Task
from . import cluster
from .carried import ALIVE, GLANCE, Carried, carry, probe, seen
from .limits import MEANS

#: Seconds between two looks at the files of events, at the workers, and between two signs of life.
_POLL, _LOOK, _BEAT = 0.05, 5.0, 5.0
#: How long a task waits for a worker that could run it, once there was one, and products for the file system.
_GRACE, _SETTLE = 60.0, 70.0
#: Seconds after which the folder of a build is that of a driver that was killed.
_FORGOTTEN = 86400.0


@dataclass(slots=True, eq=False)
class _Sent:
    """A task that was submitted: its number, which attempt runs it, and how far its events were read."""

    number: int
    task: Task
    wanted: cluster.Wanted
    began: float
    future: cluster.Future
    attempt: str = ""
    read: int = 0
    rest: bytearray = field(default_factory=bytearray)
    finished: TaskFinished | None = None
    #: Since when no worker could run it.
    alone: float | None = None


class Dask:
    """The executor ``dask``. ``address`` is that of the scheduler; ``taken`` and ``placed`` are by patterns."""

    def __init__(
        self,
        root: str,
        jobs: int | None = None,
        *,
        log: str | None = None,
        address: str | None = None,
        taken: Mapping[str, Mapping[str, float]] | None = None,
        placed: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        self.root = root
        self._jobs = jobs
        self._state = os.path.dirname(log) if log else os.path.join(root, ".octavo")
        self._address = address or os.environ.get("DASK_SCHEDULER_ADDRESS", "")
        self._taken = taken or {}
        self._placed = placed or {}
        self._client: cluster.Scheduler | None = None
        self._workers: list[cluster.Announced] = []
        self._trouble: Error | None = None
        self._looked = 0.0
        self._folder = ""
        self._events: deque[Event] = deque()
        self._works: dict[int, _Sent] = {}
        self._ended: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._count = 0
        self._over = threading.Event()
        self._beat: threading.Thread | None = None

    # ── the protocol of an executor

    @property
    def slots(self) -> int:
        """As many tasks as were asked for, or as the workers have threads."""
        return self._jobs or max(1, sum(worker.threads for worker in self._workers))

    def refuses(self, task: Task) -> Error | None:
        """Refuse what no worker can run, and what should wait for a person."""
        if task.run.pause:
            return StateError(
                "a failed task cannot wait for you in the executor dask",
                hint="--executor local runs tasks on this machine",
            )
        if self._trouble is None and not self._workers:
            try:
                self._connected()
            except Error as trouble:
                self._trouble = trouble
        if self._trouble is not None:
            return self._trouble  # the same for all tasks
        error = cluster.unmet(self._wanted(task), self._workers)
        if error is None:
            return None
        self._shut()
        return Error(f'"{task.name}" cannot run: {error.message}', task.where, error.hint)

    def prepare(self, modules: tuple[str, ...], cells: tuple[str, ...] = ()) -> None:
        """Import nothing ahead: tasks start in new interpreters there."""

    def submit(self, task: Task) -> None:
        """Hand a task to the scheduler."""
        try:
            client = self._connected()
        except Error as error:
            raise StateError(error.message, hint=error.hint) from error
        self._count += 1
        number, wanted = self._count, self._wanted(task)
        Path(self._folder, str(number)).touch()
        future = client.submit(
            carry,
            self._folder,
            number,
            pickle.dumps((self.root, task), protocol=pickle.HIGHEST_PROTOCOL),
            key=f"{os.path.basename(self._folder)}-{number}-{task.name}",
            pure=False,
            **wanted.options(),
        )
        self._works[number] = _Sent(number, task, wanted, time.monotonic(), future)
        future.add_done_callback(partial(_put, self._ended, number))

    def next(self, timeout: float | None = None) -> Event | None:
        """Wait for the next event of any task, at most so long."""
        until = None if timeout is None else time.monotonic() + timeout
        while not self._events:
            left = _POLL if until is None else min(_POLL, until - time.monotonic())
            if left <= 0:
                return None
            self._listen(left)
        return self._events.popleft()

    def close(self) -> tuple[Event, ...]:
        """Let go of all tasks, wait until none runs, and return what they had said."""
        for work in self._works.values():
            Path(self._folder, str(work.number)).unlink(missing_ok=True)
        if self._client is not None and (
            waiting := [w.future for w in self._works.values() if not w.attempt]
        ):
            self._client.cancel(waiting)
        until = time.monotonic() + sum(patience for _, patience in MEANS[:-1]) + 10 * GLANCE
        while any(work.future.status == "pending" for work in self._works.values()):
            if time.monotonic() > until:
                break
            self._listen(_POLL)
        for work in self._works.values():
            self._read(work)
        self._works.clear()
        self._shut()
        left = tuple(event for event in self._events if not isinstance(event, TaskFinished))
        self._events.clear()
        return left

    # ── the cluster

    def _wanted(self, task: Task) -> cluster.Wanted:
        gpus, own = task.resources.gpus, task.resources.engines.get("dask", {})
        resources: dict[str, float] = {} if gpus is None else {"GPU": float(gpus)}
        for pattern, taken in self._taken.items():
            resources |= taken if fnmatch.fnmatchcase(task.name, pattern) else {}
        names = [n for p, some in self._placed.items() if fnmatch.fnmatchcase(task.name, p) for n in some]
        return cluster.Wanted(resources | own, tuple(dict.fromkeys(names)))

    def _connected(self) -> cluster.Scheduler:
        """Return the client, connected at first; its workers have the project's folder, and this octavo."""
        if self._client is not None:
            return self._client
        if not self._address:
            hint = "executor: {name: dask, scheduler: tcp://host:8786}, or --executor dask=tcp://host:8786"
            raise Error("the executor dask needs the address of a scheduler", hint=hint)
        client = cluster.connected(self._address)
        self._client = client
        self._folder = _folder(os.path.join(self._state, "dask"))
        try:
            self._look(client)
            _fit(client.run(probe, self._folder, on_error="return"), self.root)
        except BaseException:
            self._shut()
            raise
        self._over = threading.Event()
        alive = os.path.join(self._folder, ALIVE)
        self._beat = threading.Thread(target=_beat, args=(alive, self._over), daemon=True)
        self._beat.start()
        return client

    def _look(self, client: cluster.Scheduler) -> None:
        self._looked = time.monotonic()
        self._workers = cluster.workers(client)

    def _shut(self) -> None:
        """Leave the cluster, and remove what was written for it."""
        self._over.set()
        if self._beat is not None:
            self._beat.join()
        if self._client is not None:
            self._client.close(timeout=5)
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._client, self._beat, self._folder = None, None, ""

    # ── listening

    def _listen(self, most: float) -> None:
        """Take what was said and what has ended within so many seconds."""
        try:
            ended = self._works.get(self._ended.get(timeout=most))
        except queue.Empty:
            ended = None
        for work in self._works.values():
            self._read(work)
        if ended is not None:
            self._end(ended)
        if self._client is not None and time.monotonic() - self._looked > _LOOK:
            self._mind(self._client)

    def _read(self, work: _Sent, to: Carried | None = None) -> None:
        """Take the events that an attempt has written, of this one or of one that has taken its place."""
        attempt = to.attempt if to else _text(Path(self._folder, str(work.number)))
        if attempt and attempt != work.attempt:
            if work.attempt:
                words = "its worker was lost: it starts again on another one"
                self._events.append(Note(words, work.task.name))
            work.attempt, work.read, work.finished = attempt, 0, None
            work.rest.clear()
        if not work.attempt:
            return
        try:
            with Path(self._folder, f"{work.number}.{work.attempt}").open("rb") as file:
                file.seek(work.read)
                data = file.read()
        except FileNotFoundError:
            return
        work.read += len(data)
        *lines, rest = bytes(work.rest + data).split(b"\n")
        work.rest[:] = rest
        for line in lines:
            event = decode(line)
            if isinstance(event, TaskFinished):
                work.finished = event
            else:
                self._events.append(event)

    def _end(self, work: _Sent) -> None:
        """Tell the end of a task that Dask is done with."""
        status = work.future.status
        failure: Failure | None = None
        if status == "finished":
            carried = work.future.result()
            assert isinstance(carried, Carried)
            self._settle(work, carried)
        elif status == "error":
            failure = _failed(work.future.exception())
        else:
            hint = "octavo build again, once it is there: what is done stays"
            failure = Failure(
                "SchedulerLost", f"the scheduler of Dask at {self._address} has gone", hint=hint
            )
        seconds = time.monotonic() - work.began
        if work.finished is None or failure is not None:
            failure = failure or Failure("WorkerDied", "its worker of Dask gave it up")
            work.finished = TaskFinished(work.task.name, Outcome.FAILED, seconds, failure)
        self._forget(work)
        self._events.append(work.finished)

    def _settle(self, work: _Sent, carried: Carried) -> None:
        """Wait until all that the worker has written is seen here: network file systems take their time."""
        until = time.monotonic() + _SETTLE
        while True:
            self._read(work, carried)
            there = seen(work.task, self.root)
            if work.read >= carried.size and (carried.products or {}).items() <= there.items():
                return
            if time.monotonic() > until:
                return
            time.sleep(_POLL)

    def _mind(self, client: cluster.Scheduler) -> None:
        """Give up tasks that no worker can run any more, after a while in which one may come back."""
        try:
            self._look(client)
        except Exception:  # the scheduler is away: the futures say so
            self._looked = time.monotonic()
            return
        now = time.monotonic()
        for work in list(self._works.values()):
            error = cluster.unmet(work.wanted, self._workers)
            work.alone = None if error is None else work.alone or now
            if error is not None and work.alone is not None and now - work.alone > _GRACE:
                failure = Failure("WorkerDied", f"{error.message} any more", hint=error.hint or "")
                finished = TaskFinished(work.task.name, Outcome.FAILED, now - work.began, failure)
                self._forget(work)
                client.cancel([work.future])
                self._events.append(finished)

    def _forget(self, work: _Sent) -> None:
        del self._works[work.number]
        for name in (str(work.number), f"{work.number}.{work.attempt}"):
            Path(self._folder, name).unlink(missing_ok=True)


def of(said: Json, tasks: Iterable[str], address: str = "") -> partial[Dask]:
    """Return what makes the executor as pipeline.yaml says, of tasks that are there; ``address``: another scheduler."""
    there = [*tasks]
    for key in ("resources", "workers"):
        for pattern in said.get(key, ()):
            if not fnmatch.filter(there, pattern):
                hint = did_you_mean(pattern, there) or "write names of tasks, or patterns such as fit-*"
                raise Error(f'executor: "{key}" names no task: {pattern}', Place(*said["where"]), hint)
    return partial(
        Dask,
        address=address or said.get("scheduler"),
        taken=said.get("resources"),
        placed={pattern: tuple(names) for pattern, names in said.get("workers", {}).items()},
    )


def _put(ended: queue.SimpleQueue[int], number: int, _: object) -> None:
    ended.put(number)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except FileNotFoundError:
        return ""


def _folder(above: str) -> str:
    """Return a new folder for a build, without those of builds that were killed long ago."""
    os.makedirs(above, exist_ok=True)
    for name in os.listdir(above):
        try:
            if time.time() - os.stat(os.path.join(above, name, ALIVE)).st_mtime > _FORGOTTEN:
                shutil.rmtree(os.path.join(above, name), ignore_errors=True)
        except OSError:
            continue
    made = tempfile.mkdtemp(prefix="build-", dir=above)
    Path(made, ALIVE).touch()
    return os.path.abspath(made)


def _beat(path: str, over: threading.Event) -> None:
    """Say that somebody waits for what runs."""
    while not over.wait(_BEAT):
        try:
            os.utime(path)
        except OSError:
            continue


def _fit(found: Mapping[str, object], root: str) -> None:
    """Raise an Error for a worker that has another octavo or Python, or not the folder of the project."""
    mine = f"{sys.version_info[0]}.{sys.version_info[1]}"
    for address, said in found.items():
        hint = f"its environment needs octavo {__version__} and Python {mine}, as here"
        match said:
            case (str(octavo), str(python), bool(sees)):
                if (octavo, python) != (__version__, mine):
                    there = f"octavo {octavo} and Python {python}"
                    raise Error(f"the worker of Dask at {address} has {there}", hint=hint)
                if not sees:
                    hint = "mount it there, or send code and results by a store: octavo submit --to dask"
                    raise Error(f"the worker of Dask at {address} does not see {root}", hint=hint)
            case _:
                raise Error(f"the worker of Dask at {address} cannot run tasks: {said}", hint=hint)


def _failed(error: BaseException | None) -> Failure:
    name = type(error).__name__
    if name == "KilledWorker":
        hint = "did they run out of memory? their logs say more"
        return Failure("WorkerDied", "the workers of Dask that ran it died, one after another", hint=hint)
    return Failure("DaskError", f"its worker of Dask could not run it: {name}: {error}")
