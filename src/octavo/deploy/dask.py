"""The engine ``dask``: the workers of a Dask cluster run tasks, each in a process and an empty folder of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, Self

from .. import plugins
from ..errors import Error
from ..model import Json
from .engines import HandedOver, Handover
from .step import step

#: Seconds to wait for a scheduler, and for its first worker.
_PATIENCE = 10


class _Future(Protocol):
    """What Dask has promised."""

    def result(self) -> int: ...


class _Client(Protocol):
    """As much of ``distributed.Client``, which has no types, as is used here."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> object: ...
    def submit(self, call: object, *arguments: object, **options: object) -> _Future: ...
    def cancel(self, futures: Sequence[_Future]) -> object: ...
    def wait_for_workers(self, number: int, timeout: float) -> object: ...
    def scheduler_info(self, n_workers: int) -> Json: ...


class Dask:
    """A scheduler at an address: whatever has started it, dask-jobqueue, dask-kubernetes, or a person."""

    options: Mapping[str, str] = {
        "scheduler": "its address, such as tcp://host:8786",
        "resources": "what each task takes of its worker, as that announces it: GPU=1,licence=2",
    }

    def check(self, options: Mapping[str, str]) -> None:
        """Raise an Error without an address, for resources that are none, and where Dask is not installed."""
        if not options.get("scheduler"):
            hint = "--option scheduler=tcp://host:8786; dask scheduler prints it"
            raise Error("the engine dask needs the address of a scheduler", hint=hint)
        resources(options)
        plugins.load("distributed:Client")

    def submit(self, order: Handover) -> HandedOver:
        """Run all tasks on the cluster, and wait for their end."""
        wanted = resources(order.options)
        with _client(order.options["scheduler"]) as client:
            _satisfiable(client, wanted)
            return HandedOver(code=_run(client, order, wanted))

    def cancel(self, jobs: Json) -> str:
        """Do nothing: each task looks for itself whether its run is cancelled."""
        return ""


def resources(options: Mapping[str, str]) -> dict[str, float]:
    """Return what each task takes of a worker."""
    found = {}
    for text in filter(None, options.get("resources", "").split(",")):
        name, _, amount = text.partition("=")
        try:
            found[name.strip()] = float(amount)
        except ValueError:
            raise Error(f'"{text}" is no resource', hint="write NAME=AMOUNT: resources=GPU=1") from None
    return found


def _client(address: str) -> _Client:
    try:
        made: _Client = plugins.load("distributed:Client")(
            address, timeout=f"{_PATIENCE}s", set_as_default=False
        )
    except (OSError, TimeoutError, ValueError) as error:
        hint = "is it running, and reached from here? dask scheduler prints its address"
        raise Error(f"there is no scheduler of Dask at {address}", hint=hint) from error
    return made


def _satisfiable(client: _Client, wanted: Mapping[str, float]) -> None:
    """Raise an Error where no worker has what tasks take: Dask would wait for such a worker for ever."""
    try:
        client.wait_for_workers(1, timeout=_PATIENCE)
    except TimeoutError:
        raise Error("the scheduler of Dask has no workers", hint="start some: dask worker ADDRESS") from None
    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    offers = [worker.get("resources") or {} for worker in workers]
    if not any(all(offer.get(name, 0) >= amount for name, amount in wanted.items()) for offer in offers):
        there = sorted({f"{name}={amount:g}" for offer in offers for name, amount in offer.items()})
        asked = ", ".join(f"{name}={amount:g}" for name, amount in wanted.items())
        raise Error(f"no worker of Dask has {asked}", hint=f"they have: {', '.join(there) or 'no resources'}")


def _run(client: _Client, order: Handover, wanted: Mapping[str, float]) -> int:
    """Submit all tasks, each after those before it, and return the exit code of the whole."""
    futures: dict[str, _Future] = {}
    environ = {"OCTAVO_RUN": order.run}
    for name, task in order.plan.tasks.items():
        before = [futures[up] for up in task.upstream if up in futures]
        futures[name] = client.submit(
            step,
            order.command(name),
            environ,
            *before,
            key=f"{order.run}-{name}",
            pure=False,
            resources=dict(wanted) or None,
        )
    failed = False
    try:
        for name, future in futures.items():
            try:
                code = future.result()
            except Exception as error:  # workers that died too often, or have no octavo
                order.say(f"{name}: {type(error).__name__}: {error}")
                code = 1
            failed = failed or code != 0
    except BaseException:
        client.cancel([*futures.values()])
        raise
    return int(failed)


DASK = Dask()
