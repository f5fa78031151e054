"""octavo submit: run stale tasks elsewhere, by an engine that starts them and a store that they share."""

from __future__ import annotations

import json
import os
import shlex
import sys
import time
from typing import TYPE_CHECKING

from ..errors import Error
from ..lazy import lazy_imports
from ..show.screen import many, screen, several
from . import options

with lazy_imports():
    from ..deploy import depot, engines, follow, here, runs
    from ..deploy import plan as plans
    from ..deploy import submit as submitting

if TYPE_CHECKING:
    from argparse import Namespace

    from ..project import Project
    from ..show.screen import Screen
    from .options import Parser

_LOOK = 1.0


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo submit``."""
    options.selection(parser)
    add = parser.add_argument
    add(
        "--to",
        metavar="ENGINE",
        default="here",
        help="where: here (this machine), dask, slurm, sge, pbs, lsf, aws-batch",
    )
    options.handed_over(parser)
    add("--force", action="store_true", help="run the selected tasks even if their results are known")
    add("--octavo", metavar="COMMAND", help="octavo where tasks run (default: this one, by its path)")
    add("-j", "--jobs", type=options.positive, metavar="N", help="run at most N tasks at a time")
    add("-n", "--dry-run", action="store_true", help="show what would be submitted, and send nothing")
    add("--wait", action="store_true", help="wait for the end, and exit with 1 if a task failed")
    add("--json", action="store_true", help="print one JSON object")
    parser.examples(f"""\
{options.SELECTING}

examples:
  octavo submit --remote s3://bucket/team    try it: each task in an empty folder
  octavo submit --to slurm --option partition=gpu +report
  octavo status RUN                          how far it is; also octavo log RUN
  octavo fetch RUN                           its products, into this project

What is fresh here does not run there; what the store knows is not made again.""")


def main(args: Namespace) -> int:
    """Submit a run and return the exit code."""
    with depot.told(args.remote):
        return _main(args)


def _main(args: Namespace) -> int:
    options.interruptible()
    out, err = screen(sys.stdout, os.environ), screen(sys.stderr, os.environ)
    taker = submitting.engine(args.to)
    own = engines.options(args.options, taker.options, args.to)
    taker.check(own)
    with options.project(args) as project:
        url = args.remote or project.cache().url
        if not url:
            hint = "--remote s3://bucket/folder, or in pipeline.yaml: cache: s3://bucket/folder"
            raise Error("a run elsewhere needs a store, which is reached from there", hint=hint)
        if args.dry_run:
            return _rehearse(project, args, out)
        base = os.getcwd() if args.remote else str(project.root)
        store = depot.Depot(depot.absolute(url, base), base, patience=10.0)
        wish = submitting.Request(
            args.targets, options.parameters(args), args.file, args.force, args.committed
        )
        prepared = submitting.prepare(project, store, wish, err.say)
        if prepared is None:
            out.say("{}" if args.json else "nothing to submit: all is fresh")
            return 0
        usual = ("octavo",) if args.to in submitting.IN_IMAGES else here.command()
        command = tuple(shlex.split(args.octavo)) if args.octavo else usual
        waits = args.to in submitting.WAITING
        run = runs.new_run()
        if waits and not args.json:
            out.say(f"run {run}: {many(len(prepared.plan.tasks), 'task')}")
        _, code = submitting.submit(
            prepared,
            store,
            args.to,
            lambda name: engines.Handover(
                name, prepared.plan, store.url, command, own, args.jobs, err.say, args.json, str(project.root)
            ),
            run,
        )
        plan = prepared.plan
    if args.wait and not waits:
        code = _wait(runs.Runs(store), run, plan)
    if args.json:
        out.say(json.dumps({"run": run, "tasks": [*plan.tasks], "remote": store.url}))
    elif not waits:
        out.say(f"run {run}: {many(len(plan.tasks), 'task')} submitted to {args.to}")
        out.say(f"octavo status {run} --remote {shlex.quote(store.url)}")
    return code or 0


def _rehearse(project: Project, args: Namespace, out: Screen) -> int:
    """Show which tasks would be submitted."""
    todo, needed = plans.chosen(project, args.targets, args.force)
    names = [step.task.name for step in todo]
    if args.json:
        out.say(json.dumps({"tasks": names, "held": [task.name for task in needed]}))
        return 0
    out.say(
        f"{many(len(names), 'task')} would be submitted: {several(names, 5)}"
        if names
        else "nothing to submit: all is fresh"
    )
    if needed:
        out.say(f"with results from here: {several([task.name for task in needed], 5)}")
    return 0


def _wait(at: runs.Runs, run: str, plan: plans.Plan) -> int:
    while True:
        found = follow.states(at, run, plan, time.time())
        if follow.over(found):
            return int(follow.exit_code(found))
        time.sleep(_LOOK)
