"""What people are told of a build: a subject, a text, and the same as plain values."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from typing import TYPE_CHECKING

from ..dataclass import dataclass
from ..errors import Error
from ..events import TaskFinished
from ..model import Failure as Lost
from ..model import Json, Outcome
from ..show import failures, summary
from ..show.screen import Screen, flat, many, seconds, several

if TYPE_CHECKING:
    from ..report import Report

_WORDS = {"failure": "failed", "recovery": "recovered", "success": "built"}


@dataclass(frozen=True, slots=True)
class Message:
    """A message; ``outcome`` is "failed", "recovered" or "built", ``notebooks`` what failed tasks left, by path."""

    subject: str
    text: str
    outcome: str
    facts: Json = field(default_factory=dict)
    notebooks: tuple[str, ...] = ()

    def linked(self, link: str | None) -> Message:
        """Return the message with a link to more; ``{run}`` in it is the name of the run."""
        if not link:
            return self
        link = link.replace("{run}", str(self.facts.get("run", "")))
        return replace(self, text=f"{self.text}\n{link}\n", facts={**self.facts, "link": link})

    def with_news(self, lines: Sequence[str], alone: bool) -> Message:
        """Return the message with what tasks have reported; ``alone``: that is what it is sent for."""
        if not lines:
            return self
        more = f", and {len(lines) - 1:,} more" if len(lines) > 1 else ""
        subject = f"[{self.facts['project']}] {flat(lines[0])}{more}" if alone else self.subject
        text = "\n".join([*lines, "", self.text])
        return replace(self, subject=subject, text=text, facts={**self.facts, "news": [*lines]})


def of_build(
    report: Report,
    project: str,
    word: str,
    tails: Mapping[str, str],
    reasons: Mapping[str, tuple[str, ...]],
    root: str,
    mended: Iterable[str] = (),
) -> Message:
    """Return the message about a build.

    ``word`` is what it was, ``tails`` the ends of what its tasks printed, ``mended`` the tasks that failed before.
    """
    outcome = _WORDS[word]
    bad = [*mended, *report.failures, *(hook.hook for hook in report.hooks.values() if hook.failure)]
    counts = {outcome.value: n for outcome, n in report.counts.items() if n}
    counted = ", ".join(f"{n:,} {name}" for name, n in counts.items()) or "no tasks"
    about = several([flat(name) for name in bad], 3) if bad else counted
    if outcome == "failed" and not bad:
        about = counted
    lines = [*_lines(report, tails, reasons, root), f"{counted} in {seconds(report.seconds)}"]
    if any(outcome is not Outcome.FRESH for outcome in report.outcomes.values()):
        lines.append(f"octavo log {report.run}")  # there is none of a build that had nothing to do
    facts: Json = {
        "project": project,
        "run": report.run,
        "outcome": outcome,
        "counts": counts,
        "seconds": round(report.seconds, 3),
        "failures": [_plain(event, reasons) for event in report.failures.values()],
    }
    notebooks = tuple(event.notebook for event in report.failures.values() if event.notebook)
    return Message(f"[{project}] {outcome}: {about}", "\n".join(lines) + "\n", outcome, facts, notebooks)


def of_error(error: str, project: str, root: str) -> Message:
    """Return the message about a build that could not begin."""
    first = flat(error.partition("\n")[0])
    facts: Json = {"project": project, "run": "", "outcome": "failed", "counts": {}, "failures": []}
    text = f"The build could not begin, in {root}:\n\n{error}\n"
    return Message(f"[{project}] failed: {first[:120]}", text, "failed", facts | {"error": error})


def _lines(
    report: Report, tails: Mapping[str, str], reasons: Mapping[str, tuple[str, ...]], root: str
) -> Iterator[str]:
    to = Screen(io.StringIO())
    for name, event in report.failures.items():
        yield from failures.failed(event, tails.get(name, ""), to, root)
        if name in reasons:
            yield f"  it ran because: {several([flat(reason) for reason in reasons[name]], 3)}"
        yield ""
    for hook in report.hooks.values():
        if hook.failure:
            ended = TaskFinished(f"{hook.hook} of the pipeline", Outcome.FAILED, hook.seconds, hook.failure)
            yield from failures.failed(ended, hook.said, to, root)
            yield ""
    yield from summary.blocked(report, to)
    if report.stale:
        yield f"{many(len(report.stale), 'task')} made stale by a later one: {several([*report.stale], 3)}"


def _plain(event: TaskFinished, reasons: Mapping[str, tuple[str, ...]]) -> Json:
    failure = event.failure or Lost("Failed", "")
    return {
        "task": event.task,
        "kind": failure.kind,
        "message": failure.message,
        "path": failure.path,
        "cell": failure.number,
        "line": failure.line,
        "reasons": list(reasons.get(event.task, ())),
    }


def value(said: object, environ: Mapping[str, str]) -> str:
    """Return a text of the pipeline, or of the environment where it names a variable."""
    if isinstance(said, dict):
        name = str(said["env"])
        if not environ.get(name):
            raise Error(f"the environment variable {name} is not set")
        return environ[name]
    return str(said)
