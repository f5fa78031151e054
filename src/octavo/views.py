"""Tasks and pipelines as hooks, functions and Python programs see them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import Any

from . import plugins
from .calls import invoke
from .model import PROXIES, Call, Json, Outcome, Product, Relation, Source, Task

# the open type, in what follows: paths, tables and clients as the user's code expects them, which gets them untyped


class Status(Enum):
    """How far a task is, in the words that code written for Ploomber compares with."""

    WaitingRender = "waiting_render"
    Skipped = "skipped"
    WaitingExecution = "waiting_execution"
    WaitingUpstream = "waiting_upstream"
    WaitingDownload = "waiting_download"
    ErroredRender = "errored_render"
    AbortedRender = "aborted_render"
    Executed = "executed"
    Errored = "errored"
    Aborted = "aborted"
    BrokenProcessPool = "broken_process_pool"


#: How far a task is that has ended in a build.
ENDED = {
    Outcome.DONE: Status.Executed,
    Outcome.RESTORED: Status.Executed,
    Outcome.FRESH: Status.Skipped,
    Outcome.FAILED: Status.Errored,
    Outcome.BLOCKED: Status.Aborted,
    Outcome.CANCELLED: Status.Aborted,
}


class Upstream(Json):
    """What comes from upstream, by the names of its tasks; ``first`` where there is one only."""

    @property
    def first(self) -> Any:
        """The only value; ``KeyError`` without any, ``ValueError`` where there are several."""
        if not self:
            raise KeyError("the task has no upstream")
        if len(self) > 1:
            raise ValueError(f"upstream.first is for a single task, and there are {', '.join(self)}")
        return next(iter(self.values()))

    def __missing__(self, name: str) -> object:
        listed = f"there are: {', '.join(self)}" if self else "it has none"
        raise KeyError(f'"{name}" is not upstream of this task; {listed}')


def given(value: object) -> Any:
    """Return what user code in Python gets for an input or product: a Path, a Relation as it is, dicts of them."""
    if isinstance(value, Relation):
        return value
    if isinstance(value, Mapping):
        return {key: given(inner) for key, inner in value.items()}
    return Path(value) if isinstance(value, str) else value


def text(value: object) -> object:
    """Return what notebooks and scripts get for inputs and products: plain text, or dicts of it."""
    return {key: text(inner) for key, inner in value.items()} if isinstance(value, Mapping) else str(value)


def plain(product: Product) -> str:
    """Return what stands for a product in text: its path, the table's name, or the identifier of what is neither."""
    if product.relation is not None:
        return product.relation
    return (
        product.path.removeprefix(f"{PROXIES}generic/") if product.maker == "GenericProduct" else product.path
    )


def products(task: Task) -> object:
    """Return a task's products as text: one, or a dict of them; None where it has none."""
    if not task.products:
        return None
    if task.products[0].key is None:
        return plain(task.products[0])
    return {product.key: plain(product) for product in task.products}


class SourceView(str):
    """The text of a task's source, with its name and place."""

    name: str
    path: str
    doc: str

    @classmethod
    def of(cls, source: Source) -> SourceView:
        """Return a source as user code sees it."""
        view = cls(source.text or "")
        view.path, view.doc = source.path, source.facts.title
        view.name = (source.entry or Path(source.path).stem).rpartition(".")[2]
        return view

    @property
    def loc(self) -> str:
        """Where it is."""
        return self.path


class TaskView:
    """A task as hooks see it.

    ``product`` and ``upstream`` are paths and tables, ``client`` is the connection that the task works with, made
    when it is first asked for.
    """

    def __init__(
        self,
        task: Task,
        status: Status = Status.WaitingExecution,
        dag: Mapping[str, TaskView] | None = None,
        connect: Callable[[Call], object] = invoke,
    ) -> None:
        """``connect`` makes a client of its call; ``dag`` has the tasks before it, where they are known."""
        self.name = task.name
        self.exec_status = status
        self.task = task
        self._dag = dag
        self._connect = connect

    @cached_property
    def source(self) -> SourceView:
        return SourceView.of(self.task.source)

    @cached_property
    def product(self) -> Any:
        """A Path, a Relation, or a dict of them."""
        if self.task.products and self.task.products[0].key is None:
            return _handed(self.task.products[0])
        return {product.key: _handed(product) for product in self.task.products}

    @property
    def params(self) -> Json:
        """The task's parameters, with its product, and its upstream where it has one."""
        upstream = {"upstream": Upstream(given(self.task.inputs))} if self.task.inputs else {}
        return {**self.task.params, **upstream, "product": self.product}

    @cached_property
    def upstream(self) -> Upstream:
        """The tasks before it by name, of which only ``name`` and ``product`` are known while a build runs."""
        if self._dag is not None:
            return Upstream({name: self._dag[name] for name in self.task.upstream if name in self._dag})
        return Upstream({name: Before(name, value) for name, value in given(self.task.inputs).items()})

    @cached_property
    def client(self) -> Any:
        """The connection that the task works with; None where none is named."""
        call = self.task.calls.client
        return self._connect(call) if call else None

    def load(self, key: str | None = None, limit: int | None = 10, **arguments: object) -> Any:
        """Return a product as a pandas DataFrame: a .csv or .parquet file, or the first rows of a table."""
        return loaded(self.product[key] if key else self.product, lambda: self.client, limit, **arguments)

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"<Task {self.name} -> {products(self.task)}>"


class Before:
    """A task before another, of which only the products are known."""

    def __init__(self, name: str, product: Any) -> None:
        self.name = name
        self.product = product

    def load(self, key: str | None = None, **arguments: object) -> Any:
        """Return a product as a pandas DataFrame."""
        return loaded(self.product[key] if key else self.product, lambda: None, None, **arguments)

    def __str__(self) -> str:
        return self.name


class DagView(Mapping[str, TaskView]):
    """The pipeline as its hooks see it: its tasks by name, in order."""

    def __init__(
        self,
        name: str,
        tasks: Mapping[str, Task],
        statuses: Mapping[str, Status],
        connect: Callable[[Call], object] = invoke,
    ) -> None:
        self.name = name
        self._tasks = {
            task.name: TaskView(task, statuses.get(task.name, Status.WaitingExecution), self, connect)
            for task in tasks.values()
        }

    def __getitem__(self, name: str) -> TaskView:
        if name in self._tasks:
            return self._tasks[name]
        raise KeyError(f'there is no task "{name}"; there are: {", ".join(self._tasks)}')

    def __iter__(self) -> Iterator[str]:
        return iter(self._tasks)

    def __len__(self) -> int:
        return len(self._tasks)

    @property
    def product(self) -> list[object]:
        """The products of the tasks that no other one follows."""
        needed = {name for view in self.values() for name in view.task.upstream}
        return [view.product for view in self.values() if view.name not in needed]

    @property
    def clients(self) -> Json:
        """The connections that the tasks work with, by the tasks' names."""
        return {view.name: view.client for view in self.values() if view.task.calls.client}

    def get_downstream(self, name: str) -> list[str]:
        """Return the names of the tasks that directly follow one."""
        return [view.name for view in self.values() if name in view.task.upstream]

    def __repr__(self) -> str:
        return f"<DAG {self.name}: {', '.join(self._tasks)}>"


class BuildTable(Mapping[str, list[object]]):
    """What a build came to, as a table: columns by their names, printed as rows."""

    def __init__(self, rows: list[tuple[str, bool, float]]) -> None:
        """Each row is a task, whether it ran, and its seconds."""
        whole = sum(seconds for _, _, seconds in rows)
        self._columns: dict[str, list[object]] = {
            "name": [name for name, _, _ in rows],
            "Ran?": [ran for _, ran, _ in rows],
            "Elapsed (s)": [seconds for _, _, seconds in rows],
            "Percentage": [100 * seconds / whole if whole else 0 for _, _, seconds in rows],
        }

    def __getitem__(self, column: str) -> list[object]:
        return self._columns[column]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def to_dict(self) -> dict[str, list[object]]:
        """Return the columns."""
        return {name: list(values) for name, values in self._columns.items()}

    def to_pandas(self) -> Any:
        """Return the table as a pandas DataFrame."""
        return plugins.load("pandas:DataFrame")(self.to_dict())

    def __str__(self) -> str:
        cells = [
            [f"{value:.6g}" if isinstance(value, float) else str(value) for value in row]
            for row in zip(*self.values(), strict=True)
        ]
        widths = [
            max(map(len, [name, *column]))
            for name, column in zip(self, zip(*cells, strict=True), strict=False)
        ]
        rows = [list(self), ["-" * width for width in widths], *cells]
        return "\n".join(
            "  ".join(f"{cell:<{n}}" for cell, n in zip(row, widths, strict=False)).rstrip() for row in rows
        )

    __repr__ = __str__


def loaded(product: Any, client: Callable[[], Any], limit: int | None, **arguments: object) -> Any:
    """Return a .csv or .parquet file, or the first ``limit`` rows of a table, as a pandas DataFrame."""
    pandas = plugins.load("pandas")
    if isinstance(product, Relation):
        rows = f" LIMIT {int(limit)}" if limit is not None else ""
        connection = client()
        # pandas warns of any connection but SQLAlchemy's own and that of sqlite3
        where = getattr(connection, "engine", None) or connection.connection
        return pandas.read_sql(f"SELECT * FROM {product}{rows}", where, **arguments)
    readers = {".csv": pandas.read_csv, ".parquet": pandas.read_parquet}
    if isinstance(product, Mapping):
        raise ValueError(f"the task has several products: say which, load({next(iter(product))!r})")
    if (reader := readers.get(Path(product).suffix)) is None:
        raise NotImplementedError(f"{product} is neither .csv nor .parquet: read it with what wrote it")
    if Path(product).is_dir():  # a dump in chunks, one file for each: 0.csv, 1.csv
        files = sorted(Path(product).iterdir(), key=lambda file: (len(file.name), file.name))
        return pandas.concat([reader(file, **arguments) for file in files], ignore_index=True)
    return reader(product, **arguments)


def _handed(product: Product) -> object:
    return product.relation if product.relation is not None else given(plain(product))
