"""The base of all tasks in Ploomber's Python API, and groups of tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar, Protocol

from ..hints import did_you_mean
from ..views import Upstream, loaded
from .constants import TaskStatus
from .exceptions import RenderError, TaskInitializationError, TaskRenderError
from .groups import from_grid, from_params
from .placeholders import Placeholder
from .products import MetaProduct, Product, product_of
from .sources import Params, Source


class SharedClients(Protocol):
    """The clients that the tasks of a DAG share."""

    def of(self, name: str) -> Any:
        """Return the client for a class of tasks or products, or None."""


class Owner(Protocol):
    """What a task needs of its DAG, which stands after the tasks."""

    unserializer: Any
    _forced_status: dict[str, TaskStatus]

    @property
    def clients(self) -> SharedClients: ...
    def __getitem__(self, name: str) -> Task: ...
    def _add(self, task: Task) -> None: ...
    def render(self, force: bool = False) -> Any: ...
    def build_partially(self, target: str, force: bool = False, *, _only: bool = False) -> Any: ...
    def status(self) -> Any: ...


class _Joined:
    """What tasks and groups of them share: ``a >> b`` and ``a + b``."""

    def __rshift__(self, other: Any) -> Any:
        """Let another task or group wait for this one; return the other, so that chains read in order."""
        other.set_upstream(self)
        return other

    def __add__(self, other: Any) -> TaskGroup:
        return TaskGroup([*_each(self), *_each(other)])

    def __radd__(self, other: Any) -> TaskGroup:
        return TaskGroup([*_each(other), *_each(self)])


class Task(_Joined):
    """One step of a pipeline: it runs its source, and makes its product.

    Arguments that octavo's dialect has for the class go to it as they are.
    """

    #: What else the class takes, as pipeline.yaml has it.
    OPTIONS: ClassVar[tuple[str, ...]] = ()
    FUNCTION: ClassVar[bool] = False
    #: Whether its source is a template, whose text is known once it is rendered.
    TEMPLATE: ClassVar[bool] = True

    def __init__(
        self,
        source: Any,
        product: Any,
        dag: Owner,
        name: str | None = None,
        params: Mapping[str, Any] | None = None,
        client: Any = None,
        **options: Any,
    ) -> None:
        for option in options:
            if option not in self.OPTIONS:
                hint = did_you_mean(option, self.OPTIONS) or f"it takes {', '.join(self.OPTIONS) or 'none'}"
                raise TypeError(f"{type(self).__name__} has no argument {option} ({hint})")
        self.source = Source(source, self.FUNCTION, self._rendered)
        self.name = name or self._default_name()
        self._params = dict(params or {})
        self._client = client
        self.options = options
        self.dag = dag
        self._product = product_of(product)
        self._product.task = self
        self._before: dict[str, str | None] = {}
        self._status = TaskStatus.WaitingRender
        self.on_render: Callable[..., Any] | None = None
        self.on_finish: Callable[..., Any] | None = None
        self.on_failure: Callable[..., Any] | None = None
        #: The entry in pipeline.yaml of a task that was read from there, as the loader understood it.
        self.entry: Mapping[str, Any] | None = None
        for word in ("product", "upstream"):
            if word in self._params:
                raise TaskInitializationError(
                    f'the params of {self.name} have the key "{word}", which is taken'
                )
        dag._add(self)

    def _default_name(self) -> str:
        name = self.source.name
        if name is None:
            raise AttributeError(f"a {type(self).__name__} whose source is a text needs a name: name=…")
        return name

    # ── what it is made of

    @property
    def product(self) -> Any:
        """What it makes: a product, or several by name or number."""
        return self._product

    @property
    def params(self) -> Params:
        """Its parameters, with the product and, once it is rendered, what comes from upstream."""
        params = Params(self._params)
        if self._status is not TaskStatus.WaitingRender:
            params["product"] = self._product
            if self._before:
                params["upstream"] = Upstream(self._inputs())
        return params

    @property
    def upstream(self) -> Upstream:
        """The tasks that it waits for, by name."""
        return Upstream({name: self.dag[name] for name in self._before})

    @property
    def client(self) -> Any:
        """Its own client, or that of the DAG for tasks of its class."""
        return self._client if self._client is not None else self.dag.clients.of(type(self).__name__)

    @property
    def exec_status(self) -> TaskStatus:
        """How far it is: as the last ``render``, ``status`` or ``build`` of its DAG left it."""
        return self._status

    @property
    def _exec_status(self) -> TaskStatus:
        return self._status

    @_exec_status.setter
    def _exec_status(self, status: TaskStatus) -> None:
        # projects set it to skip a task whatever its state
        self._status = status
        self.dag._forced_status[self.name] = status

    def _inputs(self) -> dict[str, Any]:
        inputs: dict[str, Any] = {}
        for name, group in self._before.items():
            product = self.dag[name].product
            if group is None:
                inputs[name] = product
            else:
                inputs.setdefault(group, {})[name] = product
        return inputs

    def _values(self) -> dict[str, Any]:
        return {**self._params, "upstream": self._inputs()} if self._before else dict(self._params)

    def _rendered(self, text: str) -> str:
        """Return its text with placeholders filled, where it is a template and has been rendered."""
        if self._status is TaskStatus.WaitingRender or not self.TEMPLATE:
            return text
        folders = self.source.value.folders if isinstance(self.source.value, Placeholder) else ()
        try:
            return Placeholder(text, self.source.path, folders).render(
                {**self._values(), "product": self._product}
            )
        except RenderError as error:
            raise TaskRenderError(f"{self.name}: {error}") from error

    def _done(self) -> bool:
        return self._status in (TaskStatus.Executed, TaskStatus.Skipped)

    # ── what it waits for

    def set_upstream(self, other: Any, group_name: str | None = None) -> None:
        """Wait for a task, a group, or all last tasks of a DAG; ``group_name`` is the key that their products get."""
        for task in _each(other):
            if task.dag is not self.dag:
                raise TaskInitializationError(
                    f"{task.name} and {self.name} are in different DAGs: octavo builds one at a time. Let {self.name} "
                    "read the other's product as an Input"
                )
            if task is self:
                raise TaskInitializationError(f"{self.name} cannot wait for itself")
            self._before[task.name] = group_name

    # ── what it can do

    def load(self, key: str | None = None, **arguments: Any) -> Any:
        """Return its product: by its unserializer, or a .csv, .parquet or table as a DataFrame."""
        product = self.product[key] if key is not None else self.product
        unserialize = self.options.get("unserializer") or (self.dag.unserializer if self.FUNCTION else None)
        if unserialize is not None:
            return unserialize(product, **arguments)
        if isinstance(product, MetaProduct):
            raise ValueError(f"{self.name} has several products: say which, load({next(iter(product))!r})")
        target = product.relation() if hasattr(product, "relation") else str(product)
        limit = arguments.pop("limit", 10)
        return loaded(target, lambda: product.client or self.client, limit, **arguments)

    def build(self, force: bool = False, catch_exceptions: bool = True) -> Any:
        """Run it, after what it needs and is not up to date; return the report."""
        return self.dag.build_partially(self.name, force=force, _only=True)

    def render(self, force: bool = False, outdated_by_code: bool = True, remote: bool = False) -> Task:
        """Make the DAG ready, and this task with it."""
        self.dag.render(force=force)
        return self

    def status(self, sections: Iterable[str] | None = None) -> Any:
        """Return its line of the DAG's status."""
        return self.dag.status().only("name", self.name)

    def debug(self, kind: str = "ipdb") -> Any:
        """Raise ``NotImplementedError``, which names the command that debugs a task."""
        raise NotImplementedError(f"debug a task from a terminal: octavo build --debug {self.name}")

    def __str__(self) -> str:
        return str(self._product)

    def __repr__(self) -> str:
        return f"{type(self).__name__}: {self.name} -> {self._product!r}"


class TaskGroup(_Joined):
    """Several tasks, to be joined to others as one."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        self.tasks = list(tasks)

    def __iter__(self) -> Iterator[Task]:
        return iter(self.tasks)

    def __len__(self) -> int:
        return len(self.tasks)

    def set_upstream(self, other: Any) -> None:
        """Let each task of the group wait for a task or group."""
        for task in self.tasks:
            task.set_upstream(other)

    @classmethod
    def from_params(cls, *args: Any, **kwargs: Any) -> TaskGroup:
        """Make a task for each of ``params_array``: mappings of parameters."""
        return cls(from_params(*args, **kwargs))

    @classmethod
    def from_grid(cls, *args: Any, **kwargs: Any) -> TaskGroup:
        """Make a task for each combination of ``grid``: a mapping of parameters to their values."""
        return cls(from_grid(*args, **kwargs))


def _each(other: Any) -> list[Task]:
    if isinstance(other, Task):
        return [other]
    last = getattr(other, "last_tasks", None)
    if last is not None:
        return list(last())
    if isinstance(other, Iterable) and not isinstance(other, str | Product):
        return list(other)
    raise TypeError(f"a task waits for tasks, not for {other!r:.80}")
