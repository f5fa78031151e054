"""octavo compare: what tasks reported in several runs, side by side."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

from ..errors import Error
from ..hints import did_you_mean
from ..lazy import lazy_imports
from ..show.screen import screen
from . import options

with lazy_imports():
    from ..metrics import kept
    from ..products import writing
    from ..show import grid_picture, runs_table
    from ..spec import entry

if TYPE_CHECKING:
    from argparse import Namespace

    from ..metrics.kept import RunMetrics
    from .options import Parser


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo compare``."""
    add = parser.add_argument
    add("runs", nargs="+", metavar="RUN", help="the name of a run, or its beginning")
    add("-t", "--task", metavar="NAME", help="only this task; without it, all that reported something")
    add("--json", action="store_true", help="print a JSON list with an object for each run and task")
    add("--csv", action="store_true", help="print the table as CSV")
    add("--html", metavar="FILE", help="write a page, with a picture where parameters differ")
    add("--svg", metavar="FILE", help="draw metrics by the parameters that differ, as of a grid")
    options.file(parser)
    parser.examples("""\
examples:
  octavo compare 20260102-1 20260103-1            parameters, metrics, code and data of two runs
  octavo compare 20260102-1 -t fit --html fit.html""")


def main(args: Namespace) -> int:
    """Show runs side by side and return the exit code."""
    out = screen(sys.stdout, os.environ)
    known: list[RunMetrics] = [*kept.rows(entry.find(args.file).root)]
    rows = of_task([row for word in args.runs for row in chosen(word, known)], args.task)
    drawn = grid_picture.picture(rows) if args.html or args.svg else None
    if args.svg:
        if drawn is None:
            raise Error("there is nothing to draw: no parameter differs among these", hint="compare a grid")
        _write(args.svg, drawn)
    if args.html:
        _write(args.html, runs_table.page(rows, drawn or ""))
    if args.json:
        out.say(json.dumps([row.plain() for row in rows], ensure_ascii=False))
    elif args.csv:
        out.stream.write(runs_table.as_csv(runs_table.side_by_side(rows)))
    elif not (args.html or args.svg):
        for line in runs_table.text(runs_table.side_by_side(rows)):
            out.say(line)
    return 0


def _write(path: str, text: str) -> None:
    try:
        writing.write(path, [text.encode()], named=True)
    except OSError as error:
        raise Error(f"it cannot be written: {error.strerror}", path) from None


def of_task(rows: list[RunMetrics], task: str | None) -> list[RunMetrics]:
    """Return what one task reported, or what all did; raise ``Error`` where the task did not."""
    tasks = {row.task for row in rows}
    if task is not None and task not in tasks:
        hint = did_you_mean(task, tasks) or f"there are: {', '.join(sorted(tasks))}"
        raise Error(f'no task "{task}" reported anything in these runs', hint=hint)
    return [row for row in rows if task in (None, row.task)]


def chosen(word: str, known: list[RunMetrics]) -> list[RunMetrics]:
    """Return what was reported in the run that a word names, or begins; raise ``Error`` where that is not one."""
    runs = dict.fromkeys(row.run for row in known if row.run.startswith(word))
    if word in runs:
        runs = {word: None}
    if len(runs) > 1:
        raise Error(f'"{word}" is the beginning of {len(runs)} runs', hint=", ".join([*runs][:5]))
    if not runs:
        names = dict.fromkeys(row.run for row in known)
        hint = did_you_mean(word, names) or (
            "octavo runs lists them" if names else "octavo.log(accuracy=0.9) does"
        )
        raise Error(f'no task reported anything in a run "{word}"', hint=hint)
    return [row for row in known if row.run in runs]
