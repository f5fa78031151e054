"""octavo log: list runs, and show one again."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Error
from ..hints import did_you_mean
from ..lazy import lazy_imports
from ..show.progress import Progress
from ..show.screen import Screen, screen, seconds
from ..show.summary import summary
from . import options

with lazy_imports():
    from ..deploy import following
    from ..show import prefixed
    from ..spec import entry
    from ..state import runlog

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from ..events import Event
    from .options import Parser


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo log``."""
    add = parser.add_argument
    add("run", nargs="?", metavar="RUN", help='the name of a run, its beginning, or "last"')
    add("name", nargs="?", metavar="TASK", help="show only this task")
    add("-t", "--task", metavar="NAME", help="the same, as an option")
    options.elsewhere(parser)
    add("--number", type=int, default=20, metavar="N", help="how many runs to list (default: 20)")
    add("--follow", action="store_true", help="keep showing output until the run ends")
    add("--json", action="store_true", help="print runs or events as lines of JSON")
    options.file(parser)
    parser.examples("""\
octavo keeps the last 200 runs that did something, with the output of their tasks.

examples:
  octavo log                    the last runs: when, how long, how their tasks ended
  octavo log last               the newest run, with its output
  octavo log last --follow      follow a build in another terminal
  octavo log 20260102-1 fit     what the task fit did in that run
  octavo log RUN --remote       what the tasks of a run did that was submitted""")


def main(args: Namespace) -> int:
    """List runs or replay one, and return the exit code: of the listing 0, of a run its own."""
    out = screen(sys.stdout, os.environ)
    if args.name and args.task not in (None, args.name):
        raise Error(f'two tasks are named, "{args.name}" and "{args.task}"', hint="octavo log RUN TASK")
    args.task = args.task or args.name
    if args.run and (args.remote is not None or options.is_run([args.run])):
        events = following.log(args.run, args.task, args.remote, args.file)
        return _replay(events, args, out, Path.cwd(), submitted=True)
    root = entry.find(args.file).root
    logs: list[Path] = runlog.paths(root / ".octavo" / "runs")
    if not args.run:
        return _list(logs[: args.number], args.json, out)
    path = _choose(args.run, logs)
    return _replay(_events(path, root, args), args, out, root)


def _list(logs: list[Path], as_json: bool, out: Screen) -> int:
    overview = runlog.overview
    if not logs and not as_json:
        out.say("no run has done anything yet")
    for path in logs:
        run = overview(path)
        if as_json:
            row = {"run": run.name, "at": run.at, "seconds": run.seconds, "outcomes": run.outcomes}
            out.say(json.dumps(row))
            continue
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(run.at))
        took = "no end" if run.seconds is None else seconds(run.seconds)
        ended = ", ".join(f"{n} {outcome}" for outcome, n in sorted(run.outcomes.items())) or "nothing ended"
        out.say(f"{run.name}  {when}  {took:>8}  {ended}")
    return 0


def _choose(word: str, logs: list[Path]) -> Path:
    if not logs:
        raise Error("there are no runs yet", hint="octavo build logs a run when it has something to do")
    if word == "last":
        return logs[0]
    found = [path for path in logs if path.stem.startswith(word)]
    if len(found) == 1:
        return found[0]
    names = [path.stem for path in found or logs]
    if found:
        raise Error(f'"{word}" is the beginning of {len(found)} runs', hint=", ".join(names[:5]))
    raise Error(f'there is no run "{word}"', hint=did_you_mean(word, names) or "octavo log lists them")


def _events(path: Path, root: Path, args: Namespace) -> Iterator[Event]:
    if args.follow:
        held, lock = runlog.held, root / ".octavo" / "lock"
        events: Iterator[Event] = runlog.follow(path, lambda: held(lock))
    else:
        events = runlog.replay(path)
    for event in events:
        if args.task is None or getattr(event, "task", args.task) == args.task:
            yield event


def _replay(
    events: Iterator[Event], args: Namespace, out: Screen, root: Path, submitted: bool = False
) -> int:
    began = time.perf_counter()
    # what several tasks have printed at a time says whose it is
    lines = None if args.json or args.task else lambda to: prefixed.Verbose(to, coloured=True)
    with Progress(out, as_json=args.json, logs=not args.json, lines=lines) as progress:
        try:
            for event in events:
                progress(event)
        except KeyboardInterrupt:
            pass
    if submitted:  # each of its tasks has ended a log of its own
        return int(any(outcome.bad for outcome in progress.report.outcomes.values()))
    if not args.json:
        took = progress.report.seconds if progress.report.finished else time.perf_counter() - began
        for line in summary(progress, took, str(root)):
            out.say(line)
    return progress.report.exit_code
