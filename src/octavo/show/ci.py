"""A build in the log of a CI system: a foldable group for each task, errors where the code is, a summary page.

GitHub's workflow commands: https://docs.github.com/actions/reference/workflow-commands-for-github-actions;
GitLab's sections: https://docs.gitlab.com/ci/jobs/job_logs/#custom-collapsible-sections.
"""

from __future__ import annotations

import re
import time
from io import StringIO
from typing import TYPE_CHECKING

from ..events import Event, Output, TaskFinished, TaskStarted
from ..model import Outcome
from ..products import writing
from ..tracebacks import plain
from .failures import failed, location
from .lines import UNSAID, Lines, outcome_line
from .screen import Screen, flat, seconds
from .workflow_commands import in_message, in_setting

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..report import Report

#: Characters of what a task printed that a group shows; the log of the run has all.
_MOST = 50_000


class Grouped(Lines):
    """Plain lines, and what each task printed as a group that is folded in the log, once the task has ended."""

    def __init__(self, to: Screen, root: str, style: str) -> None:
        super().__init__(to)
        self._root = root
        self._style = style
        self._printed: dict[str, str] = {}

    def __call__(self, event: Event) -> None:
        match event:
            case Output(kind="stream"):
                printed = self._printed.get(event.task, "") + str(event.content.get("text", ""))
                self._printed[event.task] = printed[-_MOST:]
            case TaskStarted():
                self._printed.pop(event.task, None)
                super().__call__(event)
            case TaskFinished():
                printed = plain(self._printed.pop(event.task, ""))
                if event.outcome not in UNSAID:
                    self._group(event, printed)
                if event.outcome is Outcome.FAILED and self._style == "github":
                    self.to.say(annotation(event, self._root))
            case _:
                super().__call__(event)

    def _group(self, event: TaskFinished, printed: str) -> None:
        head = outcome_line(event, self.to)
        if not printed.strip():
            self.to.say(head)
            return
        if self._style == "github":
            self.to.say(f"::group::{head}")
        else:
            name = re.sub(r"[^\w.-]", "_", event.task)
            now = int(time.time())
            self.to.say(f"\x1b[0Ksection_start:{now}:{name}[collapsed=true]\r\x1b[0K{head}")
        for line in printed.splitlines():
            # a line that a task prints must not command the CI system
            text = flat(line.rpartition("\r")[2].expandtabs())
            self.to.say(" " + text if text.lstrip().startswith(("::", "##[")) else text)
        self.to.say(
            "::endgroup::" if self._style == "github" else f"\x1b[0Ksection_end:{now}:{name}\r\x1b[0K"
        )


def annotation(event: TaskFinished, root: str) -> str:
    """Return GitHub's command that shows a failure at its line in the files of a pull request."""
    failure = event.failure
    if failure is None:
        return f"::error title={in_setting(event.task)}::{in_message(event.task)} failed"
    path, line = location(failure, root)
    where = (
        f"file={in_setting(path)},line={line},"
        if path and line
        else f"file={in_setting(path)},"
        if path
        else ""
    )
    message = f"{failure.kind}: {plain(failure.message).strip()}"
    cell = f"cell {failure.number}: " if failure.number is not None else ""
    return f"::error {where}title={in_setting(event.task)}::{in_message(cell + message)[:4000]}"


def step_summary(report: Report, root: str, notes: Iterable[str]) -> Iterator[str]:
    """Yield the lines of a page in Markdown: how each task ended, what went wrong, what should be known."""
    counts = [f"{n} {outcome.value}" for outcome, n in report.counts.items() if n]
    yield f"### octavo build: {', '.join(counts) or 'no tasks'} in {seconds(report.seconds)}"
    yield ""
    rows = [event for event in report.ended.values() if event.outcome is not Outcome.FRESH]
    if rows:
        yield from ("| task | outcome | time |", "|---|---|---|")
        for event in rows:
            yield f"| {_cell(event.task)} | {event.outcome.value} | {seconds(event.seconds) if event.seconds else ''} |"
        yield ""
    for event in report.failures.values():
        text = "\n".join(failed(event, "", Screen(StringIO()), root))
        fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", text)), default=0))
        yield from (
            f"<details open><summary>{_cell(event.task)}</summary>",
            "",
            f"{fence}text",
            text,
            fence,
            "",
        )
        yield "</details>"
        yield ""
    yield from (f"- {_cell(note)}" for note in notes)


def _cell(text: str) -> str:
    """Return a text as Markdown that shows just it."""
    return re.sub(r"([\\`*_{}\[\]<>|#])", r"\\\1", flat(text))


def append(path: str, lines: Iterable[str]) -> None:
    """Add lines to the page of the step; where that cannot be written, the build is right all the same."""
    try:
        with open(writing.stream(path), "w", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor
            file.writelines(line + "\n" for line in lines)
    except OSError:
        pass
