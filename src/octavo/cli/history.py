"""octavo history: the runs of a task and what changed between them; the versions of a notebook, cell by cell."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import TYPE_CHECKING

from ..errors import Error
from ..fingerprint import differences
from ..lazy import lazy_imports
from ..model import Outcome, Reason
from ..parts import split
from ..show.screen import flat, screen, seconds
from ..timeline import notebooks
from . import options

with lazy_imports():
    from ..quality import shown as quality

if TYPE_CHECKING:
    from argparse import Namespace

    from ..state.store import PastRun
    from .options import Parser


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo history``."""
    parser.add_argument("task", metavar="TASK", help="the name of a task, a notebook, or NOTEBOOK#CELL")
    parser.add_argument(
        "runs", nargs="*", metavar="RUN", help="two runs to compare: their names, or the beginnings of these"
    )
    parser.add_argument(
        "--at",
        metavar="REV",
        help="a notebook or cell as it was: at a commit, in a run, as a version published",
    )
    parser.add_argument(
        "--json", action="store_true", help="print runs as lines of JSON, with their manifests"
    )
    options.file(parser)
    parser.examples("""\
octavo keeps the last 50 runs of each task.

examples:
  octavo history fit                        when it ran, how it ended, what had changed
  octavo history fit 20260102-1 20260103-1  what changed between two runs
  octavo history fit.ipynb                  its versions, and when each cell last changed
  octavo history fit.ipynb#4 --at HEAD~3    its fourth code cell as it was""")


def main(args: Namespace) -> int:
    """List the runs of a task, or the differences between two."""
    out = screen(sys.stdout, os.environ)
    if (asked := notebooks.asked(args.task)) is not None:
        if args.runs:
            raise Error("of a notebook no runs are compared", hint=f"octavo history {asked.path} --at REV")
        for line in notebooks.answer(asked, args.at, args.json, args.file, out):
            out.say(line)
        return 0
    if args.at is not None:
        raise Error("--at is for notebooks", hint="octavo history NOTEBOOK --at REV")
    with options.project(args) as project:
        runs = project.history(args.task)
        (task,) = (project.graph[name] for name in project.graph.select([args.task]))
        checks = quality.of_runs(str(project.root), task) if "checks" in task.own else {}
    if args.runs:
        if len(args.runs) != 2:
            raise Error("two runs can be compared", hint=f"octavo history {args.task} RUN RUN")
        one, other = (_choose(word, runs) for word in args.runs)
        lines = [str(reason) for reason in _changes(one, other)]
        for line in lines or ["they were made from the same inputs"]:
            out.say(line)
        return 0
    if not runs and not args.json:
        out.say(f"{args.task} has not run yet")
    for number, run in enumerate(runs):
        if args.json:
            row = {"run": run.run, "at": run.at, "outcome": run.outcome, "seconds": run.seconds}
            out.say(json.dumps({**row, "manifest": dict(run.manifest)}))
            continue
        before = next((older for older in runs[number + 1 :] if older.outcome == "done"), None)
        why = flat(", ".join(str(reason) for reason in _changes(before, run))) if before else "first run"
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(run.at))
        words = "; ".join(filter(None, [why or "nothing had changed", checks.get(run.run)]))
        out.say(f"{run.run}  {when}  {run.outcome:<8} {seconds(run.seconds):>8}  {words}")
    return 0


def _choose(word: str, runs: list[PastRun]) -> PastRun:
    found = [run for run in runs if run.run.startswith(word)]
    if len(found) != 1:
        what = f"the beginning of {len(found)} runs" if found else "no run of this task"
        raise Error(f'"{word}" is {what}', hint=", ".join(run.run for run in (found or runs)[:5]) or None)
    return found[0]


def _changes(one: PastRun, other: PastRun) -> list[Reason]:
    found = differences(one.manifest, other.manifest)
    # what a run discovers is known of one that went well
    whole = {one.outcome, other.outcome} <= {Outcome.DONE.value, Outcome.RESTORED.value}
    return [reason for reason in found if whole or split(reason.part)[0].look is None]
