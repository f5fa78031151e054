"""octavo cancel: let nothing more of a run start, and end what runs."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

from ..errors import Error
from ..lazy import lazy_imports
from ..show.screen import many, screen
from . import options

with lazy_imports():
    from ..deploy import depot, follow, runs
    from ..deploy import submit as submitting

if TYPE_CHECKING:
    from argparse import Namespace

    from .options import Parser


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo cancel``."""
    parser.add_argument("run", metavar="RUN", help="the run, or the beginning of its name")
    options.elsewhere(parser)
    options.file(parser)
    parser.examples("""\
examples:
  octavo cancel 20260102-101500-5e8f1a
  octavo cancel 20260102 --remote s3://bucket/team

Tasks that run see it within seconds, send what they have, and end. Where the
engine is reached from here, its jobs are cancelled, too. Results stay.""")


def main(args: Namespace) -> int:
    """Cancel a run and return the exit code."""
    with depot.told(args.remote):
        return _main(args)


def _main(args: Namespace) -> int:
    out, err = screen(sys.stdout, os.environ), screen(sys.stderr, os.environ)
    at = runs.at(args.remote, args.file)
    head = at.known(args.run)
    run = str(head["run"])
    found = follow.states(at, run, at.plan(str(head["plan"])), time.time())
    if follow.over(found):
        out.say(f"{run} is over: there is nothing to cancel")
        return 0
    at.cancel(run)
    going = sum(one.state in ("running", "waiting") for one in found)
    out.say(f"{run} is cancelled: {many(going, 'task')} will not run to the end")
    if jobs := head.get("jobs"):
        try:
            why = submitting.engine(str(head["engine"])).cancel(dict(jobs))
        except Error as error:
            why = error.message
        if why:
            err.say(f"note: its jobs are not cancelled at the engine, and end when they start: {why}")
    return 0
