"""Call Python functions with product, upstream and parameters.

With a serializer a function has no ``product``: it returns a value, which is saved there. An unserializer loads what
comes from upstream.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import AsyncGenerator, Callable, Container, Coroutine, Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from ..calls import invoke, resolve
from ..errors import Error, ParameterError, SpecError
from ..failing import failure_of
from ..hints import did_you_mean
from ..lazy import lazy_imports
from ..model import PASSED, Facts, Failure, Json, Source, Task
from ..notebook import encoding
from ..reading.facts import function
from ..views import TaskView, Upstream, given
from . import Tell
from .pause import pause

with lazy_imports():
    from ..tables import connections


class FunctionKind:
    """The kind of ``source: package.module.function``."""

    def facts(self, source: Source, data: bytes) -> Facts:
        """Return what the function says, read from its module's text."""
        assert source.entry is not None
        text = encoding.text(data, source.path)
        return function(text, source.path, source.entry.rpartition(".")[2])

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
            pause(task, failure, tell, error)
            return failure
        return _unbegun(value, task) or _saved(value, task)

    def refresh(self, task: Task, root: str) -> str | None:
        """Do nothing: a function has no executed notebook."""
        return None


def _prepare(task: Task) -> tuple[Callable[..., object], dict[str, object]]:
    assert task.source.entry is not None
    module, _, name = task.source.entry.rpartition(".")
    call: Callable[..., object] = getattr(importlib.import_module(module), name)
    if not callable(call):
        raise SpecError(f"{task.source.entry} is not a function, but {call!r:.60}")
    offered: dict[str, object] = dict(task.params)
    signature = inspect.signature(call)
    open_ended = any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values())
    if task.calls.serializer is None:
        offered["product"] = TaskView(task).product
    elif (argument := signature.parameters.get("product")) and argument.default is argument.empty:
        raise ParameterError(
            f'the function {name} takes "product", but its return value is saved by a serializer',
            hint="return the result, and remove the argument",
        )
    if task.inputs and (open_ended or "upstream" in signature.parameters):
        offered["upstream"] = Upstream(_loaded(task))
    if task.calls.client and _wants_client(task, signature.parameters):
        offered["client"] = invoke(task.calls.client)
    if "upstream" in signature.parameters and "upstream" not in offered:
        offered["upstream"] = None
    wanted = {name: offered[name] for name in offered if open_ended or name in signature.parameters}
    untaken = [name for name in task.params if name not in wanted and name not in PASSED]
    if untaken:
        raise ParameterError(
            f"the function {name} has no parameter {', '.join(untaken)}, which the task sets",
            hint=did_you_mean(untaken[0], signature.parameters) or "remove it from the task's params",
        )
    lacking = [
        p.name
        for p in signature.parameters.values()
        if p.default is p.empty and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL) and p.name not in wanted
    ]
    if lacking:
        raise ParameterError(
            f"the function {name} requires {', '.join(lacking)}, which the task does not set",
            hint="add it to the task's params, or give it a default",
        )
    return call, wanted


def _wants_client(task: Task, names: Container[str]) -> bool:
    """Return whether a function with these arguments gets the task's client as one of them."""
    return task.calls.client is not None and "client" in names and "client" not in task.params


@contextmanager
def _connected(client: object) -> Iterator[None]:
    """Close a client at the end; no other task uses its file meanwhile if the database is embedded."""
    if client is None:
        yield
        return
    with connections.turn(client):
        try:
            yield
        finally:
            if hasattr(client, "close"):
                client.close()


def _loaded(task: Task) -> Json:
    """Return what comes from upstream: paths and tables, or what the unserializer makes of them."""
    inputs: Json = given(task.inputs)
    if (call := task.calls.unserializer) is None:
        return inputs
    load = partial(resolve(call), **call.arguments)
    # below a wildcard there is a dict of tasks, which is not a dict of products
    return {
        name: load(value) if name in task.upstream else {inner: load(one) for inner, one in value.items()}
        for name, value in inputs.items()
    }


def _unbegun(value: object, task: Task) -> Failure | None:
    """Return the failure of a function that has not begun: it waits for somebody who awaits or asks for values."""
    if isinstance(value, Coroutine):
        value.close()
        what = "an async function"
    elif isinstance(value, Generator) and task.calls.serializer is None:
        value.close()
        what = "a generator"
    elif isinstance(value, AsyncGenerator):
        what = "an async generator"
    else:
        return None
    message = f"{task.source.entry} has not run: it is {what}"
    return Failure("SpecError", message, path=task.source.path, hint="make it a plain function")


def _saved(value: object, task: Task) -> Failure | None:
    """Save what a function returned, if it has a serializer; return why that cannot be."""
    if (call := task.calls.serializer) is None:
        return None
    if value is None:
        message = "it returned nothing, but its serializer needs a value to save"
        return Failure("ProductError", message, path=task.source.path, hint="add a return statement")
    try:
        resolve(call)(value, TaskView(task).product, **call.arguments)
    except Error as error:
        return Failure(type(error).__name__, error.message, path=task.source.path, hint=error.hint or "")
    except BaseException as error:
        failure = failure_of(error, task)
        return replace(failure, message=f"in serializer {call.path}: {failure.message}")
    return None


KIND: FunctionKind = FunctionKind()
