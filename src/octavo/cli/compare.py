"""octavo compare: what tasks reported and left in several runs, side by side."""

from __future__ import annotations

import json
import os
import sys
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

from ..errors import Error
from ..hints import did_you_mean
from ..lazy import lazy_imports
from ..show.screen import flat, screen
from . import options

with lazy_imports():
    from ..metrics import kept
    from ..products import scratch, writing
    from ..results import beside, left, page, shown
    from ..show import grid_picture, runs_table
    from ..spec import entry

if TYPE_CHECKING:
    from argparse import Namespace

    from ..metrics.kept import RunMetrics
    from ..show.screen import Screen
    from .options import Parser


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo compare``."""
    add = parser.add_argument
    add("runs", nargs="+", metavar="RUN", help="the name of a run, or its beginning")
    add("-t", "--task", metavar="NAME", help="only this task")
    add("--json", action="store_true", help="print a JSON list with an object for each run and task")
    add("--csv", action="store_true", help="print the table as CSV")
    add("--html", metavar="FILE", help="write a page, with plots, and tables with marked cells")
    add("--svg", metavar="FILE", help="draw metrics by the parameters that differ, as of a grid")
    options.file(parser)
    parser.examples("""\
examples:
  octavo compare 20260102-1 20260103-1            parameters, metrics, tables and plots of two runs
  octavo compare 20260102-1 -t fit --html fit.html""")


def main(args: Namespace) -> int:
    """Show runs side by side and return the exit code."""
    out, err = screen(sys.stdout, os.environ), screen(sys.stderr, os.environ)
    known: list[RunMetrics] = [*kept.rows(entry.find(args.file).root)]
    with scratch.Scratch() as folder, ExitStack() as stack:
        there = _there(args, stack, folder.path, err)
        rows = of_task(_rows(args.runs, known, there), args.task)
        drawn = grid_picture.picture(rows) if args.html or args.svg else None
        if args.svg:
            if drawn is None:
                raise Error(
                    "there is nothing to draw: no parameter differs among these", hint="compare a grid"
                )
            _write(args.svg, drawn)
        if args.svg and not (args.html or args.json or args.csv):
            return 0
        families = beside.families(rows, there)
    if args.html:
        _write(args.html, page.page(families, drawn or ""))
    if args.json:
        out.say(json.dumps(shown.data(families), ensure_ascii=False))
    elif args.csv:
        out.stream.write(runs_table.as_csv(shown.table(families)))
    elif not args.html:
        for line in shown.lines(families):
            out.say(line)
    return 0


def _there(args: Namespace, stack: ExitStack, folder: str, err: Screen) -> left.Kept | None:
    """Return what the project knows of its runs; None, with a note, where its pipeline cannot be read."""
    try:
        project = stack.enter_context(options.opened(args.file))
    except Error as error:
        err.say(f"note: tables and plots are left out: {flat(error.message)}")
        return None
    return stack.enter_context(closing(left.Kept(project, folder)))


def _rows(words: list[str], known: list[RunMetrics], there: left.Kept | None) -> list[RunMetrics]:
    names = sorted({*(row.run for row in known), *(there.runs() if there else ())}, reverse=True)
    runs = list(dict.fromkeys(_named(word, names) for word in words))
    return there.rows(runs, known) if there else [row for run in runs for row in known if row.run == run]


def _write(path: str, text: str) -> None:
    try:
        writing.write(path, [text.encode()], named=True)
    except OSError as error:
        raise Error(f"it cannot be written: {error.strerror}", path) from None


def of_task(rows: list[RunMetrics], task: str | None) -> list[RunMetrics]:
    """Return what one task reported, or what all did; raise ``Error`` where the task did not."""
    tasks = {row.task for row in rows}
    if task is not None and task not in tasks:
        hint = did_you_mean(task, tasks) or (f"there are: {', '.join(sorted(tasks))}" if tasks else None)
        raise Error(f'no task "{task}" ran in these', hint=hint)
    return [row for row in rows if task in (None, row.task)]


def chosen(word: str, known: list[RunMetrics]) -> list[RunMetrics]:
    """Return what was reported in the run that a word names, or begins; raise ``Error`` where that is not one."""
    run = _named(word, list(dict.fromkeys(row.run for row in known)))
    return [row for row in known if row.run == run]


def _named(word: str, names: list[str]) -> str:
    """Return the run that a word names, or begins."""
    found = [word] if word in names else [name for name in names if name.startswith(word)]
    if len(found) > 1:
        raise Error(f'"{word}" is the beginning of {len(found)} runs', hint=", ".join(found[:5]))
    if not found:
        hint = did_you_mean(word, names) or ("octavo runs lists them" if names else "octavo build makes one")
        raise Error(f'no run "{word}" is known', hint=hint)
    return found[0]
