"""The engine ``aws-batch``: a job of AWS Batch for each task, with dependencies; tasks of a grid are array jobs.

AWS's limits are kept here, as little else enforces them before jobs run: https://docs.aws.amazon.com/batch/latest/userguide/
service_limits.html.
"""

from __future__ import annotations

import json
import math
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

from .. import plugins
from ..digests import digest
from ..errors import Error
from ..model import Json
from .batches import Batch, batches
from .engines import HandedOver, Handover
from .names import AWS_BATCH, engine_name
from .plan import Planned

#: What AWS Batch allows: jobs that one may come after, and jobs of an array.
MOST_BEFORE, MOST_IN_ARRAY = 20, 10_000
#: Characters that overrides of a container may have (8,192 with what AWS adds), and bytes of a request.
_MOST_OVERRIDES, _MOST_REQUEST = 7_000, 30 << 10
#: MiB that a job gets beyond the limit of its task, and what tasks get that say none; seconds beyond its timeout.
_ROOM, _USUAL_MEMORY, _GRACE = 512, 2048, 300
_INDEX = "AWS_BATCH_JOB_ARRAY_INDEX"

_OPTIONS = {
    "queue": "the job queue",
    "image": "the container image of tasks: octavo, and what they import",
    "region": "the region (default: as AWS's own tools find it)",
    "role": "the role that tasks have, which reaches the store (jobRoleArn)",
    "execution-role": "the role that starts containers (executionRoleArn)",
    "vcpus": "processors of each task (default: 1)",
    "memory": "MiB of tasks that say none in pipeline.yaml (default: 2048)",
    "gpus": "GPUs of each task",
    "attempts": "how often a job is tried whose machine is taken away, or whose store is: 1 to 10 (default: 3)",
}


class Control(Protocol):
    """As much of boto3's client of Batch, which has no types, as is used here."""

    def describe_job_queues(self, **words: object) -> Json: ...
    def describe_job_definitions(self, **words: object) -> Json: ...
    def register_job_definition(self, **words: object) -> Json: ...
    def submit_job(self, **words: object) -> Json: ...
    def terminate_job(self, **words: object) -> Json: ...


class AwsBatch:
    """AWS Batch, by boto3."""

    options: Mapping[str, str] = _OPTIONS

    def check(self, options: Mapping[str, str]) -> None:
        """Raise an Error for options that AWS would refuse, and where the queue is not reached or takes no jobs."""
        for name in ("queue", "image"):
            if name not in options:
                raise Error(f"the engine aws-batch needs {_OPTIONS[name]}", hint=f"--option {name}=NAME")
        for name, least, most in (
            ("memory", 4, None),
            ("gpus", 1, None),
            ("attempts", 1, 10),
            ("vcpus", 0.25, None),
        ):
            _number(options, name, least, most)
        control, region = client(options.get("region"))
        with said(region):
            found = control.describe_job_queues(jobQueues=[options["queue"]])["jobQueues"]
        if not found:
            raise Error(
                f'there is no job queue "{options["queue"]}" in {region}', hint="--option region=NAME"
            )
        if found[0]["state"] != "ENABLED":
            raise Error(
                f'the job queue "{options["queue"]}" takes no jobs: it is {found[0]["state"].lower()}'
            )

    def submit(self, order: Handover) -> HandedOver:
        """Submit a job, or an array of them, for each batch of tasks. What is refused ends what was submitted."""
        if "://" not in order.url or order.url.startswith("file:"):
            hint = "--remote s3://bucket/folder"
            raise Error(f"containers of AWS Batch do not see the folder {order.url}", hint=hint)
        control, region = client(order.options.get("region"))
        with said(region):
            return HandedOver(Submission(control, region, order).jobs())

    def cancel(self, jobs: Json) -> str:
        """End jobs, arrays as a whole; return what AWS says where it cannot."""
        wanted = dict.fromkeys(str(job).partition(":")[0] for job in jobs.values())
        try:
            for region, _, job in (one.partition("/") for one in wanted):
                with said(region):
                    client(region)[0].terminate_job(jobId=job, reason="octavo cancel")
        except Error as error:
            return error.message
        return ""


class Submission:
    """A run on its way to a queue: the jobs of its tasks, their definitions, and the gates between them."""

    def __init__(self, control: Control, region: str, order: Handover) -> None:
        self._control = control
        self._region = region
        self._order = order
        self._numbers: dict[str, str] = {}
        self._gates: dict[tuple[str, ...], str] = {}
        self._definitions: dict[str, str] = {}
        self._submitted: list[str] = []

    def jobs(self) -> dict[str, str]:
        """Submit all, and return the job of each task: its region, its id, and its index in an array."""
        found = {}
        groups = [*arrays(self._order)]
        _within(self._order, groups)
        try:
            for batch in groups:
                before = dict.fromkeys(
                    self._numbers[up] for up in batch.first.upstream if up in self._numbers
                )
                number = self._submit(
                    engine_name(batch.first.name, AWS_BATCH),
                    command(self._order, batch),
                    self._at_most([*before]),
                    definition(self._order, batch.first),
                    len(batch.tasks),
                )
                for at, task in enumerate(batch.tasks):
                    self._numbers[task.name] = number
                    index = f":{at}" if len(batch.tasks) > 1 else ""
                    found[task.name] = f"{self._region}/{number}{index}"
        except BaseException:
            for job in self._submitted:
                self._control.terminate_job(jobId=job, reason="octavo could not submit the whole run")
            raise
        return found

    def _at_most(self, before: list[str]) -> list[str]:
        """Return as few jobs as AWS allows that end after all of some: gates, where they are too many."""
        while len(before) > MOST_BEFORE:
            parts = [before[at : at + MOST_BEFORE] for at in range(0, len(before), MOST_BEFORE)]
            before = [self._gate(part) if len(part) > 1 else part[0] for part in parts]
        return before

    def _gate(self, before: Sequence[str]) -> str:
        key = tuple(before)
        if key not in self._gates:
            small = definition(self._order, Planned("gate"), small=True)
            name = f"octavo-gate-{len(self._gates) + 1}"
            self._gates[key] = self._submit(name, ["true"], before, small, 1)
        return self._gates[key]

    def _submit(self, name: str, words: Sequence[str], before: Sequence[str], wanted: Json, size: int) -> str:
        more: Json = {"arrayProperties": {"size": size}} if size > 1 else {}
        if before:
            more["dependsOn"] = [{"jobId": job} for job in before]
        job: str = self._control.submit_job(
            jobName=name,
            jobQueue=self._order.options["queue"],
            jobDefinition=self._definition(wanted),
            containerOverrides={"command": [*words]},
            tags={"octavo-run": self._order.run},
            propagateTags=True,
            **more,
        )["jobId"]
        self._submitted.append(job)
        return job

    def _definition(self, wanted: Json) -> str:
        """Return a definition of jobs as wanted: one that is there already, or a new one, named by its digest."""
        name = "octavo-" + digest(json.dumps(wanted, sort_keys=True).encode())
        if name not in self._definitions:
            there = self._control.describe_job_definitions(jobDefinitionName=name, status="ACTIVE")
            known = there["jobDefinitions"] or [
                self._control.register_job_definition(jobDefinitionName=name, type="container", **wanted)
            ]
            self._definitions[name] = known[0]["jobDefinitionArn"]
        return self._definitions[name]


def arrays(order: Handover) -> Iterator[Batch]:
    """Yield tasks in order, those of a grid together, as AWS takes them.

    Jobs come after whole arrays only. So what some task needs without the others of its grid is a job of its own.
    """
    users: dict[str, set[str]] = {}
    for task in order.plan.tasks.values():
        for up in task.upstream:
            users.setdefault(up, set()).add(task.name)
    for batch in batches(order.plan.tasks, MOST_IN_ARRAY, "aws-batch"):
        if len({frozenset(users.get(task.name, ())) for task in batch.tasks}) > 1:
            yield from (Batch((task,)) for task in batch.tasks)
            continue
        part: list[Planned] = []
        used = begun = sum(map(len, command(order, batch))) - len(
            shlex.join(task.name for task in batch.tasks)
        )
        for task in batch.tasks:
            used += len(shlex.quote(task.name)) + 1
            if part and used > _MOST_OVERRIDES:
                yield Batch(tuple(part))
                part, used = [], begun + len(shlex.quote(task.name)) + 1
            part.append(task)
        yield Batch(tuple(part))


def command(order: Handover, batch: Batch) -> list[str]:
    """Return the command of a batch's containers: in an array, each finds its task by its index."""
    if len(batch.tasks) == 1:
        return order.command(batch.first.name)
    names = shlex.join(task.name for task in batch.tasks)
    run = (
        shlex.join([*order.octavo, "run-task"])
        + ' "$1" '
        + shlex.join(order.command()[len(order.octavo) + 1 :])
    )
    return ["sh", "-c", f'set -- {names}; shift "${_INDEX}"; exec {run}']


def definition(order: Handover, task: Planned, *, small: bool = False) -> Json:
    """Return what a job is: its container, how much it gets, how long, and what is tried again."""
    options = order.options
    memory = int(options.get("memory", _USUAL_MEMORY))
    if task.memory is not None:
        memory = math.ceil(task.memory / (1 << 20)) + _ROOM
    cpus = options.get("vcpus", "1") if task.cpus is None else _vcpus(task.cpus)
    gpus = options.get("gpus") if task.gpus is None else str(task.gpus)
    needs = [("VCPU", cpus), ("MEMORY", str(memory)), ("GPU", gpus)]
    container: Json = {
        "image": options["image"],
        "command": ["true"],
        "resourceRequirements": [
            {"type": kind, "value": value} for kind, value in needs if value and not (small and kind == "GPU")
        ],
    }
    for name, key in (("role", "jobRoleArn"), ("execution-role", "executionRoleArn")):
        if name in options:
            container[key] = options[name]
    container |= task.engines.get("aws-batch", {})
    found: Json = {
        "containerProperties": container,
        "retryStrategy": _tried_again(int(options.get("attempts", 3))),
    }
    if task.timeout is not None:
        limit = math.ceil(task.timeout * (task.retries + 1) + _GRACE)
        found["timeout"] = {"attemptDurationSeconds": limit}
    return found


def _vcpus(cpus: float) -> str:
    """Return processors as AWS has them: a quarter, a half, or whole ones."""
    return f"{next(part for part in (0.25, 0.5, math.ceil(cpus)) if part >= cpus):g}"


def _tried_again(attempts: int) -> Json:
    """Return what is tried again: what was no fault of the task's. The first rule that fits counts."""
    again = [{"onStatusReason": "Host EC2*"}, {"onExitCode": "75"}, {"onExitCode": "143"}]
    rules = [*({**rule, "action": "RETRY"} for rule in again), {"onReason": "*", "action": "EXIT"}]
    return {"attempts": attempts, "evaluateOnExit": rules}


def _within(order: Handover, groups: Sequence[Batch]) -> None:
    """Raise an Error for what is more than AWS takes, before anything is submitted."""
    for batch in groups:
        words = command(order, batch)
        if sum(map(len, words)) > _MOST_OVERRIDES + 100 or len(json.dumps(words)) > _MOST_REQUEST:
            message = f'the command that runs "{batch.first.name}" is longer than AWS Batch takes'
            raise Error(message, hint="shorten the task's name, or the URL of the store")


def _number(options: Mapping[str, str], name: str, least: float, most: float | None) -> None:
    if name not in options:
        return
    whole = re.fullmatch(r"\d+", options[name]) or (name == "vcpus" and options[name] in ("0.25", "0.5"))
    if not whole or float(options[name]) < least or (most is not None and float(options[name]) > most):
        limits = f"from {least:g} to {most:g}" if most is not None else f"of at least {least:g}"
        raise Error(f'the option {name} must be a number {limits}, not "{options[name]}"')


def client(region: str | None) -> tuple[Control, str]:
    """Return a client of Batch and its region. Raises an Error where there is none, or nobody to be there."""
    session = plugins.load("boto3:Session")(region_name=region)
    if session.region_name is None:
        raise Error("AWS has no region here", hint="--option region=eu-central-1, or AWS_DEFAULT_REGION")
    with said(session.region_name):
        if session.get_credentials() is None:
            raise Error("there are no credentials of AWS here", hint="aws configure, AWS_PROFILE, or a role")
        # requests beyond 50 in a second are refused, and wait for their turn
        patient = plugins.load("botocore.config:Config")(retries={"mode": "adaptive", "max_attempts": 10})
        made: Control = session.client("batch", config=patient)
    return made, session.region_name


@contextmanager
def said(region: str) -> Iterator[None]:
    """Raise what AWS refuses as an Error, in its own words."""
    errors = plugins.load("botocore.exceptions")
    try:
        yield
    except (errors.BotoCoreError, errors.ClientError) as error:
        words = str(error).rpartition("operation: ")[2]
        raise Error(f"AWS Batch in {region} refuses: {words}") from error


AWS_BATCH_JOBS = AwsBatch()
