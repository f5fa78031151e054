"""Run one task of a run in an empty folder: its code and inputs come from the store, what it leaves goes there."""

from __future__ import annotations

import errno
import json
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from threading import Event as Signal
from threading import Thread
from types import FrameType

from ..cache.elsewhere import Trouble
from ..cache.entry import Entry
from ..cache.local import Cache
from ..cache.reuse import Reuse
from ..dataclass import dataclass
from ..errors import Error
from ..events import Event, Note, RunStarted, TaskFinished
from ..executed.editions import failed
from ..executors.late import Late
from ..model import Outcome, Record, Task
from ..parts import Now
from ..plan import key_of
from ..process.signals import handled
from ..process.variables import REMOTE, RUN
from ..products import file_digest
from ..products.scratch import Scratch
from ..project import Project, load
from ..spec.surroundings import SURROUNDINGS
from ..state.runlog import RunLog
from . import bundle, here
from .depot import Depot, Gone
from .engines import Handover
from .follow import place
from .plan import Plan, Planned
from .runs import BEAT, Runs, TaskRun, begun, result
from .step import PARENT

#: Exit codes, besides those of every command. 99 is never one: Airflow takes it for "skipped".
FAILED, MISSING, TRANSIENT, TIMEOUT, STOPPED = 1, 66, 75, 124, 143
#: What a failure of a task's process means to an engine that may try it again.
_CODES = {"WorkerDied": TRANSIENT, "Timeout": TIMEOUT}
_STATES = {Outcome.DONE: "done", Outcome.RESTORED: "restored", Outcome.FRESH: "fresh"}


@dataclass(frozen=True, slots=True)
class Errand:
    """What ``octavo run-task`` is told. ``plan`` is the digest of a plan, for a run that its first task begins."""

    task: str
    run: str
    url: str
    plan: str | None = None
    folder: str | None = None
    patience: float = 120.0


class Stop(Exception):
    """The task ends here, with an exit code and words for a person."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        self.code = code


def run_task(
    errand: Errand, say: Callable[[str], None], listeners: Sequence[Callable[[Event], None]] = ()
) -> int:
    """Run a task, or find that it need not run, and return the exit code. Raises an Error for a plan that is none."""
    try:
        depot = Depot(errand.url, os.getcwd(), errand.patience)
        runs = Runs(depot)
        plan = _plan(errand, runs)
        if errand.task not in plan.tasks:
            names = ", ".join([*plan.tasks][:5])
            raise Error(f'the run {errand.run} has no task "{errand.task}"', hint=f"it has: {names}")
        with _stoppable() as stopped, _folder(errand.folder) as folder:
            return _One(errand, runs, plan, folder, stopped).run(say, listeners)
    except Stop as stop:
        say(str(stop))
        return stop.code
    except Trouble as error:
        say(f"the store {errand.url} cannot be reached: {error}")
        return TRANSIENT
    except Gone as gone:
        say(f"the store {errand.url} has lost what this task needs (blob {gone}): submit the run again")
        return MISSING
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        say(f"{error.strerror}: {error.filename or 'the folder of this task'}")
        return TRANSIENT


def run_all(errand: Errand, jobs: int | None, say: Callable[[str], None]) -> int:
    """Run all tasks of a run here, each in a process and folder of its own, and return the exit code."""
    try:
        plan = _plan(errand, Runs(Depot(errand.url, os.getcwd(), errand.patience)))
    except (Trouble, Gone) as error:
        say(f"the plan of {errand.run} is not to be had from {errand.url}: {error}")
        return TRANSIENT if isinstance(error, Trouble) else MISSING
    order = Handover(errand.run, plan, errand.url, here.command(), {}, jobs, say)
    return here.HERE.submit(order).code or 0


def _plan(errand: Errand, runs: Runs) -> Plan:
    """Return the plan of the run; the first task of a run that an engine has begun writes it down."""
    head = runs.head(errand.run)
    if head is None and errand.plan is not None:
        now = time.strftime("%Y-%m-%dT%H:%M:%S")
        runs.start(errand.run, errand.plan, {"now": now}, {"engine": "scheduled", "jobs": {}}, new=True)
        head = runs.head(errand.run)  # another task may have been faster
        runs.renew(errand.plan)
    if head is None:
        raise Error(f'there is no run "{errand.run}" at {errand.url}', hint="octavo submit makes one")
    plan = runs.plan(str(head["plan"]))
    return replace(plan, around={**plan.around, **head["around"]})


class _One:
    """One attempt at a task."""

    def __init__(self, errand: Errand, runs: Runs, plan: Plan, root: str, stopped: _Stopped) -> None:
        self.errand, self.runs, self.plan, self.root = errand, runs, plan, root
        self.planned: Planned = plan.tasks[errand.task]
        self.stopped = stopped
        self.log = os.path.join(root, ".octavo", "deploy", "log.jsonl")
        self.now = begun(errand.task, 1)
        self.pulse = _Pulse(self)

    def run(self, say: Callable[[str], None], listeners: Sequence[Callable[[Event], None]]) -> int:
        """Run the task and return the exit code."""
        run, name = self.errand.run, self.errand.task
        known = self.runs.task(run, name)
        if known is not None and known.good and self._still_there(known):
            say(f"{name}: {known.state} already, on {known.host}")
            return 0
        self.now = begun(name, known.attempt + 1 if known else 1)
        if self.runs.cancelled(run):
            self._end("cancelled", "the run was cancelled before it began")
            raise Stop(STOPPED, f"the run {run} was cancelled")
        before = self._upstream()
        self.runs.tell(run, self.now)
        try:
            with self.pulse:
                return self._work(before, say, listeners)
        except KeyboardInterrupt:
            self.stopped.deaf()
            why = "the run was cancelled" if self.runs.cancelled(run) else "it was told to end (SIGTERM)"
            self._end("cancelled", why)
            say(f"{name}: {why}")
            return STOPPED
        except (Error, ExceptionGroup) as error:
            self._end("failed", str(error.exceptions[0] if isinstance(error, ExceptionGroup) else error))
            raise
        except Gone:
            self._end("failed", "the store has lost its code or its inputs")
            raise

    def _still_there(self, known: TaskRun) -> bool:
        entry = known.entry()
        return entry is None or self.runs.depot.holds(entry)

    def _upstream(self) -> dict[str, Entry]:
        """Return the results of the tasks before it. Raises Stop where there is none."""
        found = {}
        for name in self.planned.upstream:
            known = self.runs.task(self.errand.run, name)
            entry = known.entry() if known is not None and known.good else None
            if entry is None:
                why = f'"{name}" has no result in this run: it {known.state if known else "has not run"}'
                self._end("failed", why)
                raise Stop(MISSING, f"{self.errand.task}: {why}")
            found[name] = entry
        return found

    def _work(
        self,
        before: Mapping[str, Entry],
        say: Callable[[str], None],
        listeners: Sequence[Callable[[Event], None]],
    ) -> int:
        bundle.unpack(self.plan.bundle, self.runs.depot, self.root)
        with _inside(self.root, self.plan, self.errand), self._project() as project:
            cache = project.cache()
            for name, entry in before.items():
                place(
                    self.runs.depot, entry, cache, (product.path for product in project.graph[name].products)
                )
            log = RunLog(Path(self.log))
            with log as write:
                report = project.build(
                    [self.errand.task],
                    force=self.plan.force,
                    jobs=1,
                    remote=self.errand.url,
                    executor=Late,  # here, whatever the pipeline says of where its builds run
                    listeners=[_without_others(write), *map(_without_others, listeners)],
                )
            self.stopped.deaf()  # what is done is sent, whatever comes now
            task = project.graph[self.errand.task]
            outcome = report.outcomes[task.name]
            ended = report.ended[task.name]
            if not outcome.good:
                why = f"{ended.failure.kind}: {ended.failure.message}" if ended.failure else outcome.value
                why = "; ".join(map(str, ended.reasons)) or why
                self._end("failed", why, ended, task)
                return _CODES.get(ended.failure.kind if ended.failure else "", FAILED)
            record = project.store.record(key_of(task))
            entry_of = record and _entry(project, cache, task, record, self.errand.run)
            if not entry_of:
                why = "a product is a link, or was changed since: it cannot be sent"
                say(f"{task.name}: {why}")
                self._end("failed", why, ended, task)
                return FAILED
            self.runs.depot.send_products(entry_of, cache.blobs)
            self._end(_STATES[outcome], "", ended, task, entry_of)
        return 0

    def _project(self) -> Project:
        file = self.plan.file
        full = os.path.join(self.root, file)
        return load(full if os.path.exists(full) else file, params=self.plan.params or None)

    def _end(
        self,
        state: str,
        why: str,
        ended: TaskFinished | None = None,
        task: Task | None = None,
        entry: Entry | None = None,
    ) -> None:
        """Send the log, and the executed notebook of what did not end well; then write down how it ended."""
        self.pulse.stop()  # or it might say once more that the task runs
        seconds = ended.seconds if ended else 0.0
        log = self._sent(self.log)
        notebook = "" if entry else next(filter(None, map(self._sent, self._failed(task))), "")
        self.now = replace(
            self.now,
            state=state,
            why=why,
            ended=time.time(),
            seconds=seconds,
            log=log,
            notebook=notebook,
            result=result(entry) if entry else None,
        )
        if not self.superseded():
            self.runs.tell(self.errand.run, self.now)

    def superseded(self) -> bool:
        """Return whether the task has a result by now, or a later attempt: an engine took this one for lost.

        What others have read as its result stays, whatever comes of this attempt.
        """
        known = self.runs.task(self.errand.run, self.errand.task)
        return known is not None and (known.good or known.attempt > self.now.attempt)

    def _failed(self, task: Task | None) -> Iterator[str]:
        """Yield where the executed notebook may be of a task that did not end well."""
        if task is not None:
            if path := failed(task):
                yield os.path.join(self.root, path)
        else:
            yield from map(str, Path(self.root).rglob("*.failed.ipynb"))

    def _sent(self, path: str) -> str:
        """Send a file, if there is one, and return its digest."""
        if not os.path.isfile(path):
            return ""
        name = file_digest(path)
        self.runs.depot.send(name, path)
        return name


def _entry(project: Project, cache: Cache, task: Task, record: Record, run: str) -> Entry | None:
    """Return the result of a task as an entry of the cache, with its blobs: the one that the build has kept, if any.

    What the build may not keep is found by nobody: it belongs to this run alone.
    """
    known = Reuse(cache, project.graph.tasks, project.store, Now(project.store, project.graph).again)
    declared = known.declared(task)
    for entry in cache.hits(task, declared, known.same(task)):
        digests = {path: piece.digest for path, piece in entry.products.items()}
        if digests == dict(record.products) and cache.has(entry):
            return entry
    own = cache.save(task, {**declared, "run": run}, replace(record, discovered={}), always=True)
    return own if isinstance(own, Entry) else None


def _without_others(listener: Callable[[Event], None]) -> Callable[[Event], None]:
    """Return a listener that is not told, before the task begins, that tasks before it have not run in this folder."""
    begins = False

    def told(event: Event) -> None:
        nonlocal begins
        begins = begins or not isinstance(event, RunStarted | Note)
        if begins or not isinstance(event, Note):
            listener(event)

    return told


@contextmanager
def _inside(root: str, plan: Plan, errand: Errand) -> Iterator[None]:
    """Stand in the folder of a task, with the environment that its run was planned in."""
    before, environ = os.getcwd(), dict(os.environ)
    os.environ.update(plan.environ)
    os.environ[SURROUNDINGS] = json.dumps(dict(plan.around))
    os.environ[RUN], os.environ[REMOTE] = errand.run, errand.url
    there = os.path.join(root, plan.cwd)
    os.chdir(there if os.path.isdir(there) else root)
    try:
        yield
    finally:
        os.chdir(before)
        os.environ.clear()
        os.environ.update(environ)


@contextmanager
def _folder(named: str | None) -> Iterator[str]:
    """Yield an empty folder to work in, which is removed; one that is named stays."""
    if named is None:
        with Scratch() as scratch:
            yield os.path.realpath(scratch.path)
        return
    os.makedirs(named, exist_ok=True)
    if os.listdir(named):
        raise Error("the folder of a task must be empty", named)
    yield os.path.realpath(named)


class _Stopped:
    """Turns the first SIGTERM into an interrupt; the next ones are not heard while what is done is sent."""

    def __init__(self) -> None:
        self._deaf = False

    def deaf(self) -> None:
        """Let nothing interrupt any more."""
        self._deaf = True

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if not self._deaf:
            self._deaf = True
            raise KeyboardInterrupt


@contextmanager
def _stoppable() -> Iterator[_Stopped]:
    stopped = _Stopped()
    with handled([signal.SIGTERM, signal.SIGINT], stopped):
        yield stopped


class _Pulse:
    """Gives signs of life of a task while it runs, and ends it when its run is cancelled."""

    def __init__(self, one: _One) -> None:
        self._one = one
        self._over = Signal()
        self._thread = Thread(target=self._beat, name="octavo-pulse", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Give no more signs; a second time, or before the first, there is nothing to do."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def _beat(self) -> None:
        last, runs, run = time.time(), self._one.runs, self._one.errand.run
        parent = os.environ.get(PARENT)
        while not self._over.wait(BEAT / 4):
            if parent and str(os.getppid()) != parent:  # it was killed, and another worker runs this task
                os.kill(os.getpid(), signal.SIGTERM)
                return
            with suppress(Trouble):
                if runs.cancelled(run):
                    os.kill(os.getpid(), signal.SIGTERM)
                    return
                if time.time() - last >= BEAT and not self._over.is_set() and not self._one.superseded():
                    last = time.time()
                    runs.tell(run, replace(self._one.now, beat=last))
