"""Submit a run: decide what is to run, send its code and inputs to the store, and hand the tasks to an engine."""

from __future__ import annotations

import getpass
import json
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import field, replace

from .. import plugins
from ..cache.entry import Entry
from ..cache.reuse import Reuse
from ..dataclass import dataclass
from ..errors import Error, raise_all
from ..lazy import lazy_imports
from ..model import Task
from ..parts import Now
from ..plan import key_of
from ..project import Project
from ..secrets.hiding import discreet, in_text
from ..show.screen import several
from . import bundle
from .depot import Depot
from .engines import Engine, Handover
from .plan import Plan, chosen, code, planned, refused, telling
from .runs import Runs, TaskRun, new_run, result

with lazy_imports():
    from . import aws_batch, dask, here, queues, slurm

ENGINES: Mapping[str, Callable[[], Engine]] = {
    "here": lambda: here.HERE,
    "dask": lambda: dask.DASK,
    "slurm": lambda: slurm.SLURM_JOBS,
    "sge": lambda: queues.SGE_JOBS,
    "pbs": lambda: queues.PBS_JOBS,
    "lsf": lambda: queues.LSF_JOBS,
    "aws-batch": lambda: aws_batch.AWS_BATCH_JOBS,
}
#: Engines whose tasks run in images, where octavo is on the path.
IN_IMAGES = ("aws-batch",)
#: Engines that a run is submitted to by waiting for its end.
WAITING = ("here", "dask")


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be planned. ``every``: for all runs of a schedule. ``committed``: no other code."""

    targets: Sequence[str] = ()
    params: Mapping[str, object] = field(default_factory=dict)
    file: str | None = None
    force: bool = False
    committed: bool = False
    every: bool = False


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan that is at the store, by the digest of its blob; and the results that the run holds from its beginning."""

    plan: Plan
    digest: str
    held: Mapping[str, Entry] = field(default_factory=dict)


def engine(name: str) -> Engine:
    """Return an engine by its name: one of ours, or one that another package brings."""
    if name in ENGINES:
        return ENGINES[name]()
    found: Engine = plugins.member("engines", name, ENGINES)
    return found


def prepare(project: Project, depot: Depot, wish: Request, say: Callable[[str], None]) -> Prepared | None:
    """Plan a run and send what it needs to the store; None where nothing is to run. Raises what stands in the way."""
    todo, needed = chosen(project, wish.targets, wish.force, wish.every)
    if not todo:
        return None
    if in_text(depot.url):
        raise Error(
            f"the address of the store holds a password, and it is written into plans and files: {discreet(depot.url)}",
            hint="give it as variables of the environment, here and where tasks run: AWS_SECRET_ACCESS_KEY …",
        )
    raise_all(refused(project, [*(step.task for step in todo), *needed], wish.params))
    found, beside = code(project)
    if found.uncommitted and wish.committed:
        raise Error(
            f"not committed as they are: {several(list(found.uncommitted), 5)}",
            hint="commit them, or omit --committed to run them as they are",
        )
    if found.uncommitted:
        say(f"not committed, and sent as they are: {several(list(found.uncommitted), 3)}")
    if told := telling(project):
        say(f"sent as they are, with the secrets in them: {', '.join(told)}")
    if beside:
        say(f"outside of the project, and not sent: {several(beside, 3)}")
    depot.check()
    packed = bundle.pack(str(project.root), found.paths, depot)
    plan = planned(
        project,
        todo,
        needed,
        packed,
        file=wish.file,
        params=wish.params,
        force=wish.force,
        once=not wish.every,
    )
    digest = depot.put(json.dumps(plan.plain(), separators=(",", ":"), sort_keys=True).encode())
    return Prepared(plan, digest, _held(project, depot, needed))


def _held(project: Project, depot: Depot, tasks: Sequence[Task]) -> dict[str, Entry]:
    """Send the results of tasks that are fresh here, for those that run elsewhere."""
    cache = project.cache()
    known = Reuse(cache, project.graph.tasks, project.store, Now(project.store, project.graph).again)
    found = {}
    for task in tasks:
        record = project.store.record(key_of(task))
        entry = record and cache.save(
            task, {**known.declared(task), "run": "held"}, replace(record, discovered={}), always=True
        )
        if not isinstance(entry, Entry):
            raise Error(f'the result of "{task.name}" cannot be sent: it changed, or is a link', task.where)
        found[task.name] = entry
    with ThreadPoolExecutor(4, "octavo-held") as pool:
        list(pool.map(lambda entry: depot.send_products(entry, cache.blobs), found.values()))
    return found


def submit(
    prepared: Prepared, depot: Depot, to: str, order: Callable[[str], Handover], run: str | None = None
) -> tuple[str, int | None]:
    """Hand a run to an engine; return its name, and its exit code where the engine has waited for the end."""
    run, runs = run or new_run(), Runs(depot)
    said = {"engine": to, "user": _user(), "host": socket.gethostname(), "jobs": {}}
    runs.start(run, prepared.digest, prepared.plan.around, said)
    with ThreadPoolExecutor(4, "octavo-held") as pool:
        held = [TaskRun(name, "fresh", result=result(entry)) for name, entry in prepared.held.items()]
        list(pool.map(lambda one: runs.tell(run, one), held))
    try:
        taken = engine(to).submit(order(run))
    except (Error, KeyboardInterrupt):
        runs.cancel(run)  # or it would seem to be waited for
        raise
    if taken.jobs:
        runs.start(run, prepared.digest, prepared.plan.around, {**said, "jobs": dict(taken.jobs)})
    return run, taken.code


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return str(os.getuid())
