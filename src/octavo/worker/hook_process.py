"""Call hooks in a process of their own: those of the pipeline, and on_failure of a task whose worker died."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial

from ..events import Event, HookFinished, Note, RunFinished, RunStarted, TaskFinished, from_json
from ..model import Call, Failure, Outcome, Task
from ..process import child
from ..tracebacks import plain
from ..views import ENDED
from . import hooks
from .around import folder_of, placed
from .death import Scene, death
from .hooks import call_on_failure, of_pipeline, stopped


def apart(root: str, work: Callable[[], Failure | None]) -> tuple[Failure | None, str]:
    """Call ``work``, which can be pickled, in a new process; return its failure and all that it printed."""
    done = child.ask(hooks.__name__, work, root)
    if not done.answered:
        return death(-done.code if done.code < 0 else done.code << 8, Scene("")), done.output
    answer = from_json(done.value)
    failure = answer.failure if isinstance(answer, HookFinished) else None
    if failure and failure.path and failure.path.startswith(root + os.sep):
        failure = replace(failure, path=os.path.relpath(failure.path, root))
    return failure, done.output


def call_in_child(root: str, task: Task, failure: Failure) -> list[str]:
    """Call the ``on_failure`` of a task whose worker could not do it; return what should be noted."""
    worse, printed = apart(root, partial(call_on_failure, placed(task, root), folder_of(task, root), failure))
    notes = [f"{worse.kind}: {worse.message}"] if worse else []
    return [*(f"on_failure says: {line}" for line in printed.splitlines()), *notes]


class Hooked:
    """A build with the hooks of its pipeline: ``on_render`` before the first task, the others after the last."""

    def __init__(self, root: str, name: str, hooks: Mapping[str, Call], tasks: Mapping[str, Task]) -> None:
        self._root = root
        self._name = name
        self._hooks = hooks
        self._tasks = dict(tasks)
        self._ended: dict[str, TaskFinished] = {}

    def events(self, build: Iterator[Event]) -> Iterator[Event]:
        """Yield what happens in a build and in the hooks around it; closing this ends the build."""
        try:
            for event in build:
                if isinstance(event, RunFinished):
                    yield from self._finished(event)
                    continue
                if isinstance(event, TaskFinished):
                    self._ended[event.task] = event
                yield event
                if isinstance(event, RunStarted) and "on_render" in self._hooks:
                    before = self._call("on_render")
                    yield from before
                    if not _well(before):
                        good = not any(isinstance(one, HookFinished) and one.failure for one in before)
                        yield RunFinished(event.run, good, time.time() - event.at, time.time())
                        return
        finally:
            close = getattr(build, "close", None)
            if close:
                close()

    def _finished(self, event: RunFinished) -> Iterator[Event]:
        began = time.time()
        after: list[Event] = []
        if not event.good:
            after = self._call("on_failure", traceback={"build": self._text(event.stale)})
        elif all(ended.outcome is not Outcome.CANCELLED for ended in self._ended.values()):
            after = self._call("on_finish")
            yield from after
            if failed := [one.failure for one in after if isinstance(one, HookFinished) and one.failure]:
                trace = plain("\n".join(failed[0].traceback)) or failed[0].message
                event = replace(event, good=False)
                after = self._call("on_failure", traceback={"build": "", "on_finish": trace})
            else:
                after = []
        yield from after
        yield replace(event, seconds=event.seconds + time.time() - began, at=time.time())

    def _call(self, hook: str, traceback: Mapping[str, str] | None = None) -> list[Event]:
        """Call a hook, if there is one, and return what is to be told of it."""
        if not (call := self._hooks.get(hook)):
            return []
        began = time.time()
        statuses = {name: ENDED[ended.outcome] for name, ended in self._ended.items()}
        ran = [
            (name, True, ended.seconds)
            for name, ended in self._ended.items()
            if ended.outcome is Outcome.DONE
        ]
        rows = ran + [
            (name, False, 0.0) for name, ended in self._ended.items() if ended.outcome is not Outcome.DONE
        ]
        work = partial(of_pipeline, hook, call, self._name, self._tasks, statuses, rows, traceback)
        failure, printed = apart(self._root, work)
        stop = stopped(failure) if failure else ""
        ended: list[Event] = [HookFinished(hook, time.time() - began, None if stop else failure, printed)]
        return [*ended, Note(stop)] if stop else ended

    def _text(self, stale: tuple[str, ...]) -> str:
        """Return the failures of the build's tasks as text, and which of them ran too early."""
        failures = {name: ended.failure for name, ended in self._ended.items() if ended.failure}
        texts = [
            f"{name}: " + (plain("\n".join(failure.traceback)) or f"{failure.kind}: {failure.message}")
            for name, failure in failures.items()
        ]
        return "\n\n".join([*texts, *(f"{name}: what a later task wrote made it stale" for name in stale)])


def _well(events: list[Event]) -> bool:
    """Return whether a hook went well: it neither failed nor stopped the build."""
    return not any(
        isinstance(event, Note) or (isinstance(event, HookFinished) and event.failure) for event in events
    )
