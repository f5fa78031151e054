"""The exporter ``airflow``: a DAG file for Airflow 2.11 and 3, which needs nothing of ours where Airflow runs."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pprint import pformat
from urllib.parse import quote

from ..deploy.names import AIRFLOW, KUBERNETES, engine_name
from ..errors import Error
from . import ROOM, Workflow, grids, limit, named, templated

_OPERATORS = ("bash", "docker", "kubernetes")
_KEYS = {
    "operator": f"what runs a task: {', '.join(_OPERATORS)}",
    "pool": "the pool of Airflow that tasks take a slot of",
    "retries": "how often Airflow tries again what was lost (default: 1)",
    "start": "the first day of the schedule, such as 2026-01-01",
    "namespace": "the namespace of Kubernetes",
    "network": "the network of Docker's containers",
}

_IMPORTS = {
    "bash": """\
try:
    from airflow.providers.standard.operators.bash import BashOperator
except ImportError:  # Airflow 2
    from airflow.operators.bash import BashOperator""",
    "docker": """\
from airflow.providers.docker.operators.docker import DockerOperator
from docker.types import DeviceRequest""",
    "kubernetes": """\
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from kubernetes.client import models as k8s""",
}
_MAKING = {
    "bash": """\
    return BashOperator(
        bash_command=shlex.join([*OCTAVO, *words]),
        env={"OCTAVO_RUN": "{{ run_id }}", "OCTAVO_REMOTE": REMOTE},
        append_env=True,
        **common,
    )""",
    "docker": """\
    return DockerOperator(
        image=IMAGE,
        command=[*OCTAVO, *words],
        environment={"OCTAVO_RUN": "{{ run_id }}", "OCTAVO_REMOTE": REMOTE},
        auto_remove="success",
        mount_tmp_dir=False,
        mem_limit=task["memory"],
        cpus=task["cpus"] or 1.0,
        device_requests=[DeviceRequest(count=task["gpus"], capabilities=[["gpu"]])] if task["gpus"] else None,
        network_mode=NETWORK,
        **common,
    )""",
    "kubernetes": """\
    memory = {"memory": str(task["memory"])} if task["memory"] else {}
    cpus = {"cpu": str(task["cpus"])} if task["cpus"] else {}
    gpus = {"nvidia.com/gpu": str(task["gpus"])} if task["gpus"] else {}
    return KubernetesPodOperator(
        name=task["pod"],
        namespace=NAMESPACE,
        image=IMAGE,
        cmds=[*OCTAVO],
        arguments=words,
        env_vars={"OCTAVO_RUN": "{{ run_id }}", "OCTAVO_REMOTE": REMOTE},
        env_from=[k8s.V1EnvFromSource(secret_ref=k8s.V1SecretEnvSource(name=SECRET))] if SECRET else [],
        container_resources=k8s.V1ResourceRequirements(requests=memory | cpus, limits=memory | gpus)
        if memory or cpus or gpus
        else None,
        on_finish_action="delete_succeeded_pod",
        **common,
    )""",
}

_FILE = '''\
"""The pipeline {title}, written by octavo export airflow: write it again instead of editing it."""

from __future__ import annotations

import shlex
from datetime import timedelta

import pendulum

try:
    from airflow.sdk import DAG, Asset, TaskGroup
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.datasets import Dataset as Asset
    from airflow.utils.task_group import TaskGroup
{imports}

REMOTE = {url}
PLAN = {plan}
OCTAVO = {octavo}
{constants}TASKS = {tasks}


def operator(task, groups):
    """Return what runs a task: octavo, which has its code and inputs from the store and sends its results there."""
    words = ["run-task", task["task"], "--plan", PLAN]
    seconds = task["seconds"]
    common = {{
        "task_id": task["id"],
        "retries": {retries},
        "retry_delay": timedelta(seconds=30),
        "execution_timeout": timedelta(seconds=seconds) if seconds else None,
        "task_group": groups.get(task["group"]),
        "outlets": [Asset(uri) for uri in task["makes"]],
{pool}    }} | task["own"]
{making}


with DAG(
    dag_id={dag},
    schedule={schedule},
    start_date=pendulum.datetime({start}, tz={zone}),
    catchup=False,
    max_active_runs=1,
    tags=["octavo"],
) as dag:
    names = dict.fromkeys(task["group"] for task in TASKS if task["group"])
    groups = {{name: TaskGroup(name, prefix_group_id=False) for name in names}}
    operators = {{task["id"]: operator(task, groups) for task in TASKS}}
    for task in TASKS:
        for before in task["after"]:
            operators[before] >> operators[task["id"]]
'''


#: A pool counts processors: a task takes as many slots as it asks for.
_POOL = """\
        "pool": {pool},
        "pool_slots": task["slots"],
"""


class Airflow:
    """Airflow 2.11 and 3."""

    options: Mapping[str, str] = _KEYS
    file = "{name}_dag.py"

    def refuses(self, workflow: Workflow) -> Error | None:
        """Refuse an operator that there is none of, or that lacks an image, and dates that are none."""
        operator = workflow.options.get("operator", "bash")
        if operator not in _OPERATORS:
            return Error(f'there is no operator "{operator}"', hint=f"there are: {', '.join(_OPERATORS)}")
        if operator != "bash" and not workflow.image:
            return Error(f"the operator {operator} needs an image with octavo in it", hint="--image NAME:TAG")
        if workflow.secret and operator != "kubernetes":
            return Error("a Secret of Kubernetes is for its pods alone", hint="--option operator=kubernetes")
        if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])", _start(workflow)):
            return Error(f'"{_start(workflow)}" is not a day', hint="write start=2026-01-01")
        if not workflow.options.get("retries", "1").isdecimal():
            return Error(f'"{workflow.options["retries"]}" is not a number of retries')
        return templated(workflow)

    def export(self, workflow: Workflow) -> str:
        """Return the Python of the DAG."""
        operator = workflow.options.get("operator", "bash")
        constants = {
            "bash": {},
            "docker": {"IMAGE": workflow.image, "NETWORK": workflow.options.get("network")},
            "kubernetes": {
                "IMAGE": workflow.image,
                "NAMESPACE": workflow.options.get("namespace"),
                "SECRET": workflow.secret,
            },
        }[operator]
        pool = workflow.options.get("pool")
        return _FILE.format(
            title=re.sub(r"[^\w .-]", " ", workflow.name),
            imports=_IMPORTS[operator],
            url=repr(workflow.url),
            plan=repr(workflow.plan),
            octavo=repr([*workflow.octavo]),
            constants="".join(f"{name} = {value!r}\n" for name, value in constants.items()),
            tasks=pformat(_tasks(workflow), width=120, sort_dicts=False),
            retries=workflow.options.get("retries", "1"),
            pool=_POOL.format(pool=repr(pool)) if pool else "",
            making=_MAKING[operator],
            dag=repr(engine_name(workflow.name, AIRFLOW)),
            schedule=repr(workflow.schedule or None),
            zone=repr(workflow.zone or "UTC"),
            start=", ".join(str(int(one)) for one in _start(workflow).split("-")),
        )


def _start(workflow: Workflow) -> str:
    return workflow.options.get("start", "2026-01-01")


def _tasks(workflow: Workflow) -> list[dict[str, object]]:
    """Return the tasks as the file has them. ``makes`` are the last products: other DAGs may wait for them."""
    names, groups = named(workflow, AIRFLOW), grids(workflow.tasks)
    used = {up for task in workflow.tasks.values() for up in task.upstream}
    return [
        {
            "id": names[name],
            "task": name,
            "after": [names[up] for up in task.upstream if up in names],
            "group": engine_name(f"{groups[name]} grid", AIRFLOW) if name in groups else None,
            "seconds": limit(task),
            "memory": task.memory + ROOM if task.memory is not None else None,
            "cpus": task.cpus,
            "gpus": task.gpus,
            "slots": math.ceil(task.cpus or 1),
            "own": task.engines.get("airflow", {}),
            "makes": [] if name in used else [_uri(workflow.name, path) for path in task.products],
            "pod": engine_name(name, KUBERNETES),
        }
        for name, task in workflow.tasks.items()
    ]


def _uri(project: str, path: str) -> str:
    return f"x-octavo://{quote(project, safe='')}/{quote(path)}"


AIRFLOW_DAG = Airflow()
