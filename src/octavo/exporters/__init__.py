"""Exporters write a plan as the file of a scheduler: airflow, argo, kubeflow, kubernetes; or of any, as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from typing import Protocol

from ..dataclass import dataclass
from ..deploy.names import NameRule, engine_name
from ..deploy.plan import Planned
from ..errors import Error
from ..model import Json

#: Seconds that an engine gives a task beyond its own timeout, to end by itself and send what it has.
GRACE = 300
#: Bytes that an engine gives a task beyond its own limit, which octavo keeps: for octavo itself.
ROOM = 512 << 20
#: What GPUs are called in Kubernetes.
GPU = "nvidia.com/gpu"
#: Exit codes of ``octavo run-task`` after which an engine should try again, and those of a process that was killed.
TRANSIENT = (75, 137, 143)
#: The signs of a field of cron.
_CRON = frozenset("0123456789*/,-?LW#ABCDEFGHIJKLMNOPQRSTUVWXYZ")
#: How placeholders of the engines begin, which nothing of a task may be taken for.
_TEMPLATED = ("{{", "{%", "{#", "$(")


@dataclass(frozen=True, slots=True)
class Workflow:
    """A plan as it is exported: ``plan`` is its digest at the store ``url``, which every run of it begins from.

    ``octavo`` is the command where tasks run, ``schedule`` five fields of cron or "", in the time zone
    ``zone``, ``secret`` what
    credentials are in, ``options`` the exporter's own.
    """

    name: str
    plan: str
    url: str
    tasks: Mapping[str, Planned]
    octavo: Sequence[str] = ("octavo",)
    schedule: str = ""
    image: str = ""
    secret: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    zone: str = ""

    def words(self, task: str, run: str) -> list[str]:
        """Return what comes after ``octavo`` to run a task in a run, both as the engine writes them."""
        return ["run-task", task, "--run", run, "--remote", self.url, "--plan", self.plan]


class WorkflowExporter(Protocol):
    """Makes the file of an engine. It is a pure function of the workflow: the same one makes the same bytes."""

    @property
    def options(self) -> Mapping[str, str]:
        """Its own options, and what each is for."""
        ...

    @property
    def file(self) -> str:
        """The usual name of its file, with {name} for that of the workflow."""
        ...

    def refuses(self, workflow: Workflow) -> Error | None:
        """Return why a workflow cannot be said to this engine."""
        ...

    def export(self, workflow: Workflow) -> str:
        """Return the text of the file."""
        ...


def filled(workflow: Workflow, plan: str, tasks: Mapping[str, Planned]) -> Workflow:
    """Return a workflow with its plan."""
    return replace(workflow, plan=plan, tasks=tasks)


def named(workflow: Workflow, rule: NameRule) -> dict[str, str]:
    """Return the names that tasks have for an engine."""
    return {task: engine_name(task, rule) for task in workflow.tasks}


def templated(workflow: Workflow) -> Error | None:
    """Return an error for a task whose name the engine would take for a placeholder."""
    for task in (*workflow.tasks, workflow.url, *workflow.octavo):
        if any(sign in task for sign in _TEMPLATED):
            return Error(
                f'"{task}" would be taken for a placeholder by the engine', hint="give it another name"
            )
    return None


def grids(tasks: Mapping[str, Planned]) -> dict[str, str]:
    """Return what tasks are called together that are of one source, and after the same tasks."""
    alike: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for name, task in tasks.items():
        alike.setdefault((task.source, task.upstream), []).append(name)
    found: dict[str, str] = {}
    for names in alike.values():
        first, last = min(names), max(names)
        same = next((at for at, sign in enumerate(first) if last[at : at + 1] != sign), len(first))
        prefix = first[:same].rstrip("-_. ")
        if len(names) > 1 and prefix:
            found |= dict.fromkeys(names, prefix)
    return found


def limit(task: Planned) -> int | None:
    """Return the seconds after which an engine should end an attempt of a task; None where it sets no limit."""
    return None if task.timeout is None else round(task.timeout * (task.retries + 1)) + GRACE


def cron(text: str) -> str:
    """Return a schedule, five fields of cron. Raises an Error for anything else."""
    fields = text.upper().split()
    if len(fields) != 5 or not all(set(one) <= _CRON for one in fields):
        raise Error(f'"{text}" is not five fields of cron', hint="write 15 3 * * * for every night at 3:15")
    return " ".join(fields)


def of_pipeline(said: Json) -> tuple[str, str, list[str]]:
    """Return the schedule and time zone that a pipeline says, and what of it these engines cannot be told."""
    if "cron" not in said:
        return "", "", [name for name in ("every", "changed", "after") if name in said]
    left = [name for name in ("skip", "jitter", "build") if said.get(name)]
    return cron(str(said["cron"])), str(said.get("timezone", "")), left
