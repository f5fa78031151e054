"""What a store says of runs: their plans, what became of each task, and the wish to cancel."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Mapping

from ..cache.entry import Entry, decode, encode
from ..dataclass import dataclass
from ..errors import Error
from ..hints import did_you_mean
from ..model import Json
from ..process.variables import REMOTE
from ..project import load
from .depot import Depot
from .names import STORE, engine_name
from .plan import Plan, from_plain

#: Seconds between two signs of life of a task that runs, and after which one that gives none is called lost.
BEAT, LOST = 20.0, 90.0
#: How tasks end that need not run again.
GOOD = ("done", "restored", "fresh")


@dataclass(frozen=True, slots=True)
class TaskRun:
    """What became of a task in a run.

    ``state`` is running, done, restored, fresh, failed, cancelled; ``log`` and ``notebook`` are blobs, the latter the
    executed notebook of a failure. ``result`` is the entry of its products, and the name of that.
    """

    task: str
    state: str
    attempt: int = 1
    started: float = 0.0
    ended: float | None = None
    beat: float = 0.0
    seconds: float = 0.0
    host: str = ""
    pid: int = 0
    why: str = ""
    log: str = ""
    notebook: str = ""
    result: tuple[str, str] | None = None

    @property
    def good(self) -> bool:
        return self.state in GOOD

    def seen(self, now: float) -> str:
        """Return its state as a person should read it: what has not given a sign of life for long is lost."""
        return "lost" if self.state == "running" and now - self.beat > LOST else self.state

    def entry(self) -> Entry | None:
        """Return the result; None for a task without one, or where what is written is not whole."""
        return decode(self.result[1].encode(), self.result[0]) if self.result else None


def begun(task: str, attempt: int) -> TaskRun:
    """Return the first that is said of a task that runs here."""
    now = time.time()
    return TaskRun(task, "running", attempt, now, None, now, 0.0, socket.gethostname(), os.getpid())


def result(entry: Entry) -> tuple[str, str]:
    """Return an entry as a task's file has it."""
    return entry.path, encode(entry).decode()


def new_run(now: float | None = None) -> str:
    """Return the name of a new run: names are in the order of time, and two at once are different."""
    return time.strftime("%Y%m%d-%H%M%S-", time.gmtime(now)) + os.urandom(3).hex()


def at(url: str | None, file: str | None, patience: float = 5.0) -> Runs:
    """Return the runs at a URL; by default at that of the environment, or of the pipeline's cache."""
    if url := url or os.environ.get(REMOTE):
        return Runs(Depot(url, os.getcwd(), patience))
    with load(file) as project:
        if not (url := project.cache().url):
            hint = "name one, --remote s3://bucket/folder, or write it to pipeline.yaml: cache: s3://bucket/folder"
            raise Error("there is no remote store", hint=hint)
        return Runs(Depot(url, str(project.root), patience))


class Runs:
    """The runs at a store. Names of runs that engines have given are made fit for a store, whatever is in them."""

    def __init__(self, depot: Depot) -> None:
        self.depot = depot

    def start(
        self, run: str, plan: str, around: Mapping[str, str | None], said: Json, new: bool = False
    ) -> None:
        """Write down a run: the blob of its plan, what its placeholders stand for, and who submitted it where."""
        head = {"run": run, "plan": plan, "around": dict(around), "at": time.time(), **said}
        self.depot.tell(f"runs/{_key(run)}.json", head, new)

    def head(self, run: str) -> Json | None:
        """Return what was written down of a run; None if there is none of this name."""
        return self.depot.find(f"runs/{_key(run)}.json")

    def known(self, run: str) -> Json:
        """Return what was written down of a run. Raises an Error for one that is not known, with a hint."""
        if (found := self.head(run)) is None:
            names = self.depot.names("runs")
            alike = [name for name in names if name.startswith(run)]
            if len(alike) == 1 and (only := self.depot.find(f"runs/{alike[0]}.json")) is not None:
                return only
            if alike:
                raise Error(f'"{run}" is the beginning of {len(alike)} runs', hint=", ".join(alike[:5]))
            hint = did_you_mean(run, names) or "octavo runs --remote lists them"
            raise Error(f'there is no run "{run}" at {self.depot.url}', hint=hint)
        return found

    def listed(self, most: int | None = None) -> list[Json]:
        """Return what is written down of the last runs, the newest first."""
        return sorted(self.depot.told("runs", most), key=lambda head: float(head.get("at", 0)), reverse=True)

    def plan(self, digest: str) -> Plan:
        """Return a plan by the digest of its blob. Raises Gone."""
        return from_plain(json.loads(self.depot.get(digest)))

    def renew(self, digest: str) -> None:
        """Write a plan and its code again, if they are old: a store may be told to remove what is old."""
        self.depot.put(self.depot.get(digest))
        self.depot.put(self.depot.get(str(self.plan(digest).bundle["tar"])))

    def task(self, run: str, task: str) -> TaskRun | None:
        """Return what became of a task; None while nobody has begun it."""
        return _task(self.depot.find(f"tasks/{_key(run)}/{_key(task)}.json"))

    def tasks(self, run: str) -> dict[str, TaskRun]:
        """Return what became of the tasks of a run, as far as they have begun."""
        found = (_task(plain) for plain in self.depot.told(f"tasks/{_key(run)}"))
        return {one.task: one for one in found if one is not None}

    def tell(self, run: str, what: TaskRun) -> None:
        """Write down what became of a task."""
        plain = {name: getattr(what, name) for name in what.__dataclass_fields__}
        self.depot.tell(f"tasks/{_key(run)}/{_key(what.task)}.json", plain)

    def cancel(self, run: str) -> None:
        """Let nothing of a run start any more, and what runs end within a few seconds."""
        self.depot.tell(f"cancelled/{_key(run)}.json", {"at": time.time(), "host": socket.gethostname()})

    def cancelled(self, run: str) -> bool:
        """Return whether somebody has cancelled a run."""
        return self.depot.find(f"cancelled/{_key(run)}.json") is not None


def _task(plain: Json | None) -> TaskRun | None:
    if plain is None:
        return None
    known = {name: value for name, value in plain.items() if name in TaskRun.__dataclass_fields__}
    if known.get("result") is not None:
        known["result"] = tuple(known["result"])
    try:
        return TaskRun(**known)
    except TypeError:
        return None


def _key(name: str) -> str:
    return engine_name(name, STORE)
