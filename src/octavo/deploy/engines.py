"""The protocol of engines, which take the tasks of a run and start each of them after those before it."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Protocol

from ..dataclass import dataclass
from ..errors import Error
from ..hints import did_you_mean
from ..model import Json
from .names import SLURM, engine_name
from .plan import Plan


@dataclass(frozen=True, slots=True)
class Handover:
    """A run as an engine gets it. ``octavo`` is the command where tasks run; ``options`` are the engine's own.

    ``jobs`` is how many tasks may run at a time, where the engine is asked. ``say`` tells a person how it goes;
    ``quiet``: what tasks print is not shown. ``root`` is the project.
    """

    run: str
    plan: Plan
    url: str
    octavo: Sequence[str] = ("octavo",)
    options: Mapping[str, str] = field(default_factory=dict)
    jobs: int | None = None
    say: Callable[[str], None] = lambda text: None
    quiet: bool = False
    root: str = "."

    def command(self, *words: str) -> list[str]:
        """Return the command that runs a task: of its name, or of what an engine writes in place of it."""
        return [*self.octavo, "run-task", *words, "--run", self.run, "--remote", self.url]

    def shell(self, *words: str) -> str:
        """Return ``command`` as a line of a shell."""
        return shlex.join(self.command(*words))


@dataclass(frozen=True, slots=True)
class HandedOver:
    """What an engine has made of an order: its jobs by the tasks, and the exit code where it has waited for the end."""

    jobs: Mapping[str, str] = field(default_factory=dict)
    code: int | None = None


class Engine(Protocol):
    """Takes runs. What it refuses, it refuses before anything was handed over."""

    @property
    def options(self) -> Mapping[str, str]:
        """Its options, and what each is for."""
        ...

    def check(self, options: Mapping[str, str]) -> None:
        """Raise an Error where the engine is not there, or does not take these options."""
        ...

    def submit(self, order: Handover) -> HandedOver:
        """Hand over the tasks of a run."""
        ...

    def cancel(self, jobs: Json) -> str:
        """End what has been handed over; return what could not be done, "" for nothing."""
        ...


def plain(name: str) -> str:
    """Return a name as that of a file."""
    return engine_name(name, SLURM)


def options(said: Sequence[str], known: Mapping[str, str], engine: str) -> dict[str, str]:
    """Return the options of an engine from texts such as partition=gpu."""
    found = {}
    for text in said:
        name, equals, value = text.partition("=")
        if not equals or not value:
            raise Error(f'"{text}" is no option of an engine', hint="write NAME=VALUE: partition=gpu")
        if name not in known:
            hint = did_you_mean(name, known) or (f"it has: {', '.join(known)}" if known else "it has none")
            raise Error(f'the engine {engine} has no option "{name}"', hint=hint)
        if "\n" in value or "\r" in value:
            raise Error(f"the option {name} must be one line")
        found[name] = value
    return found
