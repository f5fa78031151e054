"""``DAG`` and ``DAGConfigurator``: pipelines made in Python."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from ..errors import did_you_mean
from ..lazy import lazy_imports
from . import building
from .constants import TaskStatus
from .exceptions import DAGCycle
from .executors import Parallel, Serial, executor_of
from .report import BuildReport, Table
from .spelling import Spelling
from .tasks import Task

with lazy_imports():
    from .. import calls

__all__ = ["DAG", "DAGConfigurator"]


class Named:
    """A client as a pipeline file names it: made when somebody asks for it."""

    def __init__(self, call: Any) -> None:
        self.call: dict[str, Any] = {"dotted_path": call} if isinstance(call, str) else dict(call)
        self._made: Any = None

    @property
    def client(self) -> Any:
        """The client, the same each time."""
        if self._made is None:
            self._made = calls.invoke(self.call)
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


class DAGConfigurator:
    """Makes DAGs with the same settings: those of ``params``."""

    def __init__(self, d: Mapping[str, Any] | None = None) -> None:
        self.params = Configuration(d)

    def create(self, *args: Any, **kwargs: Any) -> DAG:
        """Return a DAG with these settings."""
        dag = DAG(*args, **kwargs)
        dag._params = copy.copy(self.params)
        return dag


class DAG(Mapping[str, Task]):
    """Tasks and what they wait for; as a mapping, the tasks by name in the order in which they run.

    The project is the folder in which it is made: there is the state of what has been built.
    """

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
        self._origin: building.Origin | None = None

    # ── what it is made of

    @property
    def executor(self) -> Serial | Parallel:
        """How its tasks are run."""
        return self._executor

    @executor.setter
    def executor(self, said: Serial | Parallel | str) -> None:
        self._executor = executor_of(said)

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

    # ── what it can do

    def render(self, force: bool = False, show_progress: bool = True, remote: bool = False) -> DAG:
        """Look at what is up to date: sources, products and the status of each task are then known."""
        building.render(self, force)
        return self

    def build(
        self,
        force: bool = False,
        show_progress: bool = True,
        debug: Any = None,
        close_clients: bool = True,
    ) -> BuildReport:
        """Run what is not up to date and return the report; raise ``DAGBuildError`` when a task failed."""
        return building.build(self, (), force, show_progress, close_clients)

    def build_partially(
        self,
        target: str,
        force: bool = False,
        show_progress: bool = True,
        debug: Any = None,
        skip_upstream: bool = False,
        _only: bool = False,
    ) -> BuildReport:
        """Run a task, or those that a pattern means, after what they need, and return the report.

        ``skip_upstream``: nothing before them. ``force`` runs all of these, up to date or not.
        """
        wanted = target if skip_upstream else f"+{target}"
        forced = (target,) if _only and force else ()
        return building.build(self, (wanted,), force and not _only, show_progress, True, forced)

    def status(self, **kwargs: Any) -> Table:
        """Return a table: each task, when it ran, why it is outdated if it is, and where its code is."""
        return building.status(self)

    def plot(
        self,
        output: str = "embed",
        include_products: bool = False,
        backend: str | None = None,
        image_only: bool = False,
    ) -> Any:
        """Draw it: a picture for notebooks, or a file (.svg, .html, .dot, .mmd) whose path is returned."""
        return building.plot(self, output)

    def to_markup(
        self, path: str | None = None, fmt: str = "html", sections: Any = None, backend: str | None = None
    ) -> Any:
        """Return a page with the drawing, or write it to ``path``."""
        return building.plot(self, path or "embed")

    def to_spec(self, root: str | None = None, *, alive: bool = False) -> dict[str, Any]:
        """Return it as pipeline.yaml would say it, paths relative to ``root``.

        Raises ``TaskInitializationError`` for what no other process can import, unless it is ``alive``: to be built by
        this very process.
        """
        return Spelling(self, root or self.root, alive).spec()

    def close_clients(self) -> None:
        """Close the connections of the DAG and of its tasks."""
        own = [task._client for task in self._tasks.values()]
        for client in [*(client for _, client in self.clients.items()), *own]:
            if hasattr(client, "close"):
                client.close()

    def __repr__(self) -> str:
        return f'DAG("{self.name}")'


def _name(key: Any) -> str:
    return key if isinstance(key, str) else key.__name__
