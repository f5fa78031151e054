"""Fold the events of a run into outcomes, failures, notes and an exit code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from .errors import Error
from .events import CheckFinished, Event, HookFinished, Note, RunFinished, RunStarted, TaskFinished
from .model import Outcome


class Report:
    """What a build came to. Falsy when a task failed or could not run, or a hook of the pipeline failed."""

    def __init__(self) -> None:
        self.run = ""
        self.ended: dict[str, TaskFinished] = {}
        self.hooks: dict[str, HookFinished] = {}
        self.notes: list[Note] = []
        #: What the checks of tasks' data found, those of a task's last attempt, by task and check.
        self.checks: dict[tuple[str, str], CheckFinished] = {}
        self.seconds = 0.0
        self.finished = False
        #: Tasks that ran well, and that a later one made stale.
        self.stale: tuple[str, ...] = ()

    def __call__(self, event: Event) -> None:
        match event:
            case RunStarted(run=run):
                self.run = run
            case TaskFinished(task=task):
                self.ended[task] = event
            case HookFinished(hook=hook):
                self.hooks[hook] = event
            case CheckFinished():
                self.checks[event.task, event.check] = event
            case Note():
                self.notes.append(event)
            case RunFinished(seconds=seconds, stale=stale):
                self.seconds = seconds
                self.stale = stale
                self.finished = True
            case _:
                pass

    def __bool__(self) -> bool:
        failed = any(event.outcome.bad for event in self.ended.values())
        hooks = any(event.failure for event in self.hooks.values())
        return self.finished and not failed and not hooks and not self.stale

    def __getitem__(self, task: str) -> Outcome:
        return self.ended[task].outcome

    def __repr__(self) -> str:
        counts = ", ".join(f"{n} {outcome.value}" for outcome, n in self.counts.items() if n)
        return f"<Report {counts or 'nothing'} in {self.seconds:.1f} s>"

    @property
    def outcomes(self) -> dict[str, Outcome]:
        """The outcome of each task, by name."""
        return {name: event.outcome for name, event in self.ended.items()}

    @property
    def failures(self) -> dict[str, TaskFinished]:
        """The last event of each task that failed, by name."""
        return {name: event for name, event in self.ended.items() if event.outcome is Outcome.FAILED}

    @property
    def counts(self) -> dict[Outcome, int]:
        """How many tasks ended how, in the order of ``Outcome``."""
        counted = Counter(event.outcome for event in self.ended.values())
        return {outcome: counted[outcome] for outcome in Outcome}

    @property
    def exit_code(self) -> int:
        """0 when all is well, 130 when the run was cut off; else 1.

        That is: a task or hook failed, or a task was blocked, or one was made stale after it had run.
        """
        if not self.finished:
            return 130
        return 0 if self else 1


def tell_all(events: Iterator[Event], report: Report, listeners: list[Callable[[Event], None]]) -> None:
    """Hand every event to the report and the listeners; drop a listener that raises, and say so."""
    try:
        for happened in events:
            pending: list[Event] = [happened]
            while pending:
                event = pending.pop(0)
                report(event)
                for listener in list(listeners):
                    try:
                        listener(event)
                    except Exception as error:
                        listeners.remove(listener)
                        pending.append(Note(_dropped(error)))
    finally:
        close = getattr(events, "close", None)
        if close:
            close()


def _dropped(error: Exception) -> str:
    if isinstance(error, Error):
        return str(error)
    return f"a listener of this build failed and was removed: {type(error).__name__}: {error}"
