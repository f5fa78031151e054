"""The exporter ``argo``: a Workflow of Argo Workflows, or a CronWorkflow where there is a schedule."""

from __future__ import annotations

from collections.abc import Mapping

import yaml

from ..deploy.names import ARGO, KUBERNETES, engine_name
from ..deploy.plan import Planned
from ..errors import Error
from ..model import Json
from . import GPU, ROOM, TRANSIENT, Workflow, limit, named, templated

_KEYS = {"namespace": "the namespace of Kubernetes", "service-account": "the service account of the pods"}


class Argo:
    """Argo Workflows 3.5 and later."""

    options: Mapping[str, str] = _KEYS
    file = "{name}.argo.yaml"

    def refuses(self, workflow: Workflow) -> Error | None:
        """Refuse what has no image to run in."""
        if not workflow.image:
            return Error(
                "pods need an image, with octavo and what the notebooks import", hint="--image NAME:TAG"
            )
        return templated(workflow)

    def export(self, workflow: Workflow) -> str:
        """Return the YAML of the workflow."""
        spec = {
            "entrypoint": "pipeline",
            **(
                {"serviceAccountName": account}
                if (account := workflow.options.get("service-account"))
                else {}
            ),
            "templates": [_dag(workflow), *_templates(workflow)],
        }
        name = engine_name(workflow.name, KUBERNETES)
        place = {"namespace": space} if (space := workflow.options.get("namespace")) else {}
        kind: Json = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow"}
        if not workflow.schedule:
            whole = kind | {"metadata": {"generateName": f"{name}-", **place}, "spec": spec}
        else:
            zone = {"timezone": workflow.zone} if workflow.zone else {}
            timed = {
                "schedules": [workflow.schedule],
                "concurrencyPolicy": "Forbid",
                **zone,
                "workflowSpec": spec,
            }
            whole = kind | {"kind": "CronWorkflow", "metadata": {"name": name, **place}, "spec": timed}
        return written(whole)


def _dag(workflow: Workflow) -> Json:
    names, classes, tasks = named(workflow, ARGO), _classes(workflow), []
    for name, task in workflow.tasks.items():
        before = [names[up] for up in task.upstream if up in names]
        one: Json = {"name": names[name], "template": classes[_needs(task)]}
        tasks.append(
            one
            | ({"dependencies": before} if before else {})
            | {"arguments": {"parameters": [{"name": "task", "value": name}]}}
        )
    return {"name": "pipeline", "dag": {"tasks": tasks}}


def _needs(task: Planned) -> str:
    return task.needs("argo")


def _classes(workflow: Workflow) -> dict[str, str]:
    """Return what tasks need, each with the name of its template."""
    needs = dict.fromkeys(_needs(task) for task in workflow.tasks.values())
    return {need: f"run-task-{number}" for number, need in enumerate(needs, 1)}


def _templates(workflow: Workflow) -> list[Json]:
    """Return a template for each need of tasks: a workflow of thousands of them stays below what etcd takes."""
    found = []
    firsts = {_needs(task): task for task in reversed([*workflow.tasks.values()])}
    for need, name in _classes(workflow).items():
        first = firsts[need]
        seconds = limit(first)
        container = pod(workflow, "{{inputs.parameters.task}}", "{{workflow.uid}}", first)
        codes = ", ".join(map(str, TRANSIENT))
        one: Json = {
            "name": name,
            "inputs": {"parameters": [{"name": "task"}]},
            # without a retryPolicy: since 3.5 the expression alone decides
            "retryStrategy": {"limit": "2", "expression": f"asInt(lastRetry.exitCode) in [{codes}]"},
        }
        found.append(
            one
            | ({"activeDeadlineSeconds": seconds} if seconds is not None else {})
            | {"container": container}
            | first.engines.get("argo", {})
        )
    return found


def pod(workflow: Workflow, task: str, run: str, needs: Planned) -> Json:
    """Return a container that runs a task."""
    container: Json = {
        "image": workflow.image,
        "command": [*workflow.octavo],
        "args": workflow.words(task, run),
    }
    return container | surroundings(workflow, needs.memory, needs.cpus, needs.gpus)


def surroundings(
    workflow: Workflow, memory: int | None, cpus: float | None = None, gpus: int | None = None
) -> Json:
    """Return what a container is given: the secret with its credentials, memory, processors and GPUs."""
    found: Json = {"envFrom": [{"secretRef": {"name": workflow.secret}}]} if workflow.secret else {}
    requests = {} if memory is None else {"memory": str(memory)}
    limits = {} if memory is None else {"memory": str(memory + ROOM)}
    if cpus is not None:
        requests["cpu"] = f"{cpus:g}"  # no limit: what is idle may be used
    if gpus is not None:
        limits[GPU] = str(gpus)
    if sizes := {name: some for name, some in (("requests", requests), ("limits", limits)) if some}:
        found["resources"] = sizes
    return found


def written(plain: Json) -> str:
    """Return plain values as YAML."""
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    return str(yaml.dump(plain, Dumper=dumper, sort_keys=False, width=1000, allow_unicode=True))


ARGO_WORKFLOWS = Argo()
