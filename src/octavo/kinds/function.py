"""Call Python functions with product, upstream and parameters.

With a serializer a function has no ``product``: it returns a value, which is saved there. An unserializer loads what
comes from upstream.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import os
import traceback
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from ..calls import arguments_of, invoke, path_of, resolve
from ..errors import Error, ParameterError, SpecError
from ..lazy import lazy_imports
from ..model import Facts, Failure, Source, Task
from ..reading.facts import function
from ..views import TaskView, Upstream, given
from . import Tell
from .staying import stay

with lazy_imports():
    from ..tables import connections


class FunctionKind:
    """The kind of ``source: package.module.function``."""

    def facts(self, source: Source, data: bytes) -> Facts:
        """Return what the function says, read from its module's text."""
        assert source.entry is not None
        return function(data.decode("utf-8-sig", "replace"), source.path, source.entry.rpartition(".")[2])

    def preload(self, task: Task) -> tuple[str, ...]:
        return (__name__, *task.source.facts.imports)

    def run(self, task: Task, tell: Tell) -> Failure | None:
        """Import the function's module and call the function."""
        try:
            call, values = _prepare(task)
        except Error as error:
            return Failure(type(error).__name__, error.message, path=task.source.path, hint=error.hint or "")
        except BaseException as error:
            return failure_of(error, task)
        try:
            with _connected(values["client"] if _wants_client(task, values) else None):
                value = call(**values)
        except BaseException as error:
            if isinstance(error, SystemExit) and error.code in (None, 0):
                return None
            failure = failure_of(error, task)
            stay(task, failure, tell, error)
            return failure
        return _saved(value, task)

    def refresh(self, task: Task, root: str) -> str | None:
        """Do nothing: a function has no executed notebook."""
        return None


def _prepare(task: Task) -> tuple[Callable[..., Any], dict[str, Any]]:
    assert task.source.entry is not None
    module, _, name = task.source.entry.rpartition(".")
    call: Callable[..., Any] = getattr(importlib.import_module(module), name)
    if not callable(call):
        raise SpecError(f"{task.source.entry} is not a function, but {call!r:.60}")
    offered: dict[str, Any] = dict(task.params)
    signature = inspect.signature(call)
    open_ended = any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values())
    if not task.options.get("serializer"):
        offered["product"] = TaskView(task).product
    elif (argument := signature.parameters.get("product")) and argument.default is argument.empty:
        raise ParameterError(
            f'the function {name} takes "product", but what it returns is saved by its serializer',
            hint="return the result, and drop the argument",
        )
    if task.inputs and (open_ended or "upstream" in signature.parameters):
        offered["upstream"] = Upstream(_loaded(task))
    if _wants_client(task, signature.parameters):
        offered["client"] = invoke(task.options["client"])
    if "upstream" in signature.parameters and "upstream" not in offered:
        offered["upstream"] = None
    wanted = {name: offered[name] for name in offered if open_ended or name in signature.parameters}
    lacking = [
        p.name
        for p in signature.parameters.values()
        if p.default is p.empty and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL) and p.name not in wanted
    ]
    if lacking:
        raise ParameterError(
            f"the function {name} wants {', '.join(lacking)}, which the task does not give",
            hint="add it to the task's params, or give it a default",
        )
    return call, wanted


def _wants_client(task: Task, names: Container[str]) -> bool:
    """Return whether a function with these arguments gets the task's client as one of them."""
    return "client" in task.options and "client" in names and "client" not in task.params


@contextmanager
def _connected(client: Any) -> Iterator[None]:
    """Close a client in the end; one of an embedded database is meanwhile no other task's."""
    turn = connections.turn if "connection" in dir(client) else nullcontext
    with turn(client):
        try:
            yield
        finally:
            if hasattr(client, "close"):
                client.close()


def _loaded(task: Task) -> dict[str, Any]:
    """Return what comes from upstream: paths and tables, or what the unserializer makes of them."""
    inputs: dict[str, Any] = given(task.inputs)
    if not (call := task.options.get("unserializer")):
        return inputs
    load = partial(resolve(call), **arguments_of(call))
    # below a wildcard there is a dict of tasks, which is not a dict of products
    return {
        name: load(value) if name in task.upstream else {inner: load(one) for inner, one in value.items()}
        for name, value in inputs.items()
    }


def _saved(value: Any, task: Task) -> Failure | None:
    """Save what a function returned, if it has a serializer; return why that cannot be."""
    if not (call := task.options.get("serializer")):
        return None
    if value is None:
        message = "it returned nothing, and its serializer needs a value to save"
        return Failure("ProductError", message, path=task.source.path, hint="does it end with return?")
    try:
        resolve(call)(value, TaskView(task).product, **arguments_of(call))
    except Error as error:
        return Failure(type(error).__name__, error.message, path=task.source.path, hint=error.hint or "")
    except BaseException as error:
        failure = failure_of(error, task)
        return replace(failure, message=f"in serializer {path_of(call)}: {failure.message}")
    return None


#: Where exceptions are kept as they are, for a caller in this very process that wants to raise them.
_KEPT: ContextVar[list[BaseException] | None] = ContextVar("kept", default=None)


@contextmanager
def kept(errors: list[BaseException]) -> Iterator[None]:
    """Collect the exceptions that become failures in this process meanwhile."""
    before = _KEPT.set(errors)
    try:
        yield
    finally:
        _KEPT.reset(before)


def failure_of(error: BaseException, task: Task) -> Failure:
    """Return an exception as data, with the traceback from the user's code on and its last line in the task's file."""
    if (keeping := _KEPT.get()) is not None:
        keeping.append(error)
    frames = list(traceback.walk_tb(error.__traceback__))
    ours = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    skip = next(
        (i for i, (frame, _) in enumerate(frames) if not _within(frame.f_code.co_filename, ours)), len(frames)
    )
    # where a client is made within a "with" of ours, Python's own frame stands between ours
    while skip < len(frames) and frames[skip][0].f_code.co_filename == contextlib.__file__:
        skip = next(
            (i for i in range(skip + 1, len(frames)) if not _within(frames[i][0].f_code.co_filename, ours)),
            len(frames),
        )
    # frames of the import system stand between us and a module that fails while it is imported
    while skip < len(frames) and frames[skip][0].f_code.co_filename.startswith("<frozen importlib"):
        skip += 1
    if isinstance(error, ModuleNotFoundError | ImportError) and skip < len(frames):
        skip = next(
            (i for i in range(skip, len(frames)) if "importlib" not in frames[i][0].f_code.co_filename), skip
        )
    trace = error.__traceback__
    for _ in range(skip):
        trace = trace.tb_next if trace else None
    path = os.path.abspath(task.source.path)
    line = next((n for f, n in reversed(frames) if os.path.abspath(f.f_code.co_filename) == path), None)
    try:
        code = Path(path).read_text(encoding="utf-8", errors="replace") if line else ""
    except OSError:
        code = ""
    text = tuple(traceback.format_exception(type(error), error, trace))
    return Failure(type(error).__name__, _words(error), text, line=line, path=task.source.path, code=code)


def _words(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException as worse:
        return f"its message cannot be shown: __str__ raised {type(worse).__name__}"


def _within(path: str, folder: str) -> bool:
    return os.path.abspath(path).startswith(folder + os.sep)


KIND = FunctionKind()
