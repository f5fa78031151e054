"""A part of a pipeline in memory: functions that pass values, from what a request brings to the task that answers."""

from __future__ import annotations

import copy
import inspect
import os
from collections.abc import Callable, Mapping, Sequence

from ..calls import resolve
from ..dataclass import dataclass
from ..errors import Error, ParameterError, SpecError
from ..hints import did_you_mean
from ..kinds import word
from ..model import Call, Task
from ..project import Project
from ..views import Upstream, given


class TaskFailed(Exception):
    """A task has raised; its name is the message, the exception the cause."""


@dataclass(frozen=True, slots=True)
class _Computed:
    """A task as it is called. ``groups`` are what stands below the wildcards of its upstream."""

    name: str
    function: Callable[..., object]
    params: Mapping[str, object]
    upstream: tuple[str, ...]
    groups: Mapping[str, tuple[str, ...]]
    takes: bool


class InMemory:
    """The tasks between those that are given and the one that answers, ready to be called."""

    def __init__(
        self, project: Project, answer: str, wanted: Sequence[str] = (), held: Sequence[str] = ()
    ) -> None:
        """``wanted`` are tasks whose values requests bring, ``held`` those whose products are loaded once, now.

        By default requests bring the values of all tasks without upstream. Raises Error for tasks that are no
        functions which return their values, and for products that are not there.
        """
        graph = project.graph.tasks
        for name in (answer, *wanted, *held):
            if name not in graph:
                hint = did_you_mean(name, graph) or f"there are: {', '.join([*graph][:8])}"
                raise Error(f'the pipeline has no task "{name}"', hint=hint)
        if twice := {*wanted} & {*held}:
            raise Error(
                f'"{min(twice)}" is both given and held', hint="a request brings it, or its product is loaded"
            )
        self.answer, self.root, self._graph = answer, str(project.root), graph
        stop = {*wanted, *held}
        needed = _needed(graph, answer, stop)
        roots = [name for name in needed if not graph[name].upstream and name not in held]
        self.given: dict[str, Task] = {name: graph[name] for name in wanted or roots}
        if idle := [name for name in stop if name not in needed]:
            raise Error(f'"{answer}" does not need "{min(idle)}"', hint="name tasks before it")
        if answer in stop or answer in self.given or not self.given:
            raise Error(f'"{answer}" would compute nothing', hint="name a task that others come before")
        if wanted and (lost := [name for name in roots if name not in wanted]):
            hint = f"--given {lost[0]}: requests bring it; --held {lost[0]}: its product is loaded"
            raise Error(
                f'"{lost[0]}" has no upstream, and is neither given nor held', graph[lost[0]].where, hint
            )
        self.held = {name: _loaded(graph[name], graph, self.root) for name in held}
        todo = [name for name in graph if name in needed and name not in self.given and name not in self.held]
        self._steps = [_computed(graph[name]) for name in todo]
        uses = [up for step in self._steps for up in step.upstream]
        #: Values that several tasks get: each gets its own, as it would from a file.
        self._shared = frozenset(up for up in uses if uses.count(up) > 1 and up not in self.held)

    def built(self, name: str) -> tuple[object, bool]:
        """Return the value of a given task as the pipeline was built with it, and whether it was."""
        task = self.given[name]
        if not all(os.path.exists(os.path.join(self.root, product.path)) for product in task.products):
            return None, False
        return _loaded(task, self._graph, self.root), True

    @property
    def tasks(self) -> tuple[str, ...]:
        """What is computed, in order."""
        return tuple(step.name for step in self._steps)

    def compute(self, values: Mapping[str, object]) -> object:
        """Return the value of the task that answers. Raises TaskFailed; what a task says to the caller is an Error."""
        known = {**self.held, **values}
        for step in self._steps:
            arguments = dict(step.params)
            if step.takes:
                arguments["upstream"] = self._upstream(step, known)
            try:
                known[step.name] = step.function(**arguments)
            except Error:
                raise
            except Exception as error:
                raise TaskFailed(step.name) from error
        return known[self.answer]

    def _upstream(self, step: _Computed, known: Mapping[str, object]) -> Upstream:
        shared = self._shared
        if not shared and not step.groups:
            return Upstream({name: known[name] for name in step.upstream})
        found = {
            name: copy.deepcopy(known[name]) if name in shared else known[name] for name in step.upstream
        }
        inside = {name for names in step.groups.values() for name in names}
        grouped = {pattern: {name: found[name] for name in names} for pattern, names in step.groups.items()}
        return Upstream({**{name: value for name, value in found.items() if name not in inside}, **grouped})


def _needed(graph: Mapping[str, Task], answer: str, stop: set[str]) -> set[str]:
    """Return the tasks before one, and itself, but for those before which it is not looked."""
    found: set[str] = set()
    todo = [answer]
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += () if name in stop else graph[name].upstream
    return found


def _computed(task: Task) -> _Computed:
    if task.source.entry is None:  # only functions have one
        hint = f"--held {task.name} loads its product, once; what is computed in memory are functions"
        raise SpecError(f'"{task.name}" is a {word(task.kind)}, and no function', task.where, hint)
    if "environment" in task.own:
        raise SpecError(
            f'"{task.name}" has an environment of its own', task.where, "serve octavo from that environment"
        )
    function = resolve(Call(task.source.entry))
    signature = inspect.signature(function).parameters
    open_ended = any(one.kind is one.VAR_KEYWORD for one in signature.values())
    own = [name for name, one in signature.items() if one.default is one.empty]
    for name, hint in (
        (
            "product",
            "let it return its value, and add a serializer to the pipeline, which saves that in builds",
        ),
        ("client", "connections are not for requests: hold the task"),
    ):
        if name in own and name not in task.params:
            raise SpecError(
                f'the function of "{task.name}" takes "{name}", which requests do not have', task.where, hint
            )
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        raise SpecError(
            f'the function of "{task.name}" is no plain function', task.where, "let it return its value"
        )
    params = {name: value for name, value in task.params.items() if open_ended or name in signature}
    groups = {
        name: tuple(inside)
        for name, inside in task.inputs.items()
        if name not in task.upstream and isinstance(inside, Mapping)
    }
    takes = open_ended or "upstream" in signature
    return _Computed(
        task.name, function, params, task.upstream, groups, takes and bool(task.upstream or "upstream" in own)
    )


def _loaded(task: Task, graph: Mapping[str, Task], root: str) -> object:
    """Return the value of a task that is held: what the unserializer makes of its products, or where they are."""
    paths = {product.key: os.path.join(root, product.path) for product in task.products}
    for product in task.products:
        if product.relation is None and not os.path.exists(paths[product.key]):
            hint = f"octavo build {task.name}"
            raise Error(
                f'"{task.name}" is held, and its product {product.path} is not there', task.where, hint
            )
    value = given(paths[None] if [*paths] == [None] else {key: path for key, path in paths.items() if key})
    users = (one.calls.unserializer for one in graph.values() if task.name in one.upstream)
    call = task.calls.unserializer or next(filter(None, users), None)
    if call is None:
        return value
    try:
        return resolve(call)(value, **call.arguments)
    except Exception as error:
        raise ParameterError(f'the product of "{task.name}" cannot be loaded: {error}', task.where) from error
