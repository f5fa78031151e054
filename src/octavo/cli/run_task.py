"""octavo run-task: run one task of a run, wherever an engine has started this command."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from ..errors import Error
from ..lazy import lazy_imports
from ..process.variables import REMOTE, RUN
from ..show import prefixed
from ..show.progress import Progress
from ..show.screen import screen
from . import options

with lazy_imports():
    from ..deploy import one

if TYPE_CHECKING:
    from argparse import Namespace

    from .options import Parser


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo run-task``."""
    add = parser.add_argument
    add("task", nargs="?", metavar="NAME", help="the task to run")
    add("--all", action="store_true", help="run all tasks here, each in a process and a folder of its own")
    add("-j", "--jobs", type=options.positive, metavar="N", help="--all: run at most N tasks at a time")
    add("--run", metavar="ID", help=f"the run that it belongs to (default: {RUN})")
    add("--remote", metavar="URL", help=f"the store that the run is at (default: {REMOTE})")
    add("--plan", metavar="DIGEST", help="the plan of a run that this task may be the first of")
    add(
        "--workdir", metavar="DIR", help="an empty folder to run in, which is kept (default: one that is not)"
    )
    add(
        "--patience",
        type=options.positive,
        default=120,
        metavar="SECONDS",
        help="how long to wait for a store that is away (default: 120)",
    )
    parser.examples("""\
examples:
  octavo run-task fit --run 20260102-101500-5e8f1a --remote s3://bucket/team
  octavo run-task fit                in an environment with OCTAVO_RUN and OCTAVO_REMOTE

Engines call this command in an empty folder. The code and the products of the
tasks before it come from the store; its own products and its log go there. A
result that the store has already is not made again.

exit code: 0 it ran, or need not; 1 the task failed; 2 wrong usage or plan: do
not try again; 66 a task before it has no result; 75 worth another attempt: no
store, a process that died, a full disk; 124 timeout; 143 it was told to end""")


def main(args: Namespace) -> int:
    """Run the task and return the exit code."""
    out, err = screen(sys.stdout, os.environ), screen(sys.stderr, os.environ)
    run, url = args.run or os.environ.get(RUN), args.remote or os.environ.get(REMOTE)
    if not run or not url:
        missing = "--remote" if run else "--run"
        raise Error(f"octavo run-task needs {missing}", hint="octavo submit starts it with all that it needs")
    if args.all == bool(args.task):
        raise Error("octavo run-task takes the name of a task, or --all", hint="octavo status RUN lists them")
    errand = one.Errand(args.task or "", run, url, args.plan, args.workdir, float(args.patience))
    if args.all:
        options.interruptible()
        try:
            whole: int = one.run_all(errand, args.jobs, err.say)
        except KeyboardInterrupt:
            return one.STOPPED
        return whole
    with Progress(out, lines=prefixed.Verbose) as progress:
        code: int = one.run_task(errand, err.say, [progress])
    return code
