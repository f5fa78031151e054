"""What a pipeline file states: frozen values, without mistakes of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from ..dataclass import dataclass
from ..errors import Place
from ..model import Call, Json


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """One task as the file states it; None stands for a key that is not there, which the source may say instead.

    ``upstream`` is what the task must wait for, whatever its code says: the spec wins over the source.
    ``options`` holds how to run it: "kernel", "tags", "timeout", "client". ``places`` has the place of each
    value: "name", "product", "product.data", "params.n", "upstream". ``product`` is a path, the list of a table
    (``[schema, name, kind]``), or a mapping of names to these. ``base`` is the folder that a relative source
    counts from, ``nb`` are the names of executed notebooks among them; ``local``: run in the folder of the source;
    ``broken``: it has errors, so that only its source can be looked at.
    """

    source: str
    where: Place
    name: str | None = None
    product: object = None
    params: Mapping[str, object] = field(default_factory=dict)
    upstream: tuple[str, ...] | None = None
    options: Json = field(default_factory=dict)
    places: Mapping[str, Place] = field(default_factory=dict)
    kind: str | None = None
    maker: str | None = None
    grid: tuple[Mapping[str, object], ...] = ()
    inputs: tuple[str, ...] | None = None
    nb: tuple[str, ...] = ("nb",)
    base: str | None = None
    local: bool = False
    broken: bool = False


@dataclass(frozen=True, slots=True)
class Spec:
    """A pipeline file without mistakes of its own; ``ignored`` are notes on keys that change nothing here.

    ``location`` names the function that says the tasks where the file does not. ``makers`` has the product class of
    each class of tasks, ``clients`` the client of each class of tasks or products. ``serial``: its tasks run one at a
    time, in the order in which they stand. ``secret``: whether names are secret, where the file says it. ``lock``:
    what its results were made from is to be written beside it. ``around`` is what happens
    around builds: "notify" and "schedule".
    """

    path: str
    tasks: tuple[TaskSpec, ...]
    extract_upstream: bool = True
    extract_product: bool = False
    product_relative_to_source: bool = False
    preload: bool | tuple[str, ...] = True
    strict: bool = False
    environment: str = "noted"
    cache: Json = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    location: str | None = None
    clients: Mapping[str, Call] = field(default_factory=dict)
    makers: Mapping[str, str] = field(default_factory=dict)
    hooks: Mapping[str, Call] = field(default_factory=dict)
    serializers: Mapping[str, Call] = field(default_factory=dict)
    loader: Json = field(default_factory=dict)
    serial: bool = False
    secret: Mapping[str, bool] = field(default_factory=dict)
    lock: bool = False
    around: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Unheeded:
    """A key without effect: where it first stands, in how many places, and what to do instead."""

    where: Place
    instead: str = ""
    count: int = 0

    @property
    def order(self) -> tuple[str, int, int]:
        """Its position among others."""
        return self.where.path, self.where.line, self.where.column

    def text(self, key: str) -> str:
        """Return the note on it."""
        places = f" (in {self.count} places)" if self.count > 1 else ""
        return f'{self.where}: "{key}" has no effect{f": {self.instead}" if self.instead else ""}{places}'
