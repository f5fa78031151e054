"""Call the hooks of a task before it runs, after it succeeds and after it fails."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Coroutine, Generator, Iterator, Mapping
from dataclasses import replace

from ..calls import invoke
from ..errors import Error
from ..events import HookFinished, to_json
from ..failing import failure_of
from ..lazy import lazy_imports
from ..model import Call, Failure, Source, Task
from ..process import child
from ..tracebacks import plain
from ..views import BuildTable, DagView, Status, TaskView, Upstream, given

with lazy_imports():
    from ..tables import connections

#: The exception, by its name, with which a task or a hook ends a build that is no failure.
EARLY_STOP = "DAGBuildEarlyStop"
#: Functions that only begin when somebody waits for them, or asks for their values: a check would always pass.
_LATER = ("an async function", "a generator")


class Offer(Mapping[str, object]):
    """The arguments that a hook may name; each is made only when it is named."""

    def __init__(self, **makers: Callable[[], object]) -> None:
        self._makers = makers

    def __getitem__(self, name: str) -> object:
        return self._makers[name]()

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)


def of_task(hook: str, task: Task, status: Status, **more: object) -> Failure | None:
    """Call a hook of a task, if it has one; return its failure. Products and inputs are taken from where we are."""
    call = task.run.on_failure if hook == "on_failure" else dict(task.calls.named()).get(hook)
    if call is None:
        return None
    view = TaskView(task, status)
    turns = contextlib.ExitStack()

    def client() -> object:
        turns.enter_context(connections.turn(view.client))
        return view.client

    offered = Offer(
        task=lambda: view,
        product=lambda: view.product,
        params=lambda: view.params,
        client=client,
        upstream=lambda: Upstream(given(task.inputs)),
        **{name: lambda value=value: value for name, value in more.items()},
    )
    try:
        return call_hook(hook, call, offered)
    finally:
        if "client" in vars(view) and hasattr(view.client, "close"):
            view.client.close()
        turns.close()


def of_pipeline(
    hook: str,
    call: Call,
    name: str,
    tasks: Mapping[str, Task],
    statuses: Mapping[str, Status],
    rows: list[tuple[str, bool, float]],
    traceback: Mapping[str, str] | None,
) -> Failure | None:
    """Call a hook of the pipeline; return its failure. ``rows``: each task, whether it ran, its seconds."""
    offered: dict[str, Callable[[], object]] = {"dag": lambda: DagView(name, tasks, statuses)}
    if hook != "on_render":
        offered["report"] = lambda: BuildTable(rows)
    if hook == "on_failure":
        offered["traceback"] = lambda: dict(traceback or {})
    return call_hook(hook, call, Offer(**offered))


def call_on_failure(task: Task, folder: str, failure: Failure) -> Failure | None:
    """Call the hook of a task that has failed, where the task ran; return the hook's own failure."""
    os.chdir(folder)
    trace = plain("\n".join(failure.traceback)) or f"{failure.kind}: {failure.message}"
    return of_task("on_failure", task, Status.Errored, traceback=trace)


def finish(task: Task, folder: str) -> Failure | None:
    """Call the hook that checks a task's products, where the task runs; return its failure."""
    os.chdir(folder)
    return of_task("on_finish", task, Status.Executed)


def stopped(failure: Failure) -> str:
    """Return the note on what has stopped the build on purpose; an empty string for a real failure."""
    if failure.kind != EARLY_STOP:
        return ""
    return "it stopped the build" + (f": {failure.message}" if failure.message else "")


def call_hook(hook: str, call: Call, offered: Mapping[str, object]) -> Failure | None:
    """Call a hook and return how it failed: the message says which it was, the traceback begins in its code."""
    path = call.path
    try:
        value = invoke(call, offered)
        if isinstance(value, Coroutine | Generator):
            value.close()
            message = f"in {hook}: {path} has not run: it is {_LATER[isinstance(value, Generator)]}"
            return Failure("SpecError", message, hint="make it a plain function")
    except SystemExit as error:
        return None if error.code in (None, 0) else _failure(hook, path, error)
    except Error as error:
        return Failure(type(error).__name__, f"in {hook}: {error.message}", hint=error.hint or "")
    except KeyboardInterrupt as error:
        return replace(_failure(hook, path, error), message=f"in {hook} {path}: it was interrupted")
    except BaseException as error:
        return _failure(hook, path, error)
    return None


def _failure(hook: str, path: str, error: BaseException) -> Failure:
    file = file_of(path) or ""
    failure = failure_of(error, Task("", "function", Source(file)))
    message = f"in {hook} {path}" + (f": {failure.message}" if failure.message else "")
    return replace(failure, message=message, path=file or None)


def module_of(path: str) -> str | None:
    """Return the imported module in which a dotted path is."""
    name = path.rpartition(".")[0]
    while name and name not in sys.modules:
        name = name.rpartition(".")[0]
    return name or None


def file_of(path: str) -> str | None:
    """Return the file of the imported module in which a dotted path is."""
    name = module_of(path)
    return getattr(sys.modules[name], "__file__", None) if name else None


def main() -> None:
    """Call what this process is asked to, and answer with its failure."""
    child.answer(lambda work: to_json(HookFinished("", failure=work())))
