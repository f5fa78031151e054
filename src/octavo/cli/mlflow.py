"""octavo mlflow: hand runs over to an MLflow server, and take its runs in."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

from ..errors import Error
from ..hints import did_you_mean
from ..lazy import lazy_imports
from ..products.scratch import Scratch
from ..show.screen import flat, many, screen
from . import compare, options

with lazy_imports():
    from ..metrics import kept, tracking
    from ..results import left

if TYPE_CHECKING:
    from argparse import Namespace

    from ..metrics.kept import RunMetrics
    from .options import Parser

ACTIONS = ("push", "pull")
SERVER = "MLFLOW_TRACKING_URI"


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo mlflow``."""
    add = parser.add_argument
    add("action", metavar="ACTION", help="push or pull")
    add("runs", nargs="*", metavar="RUN", help="push: these runs, or their beginnings (default: the newest)")
    add("-t", "--task", metavar="NAME", help="push: only this task")
    add("--server", metavar="URL", help=f"the MLflow server (default: that of {SERVER})")
    add("--experiment", metavar="NAME", help="the experiment (default: called as the project's folder)")
    add("--no-products", action="store_true", help="push: leave out the products")
    options.file(parser)
    parser.examples("""\
  push  log what tasks reported: parameters, metrics, the executed notebook and other products
  pull  take the runs of an experiment in, for octavo runs and octavo compare

examples:
  octavo mlflow push --server http://mlflow.example:5000
  octavo mlflow pull --experiment churn""")


def main(args: Namespace) -> int:
    """Run an action and return the exit code."""
    out, err = screen(sys.stdout, os.environ), screen(sys.stderr, os.environ)
    if args.action not in ACTIONS:
        hint = did_you_mean(args.action, ACTIONS) or "there are: " + ", ".join(ACTIONS)
        raise Error(f'octavo mlflow has no action "{args.action}"', hint=hint)
    server = args.server or os.environ.get(SERVER)
    if not server:
        raise Error("which server?", hint=f"--server http://…, or set {SERVER}")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")  # what was done is said here
    with options.opened(args.file) as project, Scratch() as scratch, ExitStack() as stack:
        tracker = tracking.Tracker(
            server, args.experiment or os.path.basename(os.path.realpath(project.root))
        )
        if args.action == "pull":
            if args.runs or args.task or args.no_products:
                raise Error(
                    "pull takes all runs of an experiment", hint="octavo mlflow pull --experiment NAME"
                )
            found = tracker.pull()
            kept.take_in(project.root, found)
            out.say(f"{many(len(found), 'run')} taken in")
            return 0
        known = [*kept.rows(project.root)]
        if not known:
            raise Error("no task has reported anything yet", hint="octavo.log(accuracy=0.9) does")
        rows = [row for word in args.runs or [known[0].run] for row in compare.chosen(word, known)]
        rows = compare.of_task(rows, args.task)
        there = stack.enter_context(closing(left.Kept(project, scratch.path)))
        files = _Files(there, wanted=not args.no_products)
        for row, where in tracker.push(rows, files):
            said = "there already" if where is None else f"run {where}"
            out.say(f"{flat(row.task)} of {flat(row.run)}: {said}")
        for name in files.lost:
            err.say(f"note: {flat(name)} is not kept any more as it was then, and is left out")
    return 0


class _Files:
    """Finds the products that a task left in a run: as they are, or in the cache."""

    def __init__(self, there: left.Kept, *, wanted: bool) -> None:
        self._there, self._wanted = there, wanted
        self.lost: dict[str, None] = {}

    def __call__(self, row: RunMetrics) -> Iterator[tuple[str, str]]:
        task = self._there.tasks.get(row.task)
        record = self._there.record(task, row.run) if task and self._wanted else None
        for name, digest in record.products.items() if record else ():
            if path := self._there.file(name, digest, row.run):
                yield path, name
            else:
                self.lost[name] = None
