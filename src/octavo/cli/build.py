"""octavo build: run stale tasks."""

from __future__ import annotations

import json
import os
import sys
import time
from argparse import BooleanOptionalAction
from pathlib import Path
from typing import TYPE_CHECKING

from ..compat import option_aliases
from ..errors import Error
from ..lazy import lazy_imports
from ..show import steps as shown
from ..show.mistakes import show
from ..show.progress import Progress
from ..show.screen import flat, many, screen, seconds, several
from ..show.summary import summary
from . import options

with lazy_imports():
    from ..products import writing
    from ..reading import edits
    from ..show import ci, junit, prefixed

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterator, Mapping, Set

    from ..project import Project
    from ..report import Report
    from ..show.progress import View
    from ..show.screen import Screen
    from .options import Parser


#: Seconds that not running anything must have saved for a line about it.
_WORTH_A_WORD = 10


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo build``."""
    options.selection(parser)
    parser.add_argument("--force", action="store_true", help="run the selected tasks even if they are fresh")
    parser.add_argument(
        "-j",
        "--jobs",
        type=options.positive,
        metavar="N",
        help="run at most N tasks at a time (default: one per processor)",
    )
    after = parser.add_mutually_exclusive_group()
    after.add_argument(
        "--keep-going",
        action="store_true",
        help="after a failure, run tasks that do not depend on it (the default)",
    )
    after.add_argument("--fail-fast", action="store_true", help="stop everything at the first failure")
    parser.add_argument(
        "--executor",
        metavar="NAME",
        help="where tasks run: local (worker processes, the default), inline (this process), or dask=ADDRESS",
    )
    parser.add_argument(
        "-n", "--dry-run", action="store_true", help="show what would run, why, and an estimate of the time"
    )
    parser.add_argument(
        "--explain-io",
        action="store_true",
        help="list what each task, cell by cell, read, wrote, connected to and started",
    )
    parser.add_argument("--no-cache", action="store_true", help="neither read nor write the cache")
    parser.add_argument("--remote", action="store_true", help="also use the remote cache")
    parser.add_argument(
        "--adopt",
        action="store_true",
        help="first mark results made by Ploomber as fresh if they are still valid",
    )
    options.pausing(parser, "-d")
    parser.add_argument(
        "--no-wait", action="store_true", help="fail if another build is running, instead of waiting"
    )
    parser.add_argument("--json", action="store_true", help="print events as lines of JSON")
    parser.add_argument(
        "-v",
        "--verbose",
        "--log-output",
        action="store_true",
        help="print what the tasks print, as it comes, each line with its task",
    )
    parser.add_argument(
        "--progress-bar",
        action=BooleanOptionalAction,
        default=True,
        help="show live progress in a terminal; --no-…: print lines",
    )
    parser.add_argument(
        "-w", "--watch", action="store_true", help="build again whenever a file is edited, until Ctrl-C"
    )
    parser.add_argument(
        "--junit", metavar="FILE", help="write how the tasks ended as JUnit's XML, for CI systems"
    )
    parser.add_argument(
        "-q", "--quiet", action="store_true", help="print nothing unless something goes wrong"
    )
    option_aliases.arguments(parser)
    parser.examples(f"""\
{options.SELECTING}

examples:
  octavo build                      run stale tasks, one per processor
  octavo build fit                  only this task, if it is stale
  octavo build +fit                 this task and everything it depends on
  octavo build --force clean+       this task and everything after it, even if fresh
  octavo build -p sample=true -j 4
  octavo build --dry-run
  octavo build --debug fit          open a debugger where it fails
  octavo build --json > events.jsonl

exit code: 0 success, 1 a task failed, 2 something must be fixed first, 130 interrupted""")


def main(args: Namespace) -> int:
    """Build, show how it goes, and return the exit code."""
    options.interruptible()
    out, err = screen(sys.stdout, os.environ), screen(sys.stderr, os.environ)
    out.live = out.live and args.progress_bar
    option_aliases.understood(args, lambda text: err.say(f"{err.paint('note:', 'cyan')} {text}"))
    if args.junit:
        options.writable(Path(args.junit))
    if args.watch:
        return _watch(args, out, err)
    with options.project(args) as project:
        return _once(project, args, out, err)


def _once(project: Project, args: Namespace, out: Screen, err: Screen) -> int:
    """Build one time and return the exit code."""
    began = time.perf_counter()
    if text := option_aliases.unlogged(args, (task.kind for task in project.graph)):
        err.say(f"{err.paint('note:', 'cyan')} {text}")
    for text in () if args.json or args.quiet else project.warnings:
        out.say(f"{out.paint('note:', 'cyan')} {text}")
    adopted = _adopt(project, args, err if args.json else out) if args.adopt else set()
    if args.dry_run:
        return _rehearse(project, args, out, adopted)
    with (
        options.pause(args) as pause,
        Progress(out, quiet=args.quiet, as_json=args.json, lines=_lines(args, str(project.root))) as progress,
    ):
        if pause:
            out.live = False
        try:
            project.build(
                args.targets,
                force=args.force,
                jobs=1 if args.debug else args.jobs,
                fail_fast=args.fail_fast,
                executor=args.executor,
                listeners=(progress,),
                waiting=lambda text: err.say(f"{text}; waiting for it to end"),
                wait=not args.no_wait,
                cache=not args.no_cache,
                remote=args.remote,
                stay=pause,
            )
        except KeyboardInterrupt:
            pass  # the report is then unfinished, which is its exit code
    code = progress.report.exit_code
    _tell_ci(progress, args, project)
    if not args.json and not (args.quiet and code == 0):
        if args.explain_io:
            for line in touched(progress.report, out):
                out.say(line)
        notes = [note for note in project.notes if args.quiet or note not in project.warnings]
        for line in summary(progress, time.perf_counter() - began, str(project.root), notes):
            out.say(line)
        if (saved := project.saved(progress.report)) >= _WORTH_A_WORD:
            out.say(f"about {seconds(saved)} saved by not running what is fresh")
    return code


def _watch(args: Namespace, out: Screen, err: Screen) -> int:
    """Build, and again whenever a file that a task depends on is edited, until Ctrl-C; errors do not end it."""
    code = 2
    seen: set[str] = set()
    try:
        while True:
            before: dict[str, str | None] = {}
            began = time.time_ns()
            try:
                with options.project(args) as project:
                    seen = project.inputs()
                    before = edits.stamps(seen)
                    code = _once(project, args, out, err)
                    seen = project.inputs()
            except* Error as error:
                show(error, err)
                code = 2
            if code == 130:
                return code
            seen |= {str(path) for path in Path.cwd().glob("*.yaml")}
            args.force = False  # once
            # what this build was the first to use may have been edited while it ran
            changed = edits.since(began, seen - before.keys())
            if not changed:
                before = edits.stamps(seen - before.keys()) | before
                err.say(err.paint("waiting for an edit; Ctrl-C ends", "dim"))
                changed = edits.wait(before)
            err.say(f"edited: {several([os.path.relpath(path) for path in changed], 3)}")
    except KeyboardInterrupt:
        return code


def _lines(args: Namespace, root: str) -> Callable[[Screen], View] | None:
    """Return what shows the build where neither the table nor plain lines do: prefixed output, or groups in CI."""
    if args.verbose:
        return prefixed.Verbose
    style = _ci(os.environ)
    return None if style is None else lambda to: ci.Grouped(to, root, style)


def _ci(environ: Mapping[str, str]) -> str | None:
    """Return the CI system whose log this is, "github" or "gitlab"; None for another or none."""
    if environ.get("GITHUB_ACTIONS") == "true":
        return "github"
    return "gitlab" if environ.get("GITLAB_CI") == "true" else None


def _tell_ci(progress: Progress, args: Namespace, project: Project) -> None:
    """Write the files that CI systems read: JUnit's XML where it is asked for, GitHub's page of the step."""
    root = str(project.root)
    if args.junit:
        writing.write(args.junit, [junit.junit(progress.report, progress.tails, root).encode()], named=True)
    if summary_page := os.environ.get("GITHUB_STEP_SUMMARY"):
        notes = [*project.notes, *dict.fromkeys(note.message for note in progress.report.notes)]
        ci.append(summary_page, ci.step_summary(progress.report, root, notes))


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
        out.say(f"about {seconds(took)} (estimated from earlier runs)")
    return 0
