"""The tasks of Ploomber's Python API: each knows its source, its product, its DAG, and what it waits for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ..errors import did_you_mean
from ..views import Upstream, loaded
from .constants import TaskStatus
from .exceptions import RenderError, TaskInitializationError, TaskRenderError
from .finder import absent
from .placeholders import Placeholder
from .products import EmptyProduct, MetaProduct, Product, product_of
from .sources import Params, Source

if TYPE_CHECKING:
    from .dag import DAG

__all__ = [
    "DownloadFromURL",
    "Input",
    "Link",
    "NotebookRunner",
    "PostgresCopyFrom",
    "PythonCallable",
    "SQLDump",
    "SQLScript",
    "SQLTransfer",
    "SQLUpload",
    "ScriptRunner",
    "ShellScript",
    "Task",
    "TaskGroup",
    "UploadToS3",
    "in_memory_callable",
    "input_data_passer",
]
__getattr__ = absent(__name__)


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

    def __init__(
        self,
        source: Any,
        product: Any,
        dag: DAG,
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
        #: What a task that was read from pipeline.yaml says there, as the loader understood it.
        self.said: Mapping[str, Any] | None = None
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
        made = Params(self._params)
        if self._status is not TaskStatus.WaitingRender:
            made["product"] = self._product
            if self._before:
                made["upstream"] = Upstream(self._inputs())
        return made

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
        found: dict[str, Any] = {}
        for name, group in self._before.items():
            product = self.dag[name].product
            if group is None:
                found[name] = product
            else:
                found.setdefault(group, {})[name] = product
        return found

    def _values(self) -> dict[str, Any]:
        return {**self._params, "upstream": self._inputs()} if self._before else dict(self._params)

    def _rendered(self, text: str) -> str:
        """Return its text with placeholders filled, where it is a template and has been rendered."""
        if self._status is TaskStatus.WaitingRender or isinstance(self, NotebookRunner):
            return text
        folders = self.source.said.folders if isinstance(self.source.said, Placeholder) else ()
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
        found = product.relation() if hasattr(product, "relation") else str(product)
        limit = arguments.pop("limit", 10)
        return loaded(found, lambda: product.client or self.client, limit, **arguments)

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
        """Say how a task is debugged here."""
        raise NotImplementedError(f"debug a task from a terminal: octavo build --debug {self.name}")

    def __str__(self) -> str:
        return str(self._product)

    def __repr__(self) -> str:
        return f"{type(self).__name__}: {self.name} -> {self._product!r}"


class PythonCallable(Task):
    """Calls a function with ``product``, ``upstream`` and its parameters."""

    OPTIONS: ClassVar[tuple[str, ...]] = ("serializer", "unserializer", "debug_mode")
    FUNCTION = True


class NotebookRunner(Task):
    """Executes a notebook or script; one of its products is the executed notebook."""

    OPTIONS: ClassVar[tuple[str, ...]] = (
        *("executor", "executor_params", "papermill_params", "kernelspec_name", "nbconvert_exporter_name"),
        *("ext_in", "nb_product_key", "static_analysis", "nbconvert_export_kwargs", "local_execution"),
        *("check_if_kernel_installed", "debug_mode"),
    )


class ScriptRunner(Task):
    """Runs a script by its interpreter, without cells or report."""

    OPTIONS: ClassVar[tuple[str, ...]] = ("ext_in", "static_analysis", "local_execution")


class ShellScript(Task):
    """Runs a shell script, a template."""


class _Connected(Task):
    """Works with a database; Ploomber takes the client before the parameters."""

    def __init__(
        self,
        source: Any,
        product: Any,
        dag: DAG,
        name: str | None = None,
        client: Any = None,
        params: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(source, product, dag, name, params, client, **options)


class SQLScript(_Connected):
    """Runs a SQL script, which makes a table or view."""

    def load(self, key: str | None = None, limit: int = 10, **arguments: Any) -> Any:
        """Return the first rows of its product as a DataFrame."""
        return super().load(key, limit=limit, **arguments)


class SQLDump(_Connected):
    """Writes the result of a query to a file, or in chunks to a folder."""

    OPTIONS: ClassVar[tuple[str, ...]] = ("chunksize", "io_handler")


class SQLTransfer(_Connected):
    """Copies the result of a query to a table in another database."""

    OPTIONS: ClassVar[tuple[str, ...]] = ("chunksize",)


class SQLUpload(_Connected):
    """Writes a file to a table; the source is its path, or a template for it."""

    OPTIONS: ClassVar[tuple[str, ...]] = ("chunksize", "io_handler", "to_sql_kwargs")

    def __init__(self, source: Any, *args: Any, **kwargs: Any) -> None:
        # the text of a path, whichever way it is given: it is no code
        super().__init__(str(source), *args, **kwargs)

    def _default_name(self) -> str:
        return Path(str(self.source.said)).stem


class PostgresCopyFrom(SQLUpload):
    """Writes a file to a table by PostgreSQL's COPY."""

    OPTIONS: ClassVar[tuple[str, ...]] = ("columns",)


class UploadToS3(_Connected):
    """Sends a file to S3."""

    OPTIONS: ClassVar[tuple[str, ...]] = ("bucket", "client_kwargs", "upload_file_kwargs")


class DownloadFromURL(Task):
    """Fetches a file from a URL."""


class Link(Task):
    """Stands for a file that is there already; it is never outdated."""

    def __init__(self, product: Any, dag: DAG, name: str) -> None:
        super().__init__("", product, dag, name)

    def set_upstream(self, other: Any, group_name: str | None = None) -> None:
        """A file that is there waits for nothing."""
        raise RuntimeError(f"{type(self).__name__} tasks do not have upstream")


class Input(Link):
    """Stands for a file from elsewhere; what follows it runs when it has changed."""


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
        from .groups import from_params  # noqa: PLC0415 - groups makes tasks, so it stands on this module

        return from_params(cls, *args, **kwargs)

    @classmethod
    def from_grid(cls, *args: Any, **kwargs: Any) -> TaskGroup:
        """Make a task for each combination of ``grid``: a mapping of parameters to their values."""
        from .groups import from_grid  # noqa: PLC0415 - groups makes tasks, so it stands on this module

        return from_grid(cls, *args, **kwargs)


def input_data_passer(
    dag: DAG, name: str, preprocessor: Callable[[Any], Any] | None = None
) -> PythonCallable:
    """Return a task that hands on what it is given in memory."""
    return PythonCallable(
        _handed_on, EmptyProduct(), dag, name, {"input_data": None, "preprocessor": preprocessor}
    )


def in_memory_callable(
    callable_: Callable[..., Any], dag: DAG, name: str, params: Mapping[str, Any]
) -> PythonCallable:
    """Return a task whose value is handed on in memory."""
    return PythonCallable(callable_, EmptyProduct(), dag, name, params)


def _handed_on(input_data: Any, preprocessor: Callable[[Any], Any] | None = None) -> Any:
    return input_data if preprocessor is None else preprocessor(input_data)


def _each(other: Any) -> list[Task]:
    if isinstance(other, Task):
        return [other]
    last = getattr(other, "last_tasks", None)
    if last is not None:
        return list(last())
    if isinstance(other, Iterable) and not isinstance(other, str | Product):
        return list(other)
    raise TypeError(f"a task waits for tasks, not for {other!r:.80}")
