"""octavo runs: list the runs that were submitted to engines."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import TYPE_CHECKING

from ..lazy import lazy_imports
from ..show.screen import flat, screen
from . import options

with lazy_imports():
    from ..deploy import depot, runs

if TYPE_CHECKING:
    from argparse import Namespace

    from .options import Parser


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo runs``."""
    options.elsewhere(parser)
    parser.add_argument(
        "--number", type=options.positive, default=20, metavar="N", help="how many to list (default: 20)"
    )
    parser.add_argument("--json", action="store_true", help="print a JSON list with an object per run")
    options.file(parser)
    parser.examples("""\
examples:
  octavo runs --remote                     runs at the URL of pipeline.yaml's cache
  octavo runs --remote s3://bucket/team    runs there
  octavo status RUN --remote               how the tasks of one are

octavo log lists the builds of this machine.""")


def main(args: Namespace) -> int:
    """List the runs, the newest first, and return the exit code."""
    out = screen(sys.stdout, os.environ)
    with depot.told(args.remote):
        found = runs.at(args.remote, args.file).listed(args.number)
    if args.json:
        keys = ("run", "at", "engine", "user", "host", "jobs")
        out.say(json.dumps([{key: head.get(key) for key in keys} for head in found]))
        return 0
    if not found:
        out.say("no run was submitted there")
    for head in found:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(float(head["at"])))
        who = "@".join(str(head[key]) for key in ("user", "host") if head.get(key))
        out.say(
            f"{flat(str(head['run']))}  {when}  {flat(str(head.get('engine', '')))}  {flat(who)}".rstrip()
        )
    return 0
