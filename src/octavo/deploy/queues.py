"""The engines ``sge``, ``pbs`` and ``lsf``: relatives of SLURM, a row of commands each; not tried on real ones.

A job is a script on standard input of one command, which prints the job's number. Where a row's jobs come after others
however those have ended (SGE), a task without what it needs says so and ends.
"""

from __future__ import annotations

import math
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping

from ..dataclass import dataclass
from ..errors import Error
from ..model import Json
from .batches import GRACE, ROOM, Batch, cancelled, own_words, script
from .engines import HandedOver, Handover
from .names import PBS, QUEUE, NameRule, engine_name
from .plan import Planned

_OWN = {
    "queue": "the queue",
    "account": "the project or account",
    "extra": "more words for the command that submits, as they are: extra='-l gpu=1'",
    "prologue": "a file of shell that each job begins with: module load …",
    "logs": "the folder for what jobs print (default: .octavo/jobs)",
}


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a scheduler calls things: ``{}`` stands for the value.

    ``number`` finds a job's in what ``submit`` prints. ``after`` takes all jobs before, each as in ``each`` and with
    ``between`` between them. ``memory`` is in MiB, ``time`` in ``unit`` seconds.
    """

    title: str
    submit: tuple[str, ...]
    cancel: tuple[str, ...]
    number: str
    rule: NameRule
    name: tuple[str, ...]
    log: tuple[str, ...]
    after: tuple[str, ...]
    each: str
    between: str
    memory: tuple[str, ...]
    time: tuple[str, ...]
    unit: int
    cpus: tuple[str, ...]
    gpus: tuple[str, ...]
    queue: tuple[str, ...]
    account: tuple[str, ...]


SGE = Dialect(
    "SGE",
    ("qsub", "-terse", "-S", "/bin/sh", "-j", "y"),
    ("qdel",),
    r"^(\d+)",
    QUEUE,
    ("-N", "{}"),
    ("-o", "{}"),
    ("-hold_jid", "{}"),
    "{}",
    ",",
    ("-l", "h_vmem={}M"),
    ("-l", "h_rt={}"),
    1,
    ("-pe", "smp", "{}"),
    ("-l", "gpu={}"),
    ("-q", "{}"),
    ("-P", "{}"),
)
PBS_PRO = Dialect(
    "PBS",
    ("qsub", "-S", "/bin/sh", "-j", "oe"),
    ("qdel",),
    r"^(\d+(?:\.\S+)?)",
    PBS,
    ("-N", "{}"),
    ("-o", "{}"),
    ("-W", "depend=afterok:{}"),
    "{}",
    ":",
    ("-l", "mem={}mb"),
    ("-l", "walltime={}"),
    1,
    ("-l", "ncpus={}"),
    ("-l", "ngpus={}"),
    ("-q", "{}"),
    ("-A", "{}"),
)
LSF = Dialect(
    "LSF",
    ("bsub", "-L", "/bin/sh"),
    ("bkill",),
    r"Job <(\d+)>",
    QUEUE,
    ("-J", "{}"),
    ("-o", "{}"),
    ("-w", "{}"),
    "done({})",
    " && ",
    ("-M", "{}MB"),
    ("-W", "{}"),
    60,
    ("-n", "{}", "-R", "span[hosts=1]"),
    ("-gpu", "num={}"),
    ("-q", "{}"),
    ("-P", "{}"),
)


class Queue:
    """A scheduler of jobs, by its commands."""

    options: Mapping[str, str] = _OWN

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    def check(self, options: Mapping[str, str]) -> None:
        """Raise an Error where its command is not here, or no file that is to be in each job."""
        command, title = self._dialect.submit[0], self._dialect.title
        if shutil.which(command) is None:
            hint = f"submit on a machine that has {title}'s commands: a login node"
            raise Error(f"{title} is not installed here: there is no {command}", hint=hint)
        if (path := options.get("prologue")) and not os.path.isfile(path):
            raise Error("there is no such file", path, "prologue=FILE is shell that each job begins with")
        try:
            shlex.split(options.get("extra", ""))
        except ValueError as error:
            raise Error(f"the option extra cannot be read: {error}", hint="extra='-l gpu=1'") from None

    def submit(self, order: Handover) -> HandedOver:
        """Submit a job for each task. What is refused cancels what was submitted."""
        jobs: dict[str, str] = {}
        logs = os.path.abspath(os.path.join(order.root, order.options.get("logs", ".octavo/jobs"), order.run))
        os.makedirs(logs, exist_ok=True)
        try:
            for task in order.plan.tasks.values():
                jobs[task.name] = self._submit(order, task, jobs, logs)
        except BaseException:
            self.cancel(jobs)
            raise
        return HandedOver(jobs)

    def cancel(self, jobs: Json) -> str:
        """Cancel jobs; return what the scheduler says where it cannot."""
        return cancelled(self._dialect.cancel, [str(job) for job in jobs.values()])

    def _submit(self, order: Handover, task: Planned, jobs: Mapping[str, str], logs: str) -> str:
        words = arguments(self._dialect, order, task, jobs, logs)
        text = script(order, Batch((task,)))
        ended = subprocess.run(words, input=text, capture_output=True, text=True, check=False)
        found = re.search(self._dialect.number, ended.stdout, re.M)
        if ended.returncode or found is None:
            said = ended.stderr.strip() or ended.stdout.strip() or f"it ended with {ended.returncode}"
            raise Error(f'{words[0]} refuses "{task.name}": {said}')
        return found[1]


def arguments(
    dialect: Dialect, order: Handover, task: Planned, jobs: Mapping[str, str], logs: str
) -> list[str]:
    """Return the command that submits a task, whose script it reads."""
    options = order.options
    name = engine_name(task.name, dialect.rule)
    said: list[tuple[tuple[str, ...], object]] = [
        (dialect.name, name),
        (dialect.log, os.path.join(logs, f"{name}.out")),
    ]
    if before := [dialect.each.format(jobs[up]) for up in task.upstream if up in jobs]:
        said.append((dialect.after, dialect.between.join(before)))
    if task.memory is not None:
        said.append((dialect.memory, math.ceil((task.memory + ROOM) / (1 << 20))))
    if task.timeout is not None:
        limit = task.timeout * (task.retries + 1) + GRACE
        said.append((dialect.time, math.ceil(limit / dialect.unit)))
    if task.cpus is not None:
        said.append((dialect.cpus, math.ceil(task.cpus)))
    if task.gpus is not None:
        said.append((dialect.gpus, task.gpus))
    for key, words in (("queue", dialect.queue), ("account", dialect.account)):
        if key in options:
            said.append((words, options[key]))
    found = [word.replace("{}", str(value)) for words, value in said for word in words]
    more = [*shlex.split(options.get("extra", "")), *own_words(task, dialect.title.lower())]
    return [*dialect.submit, *found, *more]


SGE_JOBS, PBS_JOBS, LSF_JOBS = Queue(SGE), Queue(PBS_PRO), Queue(LSF)
