"""What happens around a task in its worker: working folder, hooks, tables, copies of products."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import replace
from functools import partial

from ..errors import Error
from ..events import Event, Note
from ..failing import failure_of
from ..lazy import lazy_imports
from ..model import PROXIES, Failure, Product, Relation, Task
from ..parts import HOOK
from ..process.variables import COVERAGE, METRICS
from ..products import not_made
from ..reading.folders import folders, scope
from ..views import Status
from .hooks import call_on_failure, file_of, module_of, of_task
from .observe import Observer

with lazy_imports():
    from ..clients import storage
    from ..kinds import members
    from ..metrics import reported
    from ..quality import around as quality
    from ..tables import settle
    from . import measured


#: Functions of the project that are called for a task and are part of what makes its result.
_CALLED = ("on_render", "serializer", "unserializer", "on_finish")


def folder_of(task: Task, root: str) -> str:
    """Return the folder in which a task runs."""
    return os.path.normpath(os.path.join(root, task.cwd))


def importable(task: Task, root: str) -> list[str]:
    """Return the folders from which a task imports before all others: the one it runs in, and the project's."""
    whole = os.path.isabs(task.cwd)  # a notebook that is run alone belongs to no project
    return list(dict.fromkeys([folder_of(task, root), *([] if whole else folders(root))]))


def placed(task: Task, root: str) -> Task:
    """Return a task as its code gets it: with absolute paths where it runs in another folder than the project's."""
    cwd = task.cwd
    if not cwd or os.path.isabs(cwd) or folder_of(task, root) == root:
        return task
    return replace(
        task,
        source=replace(task.source, path=os.path.join(root, task.source.path)),
        products=tuple(_placed(product, root) for product in task.products),
        inputs={name: _input(value, root) for name, value in task.inputs.items()},
    )


def _placed(product: Product, root: str) -> Product:
    return replace(product, path=_absolute(product.path, root)) if product.maker == "File" else product


def _input(value: object, root: str) -> object:
    """Return the products of an upstream task, a path or a mapping, as ``placed`` has them."""
    if isinstance(value, Mapping):
        return {key: _input(inner, root) for key, inner in value.items()}
    return _absolute(value, root) if isinstance(value, str) else value


def _absolute(path: str, root: str) -> str:
    return path if isinstance(path, Relation) or path.startswith(PROXIES) else os.path.join(root, path)


def perform(task: Task, root: str, tell: Callable[[Event], None], observer: Observer) -> Failure | None:
    """Run a task with all that its options say should happen before and after; return what failed first."""
    folder = folder_of(task, root)
    if not os.path.isdir(folder):
        return Failure("ProductError", f"the folder it should run in is not there: {task.cwd}")
    mine = placed(task, root)
    if "checks" in task.own and quality.ALONE in task.own:
        os.chdir(folder)
        return quality.checked(task, mine, root, tell)
    failure = of_task("on_render", mine, Status.WaitingExecution)
    own = os.getpid()
    measure = measured.measuring(task.name, observer.apart) if COVERAGE in os.environ else nullcontext()
    with _reporting(root, task, tell), measure:
        failure = failure or members.kind(task.kind).run(mine, tell)
        if os.getpid() != own:
            os._exit(int(failure is not None))  # a fork that the task's code has let go on
        failure = failure or finish(task, root, tell, observer)
        if failure is None and "metrics" in task.own:
            failure = reported.of_products(task, root, tell)
    if failure is None:
        return None
    if failure.path == mine.source.path:
        failure = replace(failure, path=task.source.path)
    elif failure.path and failure.path.startswith(scope(task, root) + os.sep):
        failure = replace(failure, path=os.path.relpath(failure.path, root))
    if task.run.on_failure and (worse := call_on_failure(mine, folder, failure)):
        tell(Note(f"{worse.kind}: {worse.message}", task.name))  # the task has failed already
    return failure


@contextmanager
def _reporting(root: str, task: Task, tell: Callable[[Event], None]) -> Iterator[None]:
    """Give the task a file to report metrics to, and tell what stands in it at the end; only a project has one."""
    home = os.path.join(root, ".octavo")
    if not os.path.isdir(home):
        yield
        return
    reports = os.path.join(home, "reported", f"{os.getpid()}.jsonl")
    with suppress(OSError):  # what cannot be reported is told where it is
        os.makedirs(os.path.dirname(reports), exist_ok=True)
        os.unlink(reports)  # of a process that was killed
    before = os.environ.get(METRICS)
    os.environ[METRICS] = reports
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(METRICS, None)
        else:
            os.environ[METRICS] = before
    if os.path.exists(reports):
        reported.tell_of(reports, task.name, tell)


def finish(task: Task, root: str, tell: Callable[[Event], None], observer: Observer) -> Failure | None:
    """Do what is to be done after a run that went well: its check, digests of tables, copies of products."""
    before = frozenset(sys.modules)
    failure = _finished(task, placed(task, root), root, folder_of(task, root), tell, observer)
    if failure is None:
        observer.functions = tuple(_parts(task, root, before))
    return failure


def _finished(
    task: Task, mine: Task, root: str, folder: str, tell: Callable[[Event], None], observer: Observer
) -> Failure | None:
    """Finish a successful run: its check, the digests of its tables, copies of its products."""
    tables = any(product.path.startswith(PROXIES) for product in task.products)
    if not (tables or task.calls.on_finish or task.run.file_client or "checks" in task.own):
        return None
    os.chdir(folder)  # notebooks may have gone elsewhere
    files = (
        product.path
        for product in task.products
        if not product.executed and not product.path.startswith(PROXIES)
    )
    if absent := [path for path in files if not os.path.exists(os.path.join(root, path))]:
        return not_made(absent)
    if failure := of_task("on_finish", mine, Status.Executed):
        return failure
    if "checks" in task.own and (failure := quality.checked(task, mine, root, tell)):
        return failure
    after: list[tuple[Callable[[], list[str] | None], Callable[[], AbstractContextManager[None]]]] = []
    if tables:
        after.append((partial(settle.settle, task, root), nullcontext))
    if task.run.file_client:  # where its products are sent is no part of what makes them
        after.append((partial(storage.send, task, root), observer.apart))
    for step, seen in after:
        try:
            with seen():
                notes = step()
        except Error as error:
            return Failure(type(error).__name__, error.message, hint=error.hint or "")
        except Exception as error:  # of the user's connection
            return failure_of(error, task)
        for message in notes or ():
            tell(Note(message, task.name))
    return None


def _parts(task: Task, root: str, before: frozenset[str]) -> list[tuple[str, str, str, bool]]:
    """Return the functions that were called for a task and stand in its own module, or in one only for its check.

    Each as (part of the manifest, file, its name in the module, whether nobody else imported the module).
    """
    found = []
    for hook in _CALLED:
        if (call := getattr(task.calls, hook)) is None:
            continue
        path = call.path
        module, file = module_of(path), file_of(path)
        if module is None or file is None:
            continue
        own = task.source.entry is not None and os.path.abspath(file) == os.path.join(root, task.source.path)
        alone = hook == "on_finish" and module not in before and not own
        if own or alone:
            name = path[len(module) + 1 :].partition(".")[0]
            found.append((HOOK.of(f"{module}.{name}"), file, name, alone))
    return found
