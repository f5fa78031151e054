"""The exporter ``kubernetes``: a Job, or a CronJob where there is a schedule, in whose pod all tasks run."""

from __future__ import annotations

from collections.abc import Mapping

from ..deploy.names import KUBERNETES, engine_name
from ..errors import Error
from ..model import Json
from . import TRANSIENT, Workflow, limit
from .argo import surroundings, written

_KEYS = {
    "namespace": "the namespace",
    "service-account": "the service account of the pod",
    "cpu": "processors of the pod, such as 4 or 500m",
    "jobs": "how many tasks run at a time",
}


class Kubernetes:
    """Kubernetes 1.31 and later; it knows no order of jobs, and so one pod runs them all."""

    options: Mapping[str, str] = _KEYS
    file = "{name}.job.yaml"

    def refuses(self, workflow: Workflow) -> Error | None:
        """Refuse what has no image to run in."""
        if not workflow.image:
            return Error(
                "pods need an image, with octavo and what the notebooks import", hint="--image NAME:TAG"
            )
        return None

    def export(self, workflow: Workflow) -> str:
        """Return the YAML of the job."""
        name = engine_name(workflow.name, KUBERNETES)
        place = {"namespace": space} if (space := workflow.options.get("namespace")) else {}
        job = _job(workflow)
        zone = {"timeZone": workflow.zone} if workflow.zone else {}
        if workflow.schedule:
            timed = {
                "schedule": workflow.schedule,
                **zone,
                "concurrencyPolicy": "Forbid",
                "jobTemplate": {"spec": job},
            }
            whole: Json = {
                "apiVersion": "batch/v1",
                "kind": "CronJob",
                "metadata": {"name": name, **place},
                "spec": timed,
            }
        else:
            meta = {"generateName": f"{name}-", **place}
            whole = {"apiVersion": "batch/v1", "kind": "Job", "metadata": meta, "spec": job}
        return written(whole)


def _job(workflow: Workflow) -> Json:
    sizes = [task.memory for task in workflow.tasks.values() if task.memory is not None]
    words = ["run-task", "--all", "--remote", workflow.url, "--plan", workflow.plan]
    words += ["--jobs", jobs] if (jobs := workflow.options.get("jobs")) else []
    container: Json = {
        "name": "octavo",
        "image": workflow.image,
        "command": [*workflow.octavo],
        "args": words,
        # pods that take the place of a lost one are of the same job: what it has done is not done again
        "env": [
            {"name": "OCTAVO_RUN", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['job-name']"}}}
        ],
    }
    tasks = workflow.tasks.values()
    cpus = max((task.cpus for task in tasks if task.cpus is not None), default=None)
    gpus = max((task.gpus for task in tasks if task.gpus is not None), default=None)
    container |= surroundings(workflow, max(sizes, default=None), cpus, gpus)
    if cpu := workflow.options.get("cpu"):
        container.setdefault("resources", {}).setdefault("requests", {})["cpu"] = cpu
    account = {"serviceAccountName": named} if (named := workflow.options.get("service-account")) else {}
    limits = [limit(task) for task in workflow.tasks.values()]
    whole = sum(one for one in limits if one is not None) if limits and None not in limits else None
    disrupted = {"type": "DisruptionTarget", "status": "True"}
    return {
        "backoffLimit": 3,
        **({"activeDeadlineSeconds": whole} if whole is not None else {}),
        "podFailurePolicy": {
            "rules": [
                {"action": "Ignore", "onPodConditions": [disrupted]},
                {
                    "action": "FailJob",
                    "onExitCodes": {"containerName": "octavo", "operator": "NotIn", "values": [*TRANSIENT]},
                },
            ]
        },
        "template": {"spec": {"restartPolicy": "Never", **account, "containers": [container]}},
    }


KUBERNETES_JOB = Kubernetes()
