"""octavo runs: list the runs of this machine with what they reported, or those that were submitted to engines."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import TYPE_CHECKING

from ..errors import Error
from ..lazy import lazy_imports
from ..process.variables import REMOTE
from ..show.screen import Screen, flat, screen
from . import options

with lazy_imports():
    from ..deploy import depot, runs
    from ..metrics import kept, where
    from ..show import runs_table
    from ..spec import entry

if TYPE_CHECKING:
    from argparse import Namespace

    from ..metrics.kept import RunMetrics
    from .options import Parser


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo runs``."""
    options.elsewhere(parser)
    parser.add_argument(
        "--number", type=options.positive, default=20, metavar="N", help="how many to list (default: 20)"
    )
    parser.add_argument("--where", metavar="WHAT", help='only runs of which this holds: "accuracy > 0.9"')
    parser.add_argument("--csv", action="store_true", help="print them as CSV")
    parser.add_argument("--json", action="store_true", help="print a JSON list with an object per run")
    options.file(parser)
    parser.examples("""\
examples:
  octavo runs                              what tasks reported by octavo.log, run by run
  octavo runs --where "accuracy > 0.9 and model == forest"
  octavo runs --remote                     runs at the URL of pipeline.yaml's cache
  octavo runs --remote s3://bucket/team    runs there
  octavo status RUN --remote               how the tasks of one are

octavo log lists all builds of this machine, octavo compare shows some side by side.""")


def main(args: Namespace) -> int:
    """List the runs, the newest first, and return the exit code."""
    out = screen(sys.stdout, os.environ)
    if args.remote is None and not os.environ.get(REMOTE):
        return _local(args, out)
    if args.where or args.csv:
        raise Error("--where and --csv are for runs of this machine", hint="leave out --remote")
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


def _local(args: Namespace, out: Screen) -> int:
    """List what tasks reported in the runs of this project."""
    rows: list[RunMetrics] = [*kept.rows(entry.find(args.file).root)]
    found = (where.chosen(rows, args.where) if args.where else rows)[: args.number]
    if args.json:
        out.say(json.dumps([row.plain() for row in found], ensure_ascii=False))
    elif args.csv:
        out.stream.write(runs_table.as_csv(runs_table.listed(found)))
    elif not found:
        why = "no run is so" if rows else "no task has reported anything: octavo.log(accuracy=0.9) does"
        out.say(why)
    else:
        for line in runs_table.text(runs_table.listed(found)):
            out.say(line)
    return 0
