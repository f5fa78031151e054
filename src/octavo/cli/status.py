"""octavo status: what is stale, and why."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

from ..show.screen import columns, cut, flat, many, pad, screen, several
from . import options

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator, Mapping, Sequence

    from ..model import Step
    from ..show.screen import Screen
    from .options import Parser

_REASONS = 3  # shown of a task; --verbose shows all


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo status``."""
    options.selection(parser)
    parser.add_argument(
        "-v",
        "--verbose",
        action="store_true",
        help="show all reasons, one per line, and what changed in the code",
    )
    parser.add_argument("--exit-code", action="store_true", help="exit with 1 when a task is stale")
    parser.add_argument("--json", action="store_true", help="print a list of objects, one for each task")
    parser.examples(f"""\
states:
  fresh   its result is that of its source, parameters and inputs as they are now
  stale   it must run, for the reasons given
  waits   it is fresh as far as one can tell, but a task before it will run: it is judged again then
  blocked it will not run, for its product was changed by hand

{options.SELECTING}

examples:
  octavo status
  octavo status +report             the task report and all it needs
  octavo status -p sample=true      as it would be with this parameter
  octavo status --exit-code         in CI: are the committed results those of the code?

Nothing of the project is run or imported to find this out, but for functions that the
pipeline names to be read at all: factories, parameters, clients of tables.""")


def main(args: Namespace) -> int:
    """Show the steps and return the exit code."""
    out, err = screen(sys.stdout, os.environ), screen(sys.stderr, os.environ)
    with options.project(args) as project:
        steps = project.status(args.targets)
        if args.json:
            # json is loaded already: the events have it
            out.say(json.dumps([plain(step) for step in steps.values()], indent=1, ensure_ascii=False))
        else:
            diffs = {name: project.differences(step) for name, step in steps.items() if step.reasons}
            shown = table(steps, out, args.verbose, diffs if args.verbose else {})
            out.stream.write("".join(line + "\n" for line in shown))
            for note in (*project.notes, *project.drift()):
                err.say(f"{err.paint('note:', 'cyan')} {note}")
    return 1 if args.exit_code and not all(step.fresh for step in steps.values()) else 0


def state(step: Step) -> str:
    """Return the word for a step: fresh, stale, waits, or blocked by a product that was changed by hand."""
    if any(reason.edited for reason in step.reasons):
        return "blocked"
    return "stale" if step.reasons else "waits" if step.waits else "fresh"


def plain(step: Step) -> dict[str, Any]:
    """Return a step as plain JSON values."""
    task = step.task
    return {
        "task": task.name,
        "state": state(step),
        "reasons": [{"part": r.part, "was": r.was, "now": r.now, "text": str(r)} for r in step.reasons],
        "waits": list(step.waits),
        "upstream": list(task.upstream),
        "kind": task.kind,
        "source": task.source.entry or task.source.path,
        "products": [product.path for product in task.products],
    }


def table(
    steps: Mapping[str, Step],
    to: Screen,
    verbose: bool = False,
    diffs: Mapping[str, Mapping[str, Sequence[str]]] | None = None,
) -> Iterator[str]:
    """Yield a line for each step, cut to the terminal, and one that counts them; below a step what differs."""
    width = to.width
    longest = max(map(columns, steps), default=0)
    names = longest if width is None else min(longest, max(12, width // 2))
    width_of_states = max((len(state(step)) for step in steps.values()), default=5)
    left = None if width is None else max(0, width - width_of_states - 2 - names - 2)
    for name, step in steps.items():
        first, *more = _why(step, verbose) or [""]
        line = f"{to.word(state(step), width_of_states)}  {pad(flat(name), names)}  {cut(first, left)}"
        yield line.rstrip()
        for reason in more:
            yield " " * (width_of_states + 2 + names + 2) + cut(reason, left)
        for part, lines in (diffs or {}).get(name, {}).items():
            yield f"       {to.paint(part, 'bold')}"
            yield from (f"         {_painted(line, to)}" for line in lines)
    yield counted(steps)
    if any(state(step) == "blocked" for step in steps.values()):
        yield TAKE_OR_MAKE


#: What to do about a product that was changed by hand.
TAKE_OR_MAKE = "changed by hand: octavo accept TASK takes it, octavo build --force TASK makes it again"


def _painted(line: str, to: Screen) -> str:
    colour = {"+": "green", "-": "red"}.get(line[:1])
    return to.paint(line, colour) if colour else line


def counted(steps: Mapping[str, Step]) -> str:
    """Return the line that counts the steps."""
    states = [state(step) for step in steps.values()]
    stale, waiting, total = (
        states.count("stale") + states.count("blocked"),
        states.count("waits"),
        len(states),
    )
    if not stale and not waiting:
        return (
            "there are no tasks"
            if not total
            else "all tasks are fresh"
            if total == 1
            else f"all {total:,} tasks are fresh"
        )
    line = f"{stale:,} of {many(total, 'task')} {'is' if stale == 1 else 'are'} stale"
    if not waiting:
        return line
    return f"{line}, {waiting:,} {'waits' if waiting == 1 else 'wait'}"


def _why(step: Step, verbose: bool) -> list[str]:
    """Return why a step must run, in one line or, verbose, in one for each reason."""
    reasons = [flat(str(reason)) for reason in step.reasons]
    waits = (
        [f"waits for {several(list(step.waits), len(step.waits) if verbose else _REASONS)}"]
        if step.waits
        else []
    )
    if verbose:
        return reasons + waits
    return [several(reasons, _REASONS) if reasons else "".join(waits)]
