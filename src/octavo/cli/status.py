"""octavo status: what is stale, and why."""

from __future__ import annotations

import gc
import json
import os
import sys
from typing import TYPE_CHECKING

from ..lazy import lazy_imports
from ..plan import key_of
from ..show.screen import screen
from ..show.steps import plain, table
from . import options

with lazy_imports():
    from ..deploy import following
    from ..quality import shown as quality

if TYPE_CHECKING:
    from argparse import Namespace

    from .options import Parser


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo status``."""
    options.selection(parser)
    parser.add_argument(
        "-v",
        "--verbose",
        action="store_true",
        help="show all reasons, one per line, and what changed in the code",
    )
    parser.add_argument(
        "--exit-code",
        action="store_true",
        help="exit with 1 if a task is stale, or octavo.lock says what is not so; without this, only if one waits"
        " for a stale task that is not selected",
    )
    parser.add_argument("--json", action="store_true", help="print a JSON list with an object per task")
    options.elsewhere(parser)
    parser.examples(f"""\
states:
  fresh   its products match its code, parameters and inputs
  stale   the next build runs it
  waits   a task before it will run; whether it runs too depends on the result
  blocked its product was changed by hand, or was there before the first run

{options.SELECTING}

examples:
  octavo status
  octavo status +report             the task report and everything it depends on
  octavo status -p sample=true      as it would be with this parameter
  octavo status --exit-code         in CI: are the committed results those of the code?
  octavo status RUN --remote        how a run goes that octavo submit has begun

Nothing in the project is run or imported, except functions that pipeline.yaml
needs: factories, parameters, clients of tables.""")


def main(args: Namespace) -> int:
    """Show the steps and return the exit code."""
    gc.disable()  # what is made of thousands of tasks is all in use until the end, which is near
    out, err = screen(sys.stdout, os.environ), screen(sys.stderr, os.environ)
    if args.remote is not None or options.is_run(args.targets):
        code: int = following.status(args.targets, args.remote, args.file, args.json, args.exit_code, out)
        return code
    with options.project(args) as project:
        steps = project.status(args.targets)
        lies = project.lies(steps)
        checked = {it.task.name: it.task for it in steps.values() if "checks" in it.task.own}
        if args.json:
            # json is loaded already: the events have it
            rows = [plain(step) for step in steps.values()]
            for row in rows:
                if task := checked.get(row["task"]):
                    row["checks"] = quality.results(
                        str(project.root), task, project.store.record(key_of(task))
                    )
            out.say(json.dumps(rows, indent=1, ensure_ascii=False))
        else:
            diffs = {name: project.differences(step) for name, step in steps.items() if step.reasons}
            shown = table(steps, out, args.verbose, diffs if args.verbose else {})
            out.stream.write("".join(line + "\n" for line in shown))
            records = ((task, project.store.record(key_of(task))) for task in checked.values())
            found = quality.notes(str(project.root), records) if checked else ()
            for note in (*found, *project.notes, *lies, *project.drift()):
                err.say(f"{err.paint('note:', 'cyan')} {note}")
    stale = args.exit_code and (lies or not all(step.fresh for step in steps.values()))
    # without what they need, nobody can tell whether the selected tasks are fresh
    return 1 if stale or any(name not in steps for step in steps.values() for name in step.waits) else 0
