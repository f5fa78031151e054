"""What a notebook is: who it is, when it ran and with what, and whether its outputs are those of its code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import Enum

from ..dataclass import dataclass


class Trust(Enum):
    """How far the outputs that a notebook stores can be trusted to be those of its code, from top to bottom."""

    SOUND = "sound"
    UNCERTAIN = "uncertain"
    UNSOUND = "unsound"
    NOTHING = "no outputs"


@dataclass(frozen=True, slots=True)
class Integrity:
    """A state and, unless it is sound, why: a sentence each, which begins with the cell that it is about."""

    state: Trust
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Identity:
    """What a notebook's metadata say of it. ``kept_by`` is whose convention the id follows ("nbproject", "colab" …).

    ``packages`` are versions by distribution, as they were stored; ``fields`` are the people's own.
    """

    id: str = ""
    kept_by: str = ""
    version: str = ""
    created: str = ""
    parents: tuple[str, ...] = ()
    by: str = ""
    packages: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LastRun:
    """When a notebook ran last, in ISO format, for how many seconds, and whether it came to its end."""

    at: str
    seconds: float | None = None
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Distribution:
    """A distribution that a notebook imports: its version when the notebook ran, and the one that is installed."""

    name: str
    stored: str = ""
    installed: str = ""

    @property
    def differs(self) -> bool:
        """Whether another version is installed than the notebook ran with."""
        return bool(self.stored) and self.stored != self.installed


@dataclass(frozen=True, slots=True)
class Role:
    """What a notebook is to a pipeline: the source of a task, or the executed notebook that the task makes.

    ``made`` is the path of the executed notebook, ``folder`` where the task runs.
    ``before`` are the sources of the notebooks that it needs, by their tasks.
    ``inputs`` are digests of what the task's last run read, by path; ``packages`` its versions of what it imported.
    ``by`` is who began that run.
    """

    pipeline: str
    task: str
    executed: bool
    fresh: bool
    made: str = ""
    folder: str = ""
    before: Mapping[str, str] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()
    upstream: tuple[str, ...] = ()
    downstream: tuple[str, ...] = ()
    inputs: Mapping[str, str] = field(default_factory=dict)
    packages: Mapping[str, str] = field(default_factory=dict)
    by: str = ""


@dataclass(frozen=True, slots=True)
class About:
    """All that is known of a notebook; ``standing`` says whether it is a draft, published, or superseded."""

    path: str
    title: str
    format: str
    language: str
    kernel: str
    cells: int
    identity: Identity
    run: LastRun | None
    integrity: Integrity
    packages: tuple[Distribution, ...]
    roles: tuple[Role, ...] = ()
    standing: str = ""
