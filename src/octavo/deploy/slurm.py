"""The engine ``slurm``: sbatch for each task, with dependencies; the tasks of a grid are arrays of jobs."""

from __future__ import annotations

import math
import os
import re
import shutil
import subprocess
from collections.abc import Mapping

from ..errors import Error
from ..model import Json
from .batches import GRACE, ROOM, Batch, batches, cancelled, own_words, script
from .engines import HandedOver, Handover
from .names import SLURM, engine_name
from .plan import Planned

#: What SLURM allows for an array where it does not say.
_USUAL_ARRAY = 1001
#: Options of ours by those of sbatch.
_PASSED = {
    "partition": "the partition",
    "account": "the account",
    "qos": "the quality of service",
    "constraint": "the features that nodes must have",
    "gres": "generic resources, such as gpu:1",
    "cpus-per-task": "processors of each task",
    "mem": "memory of tasks that say none in pipeline.yaml",
    "time": "the time limit of tasks that say none",
    "export": "the variables that jobs get of this environment: ALL (the default), NONE, or names",
}
_OWN = {
    "prologue": "a file of shell that each job begins with: module load …",
    "logs": "the folder for what jobs print (default: .octavo/slurm)",
}


class Slurm:
    """SLURM, by its commands."""

    options: Mapping[str, str] = {**_PASSED, **_OWN}

    def check(self, options: Mapping[str, str]) -> None:
        """Raise an Error where there is no sbatch, or no file that is to be in each job."""
        if shutil.which("sbatch") is None:
            hint = "submit on a machine that has SLURM's commands: a login node"
            raise Error("SLURM is not installed here: there is no sbatch", hint=hint)
        if (path := options.get("prologue")) and not os.path.isfile(path):
            raise Error("there is no such file", path, "prologue=FILE is shell that each job begins with")

    def submit(self, order: Handover) -> HandedOver:
        """Submit a job, or an array of them, for each batch of tasks. What is refused cancels what was submitted."""
        jobs: dict[str, str] = {}
        logs = os.path.abspath(
            os.path.join(order.root, order.options.get("logs", ".octavo/slurm"), order.run)
        )
        os.makedirs(logs, exist_ok=True)
        try:
            whole = [*batches(order.plan.tasks, array_size(), "slurm")]
            for first in {batch.first.needs("slurm"): batch for batch in reversed(whole)}.values():
                _sbatch(
                    order, first, {}, logs, "--test-only"
                )  # what no node has is said before anything waits
            for batch in whole:
                number = _sbatch(order, batch, jobs, logs)
                several = len(batch.tasks) > 1
                for at, task in enumerate(batch.tasks):
                    jobs[task.name] = f"{number}_{at}" if several else number
        except BaseException:
            self.cancel(jobs)
            raise
        return HandedOver(jobs)

    def cancel(self, jobs: Json) -> str:
        """Cancel jobs; SLURM sends them SIGTERM first. Return what it says where it cannot."""
        numbers = sorted({str(job).partition("_")[0] for job in jobs.values()}, key=int)
        # the shell of each job has to pass it on, as its steps do not hear of it
        return cancelled(("scancel", "--full"), numbers)


def array_size() -> int:
    """Return how many jobs an array may have here."""
    try:
        said = subprocess.run(
            ["scontrol", "show", "config"], capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return _USUAL_ARRAY
    found = re.search(r"^MaxArraySize\s*=\s*(\d+)", said, re.M)
    return max(1, int(found[1])) if found else _USUAL_ARRAY  # indices are below it


def _sbatch(order: Handover, batch: Batch, jobs: Mapping[str, str], logs: str, *more: str) -> str:
    """Submit a batch and return the number of its job. Raises an Error with what sbatch says."""
    words = ["sbatch", "--parsable", *arguments(order, batch, jobs, logs), *more]
    ended = subprocess.run(words, input=script(order, batch), capture_output=True, text=True, check=False)
    if ended.returncode:
        said = ended.stderr.strip().removeprefix("sbatch: error: ") or f"it ended with {ended.returncode}"
        raise Error(f'sbatch refuses "{batch.first.name}": {said}')
    return ended.stdout.strip().partition(";")[0]


def arguments(order: Handover, batch: Batch, jobs: Mapping[str, str], logs: str) -> list[str]:
    """Return what a batch needs, as options of sbatch."""
    several, task = len(batch.tasks) > 1, batch.first
    log = os.path.join(logs, "%x-%A_%a.out" if several else "%x-%j.out")
    words = [
        f"--job-name={engine_name(task.name, SLURM)}",
        f"--output={log}",
        "--chdir=/",
        "--signal=B:TERM@60",
        "--no-requeue",  # it would wait for minutes; the job itself tries again
        "--kill-on-invalid-dep=yes",
    ]
    if several:
        words.append(f"--array=0-{len(batch.tasks) - 1}" + (f"%{order.jobs}" if order.jobs else ""))
    if before := after(task, jobs):
        words.append(f"--dependency=afterok:{':'.join(before)}")
    own: dict[str, str] = {name: value for name, value in order.options.items() if name in _PASSED}
    if task.memory is not None:
        own["mem"] = f"{math.ceil((task.memory + ROOM) / (1 << 20))}M"
    if task.timeout is not None:
        own["time"] = str(math.ceil((task.timeout * (task.retries + 1) + GRACE) / 60))
    if task.cpus is not None:
        own["cpus-per-task"] = str(math.ceil(task.cpus))
    if task.gpus is not None:
        own["gres"] = f"gpu:{task.gpus}"
    # what a task says itself comes last, and counts
    return [*words, *(f"--{name}={value}" for name, value in own.items()), *own_words(task, "slurm")]


def after(task: Planned, jobs: Mapping[str, str]) -> list[str]:
    """Return the jobs that a task comes after: an array whose jobs are all among them by its number alone."""
    wanted = [jobs[name] for name in task.upstream if name in jobs]
    sizes: dict[str, int] = {}
    for job in jobs.values():
        sizes[job.partition("_")[0]] = sizes.get(job.partition("_")[0], 0) + 1
    found: dict[str, list[str]] = {}
    for job in wanted:
        found.setdefault(job.partition("_")[0], []).append(job)
    return [
        one for number, some in found.items() for one in ([number] if len(some) == sizes[number] else some)
    ]


SLURM_JOBS = Slurm()
