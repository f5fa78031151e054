"""The events of a run, and their JSON form.

One stream of these comes out of the engine and nobody is told anything another way. Workers send the same
events, so the encoding below is also what crosses processes and what the run log holds, one JSON object a line.
Times (``at``) are seconds since the epoch, durations (``seconds``) are wall-clock seconds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import field

from .dataclass import dataclass
from .model import Failure, Json, Outcome, Reason


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A build begins; ``stale`` of its ``tasks`` have a reason to run or wait for one that has; ``by`` began it."""

    run: str
    tasks: tuple[str, ...]
    stale: tuple[str, ...]
    at: float
    by: str = ""


@dataclass(frozen=True, slots=True)
class TaskStarted:
    """A task was handed to the executor, because of ``reasons``."""

    task: str
    reasons: tuple[Reason, ...]
    at: float


@dataclass(frozen=True, slots=True)
class Importing:
    """A started task waits until ``modules`` are imported ahead; said again with the ``seconds`` when it has them.

    Nothing of the task has run until then: the wait is no part of its own time.
    """

    task: str
    modules: tuple[str, ...]
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class NotebookOpened:
    """The worker has read a notebook and injected its parameters: the start of the executed notebook's fold."""

    task: str
    notebook: Json
    parameters: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CellStarted:
    """A code cell begins; ``cell`` is its index in the notebook, ``number`` of ``total`` counts code cells."""

    task: str
    cell: int
    number: int
    total: int
    at: float


@dataclass(frozen=True, slots=True)
class Output:
    """A message of a kernel's IOPub channel (``kind`` and ``content`` as in Jupyter's messaging specification).

    ``cell`` is None for what a task says outside any cell: a function, or a process that died.
    """

    task: str
    cell: int | None
    kind: str
    content: Json


@dataclass(frozen=True, slots=True)
class CellFinished:
    """A code cell ended. ``count`` is its execution count, ``failed`` whether it raised, ``cpu`` in seconds."""

    task: str
    cell: int
    at: float
    seconds: float
    count: int | None = None
    failed: bool = False
    cpu: float | None = None
    memory: int | None = None


@dataclass(frozen=True, slots=True)
class KernelReady:
    """A kernel answers; ``language`` is its ``language_info``, ``kernelspec`` what the executed notebook names."""

    task: str
    language: Json
    kernelspec: Json


@dataclass(frozen=True, slots=True)
class Paused:
    """A task has failed and its worker waits for a person: at a debugger's prompt, or as a kernel to attach to.

    ``connection`` is that kernel's connection file.
    """

    task: str
    failure: Failure
    connection: str | None = None


@dataclass(frozen=True, slots=True)
class Diverged:
    """A task's worker cannot be as a new process would be: it starts again in one where nothing was imported ahead."""

    task: str
    why: str


@dataclass(frozen=True, slots=True)
class TaskFinished:
    """A task ended. ``discovered`` maps parts of the manifest to [path, digest] as the run saw them.

    ``cpu`` are processor seconds and ``memory`` the peak bytes of the worker, where the system tells.
    ``touched`` tells what it was seen to read, write, connect to and start: (cell, verb, what).
    ``reasons`` are those why a blocked task was not run; ``notebook`` is where a failed one's outputs are.
    ``on_failure_called``: its ``on_failure`` has been called.
    """

    task: str
    outcome: Outcome
    seconds: float = 0.0
    failure: Failure | None = None
    discovered: dict[str, tuple[str, str]] = field(default_factory=dict)
    cpu: float | None = None
    memory: int | None = None
    reasons: tuple[Reason, ...] = ()
    notebook: str | None = None
    touched: tuple[tuple[int | None, str, str], ...] = ()
    on_failure_called: bool = False


@dataclass(frozen=True, slots=True)
class CheckFinished:
    """A check of a task's ``product`` was made; ``found`` says what is wrong, in ``count`` rows; ``rows`` are some.

    ``severity`` "warn" fails no task. ``profile`` is what a check for drift keeps of the data.
    """

    task: str
    check: str
    product: str
    good: bool
    found: str = ""
    severity: str = "error"
    count: int | None = None
    rows: tuple[Json, ...] = ()
    profile: Json | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class MetricsLogged:
    """A task has reported ``metrics``, numbers by their names."""

    task: str
    metrics: dict[str, int | float]


@dataclass(frozen=True, slots=True)
class HookFinished:
    """A hook of the pipeline itself ("on_finish") was called; ``said`` is what it printed."""

    hook: str
    seconds: float = 0.0
    failure: Failure | None = None
    said: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """Something a person should know that changes no outcome; ``now``: as long as it is so, and not only at the end."""

    message: str
    task: str | None = None
    now: bool = False


@dataclass(frozen=True, slots=True)
class RunFinished:
    """A build ended. ``stale`` are tasks that ran, and that a later one made stale by what it wrote."""

    run: str
    good: bool
    seconds: float
    at: float
    stale: tuple[str, ...] = ()


Event = (
    RunStarted
    | TaskStarted
    | Importing
    | NotebookOpened
    | KernelReady
    | CellStarted
    | Output
    | CellFinished
    | Paused
    | Diverged
    | CheckFinished
    | MetricsLogged
    | TaskFinished
    | HookFinished
    | Note
    | RunFinished
)

#: What a task finds out about its result besides that it is there: the engine keeps it.
Findings = CheckFinished | MetricsLogged

KINDS: dict[str, type[Event]] = {
    kind.__name__: kind
    for kind in (
        RunStarted,
        TaskStarted,
        Importing,
        NotebookOpened,
        KernelReady,
        CellStarted,
        Output,
        CellFinished,
        Paused,
        Diverged,
        CheckFinished,
        MetricsLogged,
        TaskFinished,
        HookFinished,
        Note,
        RunFinished,
    )
}


def person(environ: Mapping[str, str]) -> str:
    """Return who runs this, as the environment says; in CI, who began the job. "" where nobody is named."""
    names = ("GITHUB_ACTOR", "GITLAB_USER_LOGIN", "LOGNAME", "USER", "USERNAME")
    return next(filter(None, (environ.get(name) for name in names)), "")


def word(message: str, task: str | None = None) -> Note:
    """Return what is said at once: somebody waits, and should know for what."""
    return Note(message, task, now=True)


def encode(event: Event) -> bytes:
    """Return an event as one line of JSON, without the line's end."""
    return _compact.encode(to_json(event)).encode("utf-8", "surrogatepass")


def decode(line: bytes) -> Event:
    """Return the event of a line that ``encode`` made."""
    return from_json(parsed(line))


def parsed(line: bytes) -> Json:
    """Return the JSON values of a line that ``encode`` made."""
    plain: Json = json.loads(line.decode("utf-8", "surrogatepass"))
    return plain


def to_json(event: Event) -> Json:
    """Return an event as plain JSON values, with its type under "event"."""
    plain: Json = {"event": type(event).__name__}
    for name in event.__dataclass_fields__:
        plain[name] = _plain(getattr(event, name))
    return plain


def from_json(plain: Json) -> Event:
    """Return the event of what ``to_json`` made. Fields unknown to this version are dropped."""
    kind = KINDS[plain["event"]]
    known = kind.__dataclass_fields__
    values = {name: value for name, value in plain.items() if name in known}
    for name, build in _BUILD.items():
        if values.get(name) is not None:
            values[name] = build(values[name])
    event: Event = kind(**values)
    return event


def _plain(value: object) -> object:
    if isinstance(value, Outcome):
        return value.value
    if isinstance(value, Failure | Reason):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


_compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str)
_BUILD: dict[str, Callable[..., object]] = {
    "outcome": Outcome,
    "failure": lambda fields: Failure(**{**fields, "traceback": tuple(fields["traceback"])}),
    "reasons": lambda reasons: tuple(Reason(**fields) for fields in reasons),
    "tasks": tuple,
    "stale": tuple,
    "modules": tuple,
    "rows": tuple,
    "touched": lambda rows: tuple((cell, verb, what) for cell, verb, what in rows),
    "discovered": lambda parts: {part: (path, digest) for part, (path, digest) in parts.items()},
}
