"""The engine ``dask``: the workers of a Dask cluster run tasks, each in a process and an empty folder of its own."""

from __future__ import annotations

from collections.abc import Mapping

from .. import plugins
from ..errors import Error
from ..executors import cluster
from ..model import Json
from .engines import HandedOver, Handover
from .plan import Planned
from .step import step


class DaskEngine:
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
        wanted = {name: _wanted(order, task) for name, task in order.plan.tasks.items()}
        with cluster.connected(order.options["scheduler"]) as client:
            there = cluster.workers(client)
            for name, one in wanted.items():
                if error := cluster.unmet(one, there):
                    raise Error(f'"{name}" cannot run: {error.message}', hint=error.hint)
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


def _wanted(order: Handover, task: Planned) -> cluster.Wanted:
    """Return what a task takes: what all do, GPUs by the name that Dask's own pages give them, and what it says."""
    gpus = {"GPU": float(task.gpus)} if task.gpus is not None else {}
    return cluster.Wanted(resources(order.options) | gpus | task.engines.get("dask", {}))


def _run(client: cluster.Scheduler, order: Handover, wanted: Mapping[str, cluster.Wanted]) -> int:
    """Submit all tasks, each after those before it, and return the exit code of the whole."""
    futures: dict[str, cluster.Future] = {}
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
            **wanted[name].options(),
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


DASK = DaskEngine()
