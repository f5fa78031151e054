"""A cluster of Dask: its scheduler at an address, what its workers have, and whether a task can ever run there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from typing import Protocol, Self

from .. import plugins
from ..dataclass import dataclass
from ..errors import Error
from ..model import Json

#: Seconds to wait for a scheduler, and for its first worker.
PATIENCE = 10


class Future(Protocol):
    """What Dask has promised. ``status`` is pending, finished, error, cancelled or lost."""

    status: str

    def result(self) -> object: ...
    def exception(self) -> BaseException | None: ...
    def add_done_callback(self, call: Callable[[object], object]) -> object: ...


class Scheduler(Protocol):
    """As much of ``distributed.Client``, which has no types, as is used here."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> object: ...
    def submit(self, call: object, *arguments: object, **options: object) -> Future: ...
    def cancel(self, futures: Sequence[Future]) -> object: ...
    def run(self, call: object, *arguments: object, on_error: str) -> Mapping[str, object]: ...
    def wait_for_workers(self, number: int, timeout: float) -> object: ...
    def scheduler_info(self, n_workers: int) -> Json: ...
    def close(self, timeout: float) -> object: ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a task takes of its worker, and names or hosts of the workers that may run it; none: all."""

    resources: Mapping[str, float] = field(default_factory=dict)
    workers: tuple[str, ...] = ()

    def __str__(self) -> str:
        return ", ".join((*(f"{name}={amount:g}" for name, amount in self.resources.items()), *self.workers))

    def options(self) -> Mapping[str, object]:
        """Return it as options of ``submit``."""
        return {"resources": dict(self.resources) or None, "workers": [*self.workers] or None}


@dataclass(frozen=True, slots=True)
class Announced:
    """A worker: what it is called, what it announces, and how many tasks it runs at a time."""

    address: str
    name: str
    host: str
    threads: int
    resources: Mapping[str, float]

    def has(self, wanted: Wanted) -> bool:
        """Return whether a task can run here."""
        called = not wanted.workers or bool({self.address, self.name, self.host} & {*wanted.workers})
        return called and all(
            self.resources.get(name, 0) >= amount for name, amount in wanted.resources.items()
        )


def connected(address: str) -> Scheduler:
    """Return a client of the scheduler at an address, with workers. Raises an Error where there is none."""
    try:
        made: Scheduler = plugins.load("distributed:Client")(
            address, timeout=f"{PATIENCE}s", set_as_default=False
        )
    except (OSError, TimeoutError, ValueError) as error:
        hint = "is it running, and reached from here? dask scheduler prints its address"
        raise Error(f"there is no scheduler of Dask at {address}", hint=hint) from error
    try:
        made.wait_for_workers(1, timeout=PATIENCE)
    except TimeoutError:
        made.close(timeout=1)
        raise Error("the scheduler of Dask has no workers", hint="start some: dask worker ADDRESS") from None
    return made


def workers(client: Scheduler) -> list[Announced]:
    """Return the workers that there are now."""
    return [
        Announced(
            address,
            str(one.get("name", "")),
            str(one.get("host", "")),
            one.get("nthreads", 1),
            one.get("resources") or {},
        )
        for address, one in client.scheduler_info(n_workers=-1)["workers"].items()
    ]


def unmet(wanted: Wanted, there: Sequence[Announced]) -> Error | None:
    """Return why no worker can run a task: Dask would wait for such a worker for ever."""
    if any(worker.has(wanted) for worker in there):
        return None
    have = ", ".join(sorted({*_offers(there, wanted)})) or "no resources"
    return Error(f"no worker of Dask has {wanted}", hint=f"they have: {have}")


def _offers(there: Sequence[Announced], wanted: Wanted) -> Iterator[str]:
    for worker in there:
        yield from (f"{name}={amount:g}" for name, amount in worker.resources.items())
        if wanted.workers:
            yield worker.name or worker.host
