"""The exporter ``kubeflow``: Python for the SDK of Kubeflow Pipelines 2, which writes its YAML, or starts it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pprint import pformat

from ..deploy.names import KUBERNETES, engine_name
from ..errors import Error
from . import GPU, ROOM, Workflow, templated

_KEYS = {
    "retries": "how often Kubeflow tries again what was lost (default: 1)",
    "keys": "the keys of the secret (default: AWS_ACCESS_KEY_ID,AWS_SECRET_ACCESS_KEY)",
    "timezone": "the time zone that Kubeflow has for all its schedules (default: UTC)",
}
_USUAL_KEYS = "AWS_ACCESS_KEY_ID,AWS_SECRET_ACCESS_KEY"

_FILE = '''\
"""The pipeline {title}, written by octavo export kubeflow: write it again instead of editing it.

    python FILE.py                   write FILE.yaml, which Kubeflow Pipelines takes
    python FILE.py http://host:8888  start it there, too: on its schedule, or once if it has none
"""

import sys
from pathlib import Path

{imports}

REMOTE = {url}
PLAN = {plan}
OCTAVO = {octavo}
IMAGE = {image}
{secret}SCHEDULE = {schedule}  # seconds, minutes, hours, days, months, days of the week
RETRIES = {retries}
TASKS = {tasks}


@dsl.container_component
def octavo(task: str):
    """Run a task: its code and inputs come from the store, and its results go there."""
    words = ["run-task", task, "--run", dsl.PIPELINE_JOB_ID_PLACEHOLDER, "--remote", REMOTE, "--plan", PLAN]
    return dsl.ContainerSpec(image=IMAGE, command=OCTAVO, args=words)


@dsl.pipeline(name={name})
def pipeline():
    """Run all tasks, each after those before it."""
    steps = {{}}
    for task in TASKS:
        step = octavo(task=task["task"]).set_display_name(task["task"])
        step.set_caching_options(False)  # octavo knows what need not run
        if RETRIES:
            step.set_retry(RETRIES, backoff_duration="30s")
        if task["memory"]:
            step.set_memory_request(task["memory"][0]).set_memory_limit(task["memory"][1])
        if task["cpus"]:
            step.set_cpu_request(task["cpus"])
        if task["gpus"]:
            step.set_accelerator_type({gpu!r}).set_accelerator_limit(task["gpus"])
{giving}        steps[task["task"]] = step.after(*(steps[before] for before in task["after"]))


def start(host, path):
    """Let a server run the pipeline."""
    client = Client(host=host)
    if not SCHEDULE:
        client.create_run_from_pipeline_package(path, enable_caching=False, experiment_name={name})
        return
    client.create_recurring_run(
        client.create_experiment({name}).experiment_id,
        {name},
        cron_expression=SCHEDULE,
        no_catchup=True,
        pipeline_package_path=path,
        enable_caching=False,
    )


if __name__ == "__main__":
    written = str(Path(__file__).with_suffix(".yaml"))
    compiler.Compiler().compile(pipeline, written)
    for host in sys.argv[1:2]:
        start(host, written)
'''
_GIVING = """\
        kubernetes.use_secret_as_env(step, secret_name=SECRET, secret_key_to_env=dict(zip(KEYS, KEYS)))
"""


class Kubeflow:
    """Kubeflow Pipelines 2; with a secret its package ``kfp-kubernetes`` is needed, too."""

    options: Mapping[str, str] = _KEYS
    file = "{name}_kubeflow.py"

    def refuses(self, workflow: Workflow) -> Error | None:
        """Refuse what has no image to run in, and a schedule of a time zone that Kubeflow does not have."""
        if not workflow.image:
            return Error(
                "pods need an image, with octavo and what the notebooks import", hint="--image NAME:TAG"
            )
        if not workflow.options.get("retries", "1").isdecimal():
            return Error(f'"{workflow.options["retries"]}" is not a number of retries')
        if "keys" in workflow.options and not workflow.secret:
            return Error("keys are those of a secret, and none is named", hint="--secret NAME")
        there = workflow.options.get("timezone", "UTC")
        if workflow.schedule and (workflow.zone or "UTC") != there:
            return Error(
                f"the schedule is in the time zone {workflow.zone or 'UTC'}, and Kubeflow's are in {there}",
                hint="it has one for all, CRON_SCHEDULE_TIMEZONE of its server: --option timezone=NAME says which",
            )
        return templated(workflow)

    def export(self, workflow: Workflow) -> str:
        """Return the Python of the pipeline."""
        keys = workflow.options.get("keys", _USUAL_KEYS).split(",")
        imports = "from kfp import Client, compiler, dsl" + (", kubernetes" if workflow.secret else "")
        return _FILE.format(
            title=re.sub(r"[^\w .-]", " ", workflow.name),
            imports=imports,
            url=repr(workflow.url),
            plan=repr(workflow.plan),
            octavo=repr([*workflow.octavo]),
            image=repr(workflow.image),
            secret=f"SECRET = {workflow.secret!r}\nKEYS = {keys!r}\n" if workflow.secret else "",
            schedule=repr(f"0 {workflow.schedule}" if workflow.schedule else None),
            retries=int(workflow.options.get("retries", "1")),
            tasks=pformat(_tasks(workflow), width=120, sort_dicts=False),
            name=repr(engine_name(workflow.name, KUBERNETES)),
            gpu=GPU,
            giving=_GIVING if workflow.secret else "",
        )


def _tasks(workflow: Workflow) -> list[dict[str, object]]:
    """Return the tasks as the file has them: each with those before it, and what memory it asks for and may have."""
    return [
        {
            "task": name,
            "after": [up for up in task.upstream if up in workflow.tasks],
            "memory": None if task.memory is None else [str(task.memory), str(task.memory + ROOM)],
            "cpus": None if task.cpus is None else f"{task.cpus:g}",
            "gpus": task.gpus,
        }
        for name, task in workflow.tasks.items()
    ]


KUBEFLOW_PIPELINES = Kubeflow()
