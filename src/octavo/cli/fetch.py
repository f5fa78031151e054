"""octavo fetch: bring the products of a run that was submitted here."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

from ..errors import Error
from ..hints import did_you_mean
from ..lazy import lazy_imports
from ..show.screen import many, screen, several
from . import options

with lazy_imports():
    from ..deploy import depot, fetching, follow, runs

if TYPE_CHECKING:
    from argparse import Namespace

    from .options import Parser


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo fetch``."""
    parser.add_argument("run", metavar="RUN", help="the run, or the beginning of its name")
    options.selection(parser, "the tasks whose products to bring (default: all)")
    options.elsewhere(parser)
    parser.add_argument("--to", metavar="DIR", help="write them into this folder, as they are")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.examples("""\
Products come into the project where they are those of its code as it is now:
they are fresh then. What you have edited by hand is never replaced.

examples:
  octavo fetch 20260102-101500-5e8f1a
  octavo fetch 20260102 report --to /tmp/report    also of a run that failed""")


def main(args: Namespace) -> int:
    """Bring products and return the exit code: 1 if some did not come."""
    with depot.told(args.remote):
        return _main(args)


def _main(args: Namespace) -> int:
    out = screen(sys.stdout, os.environ)
    at = runs.at(args.remote, args.file)
    head = at.known(args.run)
    run, plan = str(head["run"]), at.plan(str(head["plan"]))
    if args.to:
        names = args.targets or [*plan.tasks]
        for name in names:
            if name not in plan.tasks:
                raise Error(f'the run {run} has no task "{name}"', hint=did_you_mean(name, plan.tasks))
        fetched, left = follow.copy_to(at, run, names, args.to), dict[str, str]()
        left = {name: "it has no products" for name in names if name not in fetched}
    else:
        with options.project(args) as project:
            fetched, left = fetching.fetch(project, at, run, args.targets)
    if args.json:
        out.say(json.dumps({"fetched": fetched, "left": left}))
        return int(bool(left))
    out.say(f"{many(len(fetched), 'task')} fetched" + (f": {several(fetched, 5)}" if fetched else ""))
    for name, why in left.items():
        out.say(f"{name}: {why}")
    if left and not args.to:
        out.say("octavo fetch RUN --to DIR writes products into another folder, whatever the code here is")
    return int(bool(left))
