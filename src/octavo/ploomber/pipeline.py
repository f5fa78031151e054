"""What the tasks of a DAG share: clients, hooks, settings and an executor."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from .. import calls
from ..dataclass import dataclass
from ..hints import did_you_mean
from ..lazy import lazy_imports
from ..spec.entry import EntryPoint
from .constants import TaskStatus
from .exceptions import DAGCycle
from .executors import Parallel, Serial, executor_of
from .task import Task

with lazy_imports():
    from ..kinds import keys


class Named:
    """A client as a pipeline file names it: made when somebody asks for it."""

    def __init__(self, call: Any) -> None:
        self.call: dict[str, Any] = {"dotted_path": call} if isinstance(call, str) else dict(call)
        self._made: Any = None

    @property
    def client(self) -> Any:
        """The client, the same each time."""
        if self._made is None:
            self._made = calls.invoke(keys.as_call(self.call))
        return self._made

    def close(self) -> None:
        """Close it, if somebody has asked for it."""
        if hasattr(self._made, "close"):
            self._made.close()


class Clients(MutableMapping[Any, Any]):
    """The clients of a DAG, by classes of tasks and products, or by the names of these."""

    def __init__(self) -> None:
        self._table: dict[str, Any] = {}
        self.changed = False

    def of(self, name: str) -> Any:
        """Return the client for a class, or None."""
        found = self._table.get(name)
        return found.client if isinstance(found, Named) else found

    def __getitem__(self, key: Any) -> Any:
        name = _name(key)
        if name not in self._table:
            raise KeyError(f"the DAG has no client for {name}; it has: {', '.join(self._table) or 'none'}")
        return self.of(name)

    def __setitem__(self, key: Any, client: Any) -> None:
        self._table[_name(key)] = client
        self.changed = True

    def __delitem__(self, key: Any) -> None:
        del self._table[_name(key)]
        self.changed = True

    def items(self) -> Any:
        """Yield names and what they were given."""
        return self._table.items()

    def __iter__(self) -> Iterator[str]:
        return iter(self._table)

    def __len__(self) -> int:
        return len(self._table)


class Configuration:
    """Settings of a DAG. Those that octavo decides better by itself are taken and have no effect.

    ``outdated_by_code``, ``hot_reload``, ``cache_rendered_status``, ``differ``; ``logging_factory`` is called with the
    DAG's name before a build, and gives a handler or a pair of handler and logger.
    """

    NAMES = ("outdated_by_code", "cache_rendered_status", "hot_reload", "logging_factory", "differ")

    def __init__(self, values: Mapping[str, Any] | None = None) -> None:
        self.outdated_by_code = True
        self.cache_rendered_status = False
        self.hot_reload = False
        self.logging_factory: Callable[[str], Any] | None = None
        self.differ: Any = "default"
        for name, value in (values or {}).items():
            setattr(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self.NAMES:
            hint = did_you_mean(name, self.NAMES) or f"there are: {', '.join(self.NAMES)}"
            raise AttributeError(f"a DAG has no setting {name}; {hint}")
        super().__setattr__(name, value)


@dataclass(frozen=True)
class Origin:
    """How a pipeline was read: the entry and its parameters, and what its tasks waited for then."""

    entry: EntryPoint
    params: Mapping[str, Any]
    edges: Mapping[str, tuple[str, ...]]


class Pipeline(Mapping[str, Task]):
    """Tasks, what they wait for and what they share; as a mapping, the tasks by name in the order in which they run."""

    def __init__(
        self,
        name: str | None = None,
        clients: Mapping[Any, Any] | None = None,
        executor: Serial | Parallel | str = "serial",
    ) -> None:
        self.name = name or "No name"
        self.root = os.getcwd()
        self._tasks: dict[str, Task] = {}
        self.clients = Clients()
        for key, client in (clients or {}).items():
            self.clients[key] = client
        self.executor = executor
        self.serializer: Any = None
        self.unserializer: Any = None
        self.on_render: Callable[..., Any] | None = None
        self.on_finish: Callable[..., Any] | None = None
        self.on_failure: Callable[..., Any] | None = None
        self._params = Configuration()
        self._forced_status: dict[str, TaskStatus] = {}
        #: How the pipeline was read, where it was: it is built that way as long as nobody changed it.
        self._origin: Origin | None = None

    # ── what it is made of

    @property
    def executor(self) -> Serial | Parallel:
        """How its tasks are run."""
        return self._executor

    @executor.setter
    def executor(self, value: Serial | Parallel | str) -> None:
        self._executor = executor_of(value)

    @property
    def product(self) -> list[Any]:
        """The products of the tasks that no other one follows."""
        return [task.product for task in self.last_tasks()]

    def last_tasks(self) -> list[Task]:
        """Return the tasks that no other one follows."""
        needed = {name for task in self._tasks.values() for name in task._before}
        return [task for task in self.values() if task.name not in needed]

    def get_downstream(self, task_name: str) -> list[str]:
        """Return the names of the tasks that directly follow one."""
        return [task.name for task in self.values() if task_name in task._before]

    def pop(self, name: str) -> Task:
        """Take a task away and return it; nobody may wait for it."""
        task = self[name]
        if following := self.get_downstream(name):
            raise RuntimeError(f"Cannot remove {name}: {', '.join(following)} wait for it")
        del self._tasks[name]
        return task

    def __delitem__(self, name: str) -> None:
        """Take a task away; those that waited for it wait no more."""
        task = self[name]
        for other in self._tasks.values():
            other._before.pop(task.name, None)
        del self._tasks[name]

    def _add(self, task: Task) -> None:
        if task.name in self._tasks:
            raise ValueError(f'DAG already has a task with name "{task.name}"')
        self._tasks[task.name] = task

    def _iter(self) -> Iterator[str]:
        return iter(list(self._tasks))

    def __getitem__(self, name: str) -> Task:
        if name not in self._tasks:
            hint = did_you_mean(name, self._tasks) or f"there are: {', '.join(self._tasks) or 'none'}"
            raise KeyError(f'the DAG has no task "{name}"; {hint}')
        return self._tasks[name]

    def __iter__(self) -> Iterator[str]:
        order = TopologicalSorter({name: list(task._before) for name, task in self._tasks.items()})
        try:
            return iter([name for name in order.static_order() if name in self._tasks])
        except CycleError as error:
            raise DAGCycle("tasks wait for each other: " + " → ".join(error.args[1])) from None

    def __len__(self) -> int:
        return len(self._tasks)

    def as_read(self) -> Origin | None:
        """Return how the pipeline was read, as long as it still is what was read."""
        if self._origin is None or self.clients.changed or self._forced_status:
            return None
        edges = {name: tuple(task._before) for name, task in self._tasks.items()}
        calls = [self.on_render, self.on_finish, self.on_failure, self.serializer, self.unserializer]
        for task in self._tasks.values():
            calls += [task.on_render, task.on_finish, task.on_failure]
        return None if edges != self._origin.edges or any(calls) else self._origin

    def close_clients(self) -> None:
        """Close the connections of the DAG and of its tasks."""
        own = [task._client for task in self._tasks.values()]
        for client in [*(client for _, client in self.clients.items()), *own]:
            if hasattr(client, "close"):
                client.close()


def _name(key: Any) -> str:
    return key if isinstance(key, str) else key.__name__
