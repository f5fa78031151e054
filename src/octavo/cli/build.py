"""octavo build: run stale tasks."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from typing import TYPE_CHECKING

from ..compat import option_aliases as spellings
from ..lazy import lazy_imports
from ..show.progress import Watch
from ..show.screen import flat, many, screen, seconds
from ..show.summary import summary
from . import options

with lazy_imports():
    from ..show import steps as shown

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator, Set

    from ..project import Project
    from ..report import Report
    from ..show.screen import Screen
    from .options import Parser


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo build``."""
    options.selection(parser)
    parser.add_argument(
        "-f", "--force", action="store_true", help="run the selected tasks even if they are fresh"
    )
    parser.add_argument(
        "-j",
        "--jobs",
        type=options.positive,
        metavar="N",
        help="how many tasks run at a time (one per processor)",
    )
    after = parser.add_mutually_exclusive_group()
    after.add_argument(
        "--keep-going",
        action="store_true",
        help="after a failure run what does not depend on it (the default)",
    )
    after.add_argument("--fail-fast", action="store_true", help="after a failure end everything")
    parser.add_argument(
        "--executor",
        default="local",
        metavar="NAME",
        help="where tasks run: local (workers), inline (this process)",
    )
    parser.add_argument(
        "-n", "--dry-run", action="store_true", help="only show what would run, why, and how long it may take"
    )
    parser.add_argument(
        "--explain-io",
        action="store_true",
        help="list what each task that ran, and which cell of it, read, wrote, connected to and started",
    )
    parser.add_argument(
        "--no-cache", action="store_true", help="take no results from the cache, and keep none"
    )
    parser.add_argument(
        "--remote", action="store_true", help="use the cache at the URL of pipeline.yaml, too"
    )
    parser.add_argument(
        "--adopt",
        action="store_true",
        help="take what Ploomber made as fresh where the files beside it say that code and parameters are the same",
    )
    options.staying(parser, "-d")
    parser.add_argument(
        "--no-wait", action="store_true", help="fail if another build of this project is running"
    )
    parser.add_argument(
        "--json", action="store_true", help="print each event as a line of JSON, and nothing else"
    )
    parser.add_argument(
        "-q", "--quiet", action="store_true", help="print nothing unless something goes wrong"
    )
    spellings.arguments(parser)
    parser.examples(f"""\
{options.SELECTING}

examples:
  octavo build                      run what is stale, as many at a time as there are processors
  octavo build fit                  this task, if it is stale, and nothing before it
  octavo build +fit                 this task and everything it needs
  octavo build --force clean+       this task and everything after it, fresh or not
  octavo build -p sample=true -j 4
  octavo build --dry-run
  octavo build --debug fit          look around where it fails
  octavo build --json > events.jsonl

exit code: 0 all went well, 1 a task failed, 2 something must be changed first, 130 interrupted""")


def main(args: Namespace) -> int:
    """Build, show how it goes, and return the exit code."""
    began = time.perf_counter()
    # whoever stops us, Ctrl-C or the system: what runs is ended, what it showed is kept, and a summary is printed
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    out, err = screen(sys.stdout, os.environ), screen(sys.stderr, os.environ)
    spellings.understood(args, lambda text: err.say(f"{err.paint('note:', 'cyan')} {text}"))
    project = options.project(args)
    if text := spellings.unlogged(args, (task.kind for task in project.graph)):
        err.say(f"{err.paint('note:', 'cyan')} {text}")
    adopted = _adopt(project, args, err if args.json else out) if args.adopt else set()
    if args.dry_run:
        with project:
            return _rehearse(project, args, out, adopted)
    try:
        with (
            options.stay(args) as stay,
            Watch(out, quiet=args.quiet, as_json=args.json) as watch,
        ):
            if stay:
                out.live = False
            try:
                project.build(
                    args.targets,
                    force=args.force,
                    jobs=1 if args.debug else args.jobs,
                    fail_fast=args.fail_fast,
                    executor=args.executor,
                    listeners=(watch,),
                    waiting=lambda text: err.say(f"{text}; waiting for it to end"),
                    wait=not args.no_wait,
                    cache=not args.no_cache,
                    remote=args.remote,
                    stay=stay,
                )
            except KeyboardInterrupt:
                pass  # the report is then unfinished, which is its exit code
        code = watch.report.exit_code
        if not args.json and not (args.quiet and code == 0):
            if args.explain_io:
                for line in touched(watch.report, out):
                    out.say(line)
            for line in summary(watch, time.perf_counter() - began, str(project.root), project.notes):
                out.say(line)
        return code
    finally:
        project.close()


def touched(report: Report, to: Screen) -> Iterator[str]:
    """Yield what the tasks that ran were seen to use; cells are counted as in the executed notebook."""
    for name, event in report.ended.items():
        if event.touched:
            yield f"{to.paint(flat(name), 'bold')}"
        for cell, verb, what in event.touched:
            place = "" if cell is None else f"cell {cell + 1}"
            yield f"  {place:<8} {verb:<9} {flat(what)}"


def _adopt(project: Project, args: Namespace, to: Screen) -> set[str]:
    """Adopt what Ploomber made, list what was adopted and why the rest was not, and return the former."""
    found = project.adopt(args.targets, commit=not args.dry_run)
    for verdict in found if not args.quiet else ():
        if verdict.adopted:
            when = time.strftime("%Y-%m-%d %H:%M", time.localtime(verdict.at))
            to.say(f"{to.paint('adopted', 'green')}  {flat(verdict.task)}  made {when}")
        else:
            to.say(f"{to.paint('not', 'yellow')}      {flat(verdict.task)}  {flat(verdict.why)}")
    if not args.quiet:
        count = sum(verdict.adopted for verdict in found)
        would = "would be adopted" if args.dry_run else "adopted"
        to.say(f"{count} of {many(len(found), 'task')} {would}" if found else "there is nothing to adopt")
    return {verdict.task for verdict in found if verdict.adopted}


def _rehearse(project: Project, args: Namespace, out: Screen, adopted: Set[str] = frozenset()) -> int:
    """Show what a build would run, without running anything."""
    steps = project.status(args.targets, force=args.force)
    todo = {name: step for name, step in steps.items() if not step.fresh and name not in adopted}
    if args.json:
        out.say(json.dumps([shown.plain(step) for step in todo.values()], ensure_ascii=False))
        return 0
    for line in shown.table(todo, out) if todo else ():
        out.say(line)
    took = project.estimate(steps, args.jobs) if todo else None
    if not todo:
        out.say(f"nothing would run: {many(len(steps), 'task')} {out.word('fresh')}")
    elif took is not None:
        out.say(f"about {seconds(took)}, by the last runs")
    return 0
