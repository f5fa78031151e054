"""Run tasks in an executor: start them, retry them, save their notebooks, and report the end of each once."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import replace
from typing import Protocol

from ..dataclass import dataclass
from ..errors import Error
from ..events import Event, Importing, Note, TaskFinished
from ..lazy import lazy_imports
from ..model import Failure, Outcome, Task
from ..products import unwritable
from . import Executor, ImportsAhead

with lazy_imports():
    from ..secrets import hiding  # where there are secrets


class NotebookKeeper(Protocol):
    """Keeps what a running task shows, as a file: the executed notebook. It is told the task's events as they come."""

    @property
    def where(self) -> str:
        """How the place of the notebook is called."""
        ...

    @property
    def due(self) -> float | None:
        """The seconds until what is new should be saved; None when nothing should be."""
        ...

    def __call__(self, event: Event) -> None: ...

    def save(self) -> str | None:
        """Save what there is; return what should be said of a place that cannot be written now."""
        ...

    def notes(self) -> list[str]:
        """Return what is to be said of the notebook, once."""
        ...

    def keep(self, outcome: Outcome) -> str | None:
        """Write the notebook as it ended and return its path; None when there is none."""
        ...

    @property
    def spare(self) -> str | None:
        """Where the notebook is when ``keep`` could not write it to its place."""
        ...


@dataclass(slots=True)
class _Work:
    task: Task
    keeper: NotebookKeeper | None
    attempt: int = 1
    #: Why its notebook is not folded any more.
    broken: Failure | None = None
    #: When it is to be tried again; None while the executor has it.
    again: float | None = None


class Running:
    """The tasks that an executor has, or will have again. Where none will be started, it needs no executor.

    ``pause`` is how a task waits for a person when it has failed, ``modules`` what the executor may import ahead.
    ``check`` says what became of a task that has ended, before it is decided whether it is tried again; ``again`` is
    called before it is.
    """

    def __init__(
        self,
        executor: Executor | None,
        check: Callable[[Task, TaskFinished], TaskFinished] = lambda task, event: event,
        again: Callable[[Task], None] = lambda task: None,
        *,
        pause: Mapping[str, object] | None = None,
        modules: Callable[[], tuple[tuple[str, ...], ...]] = tuple,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._executor = executor
        self._pause = pause
        self._modules = modules
        self._check = check
        self._again = again
        self._clock = clock
        self._prepared = False
        self._works: dict[str, _Work] = {}

    def __len__(self) -> int:
        return len(self._works)

    @property
    def free(self) -> bool:
        """Whether one more task may be started."""
        return self._executor is None or len(self) < self._executor.slots

    def start(self, task: Task, keeper: NotebookKeeper | None) -> None:
        """Hand a task to the executor, for the first time."""
        assert self._executor is not None
        work = self._works[task.name] = _Work(task, keeper)
        self._prepare(self._executor)
        self._submit(self._executor, work)

    def started(self, task: Task, keeper: NotebookKeeper | None) -> Iterator[Event]:
        """Hand a task to the executor, and say what is imported for it as long as this has to wait for it."""
        assert self._executor is not None
        self._prepare(self._executor)
        modules = self._executor.importing(task) if isinstance(self._executor, ImportsAhead) else ()
        if modules:
            yield Importing(task.name, modules)
        began = self._clock()
        self.start(task, keeper)
        if modules:
            yield Importing(task.name, modules, self._clock() - began)

    def _prepare(self, executor: Executor) -> None:
        if not self._prepared and any(modules := self._modules()):
            executor.prepare(*modules)
        self._prepared = True

    def next(self) -> Iterator[Event]:
        """Wait until something happens and yield it; a ``TaskFinished`` is the last of its task."""
        assert self._executor is not None
        patience = self._patience()
        if any(work.again is None for work in self._works.values()):
            if (event := self._executor.next(patience)) is not None:
                yield from self._received(self._discreet(event))
        elif patience:
            time.sleep(patience)
        yield from self._see_to_it(self._executor)

    def stop(self) -> list[Task]:
        """End all that is running, keep what was shown until then where that can be done, and return the tasks."""
        for event in self._executor.close() if self._executor else ():
            self._keep(event)
        works = list(self._works.values())
        self._works.clear()
        for work in works:
            try:
                if work.keeper is not None:
                    work.keeper.keep(Outcome.CANCELLED)
            except (OSError, Error):
                pass
        return [work.task for work in works]

    # ── attempts

    def _submit(self, executor: Executor, work: _Work) -> None:
        work.again = work.broken = None
        last = work.attempt > retries(work.task, self._pause)
        executor.submit(attempt(work.task, last=last, pause=self._pause))

    def _discreet(self, event: Event) -> Event:
        work = self._works.get(getattr(event, "task", None) or "")
        return hiding.told(event, work.task) if work and work.task.hidden.words else event

    def _received(self, event: Event) -> Iterator[Event]:
        if not isinstance(event, TaskFinished):
            self._keep(event)
            yield event
            return
        work = self._works[event.task]
        if work.broken is not None:
            event = replace(event, outcome=Outcome.FAILED, failure=event.failure or work.broken)
        event = self._check(work.task, event)
        if event.outcome is Outcome.FAILED and work.attempt <= retries(work.task, self._pause):
            delay = float(2 ** (work.attempt - 1))
            why = event.failure.kind if event.failure else "unknown"
            yield Note(f"attempt {work.attempt} failed ({why}); again in {delay:g} s", event.task)
            work.attempt += 1
            work.again = self._clock() + delay
            return
        del self._works[event.task]
        if work.keeper is not None:
            _folded(work, work.keeper, event)  # it says what its cells used
        for words in work.keeper.notes() if work.keeper else ():
            yield Note(words, event.task)
        yield with_notebook(event, work.keeper) if work.keeper is not None else event

    def _keep(self, event: Event) -> None:
        work = self._works.get(getattr(event, "task", None) or "")
        if work is not None and work.keeper is not None and not isinstance(event, TaskFinished):
            _folded(work, work.keeper, event)

    # ── the clock

    def _patience(self) -> float | None:
        """Return the seconds until something is due; None when nothing is."""
        now = self._clock()
        due = [max(0.0, work.again - now) for work in self._works.values() if work.again is not None]
        due += [
            when for work in self._works.values() if work.keeper and (when := work.keeper.due) is not None
        ]
        return min(due, default=None)

    def _see_to_it(self, executor: Executor) -> Iterator[Event]:
        """Do what is due: save notebooks, and try tasks again."""
        for work in list(self._works.values()):
            if work.keeper is not None and work.keeper.due == 0 and (words := work.keeper.save()):
                yield Note(words, work.task.name)
            if work.again is not None and work.again <= self._clock():
                self._again(work.task)
                self._submit(executor, work)


def retries(task: Task, pause: Mapping[str, object] | None = None) -> int:
    """Return how often a task may be tried again; one that waits for a person is not."""
    return 0 if pause else task.run.retries


def attempt(task: Task, *, last: bool = True, pause: Mapping[str, object] | None = None) -> Task:
    """Return a task as an executor gets it: it has not failed as long as it will be tried again."""
    on_failure = task.run.on_failure if last else None
    return replace(task, run=replace(task.run, on_failure=on_failure, pause=pause))


def _folded(work: _Work, keeper: NotebookKeeper, event: Event) -> None:
    """Fold what a task has said into its notebook. Whatever it may be, it fails this task, and not the build."""
    if work.broken is not None:
        return
    try:
        keeper(event)
    except Exception as error:
        work.broken = _unkept(keeper, error)


def _unkept(keeper: NotebookKeeper, error: Exception) -> Failure:
    return Failure(
        "WorkerError",
        f"{keeper.where} cannot be put together from what it has shown ({type(error).__name__}: {error})",
    )


def with_notebook(event: TaskFinished, keeper: NotebookKeeper) -> TaskFinished:
    """Write the notebook of a task that has ended, of a failure too; one that cannot be written is a failure."""
    try:
        return replace(event, notebook=keeper.keep(event.outcome))
    except OSError as error:
        failure = unwritable(keeper.where, error)
    except Error as error:
        failure = Failure("ProductError", f"{keeper.where}: {error.message}", hint=error.hint or "")
    except Exception as error:  # of what the task has shown
        failure = _unkept(keeper, error)
    return replace(
        event,
        outcome=Outcome.FAILED,
        failure=event.failure or failure,
        notebook=keeper.spare or event.notebook,
    )


def alone(
    task: Task, keeper: NotebookKeeper | None, executor: Executor, pause: Mapping[str, object] | None = None
) -> Generator[Event, None, None]:
    """Run one task to its end and yield what happens; closing the generator ends it."""
    running = Running(executor, pause=pause)
    try:
        running.start(task, keeper)
        while running:
            yield from running.next()
    finally:
        running.stop()
