"""The vocabulary as values: Source, Facts, Task, Record, Reason, Step, Outcome, Failure, Trace.

All of them are frozen, slotted and picklable, and made of the standard library's types only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from enum import Enum
from typing import TYPE_CHECKING, Any

from .dataclass import dataclass

if TYPE_CHECKING:
    from .errors import Error, Place

#: What a result depends on: the name of a part ("source", "param n", "module pkg.mod") → its digest,
#: or the value itself where that is short enough to be shown to a person.
Manifest = Mapping[str, str]
#: An object of JSON that another project defines (notebooks, messages of kernels): it is looked at where it is used.
Json = dict[str, Any]


def joined(value: object) -> str:
    """Return a text of a notebook, which may be a list of its lines."""
    return "".join(map(str, value)) if isinstance(value, list) else str(value)


UNSTABLE = "changed while it ran"  #: what stands in a manifest for a part that was: the task is stale
#: Where the files are that stand for products which are none: tables, objects elsewhere.
PROXIES = ".octavo/standing/"
STORED = "stored"  # the kind of those in an object store, a file or a folder
#: What stands in a manifest for a file that the task looked for in vain, and for one that cannot be read.
ABSENT, UNREADABLE = "absent", "unreadable"
#: How what stands in a manifest for a value begins that cannot be told from others: it is never the same twice.
UNKNOWN = "cannot be compared: "
#: What is passed to code besides its own parameters, by octavo or by Ploomber, whether it takes that or not.
PASSED = frozenset(("client", "env", "product", "resources_", "upstream"))
HIDDEN = "•••"  #: what is shown in place of a secret


@dataclass(frozen=True, slots=True)
class Parameter:
    """One declared parameter of a notebook or function, as its code says it.

    ``default`` and ``annotation`` are text of its language, ``value`` the literal default (``known`` tells None).
    """

    name: str
    default: str | None = None
    annotation: str | None = None
    value: object = None
    known: bool = False
    help: str = ""


@dataclass(frozen=True, slots=True)
class CellFacts:
    """What one code cell says: names it binds at its top level, names it reads from others, where it stands.

    ``cell`` is the index in the notebook, ``line`` the line in the file, from 1; 0 where it has none, as .ipynb.
    """

    cell: int
    line: int = 0
    defines: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()


#: How a mistake begins that Python's parser has found.
SYNTAX = "syntax error: "


@dataclass(frozen=True, slots=True)
class Facts:
    """What a source says about itself, found by reading it and never by running it.

    ``upstream`` and ``product`` are None where the source is silent. ``product`` maps keys to paths, or to the parts
    of a table's name, with the key ``None`` for a single one. ``digest`` is that of the normalised code: comments,
    blank lines, formatting, markdown and stored outputs do not change it; ``raw`` is that of the bytes.
    ``mistakes`` are messages with their places that make the source unfit to run (a syntax error, an
    ``upstream`` that is no literal). ``bare`` says why it must run where nothing was imported ahead, if it must.
    """

    digest: str
    raw: str = ""
    language: str = "python"
    kernel: str | None = None
    title: str = ""
    upstream: tuple[str, ...] | None = None
    product: Mapping[str | None, object] | None = None
    params: tuple[Parameter, ...] = ()
    parameters_cell: bool = False
    imports: tuple[str, ...] = ()
    cells: tuple[CellFacts, ...] = ()
    mistakes: tuple[tuple[str, Place], ...] = ()
    bare: str = ""

    def fatal(self, kernel: str | None = None) -> tuple[tuple[str, Place], ...]:
        """Return the mistakes that count with a kernel (default: the source's own).

        What is a syntax error to this Python need be none to that of another kernel.
        """
        own = self.language != "python" or (kernel or self.kernel) in (None, "", "python3", "python")
        return tuple(mistake for mistake in self.mistakes if own or SYNTAX not in mistake[0])


@dataclass(frozen=True, slots=True)
class Source:
    """Code and its place. ``path`` is the file, relative to the project; ``entry`` the dotted path of a function.

    ``text`` is filled when the task is about to run, so that what was fingerprinted is what runs; so is ``notebook``
    where it takes jupytext, which no worker imports. ``function`` is the digest of a function that a program gave.
    """

    path: str
    entry: str | None = None
    text: str | None = None
    facts: Facts = field(default_factory=lambda: Facts(""))
    function: str | None = None
    notebook: Json | None = None


class Relation(str):
    """A table or view in a database: as text ``schema.name``, as templates and notebooks write it."""

    __slots__ = ("kind", "name", "schema")

    schema: str | None
    name: str
    kind: str

    def __new__(cls, name: str, schema: str | None = None, kind: str = "table") -> Relation:
        relation = super().__new__(cls, f"{schema}.{name}" if schema else name)
        relation.schema, relation.name, relation.kind = schema, name, kind
        return relation

    def __reduce__(self) -> tuple[object, ...]:
        return Relation, (self.name, self.schema, self.kind)


@dataclass(frozen=True, slots=True)
class Product:
    """What a task promises to leave behind: a path relative to the project, and its key in a dict of products.

    ``executed`` marks an executed notebook: made for people, so that a change of it alone makes nothing stale.
    What is no file (``relation``, a table) has one that stands for it: it holds the digest of the thing, and
    ``maker`` is the word of the dialect for it, "SQLiteRelation".
    """

    path: str
    key: str | None = None
    executed: bool = False
    relation: Relation | None = None
    maker: str = "File"


@dataclass(frozen=True, slots=True)
class Call:
    """A function that pipeline.yaml names by its dotted path, and the arguments that stand beside it there."""

    path: str
    arguments: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Calls:
    """What is called for a task, and is part of what makes its result."""

    on_render: Call | None = None
    on_finish: Call | None = None
    client: Call | None = None
    product_client: Call | None = None
    serializer: Call | None = None
    unserializer: Call | None = None

    def named(self) -> Iterator[tuple[str, Call]]:
        """Yield the calls that there are, by their names in pipeline.yaml."""
        for name in self.__dataclass_fields__:
            if (call := getattr(self, name)) is not None:
                yield name, call


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a task is run, and not what it makes: these are in no manifest.

    ``timeout`` and ``cell_timeout`` are seconds. ``output_limit`` is how many characters that a cell prints are kept
    in the executed notebook: 0 is all, None a usual number. ``cache``: True keeps its result whatever the size, False
    never does. ``strict``: another version of what is noted only ("environment: strict") is a reason to run.
    ``file_client``: where its products are sent. ``pause``: it waits for a person when failed. ``isolated``: its
    kernel is a process of its own.
    """

    timeout: float | None = None
    cell_timeout: float | None = None
    start_timeout: float | None = None
    retries: int = 0
    cache: bool | None = None
    strict: bool = False
    on_failure: Call | None = None
    file_client: Call | None = None
    pause: Mapping[str, object] | None = None
    isolated: bool = False
    output_limit: int | None = None


@dataclass(frozen=True, slots=True)
class Resources:
    """What a task takes of its machine: in no manifest either. ``memory`` is bytes, ``engines`` words of theirs."""

    memory: int | None = None
    cpus: float | None = None
    gpus: int | None = None
    engines: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Declared:
    """Files that a task is said to read: they count from its first run on.

    ``inputs`` is None where it does not say. ``resources`` are files by the names that its code has for them,
    ``templates`` the folders that its templates import others from.
    """

    inputs: tuple[str, ...] | None = None
    resources: Mapping[str, str] = field(default_factory=dict)
    templates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hidden:
    """What is secret of a task: its ``params`` as they are shown.

    ``kept`` are the same parameters, and ``options`` the options, as a manifest has them.
    ``words`` are the secrets themselves, which are taken out of what octavo says of the task.
    """

    params: Mapping[str, object] = field(default_factory=dict)
    kept: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Task:
    """One step with everything resolved; closed, so that it can be sent to a worker as it is.

    ``upstream`` are names of tasks, without wildcards. ``inputs`` is what the user's code gets as ``upstream``: the
    products of those tasks, each a path or a dict of paths, below the wildcard that stands for it where there is one.
    ``own`` are the keys that its kind declares. ``cwd`` is the folder that it runs in, "" for the project's.
    ``secret`` are names of which somebody has said whether they are secret, "*" for all others.
    """

    name: str
    kind: str
    source: Source
    products: tuple[Product, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)  # for the user's code, as ``inputs``
    upstream: tuple[str, ...] = ()
    inputs: Mapping[str, Any] = field(default_factory=dict)
    own: Mapping[str, Any] = field(default_factory=dict)  # as YAML has them: the rows of the keys test them
    calls: Calls = Calls()
    declared: Declared = Declared()
    run: RunOptions = RunOptions()
    resources: Resources = Resources()
    kernel: str | None = None
    cwd: str = ""
    tags: tuple[str, ...] = ()
    where: Place | None = None
    secret: Mapping[str, bool] = field(default_factory=dict)
    hidden: Hidden = Hidden()

    @property
    def named_kernel(self) -> str | None:
        """The kernel that it asks for; None for Python of this very environment, and for whatever the language has.

        By convention "python3" is the kernel of the environment that starts it: a header that an editor adds with
        this name asks for no other than no header does.
        """
        name = self.kernel or self.source.facts.kernel
        default = self.source.facts.language.lower() == "python" and name in ("python3", "python")
        return None if default else name or None


@dataclass(frozen=True, slots=True)
class Record:
    """The last success of a task: what it depended on, what it made, and where it found that out.

    ``discovered`` maps parts of the manifest that only the run could know ("module pkg.mod", "file data.csv")
    to their paths, relative to the project. ``state`` is "done", "begun" from the start of a run on until its end,
    or "failed". ``raw`` is the digest of the source's bytes, comments, markdown and all.
    """

    task: str
    manifest: Manifest
    products: Manifest
    discovered: Mapping[str, str]
    run: str
    seconds: float
    state: str = "done"
    raw: str = ""


@dataclass(frozen=True, slots=True)
class Reason:
    """One difference between what a task depends on now and what its record says; ``str()`` says it to a person.

    ``text`` is how that part says it. ``edited``: it is about a product that is not as octavo left it, which may be
    somebody's work.
    """

    part: str
    was: str | None = None
    now: str | None = None
    detail: str = ""
    text: str = ""
    edited: bool = False

    def __str__(self) -> str:
        text = self.text or f"{self.part} changed"
        return f"{text} ({self.detail})" if self.detail else text


@dataclass(frozen=True, slots=True)
class Step:
    """A task in a plan: why it must run, and which stale tasks before it may yet change that.

    ``refresh``: it need not run, but comments or markdown of its notebook changed: the executed one gets them.
    """

    task: Task
    reasons: tuple[Reason, ...] = ()
    waits: tuple[str, ...] = ()
    refresh: bool = False

    @property
    def fresh(self) -> bool:
        return not self.reasons and not self.waits


class Outcome(Enum):
    """How a task ended."""

    DONE = "done"
    FRESH = "fresh"
    RESTORED = "restored"
    FAILED = "failed"
    BLOCKED = "blocked"
    CANCELLED = "cancelled"

    @property
    def good(self) -> bool:
        return self in (Outcome.DONE, Outcome.FRESH, Outcome.RESTORED)

    @property
    def bad(self) -> bool:
        """Whether the task should have gone well: cancelled is neither good nor bad."""
        return self in (Outcome.FAILED, Outcome.BLOCKED)


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure of the user's code (or of its process) as data that crosses processes.

    ``kind`` is the exception's class name, or one of octavo's own words: MissingProduct, WorkerDied, Timeout,
    OutOfMemory. ``cell`` is the index in the executed notebook, ``number`` its execution count, ``line`` the
    failing line in the cell (or in ``path`` for a function), ``code`` the text that ``line`` counts in. ``raised`` is
    where in the user's code it was raised, if elsewhere: "cell 1, line 2" (``number`` counts so, too), "helpers.py:7".
    """

    kind: str
    message: str
    traceback: tuple[str, ...] = ()
    cell: int | None = None
    number: int | None = None
    line: int | None = None
    path: str | None = None
    code: str = ""
    hint: str = ""
    raised: str = ""

    @classmethod
    def of(cls, error: Error) -> Failure:
        """Return an error that was found only when the task was to run as its failure, with the place."""
        where = f"{error.where}: " if error.where else ""
        return cls(type(error).__name__, where + error.message, hint=error.hint or "")


@dataclass(frozen=True, slots=True)
class Trace:
    """A place in a project that depends on Ploomber, or on what octavo does in another way."""

    code: str
    severity: str
    where: Place
    message: str
    hint: str = ""
